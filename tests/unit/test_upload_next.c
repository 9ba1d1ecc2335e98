#include "check.h"

#include "ingest/upload_next.h"

enum { ALL_STEPS = UPLOAD_END + 1, ALL_EVENTS = UPLOAD_FAILED + 1 };

struct begin_row {
	enum decision decision;
	bool has_row;
	bool is_large;
	bool can_resume;
	enum upload_step step;
};

static void the_first_step_follows_the_decision(void)
{
	static const struct begin_row rows[] = {
	    {DECISION_NEW, false, false, false, UPLOAD_ASK},
	    {DECISION_NEW, false, true, false, UPLOAD_ASK},
	    {DECISION_UNCHANGED, true, false, false, UPLOAD_ASK},
	    {DECISION_REHASH, true, false, false, UPLOAD_COMPARE},
	    {DECISION_TOUCHED, true, true, false, UPLOAD_COMPARE},
	    {DECISION_CHANGED, true, false, false, UPLOAD_PUT},
	    {DECISION_CHANGED, true, true, false, UPLOAD_CREATE},
	    {DECISION_CHANGED, true, true, true, UPLOAD_LIST_PARTS},
	    {DECISION_FORCED, true, false, false, UPLOAD_PUT},
	    {DECISION_FORCED, false, false, false, UPLOAD_ASK},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upload_state state = {.decision = rows[i].decision,
					     .has_row = rows[i].has_row,
					     .is_large = rows[i].is_large,
					     .can_resume = rows[i].can_resume};
		upload_begin(&state);
		CHECK_INT(state.step, rows[i].step);
	}
}

struct ask_row {
	bool can_put_new;
	bool expects_key;
	bool head_denied;
	enum upload_step step;
};

/* How it is found out whether a key is new. */
static void what_is_asked_first_follows_what_is_known(void)
{
	static const struct ask_row rows[] = {
	    {false, false, false, UPLOAD_ASK},
	    {false, true, false, UPLOAD_ASK},
	    {false, false, true, UPLOAD_PUT},
	    {false, true, true, UPLOAD_PUT},
	    {true, false, false, UPLOAD_PUT_NEW},
	    {true, true, false, UPLOAD_ASK},
	    {true, false, true, UPLOAD_PUT_NEW},
	    {true, true, true, UPLOAD_PUT_NEW},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upload_state state = {
		    .decision = DECISION_NEW,
		    .can_put_new = rows[i].can_put_new,
		    .expects_key = rows[i].expects_key,
		    .head_denied = rows[i].head_denied,
		};
		upload_begin(&state);
		if (!CHECK_INT(state.step, rows[i].step))
			(void)printf("# row %zu\n", i);
	}
}

struct walk_row {
	const char *name;
	struct upload_state state;
	enum upload_event events[10];
	int count;
	enum event_what result;
};

static void whole_ways_end_as_the_counters_say(void)
{
	static const struct walk_row rows[] = {
	    {"new file",
	     {.decision = DECISION_NEW},
	     {UPLOAD_ABSENT, UPLOAD_DONE},
	     2,
	     EVENT_ADDED},
	    {"new file whose key has other content",
	     {.decision = DECISION_NEW},
	     {UPLOAD_DIFFERS, UPLOAD_DONE},
	     2,
	     EVENT_UPDATED},
	    {"in the bucket already",
	     {.decision = DECISION_NEW},
	     {UPLOAD_FOUND},
	     1,
	     EVENT_SKIPPED},
	    {"HEAD is denied",
	     {.decision = DECISION_NEW},
	     {UPLOAD_UNSURE, UPLOAD_DONE},
	     2,
	     EVENT_ADDED},
	    {"equal by content",
	     {.decision = DECISION_NEW, .must_match = true},
	     {UPLOAD_FOUND, UPLOAD_SAME},
	     2,
	     EVENT_SKIPPED},
	    {"same size, other content",
	     {.decision = DECISION_NEW, .must_match = true},
	     {UPLOAD_FOUND, UPLOAD_DIFFERS, UPLOAD_DONE},
	     3,
	     EVENT_UPDATED},
	    {"recheck finds it",
	     {.decision = DECISION_UNCHANGED,
	      .has_row = true,
	      .is_recheck = true},
	     {UPLOAD_FOUND},
	     1,
	     EVENT_UNCHANGED},
	    {"recheck misses it",
	     {.decision = DECISION_UNCHANGED,
	      .has_row = true,
	      .is_recheck = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE},
	     2,
	     EVENT_ADDED},
	    {"new by the PUT itself",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_DONE},
	     1,
	     EVENT_ADDED},
	    {"not new by the PUT: in the bucket already",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND},
	     2,
	     EVENT_SKIPPED},
	    {"not new by the PUT: other content",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_EXISTS, UPLOAD_DIFFERS, UPLOAD_DONE},
	     3,
	     EVENT_UPDATED},
	    {"not new by the PUT, must match, equal",
	     {.decision = DECISION_NEW,
	      .can_put_new = true,
	      .must_match = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND, UPLOAD_SAME},
	     3,
	     EVENT_SKIPPED},
	    {"not new by the PUT, gone by HEAD",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_EXISTS, UPLOAD_ABSENT, UPLOAD_DONE},
	     3,
	     EVENT_ADDED},
	    {"not new by the PUT, HEAD turns out to be denied",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_EXISTS, UPLOAD_UNSURE, UPLOAD_DONE},
	     3,
	     EVENT_UPDATED},
	    {"not new by the PUT, HEAD known to be denied",
	     {.decision = DECISION_NEW,
	      .can_put_new = true,
	      .head_denied = true},
	     {UPLOAD_EXISTS, UPLOAD_DONE},
	     2,
	     EVENT_UPDATED},
	    {"not new by the PUT, forced",
	     {.decision = DECISION_FORCED, .can_put_new = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND, UPLOAD_DONE},
	     3,
	     EVENT_UPDATED},
	    {"absent by HEAD, another was faster",
	     {.decision = DECISION_NEW,
	      .can_put_new = true,
	      .expects_key = true},
	     {UPLOAD_ABSENT, UPLOAD_EXISTS, UPLOAD_FOUND},
	     3,
	     EVENT_SKIPPED},
	    {"absent by HEAD, another was faster, and gone again",
	     {.decision = DECISION_NEW,
	      .can_put_new = true,
	      .expects_key = true},
	     {UPLOAD_ABSENT, UPLOAD_EXISTS, UPLOAD_ABSENT, UPLOAD_DONE},
	     4,
	     EVENT_ADDED},
	    {"the condition is refused",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_UNSURE, UPLOAD_ABSENT, UPLOAD_DONE},
	     3,
	     EVENT_ADDED},
	    {"the condition is refused, HEAD is denied",
	     {.decision = DECISION_NEW,
	      .can_put_new = true,
	      .head_denied = true},
	     {UPLOAD_UNSURE, UPLOAD_DONE},
	     2,
	     EVENT_ADDED},
	    {"changed while it was sent as new",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_CHANGED},
	     1,
	     EVENT_DELAYED},
	    {"refused as new",
	     {.decision = DECISION_NEW, .can_put_new = true},
	     {UPLOAD_FAILED},
	     1,
	     EVENT_FAILED},
	    {"recheck where HEAD is denied",
	     {.decision = DECISION_UNCHANGED,
	      .has_row = true,
	      .is_recheck = true,
	      .head_denied = true},
	     {UPLOAD_DONE},
	     1,
	     EVENT_UPDATED},
	    {"changed",
	     {.decision = DECISION_CHANGED, .has_row = true},
	     {UPLOAD_DONE},
	     1,
	     EVENT_UPDATED},
	    {"touched",
	     {.decision = DECISION_TOUCHED, .has_row = true},
	     {UPLOAD_SAME},
	     1,
	     EVENT_SKIPPED},
	    {"racy but the same",
	     {.decision = DECISION_REHASH, .has_row = true},
	     {UPLOAD_SAME},
	     1,
	     EVENT_UNCHANGED},
	    {"racy and other",
	     {.decision = DECISION_REHASH, .has_row = true},
	     {UPLOAD_DIFFERS, UPLOAD_DONE},
	     2,
	     EVENT_UPDATED},
	    {"forced and there",
	     {.decision = DECISION_FORCED},
	     {UPLOAD_FOUND, UPLOAD_DONE},
	     2,
	     EVENT_UPDATED},
	    {"in parts",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_DONE, UPLOAD_DONE},
	     4,
	     EVENT_ADDED},
	    {"resumed",
	     {.decision = DECISION_NEW, .is_large = true, .can_resume = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_DONE, UPLOAD_DONE},
	     4,
	     EVENT_ADDED},
	    {"what was to be resumed is gone",
	     {.decision = DECISION_NEW, .is_large = true, .can_resume = true},
	     {UPLOAD_ABSENT, UPLOAD_LOST, UPLOAD_DIFFERS, UPLOAD_DONE,
	      UPLOAD_DONE, UPLOAD_DONE},
	     6,
	     EVENT_ADDED},
	    {"what was to be resumed was completed by a run that was killed",
	     {.decision = DECISION_CHANGED,
	      .is_large = true,
	      .can_resume = true},
	     {UPLOAD_LOST, UPLOAD_SAME},
	     2,
	     EVENT_UPDATED},
	    {"Complete was answered, and its reply lost",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_DONE, UPLOAD_LOST,
	      UPLOAD_SAME},
	     5,
	     EVENT_ADDED},
	    {"gone in the middle, begun anew",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_LOST, UPLOAD_DIFFERS,
	      UPLOAD_DONE, UPLOAD_DONE, UPLOAD_DONE},
	     7,
	     EVENT_ADDED},
	    {"gone again and again",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_LOST, UPLOAD_DIFFERS,
	      UPLOAD_DONE, UPLOAD_LOST, UPLOAD_DIFFERS},
	     7,
	     EVENT_FAILED},
	    {"changed while in parts",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_CHANGED, UPLOAD_DONE},
	     4,
	     EVENT_DELAYED},
	    {"changed before it was opened",
	     {.decision = DECISION_NEW},
	     {UPLOAD_ABSENT, UPLOAD_CHANGED},
	     2,
	     EVENT_DELAYED},
	    {"vanished",
	     {.decision = DECISION_NEW},
	     {UPLOAD_ABSENT, UPLOAD_VANISHED},
	     2,
	     EVENT_NOTHING},
	    {"refused",
	     {.decision = DECISION_NEW},
	     {UPLOAD_ABSENT, UPLOAD_FAILED},
	     2,
	     EVENT_FAILED},
	    {"abort fails",
	     {.decision = DECISION_NEW, .is_large = true},
	     {UPLOAD_ABSENT, UPLOAD_DONE, UPLOAD_VANISHED, UPLOAD_FAILED},
	     4,
	     EVENT_NOTHING},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upload_state state = rows[i].state;

		upload_begin(&state);
		for (int j = 0; j < rows[i].count; j++) {
			CHECK(state.step != UPLOAD_END);
			upload_next(&state, rows[i].events[j]);
		}
		if (!CHECK_INT(state.step, UPLOAD_END) ||
		    !CHECK_INT(state.result, rows[i].result))
			(void)printf("# in: %s\n", rows[i].name);
	}
}

/* 412 after an attempt whose reply was lost: it may be what we sent. */
static void our_own_lost_success_is_added(void)
{
	static const struct walk_row rows[] = {
	    {"equal",
	     {.decision = DECISION_NEW, .may_be_ours = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND, UPLOAD_SAME},
	     3,
	     EVENT_ADDED},
	    {"equal, forced",
	     {.decision = DECISION_FORCED, .may_be_ours = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND, UPLOAD_SAME},
	     3,
	     EVENT_ADDED},
	    {"other content",
	     {.decision = DECISION_NEW, .may_be_ours = true},
	     {UPLOAD_EXISTS, UPLOAD_FOUND, UPLOAD_DIFFERS, UPLOAD_DONE},
	     4,
	     EVENT_UPDATED},
	    {"other size",
	     {.decision = DECISION_NEW, .may_be_ours = true},
	     {UPLOAD_EXISTS, UPLOAD_DIFFERS, UPLOAD_DONE},
	     3,
	     EVENT_UPDATED},
	    {"nobody can tell",
	     {.decision = DECISION_NEW, .may_be_ours = true},
	     {UPLOAD_EXISTS, UPLOAD_UNSURE, UPLOAD_DONE},
	     3,
	     EVENT_ADDED},
	    {"nobody may ask",
	     {.decision = DECISION_NEW,
	      .may_be_ours = true,
	      .head_denied = true},
	     {UPLOAD_EXISTS, UPLOAD_DONE},
	     2,
	     EVENT_ADDED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upload_state state = rows[i].state;

		state.step = UPLOAD_PUT_NEW;
		state.can_put_new = true;
		for (int j = 0; j < rows[i].count; j++) {
			CHECK(state.step != UPLOAD_END);
			upload_next(&state, rows[i].events[j]);
		}
		if (!CHECK_INT(state.step, UPLOAD_END) ||
		    !CHECK_INT(state.result, rows[i].result))
			(void)printf("# in: %s\n", rows[i].name);
	}
}

/* Whatever comes in whatever step: nothing counts as uploaded but by DONE of
 * PUT or Complete, or by SAME where that was asked after Complete, and nothing
 * runs for ever. */
static void every_event_in_every_step_is_safe(void)
{
	for (int step = 0; step < ALL_STEPS; step++) {
		for (int event = 0; event < ALL_EVENTS; event++) {
			struct upload_state state = {
			    .step = (enum upload_step)step,
			    .decision = DECISION_NEW,
			    .result = EVENT_NOTHING,
			};
			upload_next(&state, (enum upload_event)event);
			bool counts = state.step == UPLOAD_END &&
				      (state.result == EVENT_ADDED ||
				       state.result == EVENT_UPDATED);
			bool may =
			    (event == UPLOAD_DONE &&
			     (step == UPLOAD_PUT || step == UPLOAD_PUT_NEW ||
			      step == UPLOAD_COMPLETE)) ||
			    (event == UPLOAD_SAME && step == UPLOAD_CONFIRM);
			CHECK_INT(counts, may);
			CHECK(state.step >= (enum upload_step)step ||
			      state.is_second);
		}
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_first_step_follows_the_decision),
	    CHECK_TEST(what_is_asked_first_follows_what_is_known),
	    CHECK_TEST(whole_ways_end_as_the_counters_say),
	    CHECK_TEST(our_own_lost_success_is_added),
	    CHECK_TEST(every_event_in_every_step_is_safe),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include "ingest/decide.h"
#include "ingest/ledger.h"
#include "ingest/policy.h"
#include "platform/file.h"

#define S   INT64_C(1000000000)
#define NOW (1000 * S)

static const struct file_facts facts = {
    .size_bytes = 3,
    .mtime_ns = 500 * S + 1,
    .ctime_ns = 500 * S + 2,
    .file_id = 7,
    .device = 1,
};

static struct ledger_row row_of(const struct file_facts *f)
{
	return (struct ledger_row){
	    .state = LEDGER_UPLOADED,
	    .size_bytes = f->size_bytes,
	    .mtime_ns = f->mtime_ns,
	    .ctime_ns = f->ctime_ns,
	    .file_id = f->file_id,
	    .has_sha256 = true,
	};
}

static enum decision decide_on(const struct file_facts *f,
			       const struct ledger_row *row,
			       const struct policy *policy, int64_t first_ns)
{
	const struct decide_case c = {f, row, policy, NOW, first_ns};
	enum decision decision = decide(&c);

	/* what is said at sight is what is said after all */
	if (row) {
		const struct ledger_facts known = {
		    .state = row->state,
		    .is_racy = row->is_racy,
		    .size_bytes = row->size_bytes,
		    .mtime_ns = row->mtime_ns,
		    .ctime_ns = row->ctime_ns,
		    .file_id = row->file_id,
		};
		CHECK_INT(decide_is_unchanged(f, &known, policy),
			  decision == DECISION_UNCHANGED);
	}
	return decision;
}

static void the_same_facts_are_unchanged(void)
{
	struct policy policy = {0};
	struct ledger_row row = row_of(&facts);
	CHECK_INT(decide_on(&facts, NULL, &policy, 0), DECISION_NEW);
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_UNCHANGED);
	row.state = LEDGER_PRESENT;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_UNCHANGED);

	/* neither the device nor the kind of link is part of a state */
	struct file_facts moved = facts;
	moved.device = 99;
	moved.links = 2;
	CHECK_INT(decide_on(&moved, &row, &policy, 0), DECISION_UNCHANGED);
}

static void an_inode_of_0_says_nothing(void)
{
	struct policy policy = {0};
	struct ledger_row row = row_of(&facts);
	struct file_facts f = facts;
	f.file_id = 0;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_UNCHANGED);
	row.file_id = 0;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_UNCHANGED);
	row.file_id = 8;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_TOUCHED);
}

static void other_times_ask_for_the_content(void)
{
	struct policy policy = {0};
	struct file_facts f = facts;
	struct ledger_row row = row_of(&facts);
	f.mtime_ns++;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_TOUCHED);
	f = facts;
	f.ctime_ns--;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_TOUCHED);
	row.has_sha256 = false;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_CHANGED);
	row.has_sha256 = true;
	f = facts;
	f.size_bytes++;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_CHANGED);
}

static void a_racy_row_is_hashed_again(void)
{
	struct policy policy = {0};
	struct ledger_row row = row_of(&facts);
	row.is_racy = true;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_REHASH);
	struct file_facts f = facts;
	f.size_bytes = 4;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_CHANGED);
}

static void what_gave_no_key_stays_ignored_until_it_changes(void)
{
	struct policy policy = {.force_upload = true};
	struct ledger_row row = row_of(&facts);
	row.state = LEDGER_IGNORED;
	row.is_racy = true;
	row.has_sha256 = false;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_IGNORED);
	policy.force_upload = false;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_IGNORED);
	struct file_facts f = facts;
	f.mtime_ns++;
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_CHANGED);
}

static void force_upload_takes_every_file(void)
{
	struct policy policy = {.force_upload = true};
	struct ledger_row row = row_of(&facts);
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_FORCED);
	CHECK_INT(decide_on(&facts, NULL, &policy, 0), DECISION_FORCED);
	row.is_racy = true;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_FORCED);
	/* but not one that is too fresh */
	policy.delay_upload_s = 501;
	CHECK_INT(decide_on(&facts, &row, &policy, 0), DECISION_DELAYED);
}

static void a_fresh_file_waits(void)
{
	struct policy policy = {.delay_upload_s = 60};
	struct file_facts f = facts;
	f.mtime_ns = NOW - 60 * S;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_NEW);
	f.mtime_ns++;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_DELAYED);
	/* when it was first seen does not matter: it is being written */
	CHECK_INT(decide_on(&f, NULL, &policy, 1), DECISION_DELAYED);
	struct ledger_row row = row_of(&facts);
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_DELAYED);
	row = row_of(&f);
	CHECK_INT(decide_on(&f, &row, &policy, 0), DECISION_UNCHANGED);
	f.mtime_ns = NOW;
	policy.delay_upload_s = 0;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_NEW);
}

static void a_time_in_the_future_counts_from_first_sight(void)
{
	struct policy policy = {.delay_upload_s = 60};
	struct file_facts f = facts;
	f.mtime_ns = NOW + 1;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_DELAYED);
	CHECK_INT(decide_on(&f, NULL, &policy, NOW - 60 * S + 1),
		  DECISION_DELAYED);
	CHECK_INT(decide_on(&f, NULL, &policy, NOW - 60 * S), DECISION_NEW);
	/* the clock was set back since: it begins anew */
	CHECK_INT(decide_on(&f, NULL, &policy, NOW + S), DECISION_DELAYED);
	policy.delay_upload_s = 0;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_NEW);
	policy.delay_upload_s = 1000000000;
	f.mtime_ns = INT64_MIN;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_NEW);
	f.mtime_ns = INT64_MAX;
	CHECK_INT(decide_on(&f, NULL, &policy, 0), DECISION_DELAYED);
}

static void reasons_say_what_differs(void)
{
	struct policy policy = {.delay_upload_s = 60};
	struct file_facts f = facts;
	struct ledger_row row = row_of(&facts);
	struct decide_case c = {&f, &row, &policy, NOW, 0};
	char text[128];
	f.size_bytes = 5;
	CHECK_TEXT(decide_reason(&c, DECISION_CHANGED, text, sizeof(text)),
		   "changed: size 3 -> 5");
	f = facts;
	f.mtime_ns++;
	f.ctime_ns++;
	CHECK_TEXT(decide_reason(&c, DECISION_TOUCHED, text, sizeof(text)),
		   "touched: other modification time");
	f = facts;
	f.ctime_ns++;
	CHECK_TEXT(decide_reason(&c, DECISION_TOUCHED, text, sizeof(text)),
		   "touched: other status change time");
	f = facts;
	f.file_id++;
	CHECK_TEXT(decide_reason(&c, DECISION_CHANGED, text, sizeof(text)),
		   "changed: other file id");
	CHECK_TEXT(decide_reason(&c, DECISION_DELAYED, text, sizeof(text)),
		   "too fresh: modified less than 60 s ago");
	f.mtime_ns = NOW + 1;
	CHECK_TEXT(decide_reason(&c, DECISION_DELAYED, text, sizeof(text)),
		   "too fresh: modified in the future, first seen less than "
		   "60 s ago");
	CHECK_TEXT(decide_reason(&c, DECISION_NEW, text, sizeof(text)), "new");
	CHECK_TEXT(decide_reason(&c, DECISION_UNCHANGED, text, 4), "unc");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_same_facts_are_unchanged),
	    CHECK_TEST(an_inode_of_0_says_nothing),
	    CHECK_TEST(other_times_ask_for_the_content),
	    CHECK_TEST(a_racy_row_is_hashed_again),
	    CHECK_TEST(what_gave_no_key_stays_ignored_until_it_changes),
	    CHECK_TEST(force_upload_takes_every_file),
	    CHECK_TEST(a_fresh_file_waits),
	    CHECK_TEST(a_time_in_the_future_counts_from_first_sight),
	    CHECK_TEST(reasons_say_what_differs),
	};
	return CHECK_RUN(tests);
}

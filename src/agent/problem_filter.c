#include "agent/problem_filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/problems.h"
#include "base/buffer.h"
#include "ingest/ledger.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000
#define DAY_MS	  ((int64_t)24 * 3600 * 1000)

static const char NOTE_PROBLEMS[] = "problems";

enum { PROBLEM_TEXT_BYTES = 4096 };

static int64_t now_ms(void)
{
	return clock_real_ns() / NS_PER_MS;
}

static bool is_problem_of_file(const struct event *event)
{
	return event->kind == EVENT_FILE && event->what == EVENT_FAILED;
}

static bool passes(struct problem_filter *filter, const struct event *event)
{
	char text[PROBLEM_TEXT_BYTES];

	if (!filter->problems)
		return true;
	if (!is_problem_of_file(event) && event->kind != EVENT_PROBLEM)
		return true;
	(void)snprintf(text, sizeof(text), "%s%s%s",
		       event->name ? event->name : "", event->name ? ": " : "",
		       event->text ? event->text : "failed");
	return problems_meet(filter->problems,
			     event->name ? PROBLEM_FILE : PROBLEM_ANY, text,
			     now_ms());
}

static void emit(void *context, const struct event *event)
{
	struct problem_filter *filter = context;

	if (passes(filter, event))
		event_emit(filter->behind, event);
}

int problem_filter_open(struct problem_filter *filter,
			const struct event_sink *behind, struct ledger *ledger,
			bool is_on, struct error *err)
{
	char *stored = NULL;

	*filter = (struct problem_filter){
	    .sink = {.emit = emit,
		     .context = filter,
		     .is_brief = behind && behind->is_brief},
	    .behind = behind,
	};
	if (!is_on)
		return 0;
	int code = ledger_note_get(ledger, NOTE_PROBLEMS, &stored, err);
	if (code == 0) {
		filter->problems = problems_new(stored, err);
		code = filter->problems ? 0 : ERROR_LOCAL;
	}
	free(stored);
	return code;
}

bool problem_filter_passes(struct problem_filter *filter, const char *text,
			   bool is_contact)
{
	if (!filter->problems)
		return true;
	return problems_meet(filter->problems,
			     is_contact ? PROBLEM_CONTACT : PROBLEM_ANY, text,
			     now_ms());
}

int problem_filter_remind(struct problem_filter *filter, struct ledger *ledger,
			  const char *name, const char *text, struct error *err)
{
	char *said = NULL;
	char stamp[32];
	int code = ledger_note_get(ledger, name, &said, err);
	int64_t age_ms = now_ms() - (said ? strtoll(said, NULL, 10) : 0);

	free(said);
	if (code != 0 || (age_ms >= 0 && age_ms < DAY_MS))
		return code;
	/* not through the filter: it would say when this ended */
	event_problem(filter->behind, "%s", text);
	(void)snprintf(stamp, sizeof(stamp), "%" PRId64, now_ms());
	return ledger_note_set(ledger, name, stamp, err);
}

int problem_filter_close(struct problem_filter *filter, struct ledger *ledger,
			 const struct problem_filter_seen *seen,
			 struct error *err)
{
	char text[PROBLEM_TEXT_BYTES];
	int kinds = PROBLEM_ANY;

	if (!filter->problems)
		return 0;
	if (seen->files)
		kinds |= PROBLEM_FILE;
	if (seen->contact)
		kinds |= PROBLEM_CONTACT;
	while (problems_take_ended(filter->problems, kinds, text, sizeof(text)))
		event_problem(filter->behind, "no longer: %s", text);
	char *stored = problems_store(filter->problems);
	int code = ledger_note_set(ledger, NOTE_PROBLEMS, stored, err);
	free(stored);
	return code;
}

void problem_filter_free(struct problem_filter *filter)
{
	problems_free(filter->problems);
	filter->problems = NULL;
}

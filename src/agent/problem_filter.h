#ifndef S3I_AGENT_PROBLEM_FILTER_H
#define S3I_AGENT_PROBLEM_FILTER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/event.h"

struct ledger;
struct problems;

/* A sink in front of another that lets the same problem through once a day,
 * and says when it ended. What was said is a note in the ledger. */
struct problem_filter {
	struct event_sink sink; /* what the layers below are given */
	const struct event_sink *behind;
	struct problems *problems; /* NULL: everything is let through */
};

/* is_on false: a plain wire. Must not be moved after that. */
int problem_filter_open(struct problem_filter *filter,
			const struct event_sink *behind, struct ledger *ledger,
			bool is_on, struct error *err);

/* Whether a text that is not an event, such as the last error, is to be said
 * now; is_contact: it is about the mothership. */
bool problem_filter_passes(struct problem_filter *filter, const char *text,
			   bool is_contact);

/* Something that is not to be said at all runs, with or without a filter:
 * once a day it is emitted. */
int problem_filter_remind(struct problem_filter *filter, struct ledger *ledger,
			  const char *name, const char *text,
			  struct error *err);

/* What a run has looked at, so that problems not met again have ended. */
struct problem_filter_seen {
	bool files;
	bool contact;
};

/* Say what ended, write the note. */
int problem_filter_close(struct problem_filter *filter, struct ledger *ledger,
			 const struct problem_filter_seen *seen,
			 struct error *err);
void problem_filter_free(struct problem_filter *filter);

#endif

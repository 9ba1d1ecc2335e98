#ifndef S3I_AGENT_DUE_H
#define S3I_AGENT_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ledger;

/*
 * Whether a run that a schedule starts often has something to do (--if-due).
 * Times are real time in milliseconds; 0: never.
 */
struct due_case {
	int64_t now_ms;
	int64_t period_ms;     /* heartbeat_period */
	int64_t last_ms;       /* start of the last run that counts */
	int64_t left_until_ms; /* work was left: not before then; 0: none */
	bool is_startup_due;
	bool is_action_named;
};

/* Pure. The period counts less 30 s, so that a tick that comes a moment early
 * is not passed over, but at most half of it less. A time in the future was
 * written by a clock that ran ahead: due. */
bool due_is_now(const struct due_case *c);

/* What the ledger knows of the runs before. */
struct due_facts {
	int64_t last_contact_ms; /* start of the last one with a good reply */
	int64_t
	    last_finished_ms; /* start of the last one that came to its end */
	int64_t left_until_ms;
	int left_count; /* runs in a row that left work */
};
int due_facts_get(struct ledger *ledger, struct due_facts *facts,
		  struct error *err);

/* Note how a run ended, in the open batch; what was left is tried again after
 * a minute, then after twice as long each time, at most a period. */
struct due_run {
	int64_t started_ms;
	int64_t period_ms;
	bool had_contact;
	bool has_left_work;
};
int due_note_run(struct ledger *ledger, const struct due_run *run,
		 struct error *err);

/* A part of seconds, the same for the same host and instance: what spreads a
 * fleet over it. In milliseconds. */
int64_t due_splay_ms(const char *hostname, const char *prefix, int64_t seconds);

#endif

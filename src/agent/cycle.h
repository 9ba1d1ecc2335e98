#ifndef S3I_AGENT_CYCLE_H
#define S3I_AGENT_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/ingest.h"

struct event_sink;

enum cycle_action {
	CYCLE_AUTO,
	CYCLE_STARTUP,
	CYCLE_HEARTBEAT,
	CYCLE_WAKEUP,
	CYCLE_UPLOAD
};

/* What the command line says; texts are borrowed. */
struct cycle_options {
	enum cycle_action action;
	const char *home;   /* folder; "." by default */
	const char *prefix; /* instance name */
	bool dry_run;
	bool recheck;
	bool standalone;
	/* say every problem at every run; else the same one once a day, and
	 * once when it ends (on a terminal always) */
	bool repeat_problems;
	bool if_due;	 /* do nothing unless there is something to do */
	int64_t splay_s; /* sleep a part of it first, never on a terminal */
	int64_t wait_ms; /* for another run's lock */
	const struct event_sink *events;
};

/* What came of it, for the summary. */
struct cycle_report {
	const char *action; /* that was taken first: "startup" ... */
	char state[64];	    /* of the context at the end; "" standalone */
	bool was_not_due;   /* nothing was done, there is nothing to say */
	bool policies_ran;
	struct ingest_result result; /* of the last run of the policies */
	int contacts;		     /* POSTs that got a good reply */
	int64_t duration_ms;
};

/*
 * One run: lock, files, mothership, policies, files. Returns the exit status
 * of sysexits as the man page lists it; err holds the first text that made it
 * so (empty where the status is 0, or where only files failed). The report is
 * filled in any case; cycle_report_clear frees it.
 */
int cycle_run(const struct cycle_options *options, struct cycle_report *report,
	      struct error *err);
void cycle_report_clear(struct cycle_report *report);

#endif

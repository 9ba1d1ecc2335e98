#ifndef S3I_CLI_SHOW_TEXT_H
#define S3I_CLI_SHOW_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"

struct cycle_report;
struct error;

/* What a person sees. Problems go to stderr, one line each, but of many files
 * that failed only the first are named without -v; on a terminal a progress
 * line stands below them; -v tells every decision on stdout. */
struct show_text {
	bool is_quiet;
	bool is_verbose;
	int columns; /* of stderr, 0: no terminal */
	bool has_progress;
	int files_failed;
	int64_t progress_ns;
};

void show_text_init(struct show_text *show, bool is_quiet, bool is_verbose);

/* The events of a run, for struct event_sink. */
void show_text_event(void *show, const struct event *event);

/* The last words: an error on stderr, a summary on a terminal or with -v. */
void show_text_end(struct show_text *show, const struct cycle_report *report,
		   const struct error *err);

#endif

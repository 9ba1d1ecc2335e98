#ifndef S3I_CLI_SHOW_JSON_H
#define S3I_CLI_SHOW_JSON_H

#include <stdbool.h>

#include "base/event.h"

struct cycle_report;
struct error;

/* --json: one JSON object a line on stdout (ndjson.org), the last one with
 * "event":"summary". Progress is left out; unchanged files and details are
 * told with -v only. */
struct show_json {
	bool is_verbose;
};

/* For struct event_sink. */
void show_json_event(void *show, const struct event *event);

void show_json_end(const struct cycle_report *report, int exit_status,
		   const struct error *err);

#endif

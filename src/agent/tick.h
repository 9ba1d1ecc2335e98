#ifndef S3I_AGENT_TICK_H
#define S3I_AGENT_TICK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What comes before a run that a schedule started. */
struct tick {
	const char *home;
	const char *prefix;
	bool is_action_named;
	bool is_standalone;
	bool if_due;
	int64_t splay_s;
};

/* Whether the run is to begin, by the files as they are, without the lock and
 * without writing anything. What cannot be read is due: the run will say why.
 * After a splay, which a stop signal ends: ERROR_STOPPED. */
int tick_wait(const struct tick *tick, bool *is_due, struct error *err);

#endif

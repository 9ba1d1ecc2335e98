#ifndef S3I_AGENT_WAKEUP_H
#define S3I_AGENT_WAKEUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct child;

/* Runs of this program that somebody asks for: one at a time, and what is
 * asked for meanwhile is one more. Caller's storage. */
struct wakeup {
	const char *home; /* borrowed, as prefix */
	const char *prefix;
	struct child *child;   /* NULL: none runs */
	bool is_wanted;	       /* one more */
	struct buffer said;    /* by the one that runs: its last line so far */
	struct buffer summary; /* of the last that had one; else empty */
};

void wakeup_init(struct wakeup *wakeup, const char *home, const char *prefix);

/* Ends the one that runs. */
void wakeup_clear(struct wakeup *wakeup);

void wakeup_ask(struct wakeup *wakeup);

/* Wait for the one that runs to say something, or end, at most so long. */
void wakeup_rest(struct wakeup *wakeup, int64_t wait_ms);

/* Go on: read what the run says, see its end, start the next. Never waits. 0,
 * or an error when none could be started (then none is wanted any more). */
int wakeup_turn(struct wakeup *wakeup, struct error *err);

#endif

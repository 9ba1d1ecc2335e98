#ifndef S3I_AGENT_EXIT_STATUS_H
#define S3I_AGENT_EXIT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The exit statuses, named as sysexits(3) has them. Frozen. */
enum exit_status {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_USAGE = 64,
	EXIT_STATUS_UNREACHABLE = 69,
	EXIT_STATUS_BUG = 70,
	EXIT_STATUS_LOCAL = 74,
	EXIT_STATUS_LATER = 75,
	EXIT_STATUS_REFUSED = 77,
	EXIT_STATUS_CONFIG = 78
};

/* What an error code means for the exit status. */
int exit_status_of(enum error_code code);

/* Of two, the one that counts: the first of 64, 70, 78, 77, 74, 69, 75. */
int exit_status_worse(int a, int b);

enum { EXIT_STATUS_REASONS = 8 };

/* What went wrong in a run; {0} is nothing. */
struct exit_reasons {
	struct {
		int status;
		struct error error;
	} reasons[EXIT_STATUS_REASONS];
	size_t count;
	int status; /* of all, also of those that found no room */
};

/* Note a status; text may be NULL or "": it counts without words. The same
 * text is noted once. */
void exit_reasons_add(struct exit_reasons *reasons, int status,
		      const char *text);

/* The same for an error; one without a code is nothing. */
void exit_reasons_add_error(struct exit_reasons *reasons,
			    const struct error *err);

/* Note all that others holds. */
void exit_reasons_merge(struct exit_reasons *reasons,
			const struct exit_reasons *others);

/* Index of the first reason that has words for the status that counts; count
 * if there is none. */
size_t exit_reasons_winner(const struct exit_reasons *reasons);

#endif

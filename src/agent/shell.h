#ifndef S3I_AGENT_SHELL_H
#define S3I_AGENT_SHELL_H

#include <stdint.h>

#include "base/error.h"

enum { SHELL_TAIL_BYTES = 4096 };

/* What a command said and how it ended. */
struct shell_outcome {
	int status;			 /* 128 + signal where one ended it */
	char tail[SHELL_TAIL_BYTES + 1]; /* the last of both streams, UTF-8 */
};

/* Run a command by the system's shell: in the home folder, with PATH, LANG, TZ
 * and HOME and nothing else in its environment, without input. After limit_ms,
 * or at a stop signal, its whole group is ended: ERROR_LATER, ERROR_STOPPED,
 * with the tail until then. What it leaves running otherwise is left alone. */
struct shell_command {
	const char *text;
	const char *folder;
	int64_t limit_ms;
};
int shell_run(const struct shell_command *command,
	      struct shell_outcome *outcome, struct error *err);

#endif

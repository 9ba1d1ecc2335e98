#ifndef S3I_AGENT_ENVIRONMENT_H
#define S3I_AGENT_ENVIRONMENT_H

enum { ENVIRONMENT_MOST = 5 };

/* What programs that we start may see of ours: PATH (the system's where there
 * is none), HOME, LANG and TZ. Nothing that could be a secret. */
struct environment {
	char *values[ENVIRONMENT_MOST]; /* "NAME=value", ends with NULL */
};

/* 0 or errno; _clear is due in any case. */
int environment_init(struct environment *environment);
void environment_clear(struct environment *environment);

#endif

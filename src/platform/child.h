#ifndef S3I_PLATFORM_CHILD_H
#define S3I_PLATFORM_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Programs that we start. A child has a process group of its own; it dies with
 * this process where the system can do that (Linux). It
 * inherits no file but its standard streams: never the lock. To be started
 * from the main thread.
 */
struct child;

struct child_options {
	/* argv[0] is the path of the program; ends with NULL */
	const char *const *argv;
	/* all of its environment, "NAME=value", ends with NULL; NULL: empty */
	const char *const *environment;
	const char *folder;   /* its working folder; NULL: ours */
	bool writes_input;    /* child_write; else it reads an empty file */
	bool reads_output;    /* child_read; else it is thrown away */
	bool merges_errors;   /* stderr goes where stdout goes, else to ours */
	int64_t memory_bytes; /* most address space; 0: no limit */
};

/* 0 or errno: also what went wrong on the child's side before its program
 * ran (ENOENT, EACCES, ENOEXEC). */
int child_start(const struct child_options *options, struct child **child);

/* Write all of it; blocks. EPIPE when it reads no more. */
int child_write(struct child *child, const void *data, size_t size);

/* At least one byte, at most size; *got 0 is the end of its output. Blocks for
 * at most wait_ms (-1: for ever), then ETIMEDOUT. May be called by another
 * thread than child_write. */
int child_read(struct child *child, void *data, size_t size, int64_t wait_ms,
	       size_t *got);

/* It reads the end of its input. */
void child_close_input(struct child *child);

/* Wait at most wait_ms (-1: for ever) for its end: ETIMEDOUT. *status: its
 * exit status, or 128 + the number of the signal. */
int child_wait(struct child *child, int64_t wait_ms, int *status);

/* End it and all of its group, now; child_wait is due. Nothing happens once
 * child_wait has seen its end: what it left running is left alone. */
void child_kill_tree(struct child *child);

/* Kills it if it runs. NULL is allowed. */
void child_free(struct child *child);

#endif

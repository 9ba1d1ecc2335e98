#include "agent/shell.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/environment.h"
#include "base/buffer.h"
#include "platform/child.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000

enum { READ_BYTES = 4096, TURN_MS = 250 };

/* ---- the end of what it says ---- */

struct tail {
	char data[2 * SHELL_TAIL_BYTES];
	size_t size;
};

static void tail_append(struct tail *tail, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (tail->size == sizeof(tail->data)) {
			tail->size = SHELL_TAIL_BYTES;
			memmove(tail->data, tail->data + SHELL_TAIL_BYTES,
				tail->size);
		}
		tail->data[tail->size++] = data[i];
	}
}

/* Bytes that are no UTF-8 would make a body that is no JSON. */
static void tail_copy(const struct tail *tail, char *out)
{
	size_t skip =
	    tail->size > SHELL_TAIL_BYTES ? tail->size - SHELL_TAIL_BYTES : 0;
	const char *at = tail->data + skip;
	size_t left = tail->size - skip;

	/* cut in the middle of a character */
	while (skip > 0 && left > 0 && (*at & 0xc0) == 0x80) {
		at++;
		left--;
	}
	memcpy(out, at, left);
	out[left] = '\0';
	if (text_is_utf8((struct bytes){out, left}))
		return;
	for (size_t i = 0; i < left; i++)
		if ((unsigned char)out[i] >= 0x80 || out[i] == '\0')
			out[i] = '?';
}

/* ---- the command ---- */

static int give_up(struct child *child, struct error *err)
{
	child_kill_tree(child);
	if (stop_requested())
		return error_set(err, ERROR_STOPPED, "%s", stop_reason());
	return error_set(err, ERROR_LATER, "ended: it took too long");
}

static bool is_over(int64_t deadline_ns)
{
	return stop_requested() || clock_steady_ns() >= deadline_ns;
}

static int follow(struct child *child, int64_t deadline_ns, struct tail *tail,
		  struct error *err)
{
	char data[READ_BYTES];
	size_t got = 1;

	while (got > 0) {
		int code = child_read(child, data, sizeof(data), TURN_MS, &got);

		tail_append(tail, data, got);
		if (code == ETIMEDOUT)
			got = 1; /* silent, not at its end */
		else if (code)
			return error_set_system(err, code, "read its output");
		if (got > 0 && is_over(deadline_ns))
			return give_up(child, err);
	}
	return 0;
}

/* It may have closed its streams and go on. */
static int wait_for(struct child *child, int64_t deadline_ns, int *status,
		    struct error *err)
{
	int code = child_wait(child, TURN_MS, status);

	while (code == ETIMEDOUT && !is_over(deadline_ns))
		code = child_wait(child, TURN_MS, status);
	if (code == ETIMEDOUT)
		return give_up(child, err);
	return code ? error_set_system(err, code, "wait for it") : 0;
}

int shell_run(const struct shell_command *command,
	      struct shell_outcome *outcome, struct error *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command->text, NULL};
	struct environment environment;
	struct tail tail = {.size = 0};
	struct child *child = NULL;
	int64_t deadline_ns = clock_steady_ns() + command->limit_ms * NS_PER_MS;
	int code = environment_init(&environment);

	*outcome = (struct shell_outcome){0};
	const struct child_options options = {
	    .argv = argv,
	    .environment = (const char *const *)environment.values,
	    .folder = command->folder,
	    .reads_output = true,
	    .merges_errors = true,
	};
	if (code == 0)
		code = child_start(&options, &child);
	environment_clear(&environment);
	if (code)
		return error_set_system(err, code, "start /bin/sh");
	code = follow(child, deadline_ns, &tail, err);
	if (code == 0)
		code = wait_for(child, deadline_ns, &outcome->status, err);
	tail_copy(&tail, outcome->tail);
	child_free(child);
	return code;
}

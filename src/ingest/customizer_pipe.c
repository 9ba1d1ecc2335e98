#include "ingest/customizer_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/child.h"
#include "platform/thread.h"

enum {
	STACK_BYTES = 128 * 1024,
	READ_BYTES = 16 * 1024,
	TURN_MS = 250, /* until a reader sees that it is to end */
	MERCY_MS = 1000,
	WAITING_CEILING_BYTES = 256 * 1024
};

struct customizer_pipe {
	struct child *child;
	struct thread *reader;
	struct thread *writer;
	struct customizer_pipe_wake wake;
	size_t line_ceiling_bytes;
	struct mutex *mutex;
	struct condition *changed; /* for both threads */
	/* under the mutex */
	struct buffer outgoing;
	bool is_writing;
	struct buffer incoming; /* whole lines */
	size_t taken_bytes;	/* of incoming */
	enum customizer_pipe_end end;
	bool is_ending;
};

/* ---- the writer ---- */

static void write_all(void *context)
{
	struct customizer_pipe *pipe = context;
	struct buffer data = {0};
	int code = 0;

	mutex_lock(pipe->mutex);
	while (code == 0 && !pipe->is_ending) {
		if (pipe->outgoing.size == 0) {
			condition_wait(pipe->changed, pipe->mutex);
			continue;
		}
		struct buffer empty = data;
		data = pipe->outgoing;
		pipe->outgoing = empty;
		pipe->is_writing = true;
		mutex_unlock(pipe->mutex);
		/* what failed shows as the end of its output */
		code = child_write(pipe->child, data.data, data.size);
		buffer_reset(&data);
		mutex_lock(pipe->mutex);
		pipe->is_writing = false;
	}
	mutex_unlock(pipe->mutex);
	buffer_clear(&data);
}

/* ---- the reader ---- */

/* Under the mutex: what of the bytes is whole lines goes to the owner. */
static int post(struct customizer_pipe *pipe, struct buffer *rest,
		const char *data, size_t size)
{
	const char *last = NULL;

	for (size_t i = size; i > 0 && !last; i--)
		if (data[i - 1] == '\n')
			last = data + i;
	size_t whole = last ? (size_t)(last - data) : 0;
	int rc = 0;
	if (whole > 0) {
		rc = buffer_append(&pipe->incoming, rest->data, rest->size);
		if (rc == 0)
			rc = buffer_append(&pipe->incoming, data, whole);
		buffer_reset(rest);
	}
	if (rc == 0)
		rc = buffer_append(rest, data + whole, size - whole);
	return rc;
}

static void set_end(struct customizer_pipe *pipe, int rc)
{
	pipe->end = rc == ERROR_INVALID ? CUSTOMIZER_PIPE_TOO_LONG
					: CUSTOMIZER_PIPE_CLOSED;
}

static void tell(const struct customizer_pipe *pipe)
{
	if (pipe->wake.wake)
		pipe->wake.wake(pipe->wake.context);
}

/* It waits while the owner has much to take. */
static bool may_read(struct customizer_pipe *pipe)
{
	mutex_lock(pipe->mutex);
	while (!pipe->is_ending &&
	       pipe->incoming.size - pipe->taken_bytes > WAITING_CEILING_BYTES)
		condition_wait(pipe->changed, pipe->mutex);
	bool may = !pipe->is_ending;
	mutex_unlock(pipe->mutex);
	return may;
}

static void read_all(void *context)
{
	struct customizer_pipe *pipe = context;
	struct buffer rest = {.ceiling_bytes = pipe->line_ceiling_bytes};
	char data[READ_BYTES];
	bool is_over = false;

	while (!is_over && may_read(pipe)) {
		size_t got = 0;
		int code =
		    child_read(pipe->child, data, sizeof(data), TURN_MS, &got);

		if (code == ETIMEDOUT)
			continue;
		mutex_lock(pipe->mutex);
		int rc = got > 0 ? post(pipe, &rest, data, got) : 0;
		is_over = code || got == 0 || rc;
		if (is_over)
			set_end(pipe, rc);
		mutex_unlock(pipe->mutex);
		tell(pipe);
	}
	buffer_clear(&rest);
}

/* ---- the owner's side ---- */

static void pipe_free(struct customizer_pipe *pipe)
{
	child_free(pipe->child);
	condition_free(pipe->changed);
	mutex_free(pipe->mutex);
	buffer_clear(&pipe->outgoing);
	buffer_clear(&pipe->incoming);
	free(pipe);
}

int customizer_pipe_open(const struct child_options *options,
			 size_t line_ceiling_bytes,
			 const struct customizer_pipe_wake *wake,
			 struct customizer_pipe **out)
{
	struct customizer_pipe *pipe = calloc(1, sizeof(*pipe));

	*out = NULL;
	if (!pipe)
		return ENOMEM;
	pipe->wake = *wake;
	pipe->line_ceiling_bytes = line_ceiling_bytes;
	int code = mutex_new(&pipe->mutex);
	if (code == 0)
		code = condition_new(&pipe->changed);
	if (code == 0)
		code = child_start(options, &pipe->child);
	if (code) {
		pipe_free(pipe);
		return code;
	}
	code = thread_start(STACK_BYTES, read_all, pipe, &pipe->reader);
	if (code == 0)
		code =
		    thread_start(STACK_BYTES, write_all, pipe, &pipe->writer);
	if (code) {
		(void)customizer_pipe_close(pipe, false); /* it did nothing */
		return code;
	}
	*out = pipe;
	return 0;
}

int customizer_pipe_send(struct customizer_pipe *pipe, struct bytes data)
{
	mutex_lock(pipe->mutex);
	int rc = buffer_append(&pipe->outgoing, data.data, data.size);
	condition_broadcast(pipe->changed);
	mutex_unlock(pipe->mutex);
	return rc ? ERROR_LOCAL : 0;
}

/* Under the mutex: now and then, it costs. */
static void drop_taken(struct customizer_pipe *pipe)
{
	struct buffer *incoming = &pipe->incoming;

	if (pipe->taken_bytes < incoming->size &&
	    pipe->taken_bytes < WAITING_CEILING_BYTES)
		return;
	incoming->size -= pipe->taken_bytes;
	memmove(incoming->data, incoming->data + pipe->taken_bytes,
		incoming->size);
	pipe->taken_bytes = 0;
	condition_broadcast(pipe->changed);
}

/* Under the mutex. */
static bool take_line(struct customizer_pipe *pipe, struct buffer *line)
{
	size_t size = pipe->incoming.size - pipe->taken_bytes;

	if (size == 0)
		return false;
	const char *data = pipe->incoming.data + pipe->taken_bytes;
	const char *end = memchr(data, '\n', size);

	if (!end || buffer_append(line, data, (size_t)(end - data)) != 0)
		return false;
	pipe->taken_bytes += (size_t)(end - data) + 1;
	drop_taken(pipe);
	return true;
}

bool customizer_pipe_take(struct customizer_pipe *pipe, struct buffer *line)
{
	buffer_reset(line);
	mutex_lock(pipe->mutex);
	bool found = take_line(pipe, line);
	mutex_unlock(pipe->mutex);
	return found;
}

enum customizer_pipe_end customizer_pipe_end(struct customizer_pipe *pipe)
{
	mutex_lock(pipe->mutex);
	enum customizer_pipe_end end = pipe->end;
	mutex_unlock(pipe->mutex);
	return end;
}

int customizer_pipe_close(struct customizer_pipe *pipe, bool with_mercy)
{
	int status = 0;

	if (!pipe)
		return 0;
	mutex_lock(pipe->mutex);
	pipe->is_ending = true;
	/* a child that does not read would hold the writer for ever */
	if (pipe->is_writing || !with_mercy)
		child_kill_tree(pipe->child);
	condition_broadcast(pipe->changed);
	mutex_unlock(pipe->mutex);
	thread_join(pipe->writer);
	child_close_input(pipe->child);
	if (with_mercy &&
	    child_wait(pipe->child, MERCY_MS, &status) == ETIMEDOUT)
		child_kill_tree(pipe->child);
	(void)child_wait(pipe->child, -1, &status); /* it was killed */
	thread_join(pipe->reader);
	pipe_free(pipe);
	return status;
}

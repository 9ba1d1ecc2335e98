#ifndef S3I_INGEST_CUSTOMIZER_PIPE_H
#define S3I_INGEST_CUSTOMIZER_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct child_options;
struct customizer_pipe;

/*
 * A child that is spoken to in lines, by two threads of its own, so that the
 * loop never waits for it. All functions are for the thread that opened it.
 */

enum customizer_pipe_end {
	CUSTOMIZER_PIPE_RUNS,
	CUSTOMIZER_PIPE_CLOSED,	 /* it closed its output: it has ended */
	CUSTOMIZER_PIPE_TOO_LONG /* a line above the ceiling */
};

/* Called by another thread when a line or the end has come; may be NULL. */
struct customizer_pipe_wake {
	void (*wake)(void *context);
	void *context;
};

/* Start the child. 0 or errno. */
int customizer_pipe_open(const struct child_options *options,
			 size_t line_ceiling_bytes,
			 const struct customizer_pipe_wake *wake,
			 struct customizer_pipe **pipe);

/* Send bytes, when it takes them. 0 or ERROR_LOCAL. */
int customizer_pipe_send(struct customizer_pipe *pipe, struct bytes data);

/* The next line without its end into line (emptied first); false: none yet. */
bool customizer_pipe_take(struct customizer_pipe *pipe, struct buffer *line);

/* What stands behind the last line that can be taken. */
enum customizer_pipe_end customizer_pipe_end(struct customizer_pipe *pipe);

/* End the child; how it ended, as child_wait says. With mercy it gets the end
 * of its input and a second first. NULL is allowed. */
int customizer_pipe_close(struct customizer_pipe *pipe, bool with_mercy);

#endif

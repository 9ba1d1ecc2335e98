#ifndef S3I_AGENT_CONTEXT_H
#define S3I_AGENT_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* P-context.json: the last reply of the mothership, stored whole. */
struct context {
	json_t *stored; /* NULL: there is none, or it cannot be parsed */
	bool is_broken; /* the file is there and cannot be parsed */
};

/* 0, or ERROR_LOCAL when the file is there and cannot be read. A file that
 * cannot be parsed is no error of the call: is_broken, and why in reason. */
int context_load(const char *path, struct context *context,
		 struct error *reason, struct error *err);
void context_clear(struct context *context);

/* "unregistered" without a context, "error" for a broken one, else its own
 * word. Borrowed. */
const char *context_state(const struct context *context);
bool context_is_configured(const struct context *context);

/* Save a new context (the reference is taken even on failure); a broken file
 * is kept beside it. Unchanged bytes are not written. */
int context_save_take(const char *path, struct context *context, json_t *stored,
		      struct error *err);

#endif

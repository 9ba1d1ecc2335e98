#ifndef S3I_AGENT_REPLY_H
#define S3I_AGENT_REPLY_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/protocol.h"
#include "base/error.h"

/* A reply of the mothership, taken apart. Pure; all references are its own. */
struct reply {
	json_t *keys;	 /* aws_keys as it came; NULL: none */
	json_t *config;	 /* as it came; NULL: none */
	json_t *actions; /* list of texts, echoes left out, each once */
	json_t *context; /* what is left */
};

struct reply_rules {
	enum protocol protocol;
	const char *old_state; /* stays where the reply has no state */
};

/* object is not changed. 0 or ERROR_LOCAL; reply_clear is due in any case. */
int reply_take(const json_t *object, const struct reply_rules *rules,
	       struct reply *reply, struct error *err);
void reply_clear(struct reply *reply);

/* Take out of a reply what may not come over plain http: aws_keys, and the
 * commands in config. Their names are appended to refused (a list). */
int reply_refuse_guarded(json_t *object, json_t *refused, struct error *err);

#endif

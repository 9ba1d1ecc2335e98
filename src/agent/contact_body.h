#ifndef S3I_AGENT_CONTACT_BODY_H
#define S3I_AGENT_CONTACT_BODY_H

#include <jansson.h>

#include "agent/protocol.h"
#include "base/error.h"

/* What one POST says; all borrowed, NULL: not said. */
struct contact_message {
	enum protocol protocol;
	const json_t *context; /* as stored; NULL: there is none */
	const char *state;     /* where the context has no state of its own */
	const char *version;
	const char *action;
	json_t *info;
	json_t *result;
	const char *error;
	const char *failed_action;
};

/* {"context":{...}}: the stored keys in their order, then version, action,
 * info, result, error, failed_action. Pure. New reference; NULL when there is
 * no memory. */
json_t *contact_body_new(const struct contact_message *message,
			 struct error *err);

#endif

#ifndef S3I_AGENT_HOST_H
#define S3I_AGENT_HOST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* `info` of a POST: the host's name (name_override in its place, if any); in
 * full, for startup, also system, memory and network, with the names that
 * NodeJS has for them. New reference; NULL on failure. */
json_t *host_info_new(const char *name_override, bool in_full,
		      struct error *err);

#endif

#ifndef S3I_AGENT_CONTACT_H
#define S3I_AGENT_CONTACT_H

#include <jansson.h>

#include "base/error.h"

struct http_route;

/*
 * POST a body to the mothership and read its reply: 2xx with one JSON object
 * of at most 16 MiB. ERROR_REFUSED for 401 and 403; ERROR_UNREACHABLE for
 * everything else that is no such reply; ERROR_LOCAL when the request could
 * not be made. New reference in *reply, NULL on failure.
 */
int contact_post(const struct http_route *route, const char *url,
		 const json_t *body, json_t **reply, struct error *err);

#endif

#ifndef S3I_AGENT_ROUTE_H
#define S3I_AGENT_ROUTE_H

#include "base/error.h"
#include "base/http.h"

struct instance;

/* How to reach somebody by the settings of an instance; files named there are
 * relative to the home folder. Borrows from the settings. */
struct route {
	struct http_route http;
	char *ca_file;
	char *client_cert;
	char *client_key;
};

/* To the mothership, to S3 (which has no use for our client's certificate).
 * Clear in any case. */
int route_init_mothership(struct route *route, const struct instance *instance,
			  struct error *err);
int route_init_s3(struct route *route, const struct instance *instance,
		  struct error *err);
void route_clear(struct route *route);

#endif

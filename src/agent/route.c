#include "agent/route.h"

#include <stdlib.h>

#include "agent/instance.h"
#include "base/version.h"

/* A host that does not let us connect in this time will not be waited for,
 * however patient s3_timeout is with a transfer. */
enum { CONNECT_CEILING_MS = 30000, MS_PER_S = 1000 };

static int set_file(const struct instance *instance, const char *name,
		    char **path, const char **place, struct error *err)
{
	if (!name)
		return 0;
	*path = paths_in_home(&instance->paths, name);
	if (!*path)
		return error_set_memory(err);
	*place = *path;
	return 0;
}

int route_init_mothership(struct route *route, const struct instance *instance,
			  struct error *err)
{
	const struct settings *settings = &instance->settings;
	int64_t timeout_ms = settings->host_timeout_s * MS_PER_S;

	*route = (struct route){.http = {
				    .proxy = settings->proxy,
				    .user_agent = "s3-ingestor/" S3I_VERSION,
				    .connect_ms = timeout_ms,
				    .silence_ms = timeout_ms,
				}};
	int code = set_file(instance, settings->ca_file, &route->ca_file,
			    &route->http.ca_file, err);
	if (code == 0)
		code = set_file(instance, settings->client_cert,
				&route->client_cert, &route->http.client_cert,
				err);
	if (code == 0)
		code =
		    set_file(instance, settings->client_key, &route->client_key,
			     &route->http.client_key, err);
	return code;
}

int route_init_s3(struct route *route, const struct instance *instance,
		  struct error *err)
{
	const struct settings *settings = &instance->settings;
	int64_t connect_ms = settings->s3_timeout_ms;

	if (connect_ms > CONNECT_CEILING_MS)
		connect_ms = CONNECT_CEILING_MS;
	*route = (struct route){
	    .http = {
		.proxy = settings->proxy,
		.user_agent = "s3-ingestor/" S3I_VERSION,
		.connect_ms = connect_ms,
		.silence_ms = settings->s3_timeout_ms,
		.bytes_per_s = settings->bandwidth_limit_bytes_per_s,
	    }};
	return set_file(instance, settings->ca_file, &route->ca_file,
			&route->http.ca_file, err);
}

void route_clear(struct route *route)
{
	free(route->ca_file);
	free(route->client_cert);
	free(route->client_key);
	*route = (struct route){0};
}

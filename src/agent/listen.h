#ifndef S3I_AGENT_LISTEN_H
#define S3I_AGENT_LISTEN_H

#include "base/error.h"

struct event_sink;

/*
 * The wakeup listener: any request starts a run of this program, those that
 * come while one works are one more; GET /status tells of the last one and
 * starts none. Takes no lock: the runs do. On api_host and api_port, or on the
 * socket that a service manager gives. Until a stop signal, and then until the
 * run that works has ended.
 */
struct listen_options {
	const char *home;
	const char *prefix;
	/* told "listening on HOST:PORT" once it does */
	void (*ready)(const char *text);
	const struct event_sink *events;
};

/* 0; ERROR_CONFIG; ERROR_UNREACHABLE when the port cannot be had;
 * ERROR_LOCAL. */
int listen_run(const struct listen_options *options, struct error *err);

#endif

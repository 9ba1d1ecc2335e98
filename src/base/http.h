#ifndef S3I_BASE_HTTP_H
#define S3I_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct file;
struct http;

enum { HTTP_HEADERS_CEILING_BYTES = 64 * 1024 };

/* How to get there; copied by http_new. NULL texts mean: the default. */
struct http_route {
	const char *proxy;	 /* URL; NULL: the environment's */
	const char *ca_file;	 /* NULL: the system's */
	const char *client_cert; /* PEM */
	const char *client_key;
	const char *user_agent;
	int64_t connect_ms; /* time to connect */
	int64_t silence_ms; /* time without a byte in either direction */
	/* of the bodies that are sent and, in reply to requests without one,
	 * received, by all connections of a struct http together; 0: no limit,
	 * and none for http_call */
	int64_t bytes_per_s;
};

/* data, or size bytes of a file from an offset; borrowed until done. */
struct http_body {
	const void *data;
	struct file *file;
	int64_t offset;
	int64_t size_bytes;
};

struct http_request {
	const char *method;
	const char *url;	    /* sent as is: path and query are encoded */
	const char *const *headers; /* "Name: value", NULL-terminated */
	struct http_body body;
	bool has_body;
	bool expect_continue;
	/* on a new connection: on one that was used before and turns out to be
	 * dead, the library sends a request again without a word */
	bool is_sent_once;
	size_t reply_ceiling_bytes; /* 0: 1 MiB */
	void *context;		    /* handed back */
};

enum http_failure {
	HTTP_OK,	    /* a status came; see it */
	HTTP_UNREACHABLE,   /* no connection, name not found, timed out */
	HTTP_TLS,	    /* the other side could not be verified */
	HTTP_BROKEN,	    /* connection lost in the middle */
	HTTP_REUSED_BROKEN, /* the same on a reused connection before any reply
			     */
	HTTP_TOO_LARGE,	    /* reply or headers above a ceiling */
	HTTP_LOCAL,	    /* our own reading, memory, a bad URL */
	HTTP_BODY_SHORT	    /* the file ended before size_bytes */
};

struct http_reply {
	enum http_failure failure;
	char failure_text[256];
	int status;
	struct buffer body;
	struct buffer headers; /* lines "name: value\n", names lower-case */
	int64_t sent_bytes;    /* of the body */
	void *context;
};

/* Once a process, before threads. 0 or ERROR_LOCAL. */
int http_global_init(struct error *err);
void http_global_clear(void);

/* A set of connections for many requests at once (curl multi, HTTP/1.1,
 * TLS 1.2 or newer and verified, redirects not followed, path as is). */
struct http *http_new(const struct http_route *route, struct error *err);
void http_free(struct http *http);

/* Start one request. url, headers and the request itself are copied or no
 * longer needed after the call, the body is borrowed. */
int http_start(struct http *http, const struct http_request *request,
	       struct error *err);

/* Requests that were started and not yet collected. */
size_t http_running(const struct http *http);

/* Whether one more body would soon be on its way: not while a limit keeps those
 * that run for more than 2 s. To start it all the same does no harm, but more
 * would end late, or be cut off, and servers end what is silent for long. */
bool http_has_room(const struct http *http);

/* Move bytes; waits at most wait_ms for something to happen, less after
 * http_wake. 0 or ERROR_LOCAL. */
int http_step(struct http *http, int wait_ms, struct error *err);

/* May be called by any thread: the current or next http_step returns. */
void http_wake(struct http *http);

/* A finished request, else false. The reply is yours: http_reply_clear. */
bool http_collect(struct http *http, struct http_reply *reply);

/* End all that run; none is collected any more. */
void http_cancel_all(struct http *http);

/* One blocking request on a handle of its own. 0: a reply came (any status),
 * or failure is set in it; never touches err but for ERROR_LOCAL. */
int http_call(const struct http_route *route,
	      const struct http_request *request, struct http_reply *reply,
	      struct error *err);

/* Value of the last header of that lower-case name; NULL if none. The text is
 * the rest of the line without newline, copied into value[size]; one that does
 * not fit counts as none. */
const char *http_header(const struct http_reply *reply, const char *name,
			char *value, size_t size);

void http_reply_clear(struct http_reply *reply);

#endif

#include "agent/listen.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/context.h"
#include "agent/host.h"
#include "agent/instance.h"
#include "agent/wakeup.h"
#include "base/buffer.h"
#include "base/event.h"
#include "base/json.h"
#include "base/version.h"
#include "platform/clock.h"
#include "platform/listener.h"

#define NS_PER_S ((int64_t)1000000000)

enum {
	REQUEST_CEILING_BYTES = 8 * 1024,
	/* of the library, for what it makes of headers, and its answer */
	CONNECTION_MEMORY_BYTES = 2 * REQUEST_CEILING_BYTES,
	CONNECTIONS_MOST = 64,
	REQUEST_S = 10,
	TURN_MS = 250,
	STATUS_OK = 200,
	STATUS_UNAUTHORIZED = 401,
	STATUS_TOO_LARGE = 413,
	STATUS_HEADERS_TOO_LARGE = 431
};

/* One connection, from the moment it was taken. */
struct connection {
	int descriptor;
	int64_t since_ns;
	struct connection *next;
};

/* One request: how much of it came, request line and headers included. */
struct request {
	size_t bytes;
};

struct listener {
	const struct listen_options *options;
	struct instance instance; /* read when it starts, never written */
	struct wakeup wakeup;
	struct MHD_Daemon *daemon;
	struct connection *connections;
};

/* ---- what is answered ---- */

/* The context may have changed with every run. */
static void add_state(const struct listener *listener, json_t *object)
{
	struct context context = {0};
	struct error reason = {0};
	struct error ignored = {0};

	(void)context_load(listener->instance.paths.context, &context, &reason,
			   &ignored); /* then it has no state */
	(void)json_object_set_new(object, "state",
				  json_string(context_state(&context)));
	context_clear(&context);
}

static json_t *make_answer(const struct listener *listener)
{
	struct error ignored = {0};
	json_t *info = host_info_new(
	    listener->instance.settings.hostname_override, false, &ignored);
	json_t *object = json_object();

	if (object && info) {
		(void)json_object_set(object, "hostname",
				      json_object_get(info, "hostname"));
		add_state(listener, object);
		(void)json_object_set_new(object, "version",
					  json_string(S3I_VERSION));
	}
	json_decref(info);
	return object;
}

static void add_status(const struct listener *listener, json_t *object)
{
	const struct wakeup *wakeup = &listener->wakeup;
	json_t *summary = NULL;

	if (wakeup->summary.size > 0)
		summary =
		    json_parse_object(buffer_bytes(&wakeup->summary), NULL);
	(void)json_object_set_new(object, "running",
				  json_boolean(wakeup->child != NULL));
	if (summary)
		(void)json_object_set_new(object, "summary", summary);
}

static enum MHD_Result reply(struct MHD_Connection *connection, int status,
			     char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    text ? strlen(text) : 0, text, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(text);
		return MHD_NO;
	}
	/* one request a connection, so that its time is the request's */
	(void)MHD_add_response_header(response, "Connection", "close");
	(void)MHD_add_response_header(response, "Content-Type", "text/json");
	if (status == STATUS_UNAUTHORIZED)
		(void)MHD_add_response_header(response, "WWW-Authenticate",
					      "Bearer");
	enum MHD_Result result =
	    MHD_queue_response(connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, int status,
			      const char *why)
{
	return reply(connection, status,
		     text_format("{\"error\":\"%s\"}\n", why));
}

/* ---- who asks ---- */

/* In a time that says nothing about where they differ. */
static bool is_equal(const char *given, const char *wanted)
{
	size_t given_size = strlen(given);
	size_t size = strlen(wanted);
	unsigned differs = given_size != size;

	for (size_t i = 0; i < size; i++)
		differs |= (unsigned char)wanted[i] ^
			   (unsigned char)(i < given_size ? given[i] : 0);
	return differs == 0;
}

static bool is_allowed(const struct listener *listener,
		       struct MHD_Connection *connection)
{
	static const char scheme[] = "Bearer ";
	const char *token = listener->instance.settings.api_token;
	const char *given = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, "Authorization");

	if (!token || *token == '\0')
		return true;
	return given && strncmp(given, scheme, strlen(scheme)) == 0 &&
	       is_equal(given + strlen(scheme), token);
}

/* 0: it may go on. */
static int find_excess(struct MHD_Connection *connection, size_t header_bytes)
{
	const char *body = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, "Content-Length");

	if (header_bytes > REQUEST_CEILING_BYTES)
		return STATUS_HEADERS_TOO_LARGE;
	/* a number without end becomes the greatest there is */
	if (body &&
	    strtoull(body, NULL, 10) > REQUEST_CEILING_BYTES - header_bytes)
		return STATUS_TOO_LARGE;
	return 0;
}

static enum MHD_Result serve(struct listener *listener,
			     struct MHD_Connection *connection,
			     const char *method, const char *path)
{
	bool is_status =
	    strcmp(method, "GET") == 0 && strcmp(path, "/status") == 0;
	json_t *object = make_answer(listener);

	if (!object)
		return MHD_NO;
	if (is_status)
		add_status(listener, object);
	else
		wakeup_ask(&listener->wakeup);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text ? reply(connection, STATUS_OK, text) : MHD_NO;
}

/* The headers of a request are there. */
static enum MHD_Result begin(const struct listener *listener,
			     struct MHD_Connection *connection, void **own)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t bytes = info ? info->header_size : 0;
	int excess = find_excess(connection, bytes);

	if (!is_allowed(listener, connection))
		return refuse(connection, STATUS_UNAUTHORIZED,
			      "a bearer token is wanted");
	if (excess)
		return refuse(connection, excess, "above 8 KiB");
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return MHD_NO;
	request->bytes = bytes;
	*own = request;
	return MHD_YES;
}

/* The library calls it when the headers are there, then for each piece of the
 * body, then once more. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection,
			      const char *path, const char *method,
			      const char *version, const char *data,
			      size_t *size, void **own)
{
	struct listener *listener = context;
	struct request *request = *own;

	(void)version;
	(void)data;
	if (!request)
		return begin(listener, connection, own);
	if (*size > 0) {
		request->bytes += *size;
		*size = 0;
		return MHD_YES;
	}
	if (request->bytes > REQUEST_CEILING_BYTES)
		return refuse(connection, STATUS_TOO_LARGE, "above 8 KiB");
	return serve(listener, connection, method, path);
}

static void forget_request(void *context, struct MHD_Connection *connection,
			   void **own, enum MHD_RequestTerminationCode how)
{
	(void)context;
	(void)connection;
	(void)how;
	free(*own);
	*own = NULL;
}

/* ---- connections, and the time they have ---- */

static void note_connection(void *context, struct MHD_Connection *connection,
			    void **own,
			    enum MHD_ConnectionNotificationCode what)
{
	struct listener *listener = context;
	struct connection *note = *own;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		    connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		note = info ? calloc(1, sizeof(*note)) : NULL;
		if (!note) /* the library's own timeout is left for it */
			return;
		note->descriptor = info->connect_fd;
		note->since_ns = clock_steady_ns();
		note->next = listener->connections;
		listener->connections = note;
		*own = note;
		return;
	}
	struct connection **place = &listener->connections;
	while (*place && *place != note)
		place = &(*place)->next;
	if (note && *place)
		*place = note->next;
	free(note);
	*own = NULL;
}

/* The library counts silence only: a byte a second would hold a connection
 * for ever. */
static void cut_late(const struct listener *listener)
{
	int64_t now_ns = clock_steady_ns();

	for (const struct connection *note = listener->connections; note;
	     note = note->next)
		if (now_ns - note->since_ns > REQUEST_S * NS_PER_S)
			listener_cut(note->descriptor);
}

/* ---- the loop ---- */

static int open_daemon(struct listener *listener, struct error *err)
{
	const struct settings *settings = &listener->instance.settings;
	int port = 0;
	int descriptor = listener_inherited(&port);
	char text[300];

	if (descriptor < 0) {
		int code =
		    listener_open(settings->api_host, (int)settings->api_port,
				  &descriptor, &port);
		if (code) {
			struct error cause = {0};

			(void)error_set_system(&cause, code, "listen on %s:%d",
					       settings->api_host,
					       (int)settings->api_port);
			return error_set(err, ERROR_UNREACHABLE, "%s",
					 cause.text);
		}
	}
	listener->daemon = MHD_start_daemon(
	    MHD_USE_AUTO, 0, NULL, NULL, handle, listener,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTEN_SOCKET,
	    descriptor, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)REQUEST_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, note_connection, listener,
	    MHD_OPTION_NOTIFY_COMPLETED, forget_request, NULL, MHD_OPTION_END);
	if (!listener->daemon) {
		listener_close(descriptor);
		return error_set(err, ERROR_LOCAL,
				 "the listener cannot be started");
	}
	(void)snprintf(text, sizeof(text), "listening on %s:%d",
		       settings->api_host, port);
	listener->options->ready(text);
	return 0;
}

static void turn(struct listener *listener)
{
	struct error problem = {0};

	cut_late(listener);
	if (wakeup_turn(&listener->wakeup, &problem) != 0)
		event_problem(listener->options->events, "%s", problem.text);
}

static int serve_until_stopped(struct listener *listener, struct error *err)
{
	while (!stop_requested()) {
		if (MHD_run_wait(listener->daemon, TURN_MS) != MHD_YES)
			return error_set(err, ERROR_LOCAL,
					 "the listener cannot go on");
		turn(listener);
	}
	return 0;
}

/* Nobody new is heard; the run that works comes to its end. */
static void finish(struct listener *listener)
{
	listener->wakeup.is_wanted = false;
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	listener->daemon = NULL;
	while (listener->wakeup.child) {
		turn(listener);
		wakeup_rest(&listener->wakeup, TURN_MS);
	}
}

int listen_run(const struct listen_options *options, struct error *err)
{
	const struct instance_options open = {
	    .home = options->home,
	    .prefix = options->prefix,
	    .read_only = true,
	    .events = options->events,
	};
	struct listener listener = {.options = options};
	struct error ignored = {0};
	int code = instance_open(&listener.instance, &open, err);

	if (code == 0)
		code = instance_load(&listener.instance, err);
	if (code == 0 && instance_config_is_broken(&listener.instance))
		code = error_set(err, ERROR_CONFIG, "%s",
				 listener.instance.config_problem.text);
	wakeup_init(&listener.wakeup, options->home, options->prefix);
	if (code == 0)
		code = open_daemon(&listener, err);
	if (code == 0)
		code = serve_until_stopped(&listener, err);
	finish(&listener);
	wakeup_clear(&listener.wakeup);
	(void)instance_close(&listener.instance, &ignored); /* not written */
	return code;
}

/*
 * A bucket that keeps nothing, to measure clients with:
 *
 *     sink --port-file FILE [--answer FILE]
 *
 * It drops every body, checks nothing, and answers as S3 would if the bucket
 * took all and held none: PUT with an ETag, the calls of an upload in parts, an
 * empty listing, 404 to HEAD. Any other POST is answered with the file, so that
 * it is a mothership too. GET /count, which is not counted itself:
 *
 *     requests connections bytes start-µs
 *
 * bytes of bodies, and the time on the monotonic clock at which the last
 * request began to come.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* No MD5, which a client would compare with its own. */
#define ETAG "\"0-1\""

enum { ANSWER_BYTES = 64 * 1024, BUFFER_BYTES = 256 * 1024 };

/* One thread serves all, so nothing of this is shared. */
static struct {
	unsigned long requests;
	unsigned long connections;
	unsigned long long bytes;
	long long began_us;
	long long last_us;
	char answer[ANSWER_BYTES];
} sink;

static long long now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* ---- replies ---- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status,
			     const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);

	MHD_add_response_header(response, "ETag", ETAG);
	MHD_add_response_header(response, "Content-Type",
				text[0] == '{' ? "application/json"
					       : "application/xml");
	enum MHD_Result result =
	    MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool has_query(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND,
					     name, strlen(name), NULL, NULL);
}

static enum MHD_Result reply_post(struct MHD_Connection *connection)
{
	if (has_query(connection, "uploads"))
		return reply(connection, 200,
			     "<InitiateMultipartUploadResult><UploadId>1"
			     "</UploadId></InitiateMultipartUploadResult>");
	if (has_query(connection, "uploadId"))
		return reply(connection, 200,
			     "<CompleteMultipartUploadResult><ETag>" ETAG
			     "</ETag></CompleteMultipartUploadResult>");
	return reply(connection, 200, sink.answer);
}

static enum MHD_Result reply_count(struct MHD_Connection *connection)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%lu %lu %llu %lld\n", sink.requests,
		       sink.connections, sink.bytes, sink.last_us);
	return reply(connection, 200, text);
}

static enum MHD_Result serve(struct MHD_Connection *connection,
			     const char *path, const char *method)
{
	if (strcmp(path, "/count") == 0)
		return reply_count(connection);
	sink.requests++;
	sink.last_us = sink.began_us;
	if (strcmp(method, "PUT") == 0)
		return reply(connection, 200, "");
	if (strcmp(method, "POST") == 0)
		return reply_post(connection);
	if (strcmp(method, "GET") == 0)
		return reply(connection, 200,
			     "<ListBucketResult><IsTruncated>false"
			     "</IsTruncated></ListBucketResult>");
	return reply(connection, strcmp(method, "DELETE") == 0 ? 204 : 404, "");
}

/* ---- what libmicrohttpd calls ---- */

static enum MHD_Result handle(void *context, struct MHD_Connection *connection,
			      const char *path, const char *method,
			      const char *version, const char *data,
			      size_t *size, void **state)
{
	static char begun;

	(void)context, (void)version, (void)data;
	if (!*state) {
		*state = &begun;
		return MHD_YES;
	}
	if (*size > 0) {
		sink.bytes += *size;
		*size = 0;
		return MHD_YES;
	}
	return serve(connection, path, method);
}

static void *note_request(void *context, const char *target,
			  struct MHD_Connection *connection)
{
	(void)context, (void)target, (void)connection;
	sink.began_us = now_us();
	return NULL;
}

static void note_connection(void *context, struct MHD_Connection *connection,
			    void **state,
			    enum MHD_ConnectionNotificationCode code)
{
	(void)context, (void)connection, (void)state;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		sink.connections++;
}

static struct MHD_Daemon *start(void)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, NULL,
	    MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_URI_LOG_CALLBACK,
	    note_request, NULL, MHD_OPTION_NOTIFY_CONNECTION, note_connection,
	    NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BUFFER_BYTES,
	    MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
}

/* ---- the program ---- */

static bool read_answer(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size;

	if (!file)
		return false;
	size = fread(sink.answer, 1, sizeof(sink.answer) - 1, file);
	sink.answer[size] = '\0';
	return fclose(file) == 0;
}

static bool write_port(const char *path, unsigned port)
{
	char beside[4096];
	int size = snprintf(beside, sizeof(beside), "%s.new", path);
	FILE *file;

	if (size < 0 || (size_t)size >= sizeof(beside))
		return false;
	file = fopen(beside, "w");
	return file && fprintf(file, "%u\n", port) > 0 && fclose(file) == 0 &&
	       rename(beside, path) == 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"port-file", required_argument, NULL, 'p'},
	    {"answer", required_argument, NULL, 'a'},
	    {NULL, 0, NULL, 0}};
	const char *port_file = NULL;
	bool is_sound = true;
	sigset_t ends;
	int option;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			port_file = optarg;
		else
			is_sound = option == 'a' && read_answer(optarg);
	}
	if (!is_sound || !port_file) {
		fprintf(stderr, "sink --port-file FILE [--answer FILE]\n");
		return 64;
	}
	struct MHD_Daemon *daemon = start();
	if (!daemon ||
	    !write_port(
		port_file,
		MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port)) {
		perror("sink");
		return 69;
	}
	sigwait(&ends, &option);
	MHD_stop_daemon(daemon);
	return 0;
}

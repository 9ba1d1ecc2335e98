#include "fake_s3.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- requests ---- */

const char *request_header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strcmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

const char *request_query(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->query[i].name, name) == 0)
			return request->query[i].value;
	return NULL;
}

static enum MHD_Result keep_header(void *context, enum MHD_ValueKind kind,
				   const char *name, const char *value)
{
	struct request *request = context;
	struct pair *pair = &request->headers[request->header_count];

	(void)kind;
	if (request->header_count == HEADER_MOST)
		return MHD_NO;
	pair->name = strdup(name);
	pair->value = strdup(value ? value : "");
	for (char *c = pair->name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	request->header_count++;
	return MHD_YES;
}

static char *decoded(const char *text, size_t size)
{
	char *out = malloc(size + 1);

	url_decode(text, size, out, size + 1);
	return out;
}

static void parse_query(struct request *request)
{
	const char *mark = strchr(request->target, '?');
	const char *at = mark ? mark + 1 : "";

	while (*at && request->query_count < HEADER_MOST) {
		struct pair *pair = &request->query[request->query_count++];
		size_t size = strcspn(at, "&");
		size_t name_size = strcspn(at, "=&");

		pair->name = decoded(at, name_size);
		pair->value = name_size < size ? decoded(at + name_size + 1,
							 size - name_size - 1)
					       : strdup("");
		at += size + (at[size] == '&');
	}
}

/* /BUCKET/KEY, or /KEY at BUCKET.domain */
static void parse_path(struct request *request)
{
	const char *host = request_header(request, "host");
	const char *domain = request->server->domain;
	const char *path = request->target + 1;
	size_t size = strcspn(path, "?");
	size_t bucket_size = 0;
	const char *dot = host && domain ? strstr(host, domain) : NULL;

	if (dot && dot > host && dot[-1] == '.') {
		snprintf(request->bucket, sizeof(request->bucket), "%.*s",
			 (int)(dot - 1 - host), host);
	} else {
		bucket_size = strcspn(path, "/?");
		url_decode(path, bucket_size, request->bucket,
			   sizeof(request->bucket));
		if (bucket_size < size)
			bucket_size++;
	}
	url_decode(path + bucket_size, size - bucket_size, request->key,
		   sizeof(request->key));
}

static void request_free(struct request *request)
{
	for (size_t i = 0; i < request->header_count; i++) {
		free(request->headers[i].name);
		free(request->headers[i].value);
	}
	for (size_t i = 0; i < request->query_count; i++) {
		free(request->query[i].name);
		free(request->query[i].value);
	}
	for (size_t i = 0; i < request->reply_header_count; i++) {
		free(request->reply_headers[i].name);
		free(request->reply_headers[i].value);
	}
	EVP_MD_CTX_free(request->sha256);
	EVP_MD_CTX_free(request->md5);
	if (request->body >= 0)
		close(request->body);
	if (request->body_path[0])
		unlink(request->body_path);
	free(request->fault);
	free(request->reply);
	free(request->target);
	free(request);
}

/* ---- replies ---- */

void reply_header(struct request *request, const char *name, const char *format,
		  ...)
{
	char value[2048];
	va_list args;

	if (request->reply_header_count == META_MOST)
		return;
	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	request->reply_headers[request->reply_header_count++] =
	    (struct pair){strdup(name), strdup(value)};
}

void reply_xml(struct request *request, const char *format, ...)
{
	static const char head[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	free(request->reply);
	request->reply = malloc(sizeof(head) + strlen(text));
	sprintf(request->reply, "%s%s", head, text);
	request->reply_size = strlen(request->reply);
	if (request->status == 0)
		request->status = 200;
	free(text);
}

void reply_error(struct request *request, int status, const char *code)
{
	request->status = status;
	request->file[0] = '\0';
	reply_xml(request,
		  "<Error><Code>%s</Code><Message>The fake says %s.</Message>"
		  "<Region>%s</Region><RequestId>0</RequestId></Error>",
		  code, code, request->server->region);
}

/* ---- bodies ---- */

static void begin_body(struct request *request)
{
	request->sha256 = EVP_MD_CTX_new();
	request->md5 = EVP_MD_CTX_new();
	EVP_DigestInit_ex(request->sha256, EVP_sha256(), NULL);
	EVP_DigestInit_ex(request->md5, EVP_md5(), NULL);
}

static void take_body(struct request *request, const char *data, size_t size)
{
	if (request->body < 0) {
		snprintf(request->body_path, sizeof(request->body_path),
			 "%s/.body.XXXXXX", request->server->root);
		request->body = mkstemp(request->body_path);
	}
	if (write(request->body, data, size) != (ssize_t)size)
		perror(request->body_path);
	EVP_DigestUpdate(request->sha256, data, size);
	EVP_DigestUpdate(request->md5, data, size);
	request->crc64 = crc64_nvme(request->crc64, data, size);
	request->body_bytes += size;
}

static void end_body(struct request *request)
{
	EVP_DigestFinal_ex(request->sha256, request->sha256_raw, NULL);
	EVP_DigestFinal_ex(request->md5, request->md5_raw, NULL);
	hex_of(request->sha256_raw, 32, request->sha256_hex);
	hex_of(request->md5_raw, 16, request->md5_hex);
}

/* ---- serving ---- */

static void redirect(struct request *request, const struct fault *fault)
{
	reply_error(request, fault->status, fault->code);
	reply_header(request, "x-amz-bucket-region", "%s", fault->region);
	if (strcmp(request->method, "HEAD") != 0)
		reply_xml(request,
			  "<Error><Code>%s</Code><Region>%s</Region></Error>",
			  fault->code, fault->region);
}

/* A pipe that nobody writes into; its other end is closed when the server
 * ends. */
static int ending[2];

/* False when the server ends before that: nothing more is done or said. */
static bool wait_out(struct request *request, const struct fault *fault)
{
	struct pollfd end = {.fd = ending[0], .events = POLLIN};

	if (fault->delay_ms > 0 && poll(&end, 1, fault->delay_ms) != 0)
		request->is_cut = true;
	return !request->is_cut;
}

static void serve_with(struct request *request, const struct fault *fault)
{
	if (fault->kind != FAULT_LATE && !wait_out(request, fault))
		return;
	switch (fault->kind) {
	case FAULT_STATUS:
		if (fault->region[0])
			redirect(request, fault);
		else
			reply_error(request, fault->status, fault->code);
		break;
	case FAULT_OK_ERROR:
		reply_error(request, 200,
			    fault->code[0] ? fault->code : "InternalError");
		break;
	case FAULT_LOST:
		store_serve(request);
		request->is_cut = true;
		break;
	case FAULT_WRONG_ETAG:
		store_serve(request);
		for (size_t i = 0; i < request->reply_header_count; i++)
			if (strcmp(request->reply_headers[i].name, "etag") == 0)
				memcpy(request->reply_headers[i].value + 1,
				       "0000", 4);
		break;
	case FAULT_LATE:
		store_serve(request);
		(void)wait_out(request, fault);
		break;
	default:
		store_serve(request);
		break;
	}
}

static void serve(struct request *request)
{
	if (request->is_control) {
		char *text = calloc(1, request->body_bytes + 1);

		if (request->body >= 0 &&
		    pread(request->body, text, request->body_bytes, 0) >= 0)
			fault_control(request, text);
		request->status = 200;
		free(text);
	} else if (request->fault) {
		if (sign_verify(request))
			serve_with(request, request->fault);
	} else if (sign_verify(request)) {
		store_serve(request);
	}
}

static void write_log(const struct request *request)
{
	char line[8192];
	int size;

	if (request->server->log < 0 || request->is_control)
		return;
	size = snprintf(line, sizeof(line), "%s %d %lu %s\n", request->method,
			request->is_cut ? 0 : request->status,
			request->body_bytes, request->target);
	if (size > 0 && write(request->server->log, line, (size_t)size) < 0)
		perror("log");
}

static struct MHD_Response *make_response(struct request *request)
{
	struct stat status;
	struct MHD_Response *response = NULL;
	int file = request->file[0] ? open(request->file, O_RDONLY) : -1;

	if (file >= 0 && fstat(file, &status) == 0)
		response = MHD_create_response_from_fd_at_offset64(
		    request->is_range ? request->range_size
				      : (uint64_t)status.st_size,
		    file, request->range_start);
	if (!response) {
		response = MHD_create_response_from_buffer(
		    request->reply_size, request->reply, MHD_RESPMEM_MUST_FREE);
		request->reply = NULL;
	}
	return response;
}

static enum MHD_Result answer(struct request *request,
			      struct MHD_Connection *connection)
{
	char date[64];
	time_t now = fault_now();
	struct tm tm;

	write_log(request);
	if (request->is_cut)
		return MHD_NO;
	struct MHD_Response *response = make_response(request);
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	MHD_add_response_header(response, "Date", date);
	if (request->reply_size > 0 && !request->file[0])
		MHD_add_response_header(response, "Content-Type",
					"application/xml");
	for (size_t i = 0; i < request->reply_header_count; i++)
		MHD_add_response_header(response,
					request->reply_headers[i].name,
					request->reply_headers[i].value);
	enum MHD_Result result =
	    MHD_queue_response(connection, (unsigned)request->status, response);
	MHD_destroy_response(response);
	return result;
}

static void begin(struct request *request, struct MHD_Connection *connection,
		  const char *method)
{
	snprintf(request->method, sizeof(request->method), "%s", method);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_header,
				  request);
	parse_query(request);
	request->is_control = strncmp(request->target, "/_control", 9) == 0;
	if (!request->is_control) {
		parse_path(request);
		request->fault = fault_find(request);
	}
	if (request->fault && request->fault->kind == FAULT_RESET)
		request->cut_after = request->fault->bytes + 1;
	begin_body(request);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection,
			      const char *url, const char *method,
			      const char *version, const char *data,
			      size_t *size, void **state)
{
	struct request *request = *state;

	(void)context, (void)url, (void)version;
	if (!request->is_begun) {
		request->is_begun = true;
		begin(request, connection, method);
		return MHD_YES;
	}
	if (*size > 0) {
		take_body(request, data, *size);
		*size = 0;
		if (request->cut_after &&
		    request->body_bytes >= request->cut_after) {
			request->is_cut = true;
			write_log(request);
			return MHD_NO;
		}
		return MHD_YES;
	}
	end_body(request);
	if (request->cut_after)
		request->is_cut = true;
	else
		serve(request);
	return answer(request, connection);
}

static void *begin_request(void *context, const char *target,
			   struct MHD_Connection *connection)
{
	struct request *request = calloc(1, sizeof(*request));

	(void)connection;
	request->server = context;
	request->target = strdup(target);
	request->body = -1;
	return request;
}

static void end_request(void *context, struct MHD_Connection *connection,
			void **state, enum MHD_RequestTerminationCode code)
{
	(void)context, (void)connection, (void)code;
	if (*state)
		request_free(*state);
	*state = NULL;
}

/* ---- the program ---- */

static void write_port(const char *path, unsigned port)
{
	char beside[PATH_BYTES];
	FILE *file;

	printf("%u\n", port);
	fflush(stdout);
	if (!path)
		return;
	snprintf(beside, sizeof(beside), "%s.new", path);
	file = fopen(beside, "w");
	if (!file || fprintf(file, "%u\n", port) < 0 || fclose(file) != 0 ||
	    rename(beside, path) != 0) {
		perror(path);
		exit(1);
	}
}

static struct MHD_Daemon *start(struct server *server, uint16_t port)
{
	const struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
		MHD_USE_POLL,
	    port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &address,
	    MHD_OPTION_URI_LOG_CALLBACK, begin_request, server,
	    MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 * 1024,
	    MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
}

static const struct option long_options[] = {
    {"root", required_argument, NULL, 'r'},
    {"port", required_argument, NULL, 'p'},
    {"port-file", required_argument, NULL, 'f'},
    {"access-key", required_argument, NULL, 'a'},
    {"secret-key", required_argument, NULL, 's'},
    {"token", required_argument, NULL, 't'},
    {"region", required_argument, NULL, 'R'},
    {"domain", required_argument, NULL, 'd'},
    {"bucket", required_argument, NULL, 'b'},
    {"log", required_argument, NULL, 'l'},
    {NULL, 0, NULL, 0},
};

static int usage(void)
{
	fprintf(stderr,
		"usage: fake-s3 --root DIR [--port N] [--port-file FILE]\n"
		"    [--access-key K] [--secret-key K] [--token T] "
		"[--region R]\n"
		"    [--domain NAME] [--bucket NAME] [--log FILE]\n");
	return 64;
}

static bool parse_options(int argc, char **argv, struct server *server,
			  uint16_t *port, const char **port_file)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'r':
			server->root = optarg;
			break;
		case 'p':
			*port = (uint16_t)atoi(optarg);
			break;
		case 'f':
			*port_file = optarg;
			break;
		case 'a':
			server->access_key = optarg;
			break;
		case 's':
			server->secret_key = optarg;
			break;
		case 't':
			server->token = optarg;
			break;
		case 'R':
			server->region = optarg;
			break;
		case 'd':
			server->domain = optarg;
			break;
		case 'b':
			store_make_bucket(server, optarg);
			break;
		case 'l':
			server->log =
			    open(optarg, O_CREAT | O_APPEND | O_WRONLY, 0600);
			break;
		default:
			return false;
		}
	}
	return server->root != NULL && optind == argc;
}

int main(int argc, char **argv)
{
	static struct server server = {
	    .access_key = "FAKEACCESSKEY",
	    .secret_key = "fake/secret+key",
	    .region = "us-east-1",
	    .domain = "s3.localhost",
	    .log = -1,
	};
	const char *port_file = NULL;
	uint16_t port = 0;
	sigset_t ends;
	int got;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if (!parse_options(argc, argv, &server, &port, &port_file))
		return usage();
	if (pipe(ending) != 0) {
		perror("fake-s3: no pipe");
		return 71;
	}
	struct MHD_Daemon *daemon = start(&server, port);
	if (!daemon) {
		perror("fake-s3: cannot listen");
		return 69;
	}
	write_port(
	    port_file,
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	sigwait(&ends, &got);
	close(ending[1]);
	MHD_stop_daemon(daemon);
	return 0;
}

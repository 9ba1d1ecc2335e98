#define _GNU_SOURCE 1

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "platform/clock.h"
#include "platform/file.h"

/* ------------------------------------------------ a server that misbehaves */

enum { HEAD_BYTES = 16 * 1024, LARGE_BYTES = 1024 * 1024 };

struct visit {
	int socket;
	int requests; /* on this connection */
	char head[HEAD_BYTES];
	char *body;
	size_t body_size;
};

static int listener;
static unsigned port;

static void say(struct visit *v, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(v->socket, data, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		data += sent;
		size -= (size_t)sent;
	}
}

static void say_text(struct visit *v, const char *text)
{
	say(v, text, strlen(text));
}

static void say_reply(struct visit *v, const char *status, const char *body,
		      size_t size)
{
	char head[256];
	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 %s\r\nContent-Length: %zu\r\n"
			      "X-Twice: first\r\nX-TWICE: \t last one  \r\n"
			      "\r\n",
			      status, size);
	say(v, head, (size_t)length);
	say(v, body, size);
}

static bool hear_head(struct visit *v)
{
	size_t size = 0;
	while (size < sizeof(v->head) - 1) {
		if (recv(v->socket, v->head + size, 1, 0) != 1)
			return false;
		v->head[++size] = '\0';
		if (v->head[0] == 0x16) { /* the start of a TLS handshake */
			say_text(v, "HTTP/1.1 400 Bad Request\r\n\r\n");
			return false;
		}
		if (size >= 4 && strcmp(v->head + size - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static bool hear_body(struct visit *v)
{
	const char *line = strstr(v->head, "\r\nContent-Length: ");
	v->body_size = line ? strtoul(line + 18, NULL, 10) : 0;
	free(v->body);
	v->body = malloc(v->body_size + 1);
	if (strstr(v->head, "\r\nExpect: 100-continue\r\n"))
		say_text(v, "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n");
	size_t got = 0;
	while (got < v->body_size) {
		ssize_t now =
		    recv(v->socket, v->body + got, v->body_size - got, 0);
		if (now <= 0)
			return false;
		got += (size_t)now;
	}
	return true;
}

static bool asks(const struct visit *v, const char *path)
{
	const char *at = strchr(v->head, ' ');
	return at && strncmp(at + 1, path, strlen(path)) == 0;
}

static void say_split(struct visit *v)
{
	const char *text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			   "ETag: \"x\"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
			   "ETag: \"trailer\"\r\n\r\n";
	for (; *text; text++)
		say(v, text, 1);
}

static void say_endless_headers(struct visit *v)
{
	say_text(v, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 3000; i++)
		say_text(v, "X-More: 0123456789012345678901234567890\r\n");
	say_text(v, "\r\n");
}

/* Whether the connection goes on. */
static bool answer(struct visit *v)
{
	if (asks(v, "/early")) {
		say_reply(v, "503 Slow Down", "<Code>SlowDown</Code>", 21);
		shutdown(v->socket, SHUT_WR);
		usleep(200000); /* the reply is out before the reset */
		return false;
	}
	if (!hear_body(v))
		return false;
	if (asks(v, "/close") || (asks(v, "/once") && v->requests > 1))
		return false;
	if (asks(v, "/half")) {
		say_text(v, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
		return false;
	}
	if (asks(v, "/silent")) {
		char byte;
		return recv(v->socket, &byte, 1, 0) > 0;
	}
	if (asks(v, "/odd")) {
		say_text(v, "good day\r\n\r\n");
		return false;
	}
	if (asks(v, "/headers")) {
		say_endless_headers(v);
		return false;
	}
	static char large[LARGE_BYTES];
	if (asks(v, "/large"))
		say_reply(v, "200 OK", large, sizeof(large));
	else if (asks(v, "/interim"))
		say_text(v, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
			    "HTTP/1.1 204 No Content\r\nX-Last: 1\r\n\r\n");
	else if (asks(v, "/redirect"))
		say_text(v, "HTTP/1.1 307 There\r\nLocation: /echo\r\n"
			    "Content-Length: 0\r\n\r\n");
	else if (asks(v, "/split"))
		say_split(v);
	else if (asks(v, "/body"))
		say_reply(v, "200 OK", v->body, v->body_size);
	else if (strncmp(v->head, "HEAD ", 5) == 0)
		say_text(v, "HTTP/1.1 404 No\r\nContent-Length: 77\r\n\r\n");
	else
		say_reply(v, "200 OK", v->head, strlen(v->head));
	return true;
}

static void *serve_connection(void *context)
{
	struct visit *v = context;
	do
		v->requests++;
	while (hear_head(v) && answer(v));
	close(v->socket);
	free(v->body);
	free(v);
	return NULL;
}

static void *serve(void *context)
{
	for (;;) {
		struct visit *v = calloc(1, sizeof(*v));
		v->socket = accept(listener, NULL, NULL);
		pthread_t thread;
		if (v->socket < 0 ||
		    pthread_create(&thread, NULL, serve_connection, v) != 0) {
			free(v);
			return context;
		}
		pthread_detach(thread);
	}
}

static int bind_port(unsigned *number)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(bind(fd, (struct sockaddr *)&address, size), 0);
	CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*number = ntohs(address.sin_port);
	return fd;
}

/* ------------------------------------------------ asking it */

static const struct http_route route = {
    .user_agent = "test/1", .connect_ms = 10000, .silence_ms = 30000};

static const char *url(const char *path)
{
	static char text[512];
	(void)snprintf(text, sizeof(text), "http://127.0.0.1:%u%s", port, path);
	return text;
}

static struct http_request get(const char *path)
{
	return (struct http_request){.method = "GET", .url = url(path)};
}

static struct http_request with_body(const char *method, const char *path,
				     const char *data)
{
	struct http_request request = {.method = method, .url = url(path)};
	request.body.data = data;
	request.body.size_bytes = (int64_t)strlen(data);
	request.has_body = true;
	return request;
}

static struct http_reply run_one(struct http *http,
				 const struct http_request *request)
{
	struct error err = {0};
	struct http_reply reply = {0};
	CHECK_INT(http_start(http, request, &err), 0);
	while (http_running(http) > 0 && !http_collect(http, &reply))
		CHECK_INT(http_step(http, 1000, &err), 0);
	CHECK_TEXT(err.text, "");
	return reply;
}

/* Both ways to ask must say the same. */
static struct http_reply ask(const struct http_request *request)
{
	struct http *http = http_new(&route, NULL);
	struct http_reply alone;
	CHECK_INT(http_call(&route, request, &alone, NULL), 0);
	struct http_reply reply = run_one(http, request);
	CHECK_INT(alone.failure, reply.failure);
	CHECK_INT(alone.status, reply.status);
	if (reply.failure == HTTP_OK)
		CHECK_INT(alone.body.size, reply.body.size);
	http_reply_clear(&alone);
	http_free(http);
	return reply;
}

/* What a lost reply holds can be compared, too. */
static const char *body_text(const struct http_reply *reply)
{
	if (reply->failure != HTTP_OK)
		(void)printf("# %s\n", reply->failure_text);
	return reply->body.data ? reply->body.data : "";
}

static void expect_failure(const struct http_request *request,
			   enum http_failure failure)
{
	struct http_reply reply = ask(request);
	CHECK_INT(reply.failure, failure);
	CHECK(reply.failure_text[0] != '\0');
	CHECK_INT(reply.status, 0);
	http_reply_clear(&reply);
}

/* ------------------------------------------------ what is sent */

static void a_request_has_what_was_asked_for_and_no_more(void)
{
	static const char *const headers[] = {
	    "X-One: 1", "X-Empty:", "Host: example.test", NULL};
	struct http_request request = get("/a/../b/./c%2F?x=%20&y=");
	request.headers = headers;
	int mark;
	request.context = &mark;
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.status, 200);
	CHECK(reply.context == &mark);
	const char *head = body_text(&reply);
	CHECK(strncmp(head, "GET /a/../b/./c%2F?x=%20&y= HTTP/1.1\r\n", 38) ==
	      0);
	CHECK(strstr(head, "\r\nX-One: 1\r\n") != NULL);
	CHECK(strstr(head, "\r\nX-Empty:\r\n") != NULL);
	CHECK(strstr(head, "\r\nHost: example.test\r\n") != NULL);
	CHECK(strstr(head, "\r\nUser-Agent: test/1\r\n") != NULL);
	CHECK(strcasestr(head, "expect") == NULL);
	CHECK(strcasestr(head, "encoding") == NULL);
	CHECK(strcasestr(head, "content-") == NULL);
	http_reply_clear(&reply);
}

static void sends(const char *method, const char *data, const char *line)
{
	struct http_request request = with_body(method, "/echo", data);
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.sent_bytes, strlen(data));
	CHECK(strncmp(body_text(&reply), line, strlen(line)) == 0);
	CHECK(strcasestr(body_text(&reply), "transfer-encoding") == NULL);
	CHECK(strcasestr(body_text(&reply), "content-type") == NULL);
	char length[64];
	(void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
		       strlen(data));
	CHECK(strstr(body_text(&reply), length) != NULL);
	http_reply_clear(&reply);
}

static void every_method_sends_its_length(void)
{
	sends("PUT", "some data", "PUT /echo HTTP/1.1\r\n");
	sends("POST", "some data", "POST /echo HTTP/1.1\r\n");
	sends("DELETE", "some data", "DELETE /echo HTTP/1.1\r\n");
	sends("PUT", "", "PUT /echo HTTP/1.1\r\n");
	sends("POST", "", "POST /echo HTTP/1.1\r\n");

	struct http_request request = {.method = "POST", .url = url("/echo")};
	struct http_reply reply = ask(&request);
	CHECK(strstr(body_text(&reply), "\r\nContent-Length: 0\r\n") != NULL);
	http_reply_clear(&reply);
	request.method = "DELETE";
	reply = ask(&request);
	CHECK(strncmp(body_text(&reply), "DELETE ", 7) == 0);
	http_reply_clear(&reply);
	request.method = "HEAD";
	reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.status, 404);
	CHECK_INT(reply.body.size, 0);
	http_reply_clear(&reply);
}

static void a_body_waits_for_100_where_it_should(void)
{
	struct http_request request = with_body("PUT", "/body", "waited for");
	request.expect_continue = true;
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_TEXT(body_text(&reply), "waited for");
	char value[32];
	CHECK(http_header(&reply, "x-interim", value, sizeof(value)) == NULL);
	http_reply_clear(&reply);
}

static char *make_file(size_t size, char *path)
{
	char *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 2654435761u >> 11);
	int fd = mkstemp(path);
	CHECK_INT(write(fd, data, size), size);
	CHECK_INT(close(fd), 0);
	return data;
}

static void a_file_is_sent_from_an_offset(void)
{
	enum { SIZE = 3 * 1024 * 1024 + 17, OFFSET = 1000 };
	char path[] = "/tmp/test_http.XXXXXX";
	char *data = make_file(SIZE, path);
	struct http_request request = {.method = "PUT", .url = url("/body")};
	request.has_body = true;
	request.reply_ceiling_bytes = 4 * LARGE_BYTES;
	CHECK_INT(file_open(path, &request.body.file), 0);
	request.body.offset = OFFSET;
	request.body.size_bytes = SIZE - OFFSET - 5;
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.sent_bytes, SIZE - OFFSET - 5);
	CHECK_INT(reply.body.size, SIZE - OFFSET - 5);
	CHECK(reply.body.size == SIZE - OFFSET - 5 &&
	      memcmp(reply.body.data, data + OFFSET, reply.body.size) == 0);
	http_reply_clear(&reply);

	request.body.size_bytes = SIZE - OFFSET + 1;
	expect_failure(&request, HTTP_BODY_SHORT);
	file_close(request.body.file);
	CHECK_INT(unlink(path), 0);
	free(data);
}

static void a_bad_request_is_refused_before_it_is_sent(void)
{
	static const char *const split[] = {"X-A: 1\r\nX-SECRET: 2", NULL};
	static const char *const no_colon[] = {"SECRET", NULL};
	struct error err = {0};
	struct http *http = http_new(&route, NULL);
	struct http_request request = get("/echo");
	request.headers = split;
	CHECK_INT(http_start(http, &request, &err), ERROR_INVALID);
	CHECK(strstr(err.text, "SECRET") == NULL);
	request.headers = no_colon;
	CHECK_INT(http_start(http, &request, NULL), ERROR_INVALID);
	CHECK_INT(http_running(http), 0);
	http_free(http);

	request = get("/echo");
	request.url = "file:///etc/passwd";
	expect_failure(&request, HTTP_LOCAL);
	request.url = "http://[broken";
	expect_failure(&request, HTTP_LOCAL);
}

/* ------------------------------------------------ what comes back */

static void headers_are_found_by_name(void)
{
	char value[32];
	struct http_request request = get("/echo");
	struct http_reply reply = ask(&request);
	CHECK_TEXT(http_header(&reply, "x-twice", value, sizeof(value)),
		   "last one");
	CHECK(http_header(&reply, "x-twic", value, sizeof(value)) == NULL);
	CHECK(http_header(&reply, "x-none", value, sizeof(value)) == NULL);
	CHECK(http_header(&reply, "x-twice", value, 8) == NULL);
	CHECK_TEXT(http_header(&reply, "x-twice", value, 9), "last one");
	http_reply_clear(&reply);
	CHECK(http_header(&reply, "x-twice", value, sizeof(value)) == NULL);
}

static void only_the_last_header_block_counts(void)
{
	char value[32];
	struct http_request request = get("/interim");
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.status, 204);
	CHECK_TEXT(reply.headers.data, "x-last: 1\n");
	http_reply_clear(&reply);

	request = get("/split");
	reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_TEXT(body_text(&reply), "abcde");
	CHECK_TEXT(http_header(&reply, "etag", value, sizeof(value)), "\"x\"");
	http_reply_clear(&reply);
}

static void redirects_are_told_not_followed(void)
{
	char value[32];
	struct http_request request = get("/redirect");
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.status, 307);
	CHECK_TEXT(http_header(&reply, "location", value, sizeof(value)),
		   "/echo");
	http_reply_clear(&reply);
}

static void ceilings_hold(void)
{
	struct http_request request = get("/headers");
	expect_failure(&request, HTTP_TOO_LARGE);
	request = get("/large");
	request.reply_ceiling_bytes = LARGE_BYTES - 1;
	expect_failure(&request, HTTP_TOO_LARGE);
	request.reply_ceiling_bytes = LARGE_BYTES;
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.body.size, LARGE_BYTES);
	http_reply_clear(&reply);
}

static void a_refusal_during_the_body_is_heard(void)
{
	enum { SIZE = 16 * 1024 * 1024 };
	char *data = calloc(1, SIZE);
	struct http_request request = {.method = "PUT", .url = url("/early")};
	request.body = (struct http_body){.data = data, .size_bytes = SIZE};
	request.has_body = true;
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_OK);
	CHECK_INT(reply.status, 503);
	CHECK_TEXT(body_text(&reply), "<Code>SlowDown</Code>");
	CHECK(reply.sent_bytes < SIZE);
	http_reply_clear(&reply);
	free(data);
}

/* ------------------------------------------------ what goes wrong */

static void lost_connections_are_told_apart(void)
{
	struct http_request request = get("/close");
	expect_failure(&request, HTTP_BROKEN);
	request = get("/half");
	expect_failure(&request, HTTP_BROKEN);
	request = get("/odd");
	expect_failure(&request, HTTP_BROKEN);
}

static void nobody_there_is_unreachable(void)
{
	unsigned closed;
	int fd = bind_port(&closed);
	char text[64];
	(void)snprintf(text, sizeof(text), "http://user:secret@127.0.0.1:%u/",
		       closed);
	struct http_request request = {.method = "GET", .url = text};
	struct http_reply reply = ask(&request);
	CHECK_INT(reply.failure, HTTP_UNREACHABLE);
	CHECK(strstr(reply.failure_text, "secret") == NULL);
	http_reply_clear(&reply);
	close(fd);
}

static void silence_ends_the_wait(void)
{
	struct http_route impatient = route;
	impatient.silence_ms = 1000;
	struct http_request request = get("/silent");
	struct http_reply reply;
	CHECK_INT(http_call(&impatient, &request, &reply, NULL), 0);
	CHECK_INT(reply.failure, HTTP_UNREACHABLE);
	http_reply_clear(&reply);
	struct http *http = http_new(&impatient, NULL);
	reply = run_one(http, &request);
	CHECK_INT(reply.failure, HTTP_UNREACHABLE);
	http_reply_clear(&reply);
	http_free(http);
}

static void no_tls_on_the_other_side_is_said(void)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "https://127.0.0.1:%u/", port);
	struct http_request request = {.method = "GET", .url = text};
	expect_failure(&request, HTTP_TLS);
}

static void a_proxy_is_not_named_with_its_password(void)
{
	struct http_route odd = route;
	odd.proxy = "socks9://user:secret@127.0.0.1:1";
	struct http_request request = get("/echo");
	struct http_reply reply;
	CHECK_INT(http_call(&odd, &request, &reply, NULL), 0);
	CHECK(reply.failure != HTTP_OK);
	CHECK(reply.failure_text[0] != '\0');
	CHECK(strstr(reply.failure_text, "secret") == NULL);
	http_reply_clear(&reply);
}

/* ------------------------------------------------ many */

/* curl sends again by itself when a kept connection turns out dead. */
static void a_dead_kept_connection_is_no_failure(void)
{
	struct http *http = http_new(&route, NULL);
	for (int i = 0; i < 3; i++) {
		struct http_request request = with_body("PUT", "/once", "data");
		struct http_reply reply = run_one(http, &request);
		CHECK(reply.failure == HTTP_OK ||
		      reply.failure == HTTP_REUSED_BROKEN);
		http_reply_clear(&reply);
	}
	http_free(http);
}

static void many_requests_run_at_once(void)
{
	enum { COUNT = 40 };
	struct error err = {0};
	static char bodies[COUNT][16];
	struct http *http = http_new(&route, &err);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < COUNT; i++) {
			(void)snprintf(bodies[i], sizeof(bodies[i]), "body %d",
				       i);
			struct http_request request =
			    with_body("POST", "/body", bodies[i]);
			request.context = bodies[i];
			CHECK_INT(http_start(http, &request, &err), 0);
		}
		CHECK_INT(http_running(http), COUNT);
		int collected = 0;
		while (http_running(http) > 0) {
			struct http_reply reply;
			CHECK_INT(http_step(http, 1000, &err), 0);
			while (http_collect(http, &reply)) {
				collected++;
				CHECK_TEXT(body_text(&reply), reply.context);
				http_reply_clear(&reply);
			}
		}
		CHECK_INT(collected, COUNT);
	}
	http_free(http);
}

static void cancelled_requests_are_gone(void)
{
	struct error err = {0};
	struct http_reply reply;
	struct http *http = http_new(&route, &err);
	for (int i = 0; i < 5; i++) {
		struct http_request request = get("/silent");
		CHECK_INT(http_start(http, &request, &err), 0);
		CHECK_INT(http_step(http, 0, &err), 0);
	}
	http_cancel_all(http);
	CHECK_INT(http_running(http), 0);
	CHECK(!http_collect(http, &reply));
	struct http_request request = get("/echo");
	reply = run_one(http, &request);
	CHECK_INT(reply.status, 200);
	http_reply_clear(&reply);
	request = get("/silent");
	CHECK_INT(http_start(http, &request, &err), 0);
	http_free(http); /* with one running */
	http_free(NULL);
}

static void *wake(void *http)
{
	http_wake(http);
	return NULL;
}

static void another_thread_ends_a_wait(void)
{
	pthread_t thread;
	struct http *http = http_new(&route, NULL);
	CHECK_INT(pthread_create(&thread, NULL, wake, http), 0);
	CHECK_INT(http_step(http, 600000, NULL), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	http_free(http);
}

/* Last: a stop stays requested. */
static void a_stop_ends_a_call(void)
{
	stop_catch();
	CHECK_INT(raise(SIGTERM), 0);
	struct http_request request = get("/silent");
	struct http_reply reply;
	CHECK_INT(http_call(&route, &request, &reply, NULL), 0);
	CHECK_INT(reply.failure, HTTP_BROKEN);
	CHECK_TEXT(reply.failure_text, "stopped");
	http_reply_clear(&reply);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_request_has_what_was_asked_for_and_no_more),
	    CHECK_TEST(every_method_sends_its_length),
	    CHECK_TEST(a_body_waits_for_100_where_it_should),
	    CHECK_TEST(a_file_is_sent_from_an_offset),
	    CHECK_TEST(a_bad_request_is_refused_before_it_is_sent),
	    CHECK_TEST(headers_are_found_by_name),
	    CHECK_TEST(only_the_last_header_block_counts),
	    CHECK_TEST(redirects_are_told_not_followed),
	    CHECK_TEST(ceilings_hold),
	    CHECK_TEST(a_refusal_during_the_body_is_heard),
	    CHECK_TEST(lost_connections_are_told_apart),
	    CHECK_TEST(nobody_there_is_unreachable),
	    CHECK_TEST(silence_ends_the_wait),
	    CHECK_TEST(no_tls_on_the_other_side_is_said),
	    CHECK_TEST(a_proxy_is_not_named_with_its_password),
	    CHECK_TEST(a_dead_kept_connection_is_no_failure),
	    CHECK_TEST(many_requests_run_at_once),
	    CHECK_TEST(cancelled_requests_are_gone),
	    CHECK_TEST(another_thread_ends_a_wait),
	    CHECK_TEST(a_stop_ends_a_call),
	};
	static const char *const proxies[] = {"http_proxy", "https_proxy",
					      "HTTPS_PROXY", "all_proxy",
					      "ALL_PROXY"};
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		CHECK_INT(unsetenv(proxies[i]), 0);
	CHECK_INT(http_global_init(NULL), 0);
	listener = bind_port(&port);
	CHECK_INT(listen(listener, 100), 0);
	pthread_t server;
	CHECK_INT(pthread_create(&server, NULL, serve, NULL), 0);

	int status = CHECK_RUN(tests);

	shutdown(listener, SHUT_RDWR);
	CHECK_INT(pthread_join(server, NULL), 0);
	close(listener);
	http_global_clear();
	return status;
}

#define _GNU_SOURCE 1

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "platform/clock.h"

#define MS ((int64_t)1000000)

enum { HEAD_BYTES = 4096, LARGE_BYTES = 128 * 1024 };

/* ------------------------------------------------ a server */

static int listener;
static unsigned port;
static char large[LARGE_BYTES];

static void say(int fd, const char *status, const char *body, size_t size)
{
	char head[128];
	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n",
			      status, size);
	(void)send(fd, head, (size_t)length, MSG_NOSIGNAL);
	while (size > 0) {
		ssize_t sent = send(fd, body, size, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		body += sent;
		size -= (size_t)sent;
	}
}

static bool hear_head(int fd, char *head)
{
	size_t size = 0;
	while (size < HEAD_BYTES - 1) {
		if (recv(fd, head + size, 1, 0) != 1)
			return false;
		head[++size] = '\0';
		if (size >= 4 && strcmp(head + size - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static bool hear_body(int fd, const char *head)
{
	char piece[4096];
	const char *line = strstr(head, "\r\nContent-Length: ");
	size_t left = line ? strtoul(line + 18, NULL, 10) : 0;
	while (left > 0) {
		ssize_t now = recv(fd, piece, sizeof(piece), 0);
		if (now <= 0)
			return false;
		left -= (size_t)now;
	}
	return true;
}

static bool answer(int fd, int request, const char *head)
{
	if (strstr(head, " /early ")) {
		say(fd, "503 Slow Down", "later", 5);
		return hear_body(fd, head);
	}
	if (strstr(head, " /once ") && request > 1)
		return false; /* before anything of the body is read */
	if (!hear_body(fd, head))
		return false;
	say(fd, "200 OK", large, strstr(head, " /large ") ? LARGE_BYTES : 0);
	return true;
}

static void *serve_connection(void *context)
{
	char head[HEAD_BYTES];
	int fd = (int)(intptr_t)context;
	int request = 1;
	while (hear_head(fd, head) && answer(fd, request, head))
		request++;
	close(fd);
	return NULL;
}

static void *serve(void *context)
{
	for (;;) {
		pthread_t thread;
		int fd = accept(listener, NULL, NULL);
		if (fd < 0 || pthread_create(&thread, NULL, serve_connection,
					     (void *)(intptr_t)fd) != 0)
			return context;
		pthread_detach(thread);
	}
}

static void listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(bind(listener, (struct sockaddr *)&address, size), 0);
	CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	CHECK_INT(listen(listener, 100), 0);
	port = ntohs(address.sin_port);
}

/* ------------------------------------------------ asking it */

static struct http *limited(int64_t bytes_per_s, int64_t silence_ms)
{
	const struct http_route route = {.user_agent = "test/1",
					 .connect_ms = 10000,
					 .silence_ms = silence_ms,
					 .bytes_per_s = bytes_per_s};
	struct http *http = http_new(&route, NULL);
	CHECK(http != NULL);
	return http;
}

static void start(struct http *http, const char *path, int64_t size_bytes)
{
	char url[128];
	struct error err = {0};
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	const struct http_request request = {
	    .method = size_bytes > 0 ? "PUT" : "GET",
	    .url = url,
	    .body = {.data = large, .size_bytes = size_bytes},
	    .has_body = size_bytes > 0,
	};
	CHECK_INT(http_start(http, &request, &err), 0);
	CHECK_TEXT(err.text, "");
}

/* Until all have ended, each with that status. The bytes they brought. */
static size_t finish(struct http *http, int status)
{
	struct http_reply reply;
	size_t total = 0;
	while (http_running(http) > 0) {
		CHECK_INT(http_step(http, 1000, NULL), 0);
		while (http_collect(http, &reply)) {
			CHECK_INT(reply.failure, HTTP_OK);
			CHECK_TEXT(reply.failure_text, "");
			CHECK_INT(reply.status, status);
			total += reply.body.size;
			http_reply_clear(&reply);
		}
	}
	return total;
}

static void all_bodies_together_keep_the_limit(void)
{
	int64_t start_ns = clock_steady_ns();
	struct http *http = limited(100000, 30000);
	for (int i = 0; i < 4; i++)
		start(http, "/", 30000);
	(void)finish(http, 200);
	http_free(http);
	/* 120,000 bytes but for a burst */
	CHECK(clock_steady_ns() - start_ns > 1000 * MS);
}

static void replies_keep_it_too(void)
{
	int64_t start_ns = clock_steady_ns();
	struct http *http = limited(LARGE_BYTES, 30000);
	start(http, "/large", 0);
	CHECK_INT(finish(http, 200), LARGE_BYTES);
	http_free(http);
	CHECK(clock_steady_ns() - start_ns > 600 * MS);
}

/* A body that is refused is not sent to its end, and its reply not paid for. */
static void an_early_refusal_is_heard(void)
{
	struct http *http = limited(1000, 30000);
	start(http, "/early", LARGE_BYTES); /* it would take 2 minutes */
	int64_t start_ns = clock_steady_ns();
	(void)finish(http, 503);
	CHECK(clock_steady_ns() - start_ns < 60000 * MS);
	http_free(http);
}

static void a_dead_kept_connection_is_no_failure(void)
{
	struct http *http = limited(100000, 30000);
	for (int i = 0; i < 3; i++) {
		/* more than a turn: it is cut while it waits */
		struct http_reply reply;
		start(http, "/once", 20000);
		while (!http_collect(http, &reply))
			CHECK_INT(http_step(http, 1000, NULL), 0);
		CHECK(reply.failure == HTTP_OK ||
		      reply.failure == HTTP_REUSED_BROKEN);
		http_reply_clear(&reply);
	}
	http_free(http);
}

/* Each waits for longer than a connection may be silent. */
static void who_waits_for_its_turn_is_not_silent(void)
{
	struct http *http = limited(100, 1000);
	for (int i = 0; i < 4; i++)
		start(http, "/", 200);
	(void)finish(http, 200);
	http_free(http);
}

static void there_is_room_until_bodies_take_2_s(void)
{
	struct http *http = limited(10000, 30000);
	CHECK(http_has_room(http));
	start(http, "/", 20000);
	CHECK(http_has_room(http));
	start(http, "/", 2);
	CHECK(!http_has_room(http));
	start(http, "/", 0);
	CHECK(!http_has_room(http));
	(void)finish(http, 200);
	CHECK(http_has_room(http));
	start(http, "/", LARGE_BYTES);
	CHECK(!http_has_room(http));
	http_cancel_all(http);
	CHECK(http_has_room(http));
	http_free(http);

	http = limited(0, 30000);
	start(http, "/", LARGE_BYTES);
	CHECK(http_has_room(http));
	http_free(http);
}

static void who_waits_can_be_cancelled(void)
{
	struct http *http = limited(1000, 30000);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 5; i++)
			start(http, "/", LARGE_BYTES);
		for (int i = 0; i < 20; i++)
			CHECK_INT(http_step(http, 10, NULL), 0);
		if (turn == 0)
			http_cancel_all(http);
	}
	http_free(http); /* with five running */
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(all_bodies_together_keep_the_limit),
	    CHECK_TEST(replies_keep_it_too),
	    CHECK_TEST(an_early_refusal_is_heard),
	    CHECK_TEST(a_dead_kept_connection_is_no_failure),
	    CHECK_TEST(who_waits_for_its_turn_is_not_silent),
	    CHECK_TEST(there_is_room_until_bodies_take_2_s),
	    CHECK_TEST(who_waits_can_be_cancelled),
	};
	static const char *const proxies[] = {"http_proxy", "https_proxy",
					      "HTTPS_PROXY", "all_proxy",
					      "ALL_PROXY"};
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		CHECK_INT(unsetenv(proxies[i]), 0);
	CHECK_INT(http_global_init(NULL), 0);
	listen_somewhere();
	pthread_t server;
	CHECK_INT(pthread_create(&server, NULL, serve, NULL), 0);

	int status = CHECK_RUN(tests);

	shutdown(listener, SHUT_RDWR);
	CHECK_INT(pthread_join(server, NULL), 0);
	close(listener);
	http_global_clear();
	return status;
}

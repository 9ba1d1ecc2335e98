#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/listen.h"
#include "base/buffer.h"
#include "base/event.h"
#include "platform/child.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * The listener itself, in a thread, on a socket that it inherits. An input is
 * what the next run that it starts will say, up to a NUL, and then what is
 * sent to it; without a NUL it is sent as a whole.
 *
 * This program is linked without src/platform/posix/child.c: a run is the
 * input, so that nothing is started.
 */
enum {
	INHERITED = 3, /* SD_LISTEN_FDS_START */
	PATIENCE_MS = 25000
};

static char folder[] = "/tmp/fuzz-listener-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_ready = PTHREAD_COND_INITIALIZER;
static bool is_listening;
static struct buffer said; /* by the next run; under the mutex */
static atomic_long runs_started;
static long runs_due; /* answers that promise one, or did not come */

#define require(condition) require_at(condition, #condition)

static void require_at(bool condition, const char *text)
{
	if (condition)
		return;
	(void)fprintf(stderr, "not so: %s\n", text);
	abort();
}

/* ---- the door to children ---- */

struct child {
	struct buffer output;
	size_t read_bytes;
};

int child_start(const struct child_options *options, struct child **out)
{
	struct child *child = calloc(1, sizeof(*child));

	require(child && strcmp(options->argv[2], "wakeup") == 0);
	(void)pthread_mutex_lock(&mutex);
	child->output = said;
	said = (struct buffer){0};
	(void)pthread_mutex_unlock(&mutex);
	atomic_fetch_add(&runs_started, 1);
	*out = child;
	return 0;
}

int child_read(struct child *child, void *data, size_t size, int64_t wait_ms,
	       size_t *got)
{
	(void)wait_ms;
	*got = child->output.size - child->read_bytes;
	if (*got > size)
		*got = size;
	if (*got > 0)
		memcpy(data, child->output.data + child->read_bytes, *got);
	child->read_bytes += *got;
	return 0;
}

int child_wait(struct child *child, int64_t wait_ms, int *status)
{
	(void)child;
	(void)wait_ms;
	*status = 0;
	return 0;
}

void child_free(struct child *child)
{
	if (child)
		buffer_clear(&child->output);
	free(child);
}

/* The listener has no use for the others. */
int child_write(struct child *child, const void *data, size_t size)
{
	(void)child;
	(void)data;
	(void)size;
	return EPIPE;
}

void child_close_input(struct child *child)
{
	(void)child;
}

void child_kill_tree(struct child *child)
{
	(void)child;
}

/* ---- the listener ---- */

static void tell_ready(const char *text)
{
	(void)text;
	(void)pthread_mutex_lock(&mutex);
	is_listening = true;
	(void)pthread_cond_signal(&is_ready);
	(void)pthread_mutex_unlock(&mutex);
}

static void *listen_for_ever(void *context)
{
	const struct event_sink events = {0};
	const struct listen_options options = {
	    .home = folder,
	    .prefix = "fuzz",
	    .ready = tell_ready,
	    .events = &events,
	};
	struct error err = {0};

	(void)context;
	(void)listen_run(&options, &err);
	(void)fprintf(stderr, "the listener ended: %s\n", err.text);
	abort();
}

static void write_config(void)
{
	static const char config[] = "{\"api_token\":\"t\"}";
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/fuzz.json", folder);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	require(file >= 0 && write(file, config, sizeof(config) - 1) ==
				 (ssize_t)sizeof(config) - 1);
	require(close(file) == 0);
}

static void remove_folder(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/fuzz.json", folder);
	(void)unlink(path);
	(void)unlink(address.sun_path);
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char pid[16];
	pthread_t thread;

	(void)argc;
	(void)argv;
	require(mkdtemp(folder) != NULL);
	require(atexit(remove_folder) == 0);
	write_config();
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		       folder);
	int own = socket(AF_UNIX, SOCK_STREAM, 0);
	require(own >= 0 &&
		bind(own, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(listen(own, 64) == 0);
	require(own == INHERITED || dup2(own, INHERITED) == INHERITED);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	require(setenv("LISTEN_PID", pid, 1) == 0);
	require(setenv("LISTEN_FDS", "1", 1) == 0);
	require(pthread_create(&thread, NULL, listen_for_ever, NULL) == 0);
	(void)pthread_mutex_lock(&mutex);
	while (!is_listening)
		(void)pthread_cond_wait(&is_ready, &mutex);
	(void)pthread_mutex_unlock(&mutex);
	return 0;
}

/* ---- who asks it ---- */

static int reach(void)
{
	int own = socket(AF_UNIX, SOCK_STREAM, 0);

	require(own >= 0 && connect(own, (struct sockaddr *)&address,
				    sizeof(address)) == 0);
	return own;
}

static void say(int own, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(own, data, size, MSG_NOSIGNAL);

		if (sent <= 0) /* it had enough */
			break;
		data += sent;
		size -= (size_t)sent;
	}
	(void)shutdown(own, SHUT_WR);
}

/* The fuzzer's own clock is a signal that may come meanwhile. */
static bool is_readable(int own, int wait_ms)
{
	struct pollfd wait = {.fd = own, .events = POLLIN};
	int count;

	do
		count = poll(&wait, 1, wait_ms);
	while (count < 0 && errno == EINTR);
	return count == 1;
}

/* What comes back until the end; false: it is not there yet. */
static bool hear(int own, int wait_ms, struct buffer *answer)
{
	char data[16 * 1024];

	while (is_readable(own, wait_ms)) {
		ssize_t got = recv(own, data, sizeof(data), 0);

		if (got <= 0)
			return true;
		require(buffer_append(answer, data, (size_t)got) == 0);
	}
	return false;
}

/* It serves in turn: what was said before this was heard has been dealt with
 * afterwards. */
static void be_refused(void)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	static const char refused[] = "HTTP/1.1 401";
	struct buffer answer = {0};
	int own = reach();

	say(own, request, strlen(request));
	require(hear(own, PATIENCE_MS, &answer));
	require(answer.size > strlen(refused) &&
		memcmp(answer.data, refused, strlen(refused)) == 0);
	buffer_clear(&answer);
	require(close(own) == 0);
}

/* Half a request is waited for until its time is over: not here, nor for a
 * moment, which half of all inputs would take. */
static void ask(const char *data, size_t size, struct buffer *answer)
{
	int own = reach();

	say(own, data, size);
	be_refused();
	(void)hear(own, 0, answer);
	require(close(own) == 0);
}

/* ---- what it answers ---- */

static int status_of(const char *answer)
{
	static const char start[] = "HTTP/1.";

	require(strncmp(answer, start, strlen(start)) == 0 &&
		strlen(answer) > 12);
	return atoi(answer + 9);
}

static const char *behind_headers(const char *answer)
{
	const char *gap = strstr(answer, "\r\n\r\n");

	require(gap != NULL);
	return gap + 4;
}

static void check_answer(const char *answer)
{
	while (*answer && status_of(answer) == 100)
		answer = behind_headers(answer);
	if (!*answer) { /* what comes later is not waited for */
		runs_due++;
		return;
	}
	int status = status_of(answer);
	require(status >= 200 && status < 600);
	const char *text = behind_headers(answer);
	if (status != 200)
		return;
	json_t *body = json_loads(text, 0, NULL);
	require(body || !*text); /* HEAD */
	if (body) {
		require(json_is_string(json_object_get(body, "state")));
		require(json_is_string(json_object_get(body, "version")));
	}
	/* who asks for the status starts none */
	if (!json_object_get(body, "running"))
		runs_due++;
	json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *gap = size ? memchr(text, '\0', size) : NULL;
	struct buffer answer = {0};

	if (gap) {
		(void)pthread_mutex_lock(&mutex);
		buffer_reset(&said);
		require(buffer_append(&said, text, (size_t)(gap - text)) == 0);
		(void)pthread_mutex_unlock(&mutex);
		size -= (size_t)(gap + 1 - text);
		text = gap + 1;
	}
	ask(text, size, &answer);
	check_answer(answer.data ? answer.data : "");
	buffer_clear(&answer);
	require(atomic_load(&runs_started) <= runs_due);
	return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/customizer.h"
#include "ingest/customizer_line.h"
#include "platform/child.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * The first byte of an input says how many questions are asked, whether of a
 * script, and in which pieces the answers come; the rest is what the children
 * say, one after the other, each up to a byte 0xfe.
 *
 * This program is linked without src/platform/posix/child.c: the child is the
 * input, so that nothing is started.
 */
enum {
	QUESTIONS_MASK = 3,
	IS_SCRIPT = 8,
	PIECE_SHIFT = 4, /* 0: all there is; else so many bytes, squared */
	END_OF_CHILD = 0xfe,
	DEATHS_CEILING = 20
};

struct child {
	pthread_mutex_t mutex;
	const uint8_t *data;
	size_t size;
	bool is_killed;
};

static char folder[] = "/tmp/fuzz-customizer-XXXXXX";

/* What is left of the input for the next child. */
static struct {
	const uint8_t *data;
	size_t size;
	size_t piece_bytes;
	int children;
} input;

/* Rung by the reader. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t rung;
	int count;
} bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* ---- the door to children ---- */

int child_start(const struct child_options *options, struct child **out)
{
	struct child *child = calloc(1, sizeof(*child));

	require(child && options->argv[0] && options->reads_output);
	require(pthread_mutex_init(&child->mutex, NULL) == 0);
	const uint8_t *end =
	    input.size ? memchr(input.data, END_OF_CHILD, input.size) : NULL;
	child->data = input.data;
	child->size = end ? (size_t)(end - input.data) : input.size;
	input.data += child->size + (end ? 1 : 0);
	input.size -= child->size + (end ? 1 : 0);
	input.children++;
	*out = child;
	return 0;
}

int child_write(struct child *child, const void *data, size_t size)
{
	require(data && size > 0 && ((const char *)data)[size - 1] == '\n');
	pthread_mutex_lock(&child->mutex);
	bool is_killed = child->is_killed;
	pthread_mutex_unlock(&child->mutex);
	return is_killed ? EPIPE : 0;
}

int child_read(struct child *child, void *data, size_t size, int64_t wait_ms,
	       size_t *got)
{
	(void)wait_ms;
	pthread_mutex_lock(&child->mutex);
	*got = child->is_killed ? 0 : child->size;
	if (input.piece_bytes > 0 && *got > input.piece_bytes)
		*got = input.piece_bytes;
	if (*got > size)
		*got = size;
	if (*got > 0)
		memcpy(data, child->data, *got);
	child->data += *got;
	child->size -= *got;
	pthread_mutex_unlock(&child->mutex);
	return 0;
}

void child_close_input(struct child *child)
{
	(void)child;
}

int child_wait(struct child *child, int64_t wait_ms, int *status)
{
	(void)wait_ms;
	*status = child->is_killed ? 128 + 9 : 0;
	return 0;
}

void child_kill_tree(struct child *child)
{
	pthread_mutex_lock(&child->mutex);
	child->is_killed = true;
	pthread_mutex_unlock(&child->mutex);
}

void child_free(struct child *child)
{
	if (!child)
		return;
	pthread_mutex_destroy(&child->mutex);
	free(child);
}

/* ---- threads ---- */

/* Those that ended wait for more to do: to make and clear away one takes a
 * sanitizer many times as long as all the rest of an input. */
struct thread {
	pthread_cond_t told;
	void (*run)(void *context);
	void *context;
	bool is_taken;
	bool is_busy;
};

enum { THREADS_CEILING = 8 };

static struct thread pool[THREADS_CEILING];
static size_t pool_count;
static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *work_for_ever(void *argument)
{
	struct thread *own = argument;

	pthread_mutex_lock(&pool_mutex);
	for (;;) {
		while (!own->is_busy)
			pthread_cond_wait(&own->told, &pool_mutex);
		pthread_mutex_unlock(&pool_mutex);
		own->run(own->context);
		pthread_mutex_lock(&pool_mutex);
		own->is_busy = false;
		pthread_cond_broadcast(&own->told);
	}
	return NULL;
}

static struct thread *take_thread(void)
{
	pthread_t id;

	for (size_t i = 0; i < pool_count; i++)
		if (!pool[i].is_taken)
			return &pool[i];
	require(pool_count < THREADS_CEILING);
	struct thread *thread = &pool[pool_count++];
	require(pthread_cond_init(&thread->told, NULL) == 0);
	require(pthread_create(&id, NULL, work_for_ever, thread) == 0);
	require(pthread_detach(id) == 0);
	return thread;
}

/* In place of thread_start and thread_join (ld --wrap). */
int __wrap_thread_start(size_t stack_bytes, void (*run)(void *context),
			void *context, struct thread **out);
void __wrap_thread_join(struct thread *thread);

int __wrap_thread_start(size_t stack_bytes, void (*run)(void *context),
			void *context, struct thread **out)
{
	require(stack_bytes > 0);
	pthread_mutex_lock(&pool_mutex);
	*out = take_thread();
	(*out)->run = run;
	(*out)->context = context;
	(*out)->is_taken = true;
	(*out)->is_busy = true;
	pthread_cond_broadcast(&(*out)->told);
	pthread_mutex_unlock(&pool_mutex);
	return 0;
}

void __wrap_thread_join(struct thread *thread)
{
	if (!thread)
		return;
	pthread_mutex_lock(&pool_mutex);
	while (thread->is_busy)
		pthread_cond_wait(&thread->told, &pool_mutex);
	thread->is_taken = false;
	pthread_mutex_unlock(&pool_mutex);
}

/* ---- who asks ---- */

static void ring(void *context)
{
	(void)context;
	pthread_mutex_lock(&bell.mutex);
	bell.count++;
	pthread_cond_signal(&bell.rung);
	pthread_mutex_unlock(&bell.mutex);
}

static void wait_for_bell(int *heard)
{
	pthread_mutex_lock(&bell.mutex);
	while (bell.count == *heard)
		pthread_cond_wait(&bell.rung, &bell.mutex);
	*heard = bell.count;
	pthread_mutex_unlock(&bell.mutex);
}

static void check_answer(const struct customizer_answer *answer,
			 const char *asked)
{
	require(answer->context == asked); /* in the order asked */
	require(answer->says == CUSTOMIZER_KEY ||
		answer->says == CUSTOMIZER_IGNORES ||
		answer->says == CUSTOMIZER_FAILED);
	if (answer->says == CUSTOMIZER_KEY)
		require(answer->key.size > 0 &&
			answer->key.size <= CUSTOMIZER_LINE_BYTES &&
			text_is_utf8(answer->key));
	if (answer->says == CUSTOMIZER_FAILED)
		require(answer->reason && strlen(answer->reason) > 0);
}

static void ask(struct customizer *customizer, int count)
{
	static char names[QUESTIONS_MASK + 1];
	struct customizer_answer answer;
	int heard = bell.count;
	int answered = 0;

	for (int i = 0; i < count; i++)
		require(customizer_ask(customizer, bytes_of_text("na\"me"),
				       &names[i], NULL) == 0);
	while (answered < count && !customizer_has_given_up(customizer)) {
		if (customizer_collect(customizer, &answer))
			check_answer(&answer, &names[answered++]);
		else if (!customizer_has_given_up(customizer))
			wait_for_bell(&heard);
	}
	require(customizer_waiting(customizer) == (size_t)(count - answered));
	/* what it says unasked */
	if (answered == count)
		require(!customizer_collect(customizer, &answer));
}

/* ---- lines of the worker ---- */

/* What is written as JSON is read back as it was, or it was no text. */
static void append_line(const uint8_t *data, size_t size)
{
	struct buffer line = {0};
	struct bytes text = {(const char *)data, size};
	bool is_whole = false;

	require(customizer_line_append(&line, text, &is_whole) == 0);
	json_t *value = json_loadb(line.data, line.size,
				   JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	require(json_is_string(value));
	for (size_t i = 0; i < line.size; i++)
		require(line.data[i] >= 0x20 && line.data[i] < 0x7f);
	if (text_is_utf8(text))
		require(is_whole &&
			bytes_equal(text,
				    (struct bytes){json_string_value(value),
						   json_string_length(value)}));
	json_decref(value);
	buffer_clear(&line);
}

/* ---- */

static void remove_folder(void)
{
	char path[64];

	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       i ? "script.js" : "program");
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[64];

	(void)argc;
	(void)argv;
	require(mkdtemp(folder) != NULL);
	require(atexit(remove_folder) == 0);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       i ? "script.js" : "program");
		int file = open(path, O_WRONLY | O_CREAT, 0700);
		require(file >= 0 && write(file, "//\n", 3) == 3);
		require(close(file) == 0);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t piece = data[0] >> PIECE_SHIFT;
	const struct customizer_options options = {
	    .folder = folder,
	    .name = data[0] & IS_SCRIPT ? "script" : "program",
	    .settings = "{}",
	    .wake = {ring, NULL},
	};
	struct error err = {0};

	append_line(data + 1, size - 1);
	input.data = data + 1;
	input.size = size - 1;
	input.piece_bytes = piece * piece;
	input.children = 0;
	struct customizer *customizer = customizer_new(&options, &err);
	require(customizer != NULL);
	ask(customizer, (data[0] & QUESTIONS_MASK) + 1);
	customizer_free(customizer);
	require(input.children <= DEATHS_CEILING + QUESTIONS_MASK + 1);
	return 0;
}

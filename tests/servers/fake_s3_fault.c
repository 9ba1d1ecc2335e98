#include "fake_s3.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * POST /_control takes lines such as
 *
 *	fail method=PUT key=data/ status=503 code=SlowDown times=3
 *	fail query=uploadId ok-with-error code=InternalError
 *	fail method=PUT reset=1000 | lost | wrong-etag
 *	fail method=PUT delay=200 | hold=200   ms, behind or before what it does
 *	clock +10800
 *	limit 200              requests a second; SlowDown to those above it
 *	ignore if-none-match
 *	reverse listings
 *	clear
 */
enum { FAULTS_MOST = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MOST];
static size_t fault_count;
static long clock_offset_s;

/* Counted in tenths of a second. */
static struct {
	long most;
	long count;
	long tenth;
} limit;
static bool is_condition_ignored;
static bool is_listing_reversed;

time_t fault_now(void)
{
	return time(NULL) + clock_offset_s;
}

bool fault_ignores_condition(void)
{
	return is_condition_ignored;
}

bool fault_reverses_listings(void)
{
	return is_listing_reversed;
}

static void set_word(struct fault *fault, const char *word)
{
	if (strcmp(word, "lost") == 0)
		fault->kind = FAULT_LOST;
	else if (strcmp(word, "ok-with-error") == 0)
		fault->kind = FAULT_OK_ERROR;
	else if (strcmp(word, "wrong-etag") == 0)
		fault->kind = FAULT_WRONG_ETAG;
	else if (sscanf(word, "reset=%lu", &fault->bytes) == 1)
		fault->kind = FAULT_RESET;
	else if (sscanf(word, "delay=%d", &fault->delay_ms) == 1)
		fault->kind = fault->kind ? fault->kind : FAULT_LATE;
	else if (sscanf(word, "hold=%d", &fault->delay_ms) == 1)
		fault->kind = FAULT_HELD;
	else if (sscanf(word, "status=%d", &fault->status) == 1)
		fault->kind = FAULT_STATUS;
	else if (sscanf(word, "method=%15s", fault->method) != 1 &&
		 sscanf(word, "key=%255s", fault->key_prefix) != 1 &&
		 sscanf(word, "query=%63s", fault->query) != 1 &&
		 sscanf(word, "code=%63s", fault->code) != 1 &&
		 sscanf(word, "region=%63s", fault->region) != 1 &&
		 sscanf(word, "times=%d", &fault->times) != 1 &&
		 sscanf(word, "skip=%d", &fault->skip) != 1)
		fprintf(stderr, "fake-s3: unknown word %s\n", word);
}

static void obey(char *line)
{
	char *save = NULL;
	char *verb = strtok_r(line, " ", &save);

	if (!verb)
		return;
	if (strcmp(verb, "clear") == 0) {
		fault_count = 0;
		limit.most = 0;
		clock_offset_s = 0;
		is_condition_ignored = false;
		is_listing_reversed = false;
	} else if (strcmp(verb, "clock") == 0) {
		char *value = strtok_r(NULL, " ", &save);

		clock_offset_s = value ? atol(value) : 0;
	} else if (strcmp(verb, "ignore") == 0) {
		is_condition_ignored = true;
	} else if (strcmp(verb, "reverse") == 0) {
		is_listing_reversed = true;
	} else if (strcmp(verb, "limit") == 0) {
		char *value = strtok_r(NULL, " ", &save);

		limit.most = value ? atol(value) / 10 + 1 : 0;
	} else if (strcmp(verb, "fail") == 0 && fault_count < FAULTS_MOST) {
		struct fault *fault = &faults[fault_count++];

		*fault = (struct fault){.times = 1};
		for (char *word = strtok_r(NULL, " ", &save); word;
		     word = strtok_r(NULL, " ", &save))
			set_word(fault, word);
	}
}

void fault_control(struct request *request, const char *text)
{
	char *copy = strdup(text);
	char *save = NULL;

	pthread_mutex_lock(&lock);
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		obey(line);
	pthread_mutex_unlock(&lock);
	free(copy);
	request->status = 200;
}

static bool fits(const struct fault *fault, const struct request *request)
{
	return fault->times > 0 &&
	       (!fault->method[0] ||
		strcmp(fault->method, request->method) == 0) &&
	       strncmp(request->key, fault->key_prefix,
		       strlen(fault->key_prefix)) == 0 &&
	       (!fault->query[0] || request_query(request, fault->query));
}

static bool is_above_limit(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	long tenth = now.tv_sec * 10 + now.tv_nsec / 100000000;
	if (tenth != limit.tenth)
		limit.count = 0;
	limit.tenth = tenth;
	return limit.most > 0 && ++limit.count > limit.most;
}

struct fault *fault_find(struct request *request)
{
	struct fault *found = NULL;

	pthread_mutex_lock(&lock);
	if (is_above_limit()) {
		found = calloc(1, sizeof(*found));
		found->kind = FAULT_STATUS;
		found->status = 503;
		strcpy(found->code, "SlowDown");
		pthread_mutex_unlock(&lock);
		return found;
	}
	for (size_t i = 0; i < fault_count && !found; i++) {
		if (!fits(&faults[i], request))
			continue;
		if (faults[i].skip > 0) {
			faults[i].skip--;
			continue;
		}
		faults[i].times--;
		found = malloc(sizeof(*found));
		*found = faults[i];
	}
	pthread_mutex_unlock(&lock);
	return found;
}

#include "ingest/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/retry.h"
#include "ingest/bucket.h"
#include "ingest/pace.h"
#include "platform/clock.h"
#include "platform/host.h"
#include "platform/system.h"

#define NS_PER_MS 1000000

enum {
	EXPECT_CONTINUE_BYTES = 1024 * 1024,
	REPLY_CEILING_BYTES = 16 * 1024 * 1024,
	FILES_RESERVED = 20,
	NEW_KEYS_MS = 1000
};

struct line {
	struct transfer *first;
	struct transfer **last;
};

struct transfer_queue {
	struct http *http;
	const struct s3_key_source *keys;
	struct s3_signing_key signing_key;
	int64_t patient_until_ns;
	struct pace pace;
	struct retry_budget budget;
	struct line ready[TRANSFER_RANKS];
	struct transfer *waiting; /* for a retry, soonest first */
	struct transfer *running;
	size_t count;
	size_t running_count;
	bool is_stopped;
};

static void line_append(struct line *line, struct transfer *transfer)
{
	transfer->next = NULL;
	*line->last = transfer;
	line->last = &transfer->next;
}

static struct transfer *line_take(struct line *line)
{
	struct transfer *transfer = line->first;

	if (!transfer)
		return NULL;
	line->first = transfer->next;
	if (!line->first)
		line->last = &line->first;
	return transfer;
}

static int window_ceiling(void)
{
	int64_t files = (host_file_limit() - FILES_RESERVED) / 2;

	return files < PACE_CEILING ? (int)files : PACE_CEILING;
}

struct transfer_queue *transfer_queue_new(
    const struct transfer_options *options, struct error *err)
{
	struct transfer_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		(void)error_set_memory(err);
		return NULL;
	}
	for (int i = 0; i < TRANSFER_RANKS; i++)
		queue->ready[i].last = &queue->ready[i].first;
	queue->keys = options->keys;
	queue->patient_until_ns = options->patient_until_ns;
	pace_init(&queue->pace, options->concurrency, options->learned,
		  window_ceiling());
	retry_budget_init(&queue->budget, RETRY_BUDGET_TOKENS);
	queue->http = http_new(options->route, err);
	if (!queue->http) {
		free(queue);
		return NULL;
	}
	return queue;
}

void transfer_queue_free(struct transfer_queue *queue)
{
	if (!queue)
		return;
	http_free(queue->http);
	s3_signing_key_clear(&queue->signing_key);
	free(queue);
}

void transfer_submit(struct transfer_queue *queue, struct transfer *transfer)
{
	transfer->attempts = 0;
	transfer->at_once = 0;
	transfer->first_ns = clock_steady_ns();
	queue->count++;
	line_append(&queue->ready[transfer->rank], transfer);
}

void transfer_wake(void *queue)
{
	http_wake(((struct transfer_queue *)queue)->http);
}

size_t transfer_count(const struct transfer_queue *queue)
{
	return queue->count;
}

int transfer_window(const struct transfer_queue *queue)
{
	return queue->pace.window;
}

static void finish(struct transfer_queue *queue, struct transfer *transfer,
		   const struct s3_verdict *verdict,
		   const struct http_reply *reply)
{
	queue->count--;
	bucket_note_end(transfer->bucket, verdict, transfer->first_ns);
	transfer->done(transfer, verdict, reply);
}

/* End a request that no server answered. */
static void finish_unsent(struct transfer_queue *queue,
			  struct transfer *transfer, enum s3_outcome outcome,
			  const char *text)
{
	const struct http_reply none = {.failure = HTTP_LOCAL};
	struct s3_verdict verdict = {.outcome = outcome, .retry_after_ms = -1};

	(void)snprintf(verdict.text, sizeof(verdict.text), "%s", text);
	queue->count--;
	transfer->done(transfer, &verdict, &none);
}

static void wait_for_retry(struct transfer_queue *queue,
			   struct transfer *transfer, int64_t wait_ms)
{
	struct transfer **place = &queue->waiting;

	transfer->due_ns = clock_steady_ns() + wait_ms * NS_PER_MS;
	while (*place && (*place)->due_ns <= transfer->due_ns)
		place = &(*place)->next;
	transfer->next = *place;
	*place = transfer;
}

static uint32_t random_number(void)
{
	uint32_t number = 0;

	/* without randomness the jitter is gone, the rule still holds */
	(void)system_random_bytes(&number, sizeof(number));
	return number;
}

static int start(struct transfer_queue *queue, struct transfer *transfer,
		 struct error *err)
{
	struct s3_prepared prepared = {0};
	const struct s3_signer signer = {
	    .keys = queue->keys->get(queue->keys->context),
	    .now_ns = bucket_now_ns(transfer->bucket),
	    .kept = &queue->signing_key,
	};
	int rc = s3_prepare(&transfer->request, &transfer->bucket->place,
			    &signer, &prepared, err);
	if (rc)
		goto cleanup;
	const struct http_request request = {
	    .method = transfer->request.method,
	    .url = prepared.url,
	    .headers = (const char *const *)prepared.headers,
	    .body = transfer->body,
	    .has_body = transfer->has_body,
	    .expect_continue =
		transfer->body.size_bytes > EXPECT_CONTINUE_BYTES,
	    .is_sent_once = transfer->is_sent_once,
	    .reply_ceiling_bytes = REPLY_CEILING_BYTES,
	    .context = transfer,
	};
	transfer->attempts++;
	transfer->moves = transfer->bucket->moves;
	transfer->started_ns = clock_steady_ns();
	pace_start(&queue->pace, transfer->started_ns);
	rc = http_start(queue->http, &request, err);

cleanup:
	s3_prepared_clear(&prepared);
	return rc;
}

static void running_add(struct transfer_queue *queue, struct transfer *transfer)
{
	transfer->previous = NULL;
	transfer->next = queue->running;
	if (queue->running)
		queue->running->previous = transfer;
	queue->running = transfer;
	queue->running_count++;
}

static void running_remove(struct transfer_queue *queue,
			   const struct transfer *transfer)
{
	if (transfer->previous)
		transfer->previous->next = transfer->next;
	else
		queue->running = transfer->next;
	if (transfer->next)
		transfer->next->previous = transfer->previous;
	queue->running_count--;
}

static void start_or_fail(struct transfer_queue *queue,
			  struct transfer *transfer)
{
	struct error err = {0};

	if (transfer->bucket->is_halted) {
		finish_unsent(queue, transfer, transfer->bucket->halt_outcome,
			      transfer->bucket->halt_text);
		return;
	}
	if (start(queue, transfer, &err)) {
		finish_unsent(queue, transfer, S3_LOCAL, err.text);
		return;
	}
	running_add(queue, transfer);
}

static bool pace_allows(const struct transfer_queue *queue)
{
	return queue->running_count < (size_t)queue->pace.window &&
	       (queue->pace.interval_ns == 0 ||
		pace_wait_ns(&queue->pace, clock_steady_ns()) == 0);
}

/* A body that would only wait for bandwidth is signed and sent later. */
static bool may_start(const struct transfer_queue *queue,
		      const struct transfer *transfer)
{
	return !transfer || !transfer->has_body || http_has_room(queue->http);
}

static void start_ready(struct transfer_queue *queue)
{
	for (int rank = 0; rank < TRANSFER_RANKS; rank++) {
		struct line *line = &queue->ready[rank];

		while (pace_allows(queue) && may_start(queue, line->first)) {
			struct transfer *transfer = line_take(line);

			if (!transfer)
				break;
			start_or_fail(queue, transfer);
		}
	}
}

static void wake_waiting(struct transfer_queue *queue)
{
	int64_t now_ns = clock_steady_ns();

	while (queue->waiting && queue->waiting->due_ns <= now_ns) {
		struct transfer *transfer = queue->waiting;

		queue->waiting = transfer->next;
		line_append(&queue->ready[transfer->rank], transfer);
	}
}

/* False: it was throttled, as others were that were sent with it. */
static bool keep_pace(struct transfer_queue *queue,
		      const struct transfer *transfer,
		      const struct s3_verdict *verdict)
{
	int64_t now_ns = clock_steady_ns();

	if (verdict->outcome == S3_TRY_AGAIN &&
	    verdict->retry == RETRY_THROTTLE)
		return pace_throttle(&queue->pace, now_ns,
				     now_ns - transfer->started_ns);
	if (verdict->status / 100 == 2 || verdict->status == 404 ||
	    verdict->outcome == S3_EXISTS) {
		pace_success(&queue->pace, now_ns);
		retry_budget_success(&queue->budget);
	}
	return true;
}

/* New keys take a while until every server of S3 knows them. */
static bool is_patient(const struct transfer_queue *queue,
		       const struct s3_verdict *verdict)
{
	bool may_be_new =
	    strcmp(verdict->code, "InvalidAccessKeyId") == 0 ||
	    strcmp(verdict->code, "SignatureDoesNotMatch") == 0 ||
	    (verdict->outcome == S3_UNKNOWN && verdict->status == 403);

	return may_be_new && !queue->is_stopped &&
	       clock_steady_ns() + NEW_KEYS_MS * NS_PER_MS <
		   queue->patient_until_ns;
}

/* It was signed before another request learned the region. */
static bool is_of_old_region(const struct transfer *transfer,
			     const struct s3_verdict *verdict)
{
	return verdict->outcome == S3_WRONG_REGION &&
	       transfer->moves != transfer->bucket->moves;
}

static void judge(struct transfer_queue *queue, struct transfer *transfer,
		  const struct http_reply *reply)
{
	struct s3_verdict verdict;

	s3_judge(&transfer->request, reply, &verdict);
	bool is_news = keep_pace(queue, transfer, &verdict);
	if (bucket_learn(transfer->bucket, &verdict) ||
	    is_of_old_region(transfer, &verdict))
		verdict.retry = RETRY_AT_ONCE;
	if (is_patient(queue, &verdict)) {
		wait_for_retry(queue, transfer, NEW_KEYS_MS);
		return;
	}
	const struct retry_case question = {
	    .class = verdict.retry,
	    .attempts = transfer->attempts,
	    .at_once = transfer->at_once,
	    .retry_after_ms = verdict.retry_after_ms,
	    .is_free = !is_news,
	};
	struct retry_verdict answer = {0};
	if (verdict.retry != RETRY_NEVER && !queue->is_stopped)
		answer =
		    retry_decide(&question, &queue->budget, random_number());
	if (!answer.retry) {
		finish(queue, transfer, &verdict, reply);
		return;
	}
	if (verdict.retry == RETRY_AT_ONCE)
		transfer->at_once++;
	wait_for_retry(queue, transfer, answer.wait_ms);
}

/* No longer than until the first of those that wait may be sent. */
static int step_wait_ms(const struct transfer_queue *queue, int wait_ms)
{
	int64_t now_ns = clock_steady_ns();
	int64_t until_ns = (int64_t)wait_ms * NS_PER_MS;
	int64_t pace_ns = pace_wait_ns(&queue->pace, now_ns);

	if (queue->waiting && queue->waiting->due_ns - now_ns < until_ns)
		until_ns = queue->waiting->due_ns - now_ns;
	if (pace_ns > 0 && pace_ns < until_ns)
		until_ns = pace_ns;
	if (until_ns < 0)
		until_ns = 0;
	return (int)((until_ns + NS_PER_MS - 1) / NS_PER_MS);
}

int transfer_turn(struct transfer_queue *queue, int wait_ms, struct error *err)
{
	struct http_reply reply;

	if (queue->is_stopped)
		transfer_stop(queue);
	wake_waiting(queue);
	start_ready(queue);
	int rc = http_step(queue->http, step_wait_ms(queue, wait_ms), err);
	if (rc)
		return rc;
	while (http_collect(queue->http, &reply)) {
		struct transfer *transfer = reply.context;

		running_remove(queue, transfer);
		judge(queue, transfer, &reply);
		http_reply_clear(&reply);
	}
	return 0;
}

static void end_list(struct transfer_queue *queue, struct transfer **list)
{
	while (*list) {
		struct transfer *transfer = *list;

		*list = transfer->next;
		finish_unsent(queue, transfer, S3_TRY_AGAIN, "stopped");
	}
}

void transfer_stop(struct transfer_queue *queue)
{
	queue->is_stopped = true;
	end_list(queue, &queue->waiting);
	for (int rank = 0; rank < TRANSFER_RANKS; rank++) {
		struct line *line = &queue->ready[rank];

		while (line->first)
			finish_unsent(queue, line_take(line), S3_TRY_AGAIN,
				      "stopped");
	}
}

void transfer_cut(struct transfer_queue *queue)
{
	http_cancel_all(queue->http);
	queue->running_count = 0;
	end_list(queue, &queue->running);
}

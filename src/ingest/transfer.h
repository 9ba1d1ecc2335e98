#ifndef S3I_INGEST_TRANSFER_H
#define S3I_INGEST_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/http.h"
#include "s3/s3.h"

struct bucket;
struct transfer_queue;

/* In the order in which they are started. */
enum transfer_rank {
	TRANSFER_FINISH, /* Complete, Abort, Create, ListParts */
	TRANSFER_PART,
	TRANSFER_PUT,
	TRANSFER_HEAD,
	TRANSFER_LIST,
	TRANSFER_RANKS
};

/*
 * One S3 request that is to be made until it is answered for good. The owner
 * embeds it and keeps it until done was called. A request that waits for its
 * turn or its retry holds no connection.
 */
struct transfer {
	struct s3_request request;
	struct http_body body;
	bool has_body;
	bool is_sent_once;  /* see http.h */
	bool carries_guard; /* a checksum that the endpoint may refuse */
	enum transfer_rank rank;
	struct bucket *bucket;
	/* The last answer. May submit other requests, or this one again. */
	void (*done)(struct transfer *transfer,
		     const struct s3_verdict *verdict,
		     const struct http_reply *reply);
	void *owner;
	int attempts; /* that were made; set by the queue */
	/* the queue's own */
	struct transfer *next;
	struct transfer *previous; /* of those that run */
	int at_once;
	int64_t first_ns;
	int64_t started_ns;
	int64_t due_ns;
	int moves; /* of the bucket, when it was signed */
};

struct transfer_options {
	const struct http_route *route;
	const struct s3_key_source *keys; /* borrowed */
	/* steady time until which keys that are not known yet may become so;
	 * 0: they are as they are */
	int64_t patient_until_ns;
	int concurrency; /* 0: auto */
	int learned;	 /* the endpoint's last window, 0: none */
};

struct transfer_queue *transfer_queue_new(
    const struct transfer_options *options, struct error *err);
void transfer_queue_free(struct transfer_queue *queue);

/* Put a request in line. It is signed anew for each attempt. */
void transfer_submit(struct transfer_queue *queue, struct transfer *transfer);

/* One turn: start what is due up to the window, move bytes for at most
 * wait_ms, hand out what ended. 0, or what makes going on senseless. */
int transfer_turn(struct transfer_queue *queue, int wait_ms, struct error *err);

/* Let the current or next turn end at once; for other threads. */
void transfer_wake(void *queue);

/* Requests in line, running or waiting for a retry. */
size_t transfer_count(const struct transfer_queue *queue);

/* How many run at once, now. */
int transfer_window(const struct transfer_queue *queue);

/* No new attempts from now on: what waits ends at once as S3_TRY_AGAIN with
 * the text "stopped". */
void transfer_stop(struct transfer_queue *queue);

/* Cut what still runs: each ends as "stopped". */
void transfer_cut(struct transfer_queue *queue);

#endif

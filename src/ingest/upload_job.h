#ifndef S3I_INGEST_UPLOAD_JOB_H
#define S3I_INGEST_UPLOAD_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/file_hash.h"
#include "ingest/ledger.h"
#include "ingest/transfer.h"
#include "ingest/upload_next.h"
#include "platform/folder.h"
#include "s3/s3.h"

struct bucket;
struct content_types;
struct policy;
struct tally;
struct upload;
struct upload_parts;
struct work;

/* What all uploads of a run share; borrowed. */
struct upload_context {
	struct ledger *ledger;
	struct transfer_queue *queue;
	struct work *work;
	const struct folder *home;
	struct tally *tally;
	struct content_types *content_types; /* of the system, once one is
						needed */
	int hash_threads;
	int64_t started_ms; /* real time, of the run: removals count from it */
	bool is_stopping;   /* what fails now is work that is left */
	bool is_sending;    /* the ledger knows that objects are replaced */
	/* where a step tells what came of it (upload.c) */
	void (*report)(struct upload *upload, enum upload_event event);
	/* the upload has ended and may be freed */
	void (*ended)(struct upload *upload, void *owner);
	void *owner;
	/* the ledger failed: the run cannot go on */
	struct error fatal;
};

/*
 * One file on its way. upload.c moves it from step to step; upload_check,
 * upload_put and upload_parts carry out one kind of step each.
 */
struct upload {
	struct upload_context *context;
	const struct policy *policy;
	int64_t policy_id;
	struct bucket *bucket;
	char *name;
	size_t name_size;
	size_t literal_bytes;
	char *key;
	size_t key_size;
	struct file_facts facts; /* what will be recorded */
	struct upload_state state;
	/* of the ledger's row, if there is one */
	enum ledger_state row_state;
	enum ledger_proof row_proof;
	bool row_has_sha256;
	unsigned char row_sha256[HASH_SHA256_BYTES];

	struct file *file; /* open from the first read to the end */
	int64_t read_ns;   /* real time before the first read */
	bool is_snapshot;  /* it may change while it is sent */
	bool is_offered;   /* the object may be what was sent, or not */
	bool is_hashed;
	struct file_hash hash; /* of the whole file */
	void (*after_hash)(struct upload *upload);
	char *data; /* the whole file, if it is small */
	struct transfer transfer;
	struct s3_object_facts remote; /* what HEAD told */
	enum upload_event head_said;   /* UPLOAD_DONE: it was not asked */
	bool guard_refused;	       /* go on without CRC64NVME */
	struct upload_parts *parts;

	char reason[512]; /* of a failure or a delay */
	enum s3_outcome outcome;
	bool is_ended;
	struct upload *next;
	struct upload *previous;
};

struct bytes upload_name(const struct upload *upload);
struct bytes upload_key(const struct upload *upload);

/* Open the file if it is not open yet, and make sure that it is the one that
 * was scanned and that nobody writes to it. UPLOAD_DONE, else what to report
 * (reason is set). */
enum upload_event upload_open(struct upload *upload);

/* Whether the open file still is what it was at the scan: UPLOAD_DONE, or
 * UPLOAD_CHANGED with a reason (never for a snapshot). */
enum upload_event upload_recheck(struct upload *upload);

/* Digest the whole file, opened if need be, then call next; small files at
 * once and kept in data. Where that fails, the event is reported instead. */
struct upload_digest {
	bool want_md5;
	int64_t part_size_bytes; /* see file_hash.h */
	void (*next)(struct upload *upload);
};
void upload_hash_whole(struct upload *upload,
		       const struct upload_digest *digest);

/* What a finished digest says: UPLOAD_DONE, or CHANGED or FAILED, with the
 * reason set. */
enum upload_event upload_judge_hash(struct upload *upload,
				    const struct file_hash *hash);

/* Whether it is read once and kept in memory until it is sent. */
bool upload_is_small(const struct upload *upload);

/* Report a failure with a reason; errno values too. */
void upload_fail(struct upload *upload, enum s3_outcome outcome,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));
void upload_fail_verdict(struct upload *upload, const char *what,
			 const struct s3_verdict *verdict);

/* A ledger function failed: remember why, the run ends. */
void upload_fatal(struct upload *upload, const struct error *err);

/* upload->transfer emptied, to make the next request of this upload in. */
struct s3_request *upload_request(struct upload *upload);

/* Begin upload->transfer: the request must have been made into it. */
void upload_send(struct upload *upload, enum transfer_rank rank,
		 void (*done)(struct transfer *transfer,
			      const struct s3_verdict *verdict,
			      const struct http_reply *reply));

/* Before the request that may replace the object. False: the ledger failed,
 * which was reported. */
bool upload_offer(struct upload *upload);

/* How the object is to be stored; pairs[count] holds the metadata. */
int upload_object(const struct upload *upload, struct s3_object *object,
		  struct s3_pair **pairs);

#endif

#include "ingest/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc64.h"
#include "base/hash.h"
#include "base/http.h"
#include "ingest/bucket.h"
#include "ingest/transfer.h"
#include "platform/clock.h"
#include "platform/file.h"

enum { PIECE_BYTES = 8 * 1024 * 1024, TURN_MS = 250 };

struct fetch {
	struct transfer_queue *queue;
	struct bucket *bucket;
	struct transfer transfer;
	/* of the request that runs */
	struct s3_verdict verdict;
	int (*read)(void *context, const struct http_reply *reply,
		    struct error *err); /* what a good reply holds */
	void *context;
	struct error problem; /* of read */
	bool is_done;
};

struct fetch *fetch_new(const struct fetch_options *options, struct error *err)
{
	const struct transfer_options queue = {
	    .route = options->route,
	    .keys = options->keys,
	    .concurrency = 1,
	};
	struct fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch) {
		(void)error_set_memory(err);
		return NULL;
	}
	fetch->bucket = options->bucket;
	fetch->queue = transfer_queue_new(&queue, err);
	if (fetch->queue)
		return fetch;
	fetch_free(fetch);
	return NULL;
}

void fetch_free(struct fetch *fetch)
{
	if (!fetch)
		return;
	s3_request_clear(&fetch->transfer.request);
	transfer_queue_free(fetch->queue);
	free(fetch);
}

/* ---- one request ---- */

static void answered(struct transfer *transfer,
		     const struct s3_verdict *verdict,
		     const struct http_reply *reply)
{
	struct fetch *fetch = transfer->owner;

	fetch->verdict = *verdict;
	fetch->is_done = true;
	if (verdict->outcome == S3_DONE)
		(void)fetch->read(fetch->context, reply, &fetch->problem);
}

static enum error_code code_of(enum s3_outcome outcome)
{
	switch (outcome) {
	case S3_MISSING:
		return ERROR_MISSING;
	case S3_DENIED:
	case S3_BAD_KEYS:
	case S3_UNKNOWN:
		return ERROR_REFUSED;
	case S3_UNREACHABLE:
	case S3_TRY_AGAIN:
		return ERROR_UNREACHABLE;
	case S3_LOCAL:
		return ERROR_LOCAL;
	default:
		return ERROR_LATER;
	}
}

static int run(struct fetch *fetch, struct error *err)
{
	fetch->is_done = false;
	fetch->problem = (struct error){0};
	transfer_submit(fetch->queue, &fetch->transfer);
	while (!fetch->is_done) {
		if (stop_requested()) {
			transfer_stop(fetch->queue);
			transfer_cut(fetch->queue);
			return error_set(err, ERROR_STOPPED, "stopped");
		}
		int rc = transfer_turn(fetch->queue, TURN_MS, err);
		if (rc)
			return rc;
	}
	if (fetch->verdict.outcome != S3_DONE)
		return error_set(err, code_of(fetch->verdict.outcome), "%s: %s",
				 fetch->transfer.request.method,
				 fetch->verdict.text);
	if (fetch->problem.code)
		return error_set(err, fetch->problem.code, "%s",
				 fetch->problem.text);
	return 0;
}

/* An emptied request, to be made. */
static struct s3_request *begin(struct fetch *fetch,
				int (*read)(void *context,
					    const struct http_reply *reply,
					    struct error *err),
				void *context)
{
	s3_request_clear(&fetch->transfer.request);
	fetch->transfer = (struct transfer){
	    .rank = TRANSFER_HEAD,
	    .bucket = fetch->bucket,
	    .done = answered,
	    .owner = fetch,
	};
	fetch->read = read;
	fetch->context = context;
	return &fetch->transfer.request;
}

/* made: what making the request said. */
static int finish(struct fetch *fetch, int made, struct error *err)
{
	return made ? error_set_memory(err) : run(fetch, err);
}

static int read_head(void *context, const struct http_reply *reply,
		     struct error *err)
{
	return s3_read_object(reply, context, err);
}

int fetch_head(struct fetch *fetch, struct bytes key,
	       struct s3_object_facts *facts, struct error *err)
{
	struct s3_request *request = begin(fetch, read_head, facts);

	return finish(fetch, s3_head_object_checksum(request, key), err);
}

static int read_listing(void *context, const struct http_reply *reply,
			struct error *err)
{
	return s3_read_listing(reply, context, err);
}

int fetch_list(struct fetch *fetch, struct bytes prefix, const char *token,
	       struct s3_listing *listing, struct error *err)
{
	const struct s3_list list = {.prefix = prefix, .token = token};
	struct s3_request *request = begin(fetch, read_listing, listing);

	*listing = (struct s3_listing){0};
	return finish(fetch, s3_list_objects(request, &list), err);
}

static int read_uploads(void *context, const struct http_reply *reply,
			struct error *err)
{
	return s3_read_uploads(reply, context, err);
}

int fetch_uploads(struct fetch *fetch, struct bytes prefix,
		  const char *key_marker, const char *upload_id_marker,
		  struct s3_upload_listing *listing, struct error *err)
{
	struct s3_request *request = begin(fetch, read_uploads, listing);

	*listing = (struct s3_upload_listing){0};
	return finish(
	    fetch,
	    s3_list_uploads(request, prefix, key_marker, upload_id_marker),
	    err);
}

static int read_nothing(void *context, const struct http_reply *reply,
			struct error *err)
{
	(void)context;
	(void)reply;
	(void)err;
	return 0;
}

int fetch_abort(struct fetch *fetch, struct bytes key, const char *upload_id,
		struct error *err)
{
	struct s3_request *request = begin(fetch, read_nothing, NULL);
	struct error problem = {0};
	int code =
	    finish(fetch, s3_abort_upload(request, key, upload_id), &problem);

	if (code == 0 || fetch->verdict.outcome == S3_NO_UPLOAD)
		return 0;
	return error_set(err, problem.code, "%s", problem.text);
}

/* ---- an object, piece by piece ---- */

struct sink {
	struct file *file;
	struct hash *sha256;
	uint64_t crc64;
	int64_t wanted_bytes; /* of the piece that runs */
};

static int read_piece(void *context, const struct http_reply *reply,
		      struct error *err)
{
	struct sink *sink = context;
	const struct buffer *body = &reply->body;

	if ((int64_t)body->size != sink->wanted_bytes)
		return error_set(err, ERROR_LATER,
				 "GET: another number of bytes than asked for");
	int system_code = file_write(sink->file, body->data, body->size);
	if (system_code)
		return error_set_system(err, system_code, "write");
	sink->crc64 = crc64_update(sink->crc64, body->data, body->size);
	return hash_update(sink->sha256, body->data, body->size)
		   ? error_set_memory(err)
		   : 0;
}

static int compare(struct sink *sink, const struct s3_object_facts *facts,
		   struct error *err)
{
	unsigned char sha256[HASH_SHA256_BYTES];
	bool differs = facts->has_crc64 && facts->crc64 != sink->crc64;

	if (hash_finish(sink->sha256, sha256))
		return error_set_memory(err);
	if (facts->has_sha256 &&
	    memcmp(sha256, facts->sha256, sizeof(sha256)) != 0)
		differs = true;
	return differs ? error_set(err, ERROR_LATER,
				   "GET: not what its checksum says")
		       : 0;
}

int fetch_object(struct fetch *fetch, struct bytes key,
		 const struct s3_object_facts *facts, struct file *file,
		 struct error *err)
{
	struct sink sink = {.file = file, .sha256 = hash_new(HASH_SHA256)};
	int code = sink.sha256 ? 0 : error_set_memory(err);

	if (code == 0 && facts->size_bytes < 0)
		code = error_set(err, ERROR_LATER, "HEAD: no size was told");
	for (int64_t at = 0; code == 0 && at < facts->size_bytes;
	     at += sink.wanted_bytes) {
		int64_t left = facts->size_bytes - at;
		struct s3_request *request = begin(fetch, read_piece, &sink);

		sink.wanted_bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
		code = finish(fetch,
			      s3_get_range(request, key, facts->etag, at,
					   sink.wanted_bytes),
			      err);
	}
	if (code == 0)
		code = compare(&sink, facts, err);
	hash_free(sink.sha256);
	return code;
}

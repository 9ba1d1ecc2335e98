#include "ingest/upload_put.h"

#include <stdlib.h>

#include "ingest/bucket.h"
#include "ingest/upload_job.h"

/* The request, with the body behind it, ready to be sent. */
static int make_put(struct upload *upload, bool only_if_new)
{
	struct s3_object object;
	struct s3_pair *metadata = NULL;
	struct transfer *transfer = &upload->transfer;
	bool takes_crc64 = !upload->hash.want_md5;
	const struct s3_guard guard = {
	    .sha256 = upload->hash.sha256,
	    .has_crc64 = takes_crc64,
	    .crc64 = upload->hash.crc64,
	    .md5 = takes_crc64 ? NULL : upload->hash.md5,
	};
	int rc = upload_object(upload, &object, &metadata);

	if (rc == 0)
		rc = s3_put_object(upload_request(upload), upload_key(upload),
				   &object, &guard, only_if_new);
	free(metadata);
	if (rc)
		return rc;
	transfer->carries_guard = takes_crc64;
	transfer->has_body = true;
	transfer->body = (struct http_body){
	    .data = upload->data,
	    .file = upload->data ? NULL : upload->file,
	    .size_bytes = upload->facts.size_bytes,
	};
	return 0;
}

/* ---- what the endpoint can, found out on what it has just stored ---- */

/* Nothing of this changes that the file is there. */
static void tried_condition(struct transfer *transfer,
			    const struct s3_verdict *verdict,
			    const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;

	(void)reply;
	if (verdict->outcome == S3_EXISTS || verdict->outcome == S3_DONE)
		bucket_learn_condition(upload->bucket,
				       verdict->outcome == S3_EXISTS);
	upload->context->report(upload, UPLOAD_DONE);
}

/* The same bytes again, if the key is new: an endpoint that does not know the
 * condition stores them once more, and nothing is lost. */
static bool try_condition(struct upload *upload)
{
	bool was_new =
	    upload->head_said == UPLOAD_ABSENT ||
	    (upload->head_said == UPLOAD_UNSURE && upload->bucket->head_works);

	if (!was_new || !upload->data ||
	    !bucket_wants_condition(upload->bucket) || make_put(upload, true))
		return false;
	upload_send(upload, TRANSFER_PUT, tried_condition);
	return true;
}

static void tried_head(struct transfer *transfer,
		       const struct s3_verdict *verdict,
		       const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;

	(void)reply;
	upload->bucket->head_works = verdict->outcome == S3_DONE;
	if (verdict->outcome == S3_DONE)
		upload->bucket->facts.head_denied = false;
	else if (verdict->outcome == S3_UNKNOWN)
		upload->bucket->facts.head_denied = true;
	if (!try_condition(upload))
		upload->context->report(upload, UPLOAD_DONE);
}

/* 403 to HEAD is the answer for a key that is not there, and for one that
 * nobody may ask about: this one is there. */
static bool try_head(struct upload *upload)
{
	bool is_open =
	    upload->head_said == UPLOAD_UNSURE || upload->state.head_denied;

	if (!is_open || !bucket_wants_head(upload->bucket) ||
	    s3_head_object(upload_request(upload), upload_key(upload)))
		return false;
	upload_send(upload, TRANSFER_HEAD, tried_head);
	return true;
}

/* ---- the reply ---- */

/* What S3 says that it stored must be what we sent. */
static bool echo_differs(const struct upload *upload,
			 const struct http_reply *reply)
{
	struct s3_object_facts stored = {0};

	if (!upload->transfer.carries_guard ||
	    s3_read_object(reply, &stored, NULL))
		return false;
	return stored.has_crc64 && stored.crc64 != upload->hash.crc64;
}

static void accepted(struct upload *upload, const struct http_reply *reply)
{
	if (echo_differs(upload, reply)) {
		upload_fail(upload, S3_FAILED,
			    "PUT: S3 stored another checksum than was sent");
		return;
	}
	if (upload->guard_refused)
		bucket_refused_crc64(upload->bucket, false);
	enum upload_event event = upload_recheck(upload);
	if (upload->state.step == UPLOAD_PUT_NEW)
		upload->bucket->expects_key = false;
	else if (event == UPLOAD_DONE &&
		 (try_condition(upload) || try_head(upload)))
		return;
	upload->context->report(upload, event);
}

/* After an attempt that ended without an answer it may be our own success. */
static void existed(struct upload *upload)
{
	upload->state.may_be_ours = upload->transfer.attempts > 1;
	upload->bucket->expects_key = true;
	bucket_learn_condition(upload->bucket, true);
	upload->context->report(upload, UPLOAD_EXISTS);
}

/* It did keep the condition once; what it is now is found out anew. */
static void refused_condition(struct upload *upload)
{
	upload->bucket->facts.keeps_condition = false;
	upload->bucket->facts.condition_found_ms = 0;
	upload->context->report(upload, UPLOAD_UNSURE);
}

static bool is_about_condition(struct upload *upload,
			       const struct s3_verdict *verdict)
{
	if (verdict->outcome == S3_EXISTS)
		existed(upload);
	else if (verdict->outcome == S3_GUARD_REFUSED || verdict->status == 501)
		refused_condition(upload);
	else
		return false;
	return true;
}

/* Refused because of its bytes: did the file move, or was it the line? */
static void refused_bytes(struct upload *upload,
			  const struct s3_verdict *verdict)
{
	enum upload_event event = upload_recheck(upload);

	if (event == UPLOAD_DONE)
		upload_fail_verdict(upload, "PUT", verdict);
	else
		upload->context->report(upload, event);
}

static void sent(struct transfer *transfer, const struct s3_verdict *verdict,
		 const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;

	if (upload->state.step == UPLOAD_PUT_NEW &&
	    is_about_condition(upload, verdict))
		return;
	switch (verdict->outcome) {
	case S3_DONE:
		accepted(upload, reply);
		break;
	case S3_GUARD_REFUSED:
		if (upload->guard_refused) {
			upload_fail_verdict(upload, "PUT", verdict);
			break;
		}
		upload->guard_refused = true;
		upload_put(upload);
		break;
	case S3_GUARD_MISMATCH:
	case S3_LOCAL:
		refused_bytes(upload, verdict);
		break;
	default:
		upload_fail_verdict(upload, "PUT", verdict);
		break;
	}
}

static void put(struct upload *upload)
{
	bool only_if_new = upload->state.step == UPLOAD_PUT_NEW;

	if (make_put(upload, only_if_new))
		upload_fail(upload, S3_LOCAL, "PUT: out of memory");
	else if (upload_offer(upload))
		upload_send(upload, TRANSFER_PUT, sent);
}

void upload_put(struct upload *upload)
{
	bool want_md5 =
	    upload->guard_refused || !bucket_takes_crc64(upload->bucket, false);

	if (upload->is_hashed && upload->hash.want_md5 == want_md5)
		put(upload);
	else
		upload_hash_whole(upload, &(struct upload_digest){
					      .want_md5 = want_md5,
					      .next = put,
					  });
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc64.h"
#include "ingest/bucket.h"
#include "ingest/upload_job.h"
#include "ingest/upload_parts.h"
#include "ingest/upload_parts_internal.h"
#include "s3/s3_value.h"

/* ---- Complete ---- */

static uint64_t whole_crc64(const struct upload_parts *parts)
{
	uint64_t crc = 0;

	for (int n = 1; n <= parts->plan.part_count; n++)
		crc =
		    crc64_combine(crc, parts->parts[n - 1].crc64,
				  (uint64_t)upload_plan_size(&parts->plan, n));
	return crc;
}

int upload_parts_forget(struct upload *upload, struct error *err)
{
	struct ledger *ledger = upload->context->ledger;

	if (!upload->parts->row.may_have_twin)
		return ledger_upload_forget(ledger, upload->policy_id,
					    upload_name(upload), err);
	upload->parts->row.upload_id[0] = '\0';
	return ledger_upload_record(ledger, &upload->parts->row, err);
}

/* The object is there, and made of our parts. */
static void settled(struct upload *upload, enum upload_event event)
{
	struct error err = {0};

	if (upload->guard_refused)
		bucket_refused_crc64(upload->bucket, true);
	if (upload_parts_forget(upload, &err))
		upload_fatal(upload, &err);
	else
		upload->context->report(upload, event);
}

static void completed(struct transfer *transfer,
		      const struct s3_verdict *verdict,
		      const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct s3_object_facts stored = {0};
	struct error err = {0};

	if (verdict->outcome == S3_NO_UPLOAD) {
		upload->context->report(upload, UPLOAD_LOST);
		return;
	}
	if (verdict->outcome != S3_DONE) {
		upload_fail_verdict(upload, "CompleteMultipartUpload", verdict);
		return;
	}
	if (s3_read_completed(reply, &stored, &err)) {
		upload_fail(upload, S3_FAILED, "CompleteMultipartUpload: %s",
			    err.text);
		return;
	}
	if (upload->parts->row.has_crc64 && stored.has_crc64 &&
	    stored.crc64 != whole_crc64(upload->parts)) {
		upload_fail(upload, S3_FAILED,
			    "S3 stored another checksum than was sent");
		return;
	}
	settled(upload, UPLOAD_DONE);
}

/* So that after a kill the next run can tell an object of these parts. */
static bool parts_are_durable(struct upload *upload)
{
	struct error err = {0};

	if (ledger_commit(upload->context->ledger, &err) == 0)
		return true;
	upload_fatal(upload, &err);
	return false;
}

void upload_complete(struct upload *upload)
{
	struct upload_parts *parts = upload->parts;
	struct transfer *transfer = &upload->transfer;
	uint64_t crc64 = whole_crc64(parts);
	enum upload_event event = upload_recheck(upload);

	if (event != UPLOAD_DONE) {
		upload->context->report(upload, event);
		return;
	}
	if (!parts_are_durable(upload))
		return;
	if (s3_complete_upload(upload_request(upload), upload_key(upload),
			       parts->row.upload_id, parts->parts,
			       (size_t)parts->plan.part_count,
			       parts->row.has_crc64 ? &crc64 : NULL)) {
		upload_fail(upload, S3_LOCAL, "out of memory");
		return;
	}
	transfer->has_body = true;
	transfer->body = (struct http_body){
	    .data = transfer->request.body.data,
	    .size_bytes = (int64_t)transfer->request.body.size};
	if (upload_offer(upload))
		upload_send(upload, TRANSFER_FINISH, completed);
}

/* ---- whether it was completed after all ---- */

/* The MD5 of the parts' MD5s, as S3 names what was made of parts; false where
 * their ETags are none. */
static bool whole_etag(const struct upload_parts *parts, char *etag,
		       size_t size)
{
	size_t count = (size_t)parts->plan.part_count;
	unsigned char(*digests)[HASH_MD5_BYTES] =
	    calloc(count, sizeof(*digests));
	unsigned char digest[HASH_MD5_BYTES];
	char hex[2 * HASH_MD5_BYTES + 1];
	bool all = digests != NULL;

	for (size_t i = 0; all && i < count; i++)
		all = s3_value_etag_md5(parts->parts[i].etag, digests[i]);
	const struct bytes raw = {(const char *)digests,
				  count * sizeof(*digests)};
	if (all && hash_md5(raw, digest) == 0) {
		hash_hex(digest, sizeof(digest), hex);
		(void)snprintf(etag, size, "\"%s-%zu\"", hex, count);
	} else {
		all = false;
	}
	free(digests);
	return all;
}

static bool is_of_our_parts(const struct upload *upload,
			    const struct s3_object_facts *remote)
{
	const struct upload_parts *parts = upload->parts;
	char etag[64];

	if (remote->size_bytes != upload->facts.size_bytes)
		return false;
	if (parts->row.has_crc64 && remote->has_crc64)
		return remote->crc64 == whole_crc64(parts);
	return whole_etag(parts, etag, sizeof(etag)) &&
	       strcmp(etag, remote->etag) == 0;
}

static void looked_up(struct transfer *transfer,
		      const struct s3_verdict *verdict,
		      const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct s3_object_facts remote = {0};
	bool is_known = verdict->outcome == S3_MISSING ||
			verdict->outcome == S3_UNKNOWN ||
			verdict->outcome == S3_DENIED;

	if (verdict->outcome == S3_DONE &&
	    s3_read_object(reply, &remote, NULL) == 0 &&
	    is_of_our_parts(upload, &remote))
		settled(upload, UPLOAD_SAME);
	else if (verdict->outcome == S3_DONE || is_known)
		upload->context->report(upload, UPLOAD_DIFFERS);
	else
		upload_fail_verdict(upload, "HEAD", verdict);
}

void upload_confirm(struct upload *upload)
{
	const struct upload_parts *parts = upload->parts;

	if (upload->state.is_second)
		upload_fail(upload, S3_FAILED,
			    "its upload in parts is gone again: does a rule of "
			    "the bucket, or somebody else, abort them?");
	else if (parts->done_count < parts->plan.part_count)
		upload->context->report(upload, UPLOAD_DIFFERS);
	else if (s3_head_object_checksum(upload_request(upload),
					 upload_key(upload)))
		upload_fail(upload, S3_LOCAL, "HEAD: out of memory");
	else
		upload_send(upload, TRANSFER_HEAD, looked_up);
}

/* ---- Abort ---- */

static void aborted(struct transfer *transfer, const struct s3_verdict *verdict,
		    const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct error err = {0};

	(void)reply;
	/* where it failed the row stays, and a later run aborts it */
	if ((verdict->outcome == S3_DONE || verdict->outcome == S3_NO_UPLOAD) &&
	    upload_parts_forget(upload, &err))
		(void)error_set(&upload->context->fatal, err.code, "%s",
				err.text);
	upload->context->report(upload, UPLOAD_DONE);
}

void upload_abort(struct upload *upload)
{
	if (s3_abort_upload(upload_request(upload), upload_key(upload),
			    upload->parts->row.upload_id))
		upload->context->report(upload, UPLOAD_DONE);
	else
		upload_send(upload, TRANSFER_FINISH, aborted);
}

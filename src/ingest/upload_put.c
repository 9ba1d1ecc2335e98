#include "ingest/upload_put.h"

#include <stdlib.h>

#include "ingest/bucket.h"
#include "ingest/upload_job.h"

static void put(struct upload *upload);

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
	upload->context->report(upload, upload_recheck(upload));
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
				   &object, &guard, false);
	free(metadata);
	if (rc) {
		upload_fail(upload, S3_LOCAL, "PUT: out of memory");
		return;
	}
	transfer->carries_guard = takes_crc64;
	transfer->has_body = true;
	transfer->body = (struct http_body){
	    .data = upload->data,
	    .file = upload->data ? NULL : upload->file,
	    .size_bytes = upload->facts.size_bytes,
	};
	if (upload_offer(upload))
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

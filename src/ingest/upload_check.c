#include "ingest/upload_check.h"

#include <string.h>

#include "ingest/bucket.h"
#include "ingest/bucket_page.h"
#include "ingest/upload_job.h"
#include "ingest/upload_parts.h"
#include "s3/s3_value.h"

#define NS_PER_S 1000000000

static void compare_row(struct upload *upload)
{
	bool same = memcmp(upload->row_sha256, upload->hash.sha256,
			   HASH_SHA256_BYTES) == 0;

	upload->context->report(upload, same ? UPLOAD_SAME : UPLOAD_DIFFERS);
}

void upload_compare(struct upload *upload)
{
	int64_t part_bytes = upload_parts_size(upload);

	if (!upload->row_has_sha256)
		upload->context->report(upload, UPLOAD_DIFFERS);
	else
		upload_hash_whole(upload, &(struct upload_digest){
					      .part_size_bytes = part_bytes,
					      .next = compare_row,
					  });
}

/* Seconds, rounded down also before 1970. */
static int64_t whole_seconds(int64_t ns)
{
	return ns / NS_PER_S - (ns % NS_PER_S < 0);
}

static bool is_found(const struct upload *upload)
{
	const struct s3_object_facts *remote = &upload->remote;

	if (remote->size_bytes != upload->facts.size_bytes)
		return false;
	if (upload->state.must_match || upload->state.may_be_ours ||
	    (upload->state.is_recheck && upload->state.has_row))
		return true;
	return whole_seconds(upload->facts.mtime_ns) <= remote->modified_s;
}

/* What this key is like, the next one may be. */
static void answer(struct upload *upload, enum upload_event event)
{
	upload->head_said = event;
	upload->bucket->expects_key =
	    event == UPLOAD_FOUND || event == UPLOAD_DIFFERS;
	upload->context->report(upload, event);
}

static void asked(struct transfer *transfer, const struct s3_verdict *verdict,
		  const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct error err = {0};

	switch (verdict->outcome) {
	case S3_DONE:
		upload->bucket->head_works = true;
		if (s3_read_object(reply, &upload->remote, &err))
			upload_fail(upload, S3_FAILED, "HEAD: %s", err.text);
		else
			answer(upload, is_found(upload) ? UPLOAD_FOUND
							: UPLOAD_DIFFERS);
		break;
	case S3_MISSING:
		answer(upload, UPLOAD_ABSENT);
		break;
	case S3_UNKNOWN:
	case S3_DENIED:
		answer(upload, UPLOAD_UNSURE);
		break;
	default:
		upload_fail_verdict(upload, "HEAD", verdict);
		break;
	}
}

void upload_ask(struct upload *upload)
{
	struct s3_request *request = upload_request(upload);
	struct bytes key = upload_key(upload);
	bool by_content = upload->state.must_match || upload->state.may_be_ours;
	int rc = by_content ? s3_head_object_checksum(request, key)
			    : s3_head_object(request, key);

	if (rc)
		upload_fail(upload, S3_LOCAL, "HEAD: out of memory");
	else
		upload_send(upload, TRANSFER_HEAD, asked);
}

void upload_hear(struct upload *upload, const struct bucket_listed *listed)
{
	if (!listed->is_there) {
		answer(upload, UPLOAD_ABSENT);
		return;
	}
	upload->remote = (struct s3_object_facts){
	    .size_bytes = listed->size_bytes,
	    .modified_s = listed->modified_s,
	};
	memcpy(upload->remote.etag, listed->etag, sizeof(listed->etag));
	answer(upload, is_found(upload) ? UPLOAD_FOUND : UPLOAD_DIFFERS);
}

static bool is_equal(const struct upload *upload)
{
	const struct s3_object_facts *remote = &upload->remote;
	unsigned char md5[HASH_MD5_BYTES];

	if (remote->has_sha256)
		return memcmp(remote->sha256, upload->hash.sha256,
			      HASH_SHA256_BYTES) == 0;
	if (remote->has_crc64)
		return remote->crc64 == upload->hash.crc64;
	return s3_value_etag_md5(remote->etag, md5) &&
	       memcmp(md5, upload->hash.md5, HASH_MD5_BYTES) == 0;
}

static void match(struct upload *upload)
{
	upload->context->report(upload, is_equal(upload) ? UPLOAD_SAME
							 : UPLOAD_DIFFERS);
}

void upload_match(struct upload *upload)
{
	unsigned char md5[HASH_MD5_BYTES];
	bool by_etag = s3_value_etag_md5(upload->remote.etag, md5);

	if (!upload->remote.has_sha256 && !upload->remote.has_crc64 && !by_etag)
		upload->context->report(upload, UPLOAD_DIFFERS);
	else
		upload_hash_whole(upload, &(struct upload_digest){
					      .want_md5 = by_etag,
					      .next = match,
					  });
}

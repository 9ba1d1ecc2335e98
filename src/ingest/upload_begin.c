#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/bucket.h"
#include "ingest/policy.h"
#include "ingest/upload_job.h"
#include "ingest/upload_parts.h"
#include "ingest/upload_parts_internal.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000

/* ---- Create ---- */

static void fill_row(struct upload *upload)
{
	struct ledger_upload *row = &upload->parts->row;
	const struct file_facts *facts = &upload->facts;
	int64_t twin_since_ms = upload->parts->twin_since_ms;

	*row = (struct ledger_upload){
	    .policy = upload->policy_id,
	    .name = upload_name(upload),
	    .key = upload_key(upload),
	    .part_size_bytes = upload->parts->plan.part_size_bytes,
	    .size_bytes = facts->size_bytes,
	    .mtime_ns = facts->mtime_ns,
	    .ctime_ns = facts->ctime_ns,
	    .file_id = facts->file_id,
	    .started_ms =
		twin_since_ms ? twin_since_ms : clock_real_ns() / NS_PER_MS,
	    .may_have_twin = twin_since_ms != 0,
	    .has_crc64 = !upload->guard_refused &&
			 bucket_takes_crc64(upload->bucket, true),
	};
	(void)snprintf(row->endpoint, sizeof(row->endpoint), "%s",
		       upload->bucket->place.endpoint);
	(void)snprintf(row->bucket, sizeof(row->bucket), "%s",
		       upload->bucket->place.bucket);
}

static int save_row(struct upload *upload)
{
	struct error err = {0};
	struct ledger *ledger = upload->context->ledger;
	int rc = ledger_upload_record(ledger, &upload->parts->row, &err);

	if (rc == 0)
		rc = ledger_commit(ledger, &err);
	if (rc)
		upload_fatal(upload, &err);
	return rc;
}

static void create(struct upload *upload);

static void created(struct transfer *transfer, const struct s3_verdict *verdict,
		    const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct ledger_upload *row = &upload->parts->row;
	struct error err = {0};

	if (verdict->outcome == S3_GUARD_REFUSED && row->has_crc64) {
		upload->guard_refused = true;
		create(upload);
		return;
	}
	if (verdict->outcome != S3_DONE) {
		upload_fail_verdict(upload, "CreateMultipartUpload", verdict);
		return;
	}
	if (s3_read_upload_id(reply, row->upload_id, sizeof(row->upload_id),
			      &err)) {
		upload_fail(upload, S3_FAILED, "CreateMultipartUpload: %s",
			    err.text);
		return;
	}
	if (transfer->attempts > 1)
		row->may_have_twin = true;
	if (save_row(upload) == 0)
		upload->context->report(upload, UPLOAD_DONE);
}

static void create(struct upload *upload)
{
	struct s3_object object;
	struct s3_pair *metadata = NULL;

	fill_row(upload);
	if (save_row(upload))
		return;
	int rc = upload_object(upload, &object, &metadata);
	if (rc == 0)
		rc =
		    s3_create_upload(upload_request(upload), upload_key(upload),
				     &object, upload->parts->row.has_crc64);
	free(metadata);
	if (rc) {
		upload_fail(upload, S3_LOCAL, "out of memory");
		return;
	}
	/* each attempt may make an upload: they are counted */
	upload->transfer.is_sent_once = true;
	upload_send(upload, TRANSFER_FINISH, created);
}

static void stale_aborted(struct transfer *transfer,
			  const struct s3_verdict *verdict,
			  const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct error err = {0};

	(void)reply;
	if (verdict->outcome != S3_DONE && verdict->outcome != S3_NO_UPLOAD) {
		upload_fail_verdict(upload, "AbortMultipartUpload", verdict);
		return;
	}
	upload->parts->stale_id[0] = '\0';
	if (ledger_upload_forget(upload->context->ledger, upload->policy_id,
				 upload_name(upload), &err))
		upload_fatal(upload, &err);
	else
		create(upload);
}

void upload_create(struct upload *upload)
{
	enum upload_event event = upload_open(upload);

	if (event != UPLOAD_DONE) {
		upload->context->report(upload, event);
		return;
	}
	memset(upload->parts->parts, 0,
	       (size_t)upload->parts->plan.part_count *
		   sizeof(*upload->parts->parts));
	upload->parts->done_count = 0;
	if (upload->parts->stale_id[0] == '\0')
		create(upload);
	else if (s3_abort_upload(upload_request(upload), upload_key(upload),
				 upload->parts->stale_id))
		upload_fail(upload, S3_LOCAL, "out of memory");
	else
		upload_send(upload, TRANSFER_FINISH, stale_aborted);
}

/* ---- ListParts ---- */

static void list_page(struct upload *upload, int after);

static void listed(struct transfer *transfer, const struct s3_verdict *verdict,
		   const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct s3_parts page = {0};
	struct error err = {0};

	if (verdict->outcome == S3_NO_UPLOAD || verdict->outcome == S3_DENIED) {
		upload_parts_keep_known(upload->parts, NULL);
		upload->context->report(upload, verdict->outcome == S3_DENIED
						    ? UPLOAD_DONE
						    : UPLOAD_LOST);
		return;
	}
	if (verdict->outcome != S3_DONE) {
		upload_fail_verdict(upload, "ListParts", verdict);
		return;
	}
	if (s3_read_parts(reply, &page, &err)) {
		upload_fail(upload, S3_FAILED, "ListParts: %s", err.text);
		return;
	}
	for (size_t i = 0; i < page.count; i++)
		upload_parts_keep_known(upload->parts, &page.parts[i]);
	int after = page.is_truncated ? page.next_number : 0;
	s3_parts_clear(&page);
	/* a server that stays where it is would be asked for ever */
	if (after > upload->parts->listed_after)
		list_page(upload, after);
	else
		upload->context->report(upload, UPLOAD_DONE);
}

static void list_page(struct upload *upload, int after)
{
	upload->parts->listed_after = after;
	if (s3_list_parts(upload_request(upload), upload_key(upload),
			  upload->parts->row.upload_id, after))
		upload_fail(upload, S3_LOCAL, "out of memory");
	else
		upload_send(upload, TRANSFER_FINISH, listed);
}

void upload_list_parts(struct upload *upload)
{
	enum upload_event event = upload_open(upload);

	if (event != UPLOAD_DONE)
		upload->context->report(upload, event);
	else
		list_page(upload, 0);
}

#include "ingest/upload_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc64.h"
#include "ingest/bucket.h"
#include "ingest/ledger.h"
#include "ingest/policy.h"
#include "ingest/upload_job.h"
#include "ingest/upload_plan.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000

enum { SLOTS = 16 };

/* One part on its way: first its digest is made, then it is sent. */
struct slot {
	struct file_hash hash;
	struct transfer transfer;
	struct upload *upload;
	int number; /* 0: free */
};

struct upload_parts {
	unsigned char (*sha256)[HASH_SHA256_BYTES]; /* by number - 1 */
	struct upload_plan plan;
	struct ledger_upload row;
	bool may_have_twin; /* a Create whose reply was lost may have worked */
	char stale_id[sizeof(((struct ledger_upload *)0)->upload_id)];
	struct ledger_part *known; /* what the ledger had */
	size_t known_count;
	int listed_after; /* the page that was asked for begins behind it */
	struct s3_part *parts; /* by number - 1; etag "" : not there yet */
	int next;	       /* number of the next part to begin */
	int done_count;
	int hashing;
	int busy; /* slots in use */
	bool has_failed;
	enum upload_event failure; /* reported when all slots are free */
	struct slot slots[SLOTS];
};

static bool is_same_file(const struct ledger_upload *row,
			 const struct file_facts *facts)
{
	return row->size_bytes == facts->size_bytes &&
	       row->mtime_ns == facts->mtime_ns &&
	       row->ctime_ns == facts->ctime_ns &&
	       row->file_id == facts->file_id;
}

static void fill_row(struct upload *upload)
{
	struct ledger_upload *row = &upload->parts->row;
	const struct file_facts *facts = &upload->facts;

	*row = (struct ledger_upload){
	    .policy = upload->policy_id,
	    .name = upload_name(upload),
	    .key = upload_key(upload),
	    .part_size_bytes = upload->parts->plan.part_size_bytes,
	    .size_bytes = facts->size_bytes,
	    .mtime_ns = facts->mtime_ns,
	    .ctime_ns = facts->ctime_ns,
	    .file_id = facts->file_id,
	    .started_ms = clock_real_ns() / NS_PER_MS,
	    .has_crc64 = !upload->guard_refused &&
			 bucket_takes_crc64(upload->bucket, true),
	};
	(void)snprintf(row->endpoint, sizeof(row->endpoint), "%s",
		       upload->bucket->place.endpoint);
	(void)snprintf(row->bucket, sizeof(row->bucket), "%s",
		       upload->bucket->place.bucket);
}

static bool is_resumable(const struct upload *upload,
			 const struct ledger_upload *row)
{
	return is_same_file(row, &upload->facts) &&
	       row->part_size_bytes == upload->parts->plan.part_size_bytes &&
	       bytes_equal(row->key, upload_key(upload)) &&
	       strcmp(row->endpoint, upload->bucket->place.endpoint) == 0 &&
	       strcmp(row->bucket, upload->bucket->place.bucket) == 0;
}

static int take_up(struct upload *upload, const struct ledger_upload *row,
		   struct error *err)
{
	struct upload_parts *parts = upload->parts;

	parts->row = *row;
	parts->row.name = upload_name(upload);
	parts->row.key = upload_key(upload);
	upload->state.can_resume = true;
	return ledger_parts_list(upload->context->ledger, upload->policy_id,
				 upload_name(upload), &parts->known,
				 &parts->known_count, err);
}

int upload_parts_prepare(struct upload *upload, struct error *err)
{
	struct upload_parts *parts = calloc(1, sizeof(*parts));
	struct ledger_upload row;
	bool found = false;

	upload->parts = parts;
	if (!parts)
		return error_set_memory(err);
	if (!upload_plan_make(upload->facts.size_bytes,
			      upload->policy->s3_part_size_bytes, &parts->plan))
		return error_set(err, ERROR_INVALID, "larger than S3 can hold");
	parts->parts =
	    calloc((size_t)parts->plan.part_count, sizeof(*parts->parts));
	parts->sha256 =
	    calloc((size_t)parts->plan.part_count, sizeof(*parts->sha256));
	if (!parts->parts || !parts->sha256)
		return error_set_memory(err);
	parts->next = 1;
	int rc = ledger_upload_find(upload->context->ledger, upload->policy_id,
				    upload_name(upload), &row, &found, err);
	if (rc || !found || row.upload_id[0] == '\0')
		return rc;
	if (is_resumable(upload, &row))
		return take_up(upload, &row, err);
	(void)snprintf(parts->stale_id, sizeof(parts->stale_id), "%s",
		       row.upload_id);
	return 0;
}

void upload_parts_free(struct upload *upload)
{
	struct upload_parts *parts = upload->parts;

	if (!parts)
		return;
	for (int i = 0; i < SLOTS; i++)
		s3_request_clear(&parts->slots[i].transfer.request);
	free(parts->known);
	free(parts->sha256);
	free(parts->parts);
	free(parts);
	upload->parts = NULL;
}

int64_t upload_parts_size(const struct upload *upload)
{
	return upload->parts ? upload->parts->plan.part_size_bytes : 0;
}

int upload_parts_digest(const struct upload *upload,
			unsigned char sha256[HASH_SHA256_BYTES])
{
	const struct upload_parts *parts = upload->parts;

	return hash_sha256(
	    (struct bytes){(const char *)parts->sha256,
			   (size_t)parts->plan.part_count * HASH_SHA256_BYTES},
	    sha256);
}

/* ---- Create ---- */

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
	upload->parts->may_have_twin = transfer->attempts > 1;
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

static void keep_part(struct upload_parts *parts,
		      const struct ledger_part *known)
{
	struct s3_part *part = &parts->parts[known->number - 1];

	if (part->etag[0] != '\0')
		return;
	part->number = known->number;
	part->has_crc64 = parts->row.has_crc64;
	part->crc64 = known->crc64;
	memcpy(parts->sha256[known->number - 1], known->sha256,
	       HASH_SHA256_BYTES);
	(void)snprintf(part->etag, sizeof(part->etag), "%s", known->etag);
	parts->done_count++;
}

/* listed NULL: listing is not allowed, the ledger's word counts. */
static void keep_known(struct upload_parts *parts, const struct s3_part *listed)
{
	for (size_t i = 0; i < parts->known_count; i++) {
		const struct ledger_part *known = &parts->known[i];

		if (known->number < 1 || known->number > parts->plan.part_count)
			continue;
		if (!listed ||
		    (listed->number == known->number &&
		     strcmp(listed->etag, known->etag) == 0 &&
		     listed->size_bytes ==
			 upload_plan_size(&parts->plan, known->number)))
			keep_part(parts, known);
	}
}

static void list_page(struct upload *upload, int after);

static void listed(struct transfer *transfer, const struct s3_verdict *verdict,
		   const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct s3_parts page = {0};
	struct error err = {0};

	if (verdict->outcome == S3_NO_UPLOAD) {
		upload->context->report(upload, UPLOAD_LOST);
		return;
	}
	if (verdict->outcome == S3_DENIED) {
		keep_known(upload->parts, NULL);
		upload->context->report(upload, UPLOAD_DONE);
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
		keep_known(upload->parts, &page.parts[i]);
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

/* ---- parts ---- */

static void pump(struct upload *upload);

static void slot_free(struct slot *slot)
{
	struct upload_parts *parts = slot->upload->parts;

	slot->number = 0;
	parts->busy--;
}

/* The first failure counts; it is told once no part is on its way. */
static void slot_failed(struct slot *slot, enum upload_event event)
{
	struct upload_parts *parts = slot->upload->parts;

	if (!parts->has_failed) {
		parts->has_failed = true;
		parts->failure = event;
	}
	slot_free(slot);
	pump(slot->upload);
}

static void slot_refused(struct slot *slot, const struct s3_verdict *verdict)
{
	struct upload *upload = slot->upload;
	enum upload_event event = UPLOAD_FAILED;

	if (verdict->outcome == S3_GUARD_MISMATCH ||
	    verdict->outcome == S3_LOCAL)
		event = upload_recheck(upload);
	else if (verdict->outcome == S3_NO_UPLOAD)
		event = UPLOAD_LOST;
	if (event == UPLOAD_DONE)
		event = UPLOAD_FAILED;
	if (event != UPLOAD_CHANGED && !upload->parts->has_failed) {
		upload->outcome = verdict->outcome;
		(void)snprintf(upload->reason, sizeof(upload->reason),
			       "part %d: %s", slot->number, verdict->text);
	}
	slot_failed(slot, event);
}

static void part_sent(struct transfer *transfer,
		      const struct s3_verdict *verdict,
		      const struct http_reply *reply)
{
	struct slot *slot = transfer->owner;
	struct upload *upload = slot->upload;
	struct s3_object_facts stored = {0};
	struct error err = {0};

	if (verdict->outcome != S3_DONE) {
		slot_refused(slot, verdict);
		return;
	}
	if (s3_read_object(reply, &stored, &err) || stored.etag[0] == '\0' ||
	    (stored.has_crc64 && stored.crc64 != slot->hash.crc64)) {
		const struct s3_verdict odd = {
		    .outcome = S3_FAILED,
		    .text = "the reply has no ETag or another checksum"};
		slot_refused(slot, &odd);
		return;
	}
	struct ledger_part row = {.number = slot->number,
				  .crc64 = slot->hash.crc64};
	(void)snprintf(row.etag, sizeof(row.etag), "%s", stored.etag);
	memcpy(row.sha256, slot->hash.sha256, sizeof(row.sha256));
	if (ledger_part_record(upload->context->ledger, upload->policy_id,
			       upload_name(upload), &row, &err))
		(void)error_set(&upload->context->fatal, err.code, "%s",
				err.text);
	keep_part(upload->parts, &row);
	slot_free(slot);
	pump(upload);
}

static void part_hashed(struct file_hash *hash)
{
	struct slot *slot = hash->owner;
	struct upload *upload = slot->upload;
	struct transfer *transfer = &slot->transfer;
	enum upload_event event = upload_judge_hash(upload, hash);
	const struct ledger_upload *row = &upload->parts->row;
	const struct s3_guard guard = {
	    .sha256 = hash->sha256,
	    .has_crc64 = row->has_crc64,
	    .crc64 = hash->crc64,
	    .md5 = row->has_crc64 ? NULL : hash->md5,
	};

	upload->parts->hashing--;
	if (event != UPLOAD_DONE) {
		slot_failed(slot, event);
		return;
	}
	s3_request_clear(&transfer->request);
	if (s3_put_part(&transfer->request, upload_key(upload), row->upload_id,
			slot->number, &guard)) {
		slot_failed(slot, UPLOAD_FAILED);
		return;
	}
	transfer->rank = TRANSFER_PART;
	transfer->bucket = upload->bucket;
	transfer->carries_guard = row->has_crc64;
	transfer->has_body = true;
	transfer->body = (struct http_body){.file = upload->file,
					    .offset = hash->offset,
					    .size_bytes = hash->size_bytes};
	transfer->done = part_sent;
	transfer->owner = slot;
	transfer_submit(upload->context->queue, transfer);
	pump(upload);
}

static void begin_part(struct upload *upload, struct slot *slot, int number)
{
	struct upload_parts *parts = upload->parts;

	slot->upload = upload;
	slot->number = number;
	slot->hash = (struct file_hash){
	    .file = upload->file,
	    .offset = upload_plan_offset(&parts->plan, number),
	    .size_bytes = upload_plan_size(&parts->plan, number),
	    .want_crc64 = true,
	    .want_md5 = !parts->row.has_crc64,
	    .done = part_hashed,
	    .owner = slot,
	};
	parts->busy++;
	parts->hashing++;
	if (file_hash_submit(&slot->hash, upload->context->work)) {
		parts->hashing--;
		slot_failed(slot, UPLOAD_FAILED);
	}
}

static struct slot *find_free_slot(struct upload_parts *parts)
{
	for (int i = 0; i < SLOTS; i++)
		if (parts->slots[i].number == 0)
			return &parts->slots[i];
	return NULL;
}

static int next_missing(struct upload_parts *parts)
{
	while (parts->next <= parts->plan.part_count &&
	       parts->parts[parts->next - 1].etag[0] != '\0')
		parts->next++;
	return parts->next <= parts->plan.part_count ? parts->next++ : 0;
}

/* Begin parts while there is room; tell the end when all are there, or when
 * one failed and the others have come home. */
static void pump(struct upload *upload)
{
	struct upload_parts *parts = upload->parts;
	bool goes_on = !parts->has_failed && !upload->context->is_stopping &&
		       !upload->bucket->is_halted;

	while (goes_on && parts->hashing < 2 * upload->context->hash_threads) {
		struct slot *slot = find_free_slot(parts);
		int number = slot ? next_missing(parts) : 0;

		if (number == 0)
			break;
		begin_part(upload, slot, number);
		if (parts->has_failed)
			return;
	}
	if (parts->busy > 0)
		return;
	if (parts->done_count == parts->plan.part_count)
		upload->context->report(upload, UPLOAD_DONE);
	else if (parts->has_failed)
		upload->context->report(upload, parts->failure);
	else
		upload_fail(upload, upload->bucket->halt_outcome, "%s",
			    upload->bucket->is_halted
				? upload->bucket->halt_text
				: "stopped");
}

void upload_send_parts(struct upload *upload)
{
	enum upload_event event = upload_open(upload);

	upload->parts->next = 1;
	if (event != UPLOAD_DONE)
		upload->context->report(upload, event);
	else
		pump(upload);
}

/* ---- Complete and Abort ---- */

static uint64_t whole_crc64(const struct upload_parts *parts)
{
	uint64_t crc = 0;

	for (int n = 1; n <= parts->plan.part_count; n++)
		crc =
		    crc64_combine(crc, parts->parts[n - 1].crc64,
				  (uint64_t)upload_plan_size(&parts->plan, n));
	return crc;
}

/* It is done. If it may have a twin, the intent stays, by which the next run
 * finds that one. */
static int settle_row(struct upload *upload, struct error *err)
{
	struct ledger *ledger = upload->context->ledger;

	if (!upload->parts->may_have_twin)
		return ledger_upload_forget(ledger, upload->policy_id,
					    upload_name(upload), err);
	upload->parts->row.upload_id[0] = '\0';
	return ledger_upload_record(ledger, &upload->parts->row, err);
}

static void completed(struct transfer *transfer,
		      const struct s3_verdict *verdict,
		      const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct s3_object_facts stored = {0};
	struct error err = {0};

	if (verdict->outcome == S3_NO_UPLOAD) {
		/* done by an attempt whose reply was lost, or cleared away:
		 * the next run asks the bucket */
		(void)ledger_upload_forget(upload->context->ledger,
					   upload->policy_id,
					   upload_name(upload), NULL);
		upload->state.has_upload = false;
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
	if (upload->guard_refused)
		bucket_refused_crc64(upload->bucket, true);
	if (settle_row(upload, &err))
		upload_fatal(upload, &err);
	else
		upload->context->report(upload, UPLOAD_DONE);
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
	upload_send(upload, TRANSFER_FINISH, completed);
}

static void aborted(struct transfer *transfer, const struct s3_verdict *verdict,
		    const struct http_reply *reply)
{
	struct upload *upload = transfer->owner;
	struct error err = {0};

	(void)reply;
	/* where it failed the row stays, and a later run aborts it */
	if ((verdict->outcome == S3_DONE || verdict->outcome == S3_NO_UPLOAD) &&
	    ledger_upload_forget(upload->context->ledger, upload->policy_id,
				 upload_name(upload), &err))
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

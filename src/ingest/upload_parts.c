#include "ingest/upload_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/bucket.h"
#include "ingest/policy.h"
#include "ingest/upload_job.h"
#include "ingest/upload_parts_internal.h"

#define NS_PER_MS 1000000

static bool is_same_file(const struct ledger_upload *row,
			 const struct file_facts *facts)
{
	return row->size_bytes == facts->size_bytes &&
	       row->mtime_ns == facts->mtime_ns &&
	       row->ctime_ns == facts->ctime_ns &&
	       row->file_id == facts->file_id;
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
	if (rc || !found)
		return rc;
	if (row.upload_id[0] != '\0' && is_resumable(upload, &row))
		return take_up(upload, &row, err);
	/* what could not be found yet is looked for when this one is over */
	if (row.upload_id[0] == '\0' || row.may_have_twin)
		parts->twin_since_ms = row.started_ms;
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

int64_t upload_parts_began_ns(const struct upload *upload)
{
	return upload->parts ? upload->parts->row.started_ms * NS_PER_MS : 0;
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

void upload_parts_keep(struct upload_parts *parts,
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

void upload_parts_keep_known(struct upload_parts *parts,
			     const struct s3_part *listed)
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
			upload_parts_keep(parts, known);
	}
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
	upload_parts_keep(upload->parts, &row);
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

#include "ingest/upload.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/bucket.h"
#include "ingest/policy.h"
#include "ingest/removal.h"
#include "ingest/tally.h"
#include "ingest/upload_check.h"
#include "ingest/upload_job.h"
#include "ingest/upload_parts.h"
#include "ingest/upload_plan.h"
#include "ingest/upload_put.h"
#include "platform/clock.h"

#define NS_PER_MS	1000000
#define NS_PER_S	((int64_t)1000000000)
#define GRAIN_NS	((int64_t)20 * NS_PER_MS)
#define COARSE_GRAIN_NS (2 * NS_PER_S)
#define DAY_NS		(24 * 3600 * NS_PER_S)

/* ---- what is written down at the end ---- */

/* A change within the clock's grain of our reading may not show in mtime. The
 * clock of a file server may be ahead of ours, but not by days: an mtime far
 * in the future was set on purpose, or our clock was set back, and any change
 * shows. */
static bool is_racy_at(int64_t mtime_ns, int64_t read_ns)
{
	int64_t grain_ns =
	    mtime_ns % NS_PER_S == 0 ? COARSE_GRAIN_NS : GRAIN_NS;

	return mtime_ns > read_ns - grain_ns && mtime_ns < read_ns + DAY_NS;
}

static bool is_racy(const struct upload *upload)
{
	int64_t mtime_ns = upload->facts.mtime_ns;
	int64_t read_ns = upload->read_ns ? upload->read_ns : clock_real_ns();
	/* the first parts may have been read by a run before */
	int64_t began_ns = upload_parts_began_ns(upload);

	return is_racy_at(mtime_ns, read_ns) ||
	       (began_ns != 0 && is_racy_at(mtime_ns, began_ns));
}

static bool digest_of_row(const struct upload *upload,
			  unsigned char sha256[HASH_SHA256_BYTES])
{
	bool was_sent = upload->state.result == EVENT_ADDED ||
			upload->state.result == EVENT_UPDATED;

	if (upload->parts && was_sent)
		return upload_parts_digest(upload, sha256) == 0;
	if (!upload->is_hashed ||
	    (upload->parts && upload->hash.part_size_bytes == 0))
		return false;
	memcpy(sha256, upload->hash.sha256, HASH_SHA256_BYTES);
	return true;
}

/* A snapshot of a file that was being written is no reason to remove it. */
static int plan_removal(const struct upload *upload,
			const struct ledger_row *row, bool was_sent,
			struct error *err)
{
	const struct removal_file file = {
	    .policy = upload->policy,
	    .policy_id = upload->policy_id,
	    .name = row->name,
	    .literal_bytes = upload->literal_bytes,
	    .started_ms = upload->context->started_ms,
	    .was_sent = was_sent,
	};

	if (row->proof != LEDGER_PROOF_CHECKSUM || upload->is_snapshot)
		return 0;
	return removal_plan(upload->context->ledger, &file, err);
}

static int record(struct upload *upload, struct error *err)
{
	bool was_sent = upload->state.result == EVENT_ADDED ||
			upload->state.result == EVENT_UPDATED;
	bool was_compared = upload->state.decision == DECISION_REHASH ||
			    upload->state.decision == DECISION_TOUCHED;
	bool knows_content = was_sent || was_compared || upload->state.is_equal;
	struct ledger_row row = {
	    .name = upload_name(upload),
	    .key = upload_key(upload),
	    .size_bytes = upload->facts.size_bytes,
	    .mtime_ns = upload->facts.mtime_ns,
	    .ctime_ns = upload->facts.ctime_ns,
	    .file_id = upload->facts.file_id,
	    .is_racy = is_racy(upload),
	    .at_ms = clock_real_ns() / NS_PER_MS,
	};

	/* one that is hashed, but was not compared, proves nothing */
	row.has_sha256 = knows_content && digest_of_row(upload, row.sha256);
	if (was_sent) {
		row.state = LEDGER_UPLOADED;
		row.proof = LEDGER_PROOF_CHECKSUM;
	} else if (was_compared) {
		row.state = upload->row_state;
		row.proof = upload->row_proof;
	} else {
		row.state = LEDGER_PRESENT;
		row.proof = upload->state.is_equal ? LEDGER_PROOF_CHECKSUM
						   : LEDGER_PROOF_SIZE;
	}
	int rc = ledger_record(upload->context->ledger, upload->policy_id, &row,
			       err);
	return rc ? rc : plan_removal(upload, &row, was_sent, err);
}

static int put_off(struct upload *upload, struct error *err)
{
	return ledger_pending_set(
	    upload->context->ledger, upload->policy_id, upload_name(upload),
	    upload->state.result == EVENT_DELAYED ? LEDGER_DELAYED
						  : LEDGER_FAILED,
	    clock_real_ns() / NS_PER_MS, upload->reason, NULL, err);
}

/* What other rows say of the object, and what this one said, may be wrong by
 * now: a file that becomes again what it was has to be sent again. */
static int doubt(struct upload *upload, struct error *err)
{
	const struct ledger_row sent_as = {
	    .size_bytes = upload->facts.size_bytes,
	    .mtime_ns = upload->facts.mtime_ns,
	    .ctime_ns = upload->facts.ctime_ns,
	};
	bool was_sent = upload->state.result == EVENT_ADDED ||
			upload->state.result == EVENT_UPDATED;

	if (!upload->is_offered)
		return 0;
	return ledger_doubt_key(upload->context->ledger, upload_key(upload),
				was_sent ? &sent_as : NULL, err);
}

static int write_down(struct upload *upload, struct error *err)
{
	switch (upload->state.result) {
	case EVENT_ADDED:
	case EVENT_UPDATED:
	case EVENT_SKIPPED:
		return record(upload, err);
	case EVENT_UNCHANGED:
		/* asked again, and as the row says: nothing to write */
		return upload->state.is_recheck ? 0 : record(upload, err);
	case EVENT_DELAYED:
	case EVENT_FAILED:
		return put_off(upload, err);
	default:
		return ledger_pending_clear(upload->context->ledger,
					    upload->policy_id,
					    upload_name(upload), err);
	}
}

static void count(struct upload *upload)
{
	struct tally *tally = upload->context->tally;
	enum event_what result = upload->state.result;
	const struct tally_file file = {
	    .name = upload_name(upload),
	    .key = upload_key(upload),
	    .bucket = upload->bucket->place.bucket,
	    .size_bytes = upload->facts.size_bytes,
	    .reason = upload->reason[0] ? upload->reason : NULL,
	};

	if (result == EVENT_ADDED || result == EVENT_UPDATED)
		tally->result->bytes += upload->facts.size_bytes;
	if (result == EVENT_FAILED)
		tally_outcome(tally, upload->outcome);
	if (result == EVENT_NOTHING)
		event_detail(tally->events, "%s: %s", upload->name,
			     upload->reason);
	else
		tally_file(tally, result, &file);
}

static void end(struct upload *upload)
{
	struct upload_context *context = upload->context;
	struct error err = {0};

	file_close(upload->file);
	upload->file = NULL;
	free(upload->data);
	upload->data = NULL;
	bool is_left =
	    context->is_stopping && upload->state.result == EVENT_FAILED;
	int rc = doubt(upload, &err);
	if (rc == 0 && !is_left)
		rc = write_down(upload, &err);
	if (rc)
		/* sent, but not written down: the next run finds it there */
		(void)error_set(&context->fatal, err.code, "%s", err.text);
	else if (is_left)
		context->tally->result->is_stopped = true;
	else
		count(upload);
	context->ended(upload, context->owner);
}

/* ---- from step to step ---- */

static void run_step(struct upload *upload)
{
	switch (upload->state.step) {
	case UPLOAD_COMPARE:
		upload_compare(upload);
		break;
	case UPLOAD_ASK:
		upload_ask(upload);
		break;
	case UPLOAD_MATCH:
		upload_match(upload);
		break;
	case UPLOAD_PUT_NEW:
	case UPLOAD_PUT:
		upload_put(upload);
		break;
	case UPLOAD_LIST_PARTS:
		upload_list_parts(upload);
		break;
	case UPLOAD_CREATE:
		upload_create(upload);
		break;
	case UPLOAD_PARTS:
		upload_send_parts(upload);
		break;
	case UPLOAD_COMPLETE:
		upload_complete(upload);
		break;
	case UPLOAD_CONFIRM:
		upload_confirm(upload);
		break;
	case UPLOAD_ABORT:
		upload_abort(upload);
		break;
	case UPLOAD_END:
		end(upload);
		break;
	}
}

static void report(struct upload *upload, enum upload_event event)
{
	upload_next(&upload->state, event);
	run_step(upload);
}

void upload_context_init(struct upload_context *context)
{
	context->report = report;
}

static int copy_texts(struct upload *upload, const struct upload_file *file)
{
	upload->name = text_dup_bytes(file->name.data, file->name.size);
	upload->name_size = file->name.size;
	upload->key = text_dup_bytes(file->key.data, file->key.size);
	upload->key_size = file->key.size;
	return upload->name && upload->key ? 0 : ERROR_LOCAL;
}

static void copy_row(struct upload *upload, const struct ledger_row *row)
{
	upload->state.has_row = row != NULL;
	if (!row)
		return;
	upload->row_state = row->state;
	upload->row_proof = row->proof;
	upload->row_has_sha256 = row->has_sha256;
	memcpy(upload->row_sha256, row->sha256, HASH_SHA256_BYTES);
}

/* What the endpoint can, and what may come of asking it. */
static void foresee(struct upload *upload)
{
	struct upload_state *state = &upload->state;

	state->can_put_new = !state->has_row && upload_is_small(upload) &&
			     bucket_keeps_condition(upload->bucket);
	state->expects_key = upload->bucket->expects_key;
	state->head_denied = upload->bucket->facts.head_denied;
}

int upload_start(struct upload_context *context, const struct upload_file *file,
		 struct upload **out, struct error *err)
{
	struct upload *upload = calloc(1, sizeof(*upload));
	struct error own = {0};

	*out = upload;
	if (!upload || copy_texts(upload, file)) {
		upload_free(upload);
		*out = NULL;
		return error_set_memory(err);
	}
	upload->context = context;
	upload->policy = file->policy;
	upload->policy_id = file->policy_id;
	upload->bucket = file->bucket;
	upload->literal_bytes = file->literal_bytes;
	upload->facts = *file->facts;
	copy_row(upload, file->row);
	upload->state.decision = file->decision;
	upload->state.is_recheck = file->is_recheck;
	upload->state.must_match = file->must_match;
	upload->state.is_large =
	    file->facts->size_bytes >= UPLOAD_MULTIPART_BYTES;
	foresee(upload);
	if (upload->state.is_large && upload_parts_prepare(upload, &own)) {
		upload_fail(upload, S3_LOCAL, "%s", own.text);
		return 0;
	}
	upload->state.is_listed = file->listed != NULL;
	upload_begin(&upload->state);
	if (upload->state.is_listed && upload->state.step == UPLOAD_ASK)
		upload_hear(upload, file->listed);
	else
		run_step(upload);
	return 0;
}

void upload_free(struct upload *upload)
{
	if (!upload)
		return;
	upload_parts_free(upload);
	s3_request_clear(&upload->transfer.request);
	file_close(upload->file);
	free(upload->data);
	free(upload->key);
	free(upload->name);
	free(upload);
}

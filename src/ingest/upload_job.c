#include "ingest/upload_job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/bucket.h"
#include "ingest/content_type.h"
#include "ingest/policy.h"
#include "ingest/tally.h"
#include "platform/clock.h"
#include "platform/system.h"

#define NS_PER_MS	  1000000
#define SNAPSHOT_AFTER_MS ((int64_t)24 * 3600 * 1000)

enum { SMALL_BYTES = 256 * 1024 };

struct bytes upload_name(const struct upload *upload)
{
	return (struct bytes){upload->name, upload->name_size};
}

struct bytes upload_key(const struct upload *upload)
{
	return (struct bytes){upload->key, upload->key_size};
}

static void set_reason(struct upload *upload, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void set_reason(struct upload *upload, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(upload->reason, sizeof(upload->reason), format, args);
	va_end(args);
}

void upload_fail(struct upload *upload, enum s3_outcome outcome,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(upload->reason, sizeof(upload->reason), format, args);
	va_end(args);
	upload->outcome = outcome;
	upload->context->report(upload, UPLOAD_FAILED);
}

void upload_fail_verdict(struct upload *upload, const char *what,
			 const struct s3_verdict *verdict)
{
	upload_fail(upload, verdict->outcome, "%s: %s", what, verdict->text);
}

void upload_fatal(struct upload *upload, const struct error *err)
{
	(void)error_set(&upload->context->fatal, err->code, "%s", err->text);
	upload_fail(upload, S3_LOCAL, "%s", err->text);
}

/* A file that keeps changing is sent as it is after a day of waiting. */
static bool waited_long(struct upload *upload)
{
	int64_t first_ms = 0;
	bool found = false;

	if (ledger_pending_find(upload->context->ledger, upload->policy_id,
				upload_name(upload), &first_ms, &found, NULL))
		return false;
	return found &&
	       clock_real_ns() / NS_PER_MS - first_ms >= SNAPSHOT_AFTER_MS;
}

static enum upload_event changed(struct upload *upload, const char *reason)
{
	if (upload->is_snapshot || waited_long(upload)) {
		upload->is_snapshot = true;
		return UPLOAD_DONE;
	}
	set_reason(upload, "%s", reason);
	return UPLOAD_CHANGED;
}

/* By the pattern's literal folder first, which may be reached by links; what
 * lies beneath it by the rule of the policy. */
static int open_by_name(struct upload *upload)
{
	enum folder_follow follow =
	    upload->policy->follow_symlinks == FOLDER_FOLLOW_ALL
		? FOLDER_FOLLOW_ALL
		: FOLDER_FOLLOW_INSIDE;
	const char *rest = upload->name + upload->literal_bytes;
	struct folder *literal = NULL;
	int code = 0;

	if (upload->literal_bytes == 0)
		return folder_open_file(upload->context->home, rest, follow,
					&upload->file);
	char *folder = text_dup_bytes(upload->name, upload->literal_bytes);
	if (!folder)
		return ENOMEM;
	code = folder_open(upload->context->home, folder, FOLDER_FOLLOW_ALL,
			   &literal);
	if (code == 0)
		code = folder_open_file(literal, rest, follow, &upload->file);
	folder_close(literal);
	free(folder);
	return code;
}

static enum upload_event open_failed(struct upload *upload, int code)
{
	char text[128];

	if (code == ENOENT || code == ENOTDIR) {
		set_reason(upload, "gone since the scan");
		return UPLOAD_VANISHED;
	}
	/* a fifo, a device, a link that leads out: it was a file before */
	if (code == ENXIO || code == ELOOP || code == EXDEV) {
		set_reason(upload, "no regular file any more");
		return UPLOAD_CHANGED;
	}
	upload->outcome = S3_LOCAL;
	set_reason(upload, "open: %s",
		   system_error_text(code, text, sizeof(text)));
	return UPLOAD_FAILED;
}

static enum upload_event stat_open_file(struct upload *upload,
					struct file_facts *facts)
{
	char text[128];
	int code = file_stat(upload->file, facts);

	if (code == 0) {
		if (upload->facts.file_id == 0)
			facts->file_id = 0;
		return UPLOAD_DONE;
	}
	upload->outcome = S3_LOCAL;
	set_reason(upload, "stat: %s",
		   system_error_text(code, text, sizeof(text)));
	return UPLOAD_FAILED;
}

enum upload_event upload_open(struct upload *upload)
{
	struct file_facts facts = {0};

	if (upload->file)
		return upload_recheck(upload);
	upload->read_ns = clock_real_ns();
	int code = open_by_name(upload);
	if (code)
		return open_failed(upload, code);
	enum upload_event event = stat_open_file(upload, &facts);
	if (event != UPLOAD_DONE)
		return event;
	if (facts.type != FILE_REGULAR) {
		set_reason(upload, "no regular file any more");
		return UPLOAD_CHANGED;
	}
	if (!file_facts_equal(&facts, &upload->facts)) {
		event = changed(upload, "changed since the scan");
		if (event != UPLOAD_DONE)
			return event;
		upload->facts = facts;
	}
	if (file_find_writer(upload->file) == FILE_WRITER_YES)
		return changed(upload, "open for writing");
	return UPLOAD_DONE;
}

enum upload_event upload_recheck(struct upload *upload)
{
	struct file_facts facts = {0};
	enum upload_event event = stat_open_file(upload, &facts);

	if (event != UPLOAD_DONE || file_facts_equal(&facts, &upload->facts))
		return event;
	return changed(upload, "changed while it was read or sent");
}

enum upload_event upload_judge_hash(struct upload *upload,
				    const struct file_hash *hash)
{
	char text[128];

	if (hash->system_code == 0 && !hash->is_short)
		return UPLOAD_DONE;
	if (hash->is_short) {
		set_reason(upload, "shorter than at the scan");
		return UPLOAD_CHANGED;
	}
	upload->outcome = S3_LOCAL;
	set_reason(upload, "read: %s",
		   system_error_text(hash->system_code, text, sizeof(text)));
	return UPLOAD_FAILED;
}

static void whole_hashed(struct file_hash *hash)
{
	struct upload *upload = hash->owner;
	enum upload_event event = upload_judge_hash(upload, hash);

	if (event == UPLOAD_DONE)
		event = upload_recheck(upload);
	if (event != UPLOAD_DONE) {
		upload->context->report(upload, event);
		return;
	}
	upload->is_hashed = true;
	upload->after_hash(upload);
}

bool upload_is_small(const struct upload *upload)
{
	return upload->facts.size_bytes <= SMALL_BYTES;
}

void upload_hash_whole(struct upload *upload,
		       const struct upload_digest *digest)
{
	enum upload_event event = upload_open(upload);

	if (event != UPLOAD_DONE) {
		upload->context->report(upload, event);
		return;
	}
	bool is_small = upload_is_small(upload);
	if (is_small && !upload->data) {
		upload->data = malloc((size_t)upload->facts.size_bytes + 1);
		if (!upload->data) {
			upload_fail(upload, S3_LOCAL, "out of memory");
			return;
		}
	}
	upload->after_hash = digest->next;
	upload->hash = (struct file_hash){
	    .file = upload->file,
	    .size_bytes = upload->facts.size_bytes,
	    .data = is_small ? upload->data : NULL,
	    .want_crc64 = true,
	    .want_md5 = digest->want_md5,
	    .part_size_bytes = digest->part_size_bytes,
	    .done = whole_hashed,
	    .owner = upload,
	};
	if (is_small) {
		file_hash_run(&upload->hash);
		whole_hashed(&upload->hash);
	} else if (file_hash_submit(&upload->hash, upload->context->work)) {
		upload_fail(upload, S3_LOCAL, "hash: no thread");
	}
}

struct s3_request *upload_request(struct upload *upload)
{
	struct transfer *transfer = &upload->transfer;

	s3_request_clear(&transfer->request);
	*transfer = (struct transfer){0};
	return &transfer->request;
}

void upload_send(struct upload *upload, enum transfer_rank rank,
		 void (*done)(struct transfer *transfer,
			      const struct s3_verdict *verdict,
			      const struct http_reply *reply))
{
	struct transfer *transfer = &upload->transfer;

	transfer->rank = rank;
	transfer->bucket = upload->bucket;
	transfer->done = done;
	transfer->owner = upload;
	transfer_submit(upload->context->queue, transfer);
}

bool upload_offer(struct upload *upload)
{
	struct upload_context *context = upload->context;
	struct error err = {0};

	upload->is_offered = true;
	if (!context->is_sending &&
	    ledger_sending_begin(context->ledger, &err)) {
		upload_fatal(upload, &err);
		return false;
	}
	context->is_sending = true;
	return true;
}

/* The system's types are read when the first file is sent: a run that sends
 * nothing does not pay for them. Without memory our own serve. */
static const char *content_type(const struct upload *upload)
{
	struct upload_context *context = upload->context;
	struct error ignored = {0};

	if (upload->policy->content_type)
		return upload->policy->content_type;
	if (!context->content_types)
		context->content_types = content_types_load(&ignored);
	return content_type_of(context->content_types, upload_name(upload));
}

int upload_object(const struct upload *upload, struct s3_object *object,
		  struct s3_pair **pairs)
{
	const struct policy *policy = upload->policy;
	const char *name = NULL;
	json_t *value = NULL;
	size_t count =
	    policy->metadata ? json_object_size(policy->metadata) : 0;

	*pairs = NULL;
	*object = (struct s3_object){
	    .content_type = content_type(upload),
	    .storage_class = policy->s3_storage_class,
	    .sse = policy->s3_sse,
	    .acl = policy->s3_acl,
	};
	if (count == 0)
		return 0;
	*pairs = calloc(count, sizeof(**pairs));
	if (!*pairs)
		return ERROR_LOCAL;
	json_object_foreach (policy->metadata, name, value) {
		struct s3_pair *pair = *pairs + object->metadata_count++;

		pair->name = (char *)name;
		pair->value = (char *)json_string_value(value);
	}
	object->metadata = *pairs;
	return 0;
}

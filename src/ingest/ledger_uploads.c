#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"

/* ------------------------------------------------ uploads */

/* Name and key are appended to the memory; where they are is settled when it
 * moves no more. */
static int copy_upload(struct ledger_call *call, struct buffer *memory,
		       struct ledger_upload *upload, struct error *err)
{
	if (!ledger_time_is_sound(ledger_column_number(call, 9)))
		return ledger_call_unsound(call, "an upload in parts", err);
	struct bytes name = ledger_column_bytes(call, 1);
	struct bytes key = ledger_column_bytes(call, 2);
	if (buffer_append(memory, name.data, name.size) != 0 ||
	    buffer_append(memory, key.data, key.size) != 0)
		return error_set_memory(err);

	*upload = (struct ledger_upload){
	    .policy = ledger_column_number(call, 0),
	    .name.size = name.size,
	    .key.size = key.size,
	    .part_size_bytes = ledger_column_number(call, 4),
	    .size_bytes = ledger_column_number(call, 5),
	    .mtime_ns = ledger_column_number(call, 6),
	    .ctime_ns = ledger_column_number(call, 7),
	    .file_id = (uint64_t)ledger_column_number(call, 8),
	    .started_ms = ledger_column_number(call, 9),
	    .has_crc64 = ledger_column_number(call, 12) != 0,
	    .may_have_twin = ledger_column_number(call, 13) != 0,
	};
	ledger_column_text(call, 3, upload->upload_id,
			   sizeof(upload->upload_id));
	ledger_column_text(call, 10, upload->endpoint,
			   sizeof(upload->endpoint));
	ledger_column_text(call, 11, upload->bucket, sizeof(upload->bucket));
	return 0;
}

static const char *settle_upload(struct ledger_upload *upload, const char *at)
{
	upload->name.data = at;
	upload->key.data = at + upload->name.size;
	return upload->key.data + upload->key.size;
}

int ledger_upload_find(struct ledger *ledger, int64_t policy, struct bytes name,
		       struct ledger_upload *upload, bool *found,
		       struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_UPLOAD_FIND, policy, name);
	int code = ledger_call_row(&call, found, err);
	if (code == 0 && *found) {
		buffer_reset(&ledger->scratch);
		code = copy_upload(&call, &ledger->scratch, upload, err);
		if (code == 0)
			(void)settle_upload(upload, ledger->scratch.data);
	}
	ledger_call_end(&call);
	return code;
}

/* Parts belong to an upload id: with another one they are worth nothing. */
static int forget_other_parts(struct ledger *ledger,
			      const struct ledger_upload *upload,
			      struct error *err)
{
	bool found;
	struct ledger_call call = ledger_call_by_name(
	    ledger, SQL_UPLOAD_FIND, upload->policy, upload->name);
	int code = ledger_call_row(&call, &found, err);
	bool is_same =
	    code == 0 && found && ledger_column_is(&call, 3, upload->upload_id);
	ledger_call_end(&call);
	if (code != 0 || is_same)
		return code;
	return ledger_call_run_by_name(ledger, SQL_PART_FORGET, upload->policy,
				       upload->name, err);
}

static int write_upload(struct ledger *ledger,
			const struct ledger_upload *upload, struct error *err)
{
	struct ledger_call call = ledger_call_by_name(
	    ledger, SQL_UPLOAD_RECORD, upload->policy, upload->name);
	ledger_call_bytes(&call, upload->key);
	ledger_call_text(&call,
			 upload->upload_id[0] ? upload->upload_id : NULL);
	ledger_call_number(&call, upload->part_size_bytes);
	ledger_call_number(&call, upload->size_bytes);
	ledger_call_number(&call, upload->mtime_ns);
	ledger_call_number(&call, upload->ctime_ns);
	ledger_call_number(&call, (int64_t)upload->file_id);
	ledger_call_number(&call, upload->started_ms);
	ledger_call_text(&call, upload->endpoint);
	ledger_call_text(&call, upload->bucket);
	ledger_call_number(&call, upload->has_crc64);
	ledger_call_number(&call, upload->may_have_twin);
	return ledger_call_run(&call, err);
}

int ledger_upload_record(struct ledger *ledger,
			 const struct ledger_upload *upload, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	int code = ledger_begin(ledger, err);
	if (code == 0)
		code = forget_other_parts(ledger, upload, err);
	if (code == 0)
		code = write_upload(ledger, upload, err);
	return code;
}

int ledger_upload_forget(struct ledger *ledger, int64_t policy,
			 struct bytes name, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	bool found;
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_UPLOAD_FIND, policy, name);
	int code = ledger_call_row(&call, &found, err);
	ledger_call_end(&call);
	if (code != 0 || !found)
		return code;
	code = ledger_begin(ledger, err);
	if (code == 0)
		code = ledger_call_run_by_name(ledger, SQL_PART_FORGET, policy,
					       name, err);
	if (code == 0)
		code = ledger_call_run_by_name(ledger, SQL_UPLOAD_FORGET,
					       policy, name, err);
	return code;
}

/* Twice as many as there were, from 8; NULL: no memory. */
static void *grow(void *items, size_t count, size_t item_bytes)
{
	if (count < 8 ? count > 0 : (count & (count - 1)) != 0)
		return items; /* there is room */
	size_t wanted = count < 8 ? 8 : count * 2;
	if (wanted > SIZE_MAX / item_bytes)
		return NULL;
	return realloc(items, wanted * item_bytes);
}

int ledger_uploads_list(struct ledger *ledger, struct ledger_uploads *uploads,
			struct error *err)
{
	int code = 0;
	bool has_row = true;
	struct buffer memory = {0};
	*uploads = (struct ledger_uploads){0};
	struct ledger_call call = ledger_call_begin(ledger, SQL_UPLOAD_LIST);
	for (;;) {
		code = ledger_call_row(&call, &has_row, err);
		if (code != 0 || !has_row)
			break;
		struct ledger_upload *more =
		    grow(uploads->uploads, uploads->count, sizeof(*more));
		if (!more) {
			code = error_set_memory(err);
			break;
		}
		uploads->uploads = more;
		code = copy_upload(&call, &memory, &more[uploads->count], err);
		if (code != 0)
			break;
		uploads->count++;
	}
	ledger_call_end(&call);

	const char *at = memory.data;
	for (size_t i = 0; i < uploads->count; i++)
		at = settle_upload(&uploads->uploads[i], at);
	uploads->memory = buffer_steal(&memory);
	if (code != 0)
		ledger_uploads_clear(uploads);
	return code;
}

void ledger_uploads_clear(struct ledger_uploads *uploads)
{
	free(uploads->uploads);
	free(uploads->memory);
	*uploads = (struct ledger_uploads){0};
}

/* ------------------------------------------------ parts */

int ledger_part_record(struct ledger *ledger, int64_t policy, struct bytes name,
		       const struct ledger_part *part, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	const struct bytes sha256 = {(const char *)part->sha256,
				     sizeof(part->sha256)};
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_PART_RECORD, policy, name);
	ledger_call_number(&call, part->number);
	ledger_call_text(&call, part->etag);
	ledger_call_bytes(&call, sha256);
	ledger_call_number(&call, (int64_t)part->crc64);
	return ledger_call_run(&call, err);
}

static void copy_part(const struct ledger_call *call, struct ledger_part *part)
{
	struct bytes sha256 = ledger_column_bytes(call, 2);
	*part = (struct ledger_part){
	    .number = (int)ledger_column_number(call, 0),
	    .crc64 = (uint64_t)ledger_column_number(call, 3),
	};
	ledger_column_text(call, 1, part->etag, sizeof(part->etag));
	if (sha256.size == sizeof(part->sha256))
		memcpy(part->sha256, sha256.data, sizeof(part->sha256));
}

int ledger_parts_list(struct ledger *ledger, int64_t policy, struct bytes name,
		      struct ledger_part **parts, size_t *count,
		      struct error *err)
{
	int code = 0;
	bool has_row = true;
	*parts = NULL;
	*count = 0;
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_PART_LIST, policy, name);
	for (;;) {
		code = ledger_call_row(&call, &has_row, err);
		if (code != 0 || !has_row)
			break;
		struct ledger_part *more = grow(*parts, *count, sizeof(*more));
		if (!more) {
			code = error_set_memory(err);
			break;
		}
		*parts = more;
		copy_part(&call, &more[(*count)++]);
	}
	ledger_call_end(&call);
	if (code != 0) {
		free(*parts);
		*parts = NULL;
		*count = 0;
	}
	return code;
}

#include "ingest/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* So many files are nothing to wait for. */
enum { FILES_A_STEP = 64 };

static void keep_error(struct ingest_result *result, const char *text)
{
	result->error_total++;
	if (result->error_count >= INGEST_ERRORS)
		return;
	char *copy = text_dup(text);
	/* without memory the text is lost, the counter is not */
	if (copy)
		result->errors[result->error_count++] = copy;
}

static void count(struct tally *tally, enum event_what what)
{
	struct ingest_result *result = tally->result;

	switch (what) {
	case EVENT_ADDED:
		result->added++;
		break;
	case EVENT_UPDATED:
		result->updated++;
		break;
	case EVENT_SKIPPED:
		result->skipped++;
		break;
	case EVENT_IGNORED:
		result->ignored++;
		break;
	case EVENT_UNCHANGED:
	case EVENT_ADOPTED:
		result->unchanged++;
		break;
	case EVENT_DELAYED:
		result->delayed++;
		break;
	case EVENT_FAILED:
		result->failed++;
		break;
	case EVENT_DELETED:
	case EVENT_MOVED:
		result->deleted++;
		break;
	default:
		break;
	}
}

static void tell_progress(const struct tally *tally)
{
	const struct ingest_result *result = tally->result;

	event_emit(tally->events,
		   &(struct event){
		       .kind = EVENT_PROGRESS,
		       .files_done = result->added + result->updated,
		       .files_seen = tally->files_seen,
		       .bytes_done = result->bytes,
		   });
}

void tally_file(struct tally *tally, enum event_what what,
		const struct tally_file *file)
{
	bool is_removal = what == EVENT_DELETED || what == EVENT_MOVED;

	tally->files_seen += is_removal ? 0 : 1;
	count(tally, what);
	if (!tally->events && what != EVENT_FAILED)
		return;
	if (what == EVENT_UNCHANGED && tally->events->is_brief) {
		if (tally->files_seen % FILES_A_STEP == 0)
			tell_progress(tally);
		return;
	}
	char *name = text_dup_bytes(file->name.data, file->name.size);
	char *key = file->key.size
			? text_dup_bytes(file->key.data, file->key.size)
			: NULL;
	const struct event event = {
	    .kind = EVENT_FILE,
	    .what = what,
	    .name = name ? name : "",
	    .bucket = file->bucket,
	    .key = key,
	    .text = file->reason,
	    .size_bytes = file->size_bytes,
	};
	if (what == EVENT_FAILED) {
		char *text = text_format("%s: %s", event.name,
					 file->reason ? file->reason : "?");

		keep_error(tally->result, text ? text : event.name);
		free(text);
	}
	event_emit(tally->events, &event);
	tell_progress(tally);
	free(key);
	free(name);
}

void tally_error(struct tally *tally, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	keep_error(tally->result, text);
	event_problem(tally->events, "%s", text);
}

void tally_outcome(struct tally *tally, enum s3_outcome outcome)
{
	struct ingest_result *result = tally->result;

	switch (outcome) {
	case S3_BAD_KEYS:
	case S3_DENIED:
		result->is_refused = true;
		break;
	case S3_UNREACHABLE:
	case S3_TRY_AGAIN:
		result->is_unreachable = true;
		break;
	case S3_LOCAL:
		result->has_local_failure = true;
		break;
	default:
		result->has_other_failure = true;
		break;
	}
}

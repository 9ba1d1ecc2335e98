#include "agent/sums.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "ingest/ingest.h"

static int64_t number_in(const json_t *object, const char *key)
{
	int64_t number = json_integer_value(json_object_get(object, key));
	return number > 0 ? number : 0;
}

void sums_load(struct sums *sums, const char *stored)
{
	json_t *object =
	    stored ? json_parse_object(bytes_of_text(stored), NULL) : NULL;

	*sums = (struct sums){
	    .added = number_in(object, "added"),
	    .updated = number_in(object, "updated"),
	    .deleted = number_in(object, "deleted"),
	    .bytes = number_in(object, "bytes"),
	    .runs = number_in(object, "runs"),
	};
	json_decref(object);
}

bool sums_has_work(const struct sums *sums)
{
	return sums->added || sums->updated || sums->deleted || sums->bytes;
}

char *sums_store(const struct sums *sums)
{
	if (!sums_has_work(sums) && sums->runs == 0)
		return NULL;
	return text_format("{\"added\":%" PRId64 ",\"updated\":%" PRId64
			   ",\"deleted\":%" PRId64 ",\"bytes\":%" PRId64
			   ",\"runs\":%" PRId64 "}",
			   sums->added, sums->updated, sums->deleted,
			   sums->bytes, sums->runs);
}

void sums_add(struct sums *sums, const struct ingest_result *result)
{
	sums->added += result->added;
	sums->updated += result->updated;
	sums->deleted += result->deleted;
	sums->bytes += result->bytes;
	sums->runs++;
}

static json_t *errors_of(const struct ingest_result *last)
{
	json_t *errors = json_array();

	for (size_t i = 0; errors && i < last->error_count; i++) {
		json_t *text =
		    json_text_of_bytes(bytes_of_text(last->errors[i]));
		if (json_array_append_new(errors, text) == 0)
			continue;
		json_decref(errors);
		errors = NULL;
	}
	return errors;
}

json_t *sums_result(const struct sums *sums, const struct ingest_result *last,
		    struct error *err)
{
	json_t *result = json_pack(
	    "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:I}", "added",
	    (json_int_t)sums->added, "updated", (json_int_t)sums->updated,
	    "skipped", (json_int_t)last->skipped, "ignored",
	    (json_int_t)last->ignored, "unchanged", (json_int_t)last->unchanged,
	    "delayed", (json_int_t)last->delayed, "failed",
	    (json_int_t)last->failed, "deleted", (json_int_t)sums->deleted,
	    "bytes", (json_int_t)sums->bytes, "errors", errors_of(last), "runs",
	    (json_int_t)sums->runs);

	if (!result)
		(void)error_set_memory(err); /* NULL is the answer */
	return result;
}

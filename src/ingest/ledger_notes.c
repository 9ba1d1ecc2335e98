#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"

/* ------------------------------------------------ notes */

int ledger_note_get(struct ledger *ledger, const char *name, char **value,
		    struct error *err)
{
	bool found;
	*value = NULL;
	struct ledger_call call = ledger_call_begin(ledger, SQL_NOTE_GET);
	ledger_call_text(&call, name);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found) {
		struct bytes text = ledger_column_bytes(&call, 0);
		*value = text_dup_bytes(text.data, text.size);
		if (!*value)
			code = error_set_memory(err);
	}
	ledger_call_end(&call);
	return code;
}

static int write_note(struct ledger *ledger, const char *name,
		      const char *value, struct error *err)
{
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call =
	    ledger_call_begin(ledger, value ? SQL_NOTE_SET : SQL_NOTE_FORGET);
	ledger_call_text(&call, name);
	if (value)
		ledger_call_text(&call, value);
	return ledger_call_run(&call, err);
}

int ledger_note_set(struct ledger *ledger, const char *name, const char *value,
		    struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	char *known = NULL;
	int code = ledger_note_get(ledger, name, &known, err);
	bool same =
	    (!known && !value) || (known && value && strcmp(known, value) == 0);
	free(known);
	if (code != 0 || same)
		return code;
	return write_note(ledger, name, value, err);
}

/* ------------------------------------------------ endpoints */

static bool is_sound(const struct ledger_endpoint *facts)
{
	return facts->concurrency >= 0 &&
	       ledger_time_is_sound(facts->skew_ms) &&
	       ledger_time_is_sound(facts->put_crc64_refused_ms) &&
	       ledger_time_is_sound(facts->multipart_crc64_refused_ms) &&
	       ledger_time_is_sound(facts->condition_found_ms);
}

int ledger_endpoint_find(struct ledger *ledger, const char *endpoint,
			 const char *bucket, struct ledger_endpoint *facts,
			 struct error *err)
{
	bool found;
	*facts = (struct ledger_endpoint){0};
	struct ledger_call call = ledger_call_begin(ledger, SQL_ENDPOINT_FIND);
	ledger_call_text(&call, endpoint ? endpoint : "");
	ledger_call_text(&call, bucket);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found) {
		ledger_column_text(&call, 0, facts->region,
				   sizeof(facts->region));
		facts->skew_ms = ledger_column_number(&call, 1);
		facts->concurrency = (int)ledger_column_number(&call, 2);
		facts->put_crc64_refused_ms = ledger_column_number(&call, 3);
		facts->multipart_crc64_refused_ms =
		    ledger_column_number(&call, 4);
		facts->list_denied = ledger_column_number(&call, 5) != 0;
		facts->head_denied = ledger_column_number(&call, 6) != 0;
		facts->keeps_condition = ledger_column_number(&call, 7) != 0;
		facts->condition_found_ms = ledger_column_number(&call, 8);
		if (!is_sound(facts))
			code = ledger_call_unsound(&call, "an endpoint", err);
	}
	ledger_call_end(&call);
	return code;
}

static bool is_same_endpoint(const struct ledger_endpoint *a,
			     const struct ledger_endpoint *b)
{
	return strcmp(a->region, b->region) == 0 && a->skew_ms == b->skew_ms &&
	       a->concurrency == b->concurrency &&
	       a->put_crc64_refused_ms == b->put_crc64_refused_ms &&
	       a->multipart_crc64_refused_ms == b->multipart_crc64_refused_ms &&
	       a->list_denied == b->list_denied &&
	       a->head_denied == b->head_denied &&
	       a->keeps_condition == b->keeps_condition &&
	       a->condition_found_ms == b->condition_found_ms;
}

int ledger_endpoint_record(struct ledger *ledger, const char *endpoint,
			   const char *bucket,
			   const struct ledger_endpoint *facts,
			   struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	struct ledger_endpoint known;
	int code = ledger_endpoint_find(ledger, endpoint, bucket, &known, err);
	if (code != 0 || is_same_endpoint(&known, facts))
		return code;
	code = ledger_begin(ledger, err);
	if (code != 0)
		return code;

	struct ledger_call call =
	    ledger_call_begin(ledger, SQL_ENDPOINT_RECORD);
	ledger_call_text(&call, endpoint ? endpoint : "");
	ledger_call_text(&call, bucket);
	ledger_call_text(&call, facts->region);
	ledger_call_number(&call, facts->skew_ms);
	ledger_call_number(&call, facts->concurrency);
	ledger_call_number(&call, facts->put_crc64_refused_ms);
	ledger_call_number(&call, facts->multipart_crc64_refused_ms);
	ledger_call_number(&call, facts->list_denied);
	ledger_call_number(&call, facts->head_denied);
	ledger_call_number(&call, facts->keeps_condition);
	ledger_call_number(&call, facts->condition_found_ms);
	return ledger_call_run(&call, err);
}

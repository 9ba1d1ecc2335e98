#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"

enum { PAGE_ROWS = 512 };

/* ------------------------------------------------ rows */

/* The schema checks what is written, not what a damaged file says. */
static bool is_sound(int64_t state, int64_t size_bytes)
{
	return state >= LEDGER_UPLOADED && state <= LEDGER_IGNORED &&
	       size_bytes >= 0;
}

static bool is_sound_proof(int64_t proof)
{
	return proof >= LEDGER_PROOF_NONE && proof <= LEDGER_PROOF_CHECKSUM;
}

/* Append name and key to the memory; the row gets everything but where they
 * are, for the memory may still move. */
static int copy_row(struct ledger_call *call, struct buffer *memory,
		    struct ledger_row *row, struct error *err)
{
	int64_t state = ledger_column_number(call, 1);
	int64_t size_bytes = ledger_column_number(call, 2);
	int64_t proof = ledger_column_number(call, 9);

	if (!is_sound(state, size_bytes) || !is_sound_proof(proof))
		return ledger_call_unsound(call, "a row of a file", err);
	struct bytes name = ledger_column_bytes(call, 0);
	struct bytes key = ledger_column_bytes(call, 7);
	struct bytes sha256 = ledger_column_bytes(call, 8);

	*row = (struct ledger_row){
	    .name.size = name.size,
	    .state = (enum ledger_state)state,
	    .size_bytes = size_bytes,
	    .mtime_ns = ledger_column_number(call, 3),
	    .ctime_ns = ledger_column_number(call, 4),
	    .file_id = (uint64_t)ledger_column_number(call, 5),
	    .is_racy = ledger_column_number(call, 6) != 0,
	    .key.size = key.size,
	    .has_sha256 = sha256.size == sizeof(row->sha256),
	    .proof = (enum ledger_proof)proof,
	    .at_ms = ledger_column_number(call, 10),
	    .gone_ms = ledger_column_number(call, 11),
	    .was_removed = ledger_column_number(call, 12) != 0,
	};
	if (row->has_sha256)
		memcpy(row->sha256, sha256.data, sizeof(row->sha256));
	if (buffer_append(memory, name.data, name.size) != 0 ||
	    buffer_append(memory, key.data, key.size) != 0)
		return error_set_memory(err);
	return 0;
}

/* The bytes lie in the order in which they were appended. */
static const char *settle_row(struct ledger_row *row, const char *at)
{
	row->name.data = at;
	row->key.data = at + row->name.size;
	return row->key.data + row->key.size;
}

/* The one row that a call gives, kept in the scratch memory. */
static int take_row(struct ledger_call *call, struct ledger_row *row,
		    bool *found, struct error *err)
{
	struct buffer *scratch = &call->ledger->scratch;
	int code = ledger_call_row(call, found, err);
	if (code == 0 && *found) {
		buffer_reset(scratch);
		code = copy_row(call, scratch, row, err);
		if (code == 0)
			(void)settle_row(row, scratch->data); /* the only one */
	}
	ledger_call_end(call);
	return code;
}

int ledger_find(struct ledger *ledger, int64_t policy, struct bytes name,
		struct ledger_row *row, bool *found, struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_FILE_FIND, policy, name);
	return take_row(&call, row, found, err);
}

static bool is_better(const struct ledger_row *row,
		      const struct ledger_row *than)
{
	if (row->is_racy != than->is_racy)
		return than->is_racy;
	return row->proof > than->proof;
}

/* The best of the rows that a call gives, the first one of equals, kept in the
 * scratch memory. */
static int take_best_row(struct ledger_call *call, struct ledger_row *best,
			 bool *found, struct error *err)
{
	struct buffer *scratch = &call->ledger->scratch;
	struct buffer memory = {0};
	bool has_row = false;
	int code = ledger_call_row(call, &has_row, err);

	*found = false;
	while (code == 0 && has_row) {
		struct ledger_row row = {0};

		buffer_reset(&memory);
		code = copy_row(call, &memory, &row, err);
		if (code == 0 && (!*found || is_better(&row, best))) {
			struct buffer old = *scratch;

			*scratch = memory;
			memory = old;
			*best = row;
			*found = true;
		}
		if (code == 0)
			code = ledger_call_row(call, &has_row, err);
	}
	if (code == 0 && *found)
		(void)settle_row(best, scratch->data); /* the only one */
	ledger_call_end(call);
	buffer_clear(&memory);
	return code;
}

int ledger_find_adoptable(struct ledger *ledger, const char *endpoint,
			  const char *bucket, const struct ledger_row *wanted,
			  struct ledger_row *row, bool *found,
			  struct error *err)
{
	struct ledger_call call = ledger_call_begin(ledger, SQL_FILE_ADOPT);
	ledger_call_bytes(&call, wanted->key);
	ledger_call_number(&call, wanted->size_bytes);
	ledger_call_number(&call, wanted->mtime_ns);
	ledger_call_number(&call, wanted->ctime_ns);
	ledger_call_number(&call, (int64_t)wanted->file_id);
	ledger_call_bytes(&call, wanted->name);
	ledger_call_text(&call, endpoint ? endpoint : "");
	ledger_call_text(&call, bucket);
	return take_best_row(&call, row, found, err);
}

int ledger_find_key_holder(struct ledger *ledger,
			   const struct ledger_policy *where, struct bytes key,
			   struct bytes name, char **holder, struct error *err)
{
	bool found;
	*holder = NULL;
	struct ledger_call call = ledger_call_begin(ledger, SQL_FILE_HOLDER);
	ledger_call_bytes(&call, key);
	ledger_call_bytes(&call, name);
	ledger_call_text(&call, where->endpoint ? where->endpoint : "");
	ledger_call_text(&call, where->bucket);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found) {
		struct bytes other = ledger_column_bytes(&call, 0);
		*holder = text_dup_bytes(other.data, other.size);
		if (!*holder)
			code = error_set_memory(err);
	}
	ledger_call_end(&call);
	return code;
}

/* ------------------------------------------------ changes */

/* What a row counts for: what gave no key is not in the bucket. */
struct weight {
	int64_t files;
	int64_t bytes;
};

static struct weight weigh(enum ledger_state state, int64_t size_bytes)
{
	if (state == LEDGER_IGNORED)
		return (struct weight){0, 0};
	return (struct weight){1, size_bytes};
}

static int find_weight(struct ledger *ledger, int64_t policy, struct bytes name,
		       struct weight *weight, bool *found, struct error *err)
{
	*weight = (struct weight){0, 0};
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_FILE_SIZE, policy, name);
	int code = ledger_call_row(&call, found, err);
	if (code == 0 && *found) {
		int64_t state = ledger_column_number(&call, 0);
		int64_t size_bytes = ledger_column_number(&call, 1);

		if (is_sound(state, size_bytes))
			*weight = weigh((enum ledger_state)state, size_bytes);
		else
			code =
			    ledger_call_unsound(&call, "a row of a file", err);
	}
	ledger_call_end(&call);
	return code;
}

static int count_change(struct ledger *ledger, int64_t policy,
			struct weight before, struct weight after,
			struct error *err)
{
	if (before.files == after.files && before.bytes == after.bytes)
		return 0;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_COUNT);
	ledger_call_number(&call, after.files - before.files);
	ledger_call_number(&call, after.bytes - before.bytes);
	ledger_call_number(&call, policy);
	return ledger_call_run(&call, err);
}

static int write_row(struct ledger *ledger, int64_t policy,
		     const struct ledger_row *row, struct error *err)
{
	const struct bytes sha256 = {(const char *)row->sha256,
				     sizeof(row->sha256)};
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_FILE_RECORD, policy, row->name);
	ledger_call_number(&call, row->state);
	ledger_call_number(&call, row->size_bytes);
	ledger_call_number(&call, row->mtime_ns);
	ledger_call_number(&call, row->ctime_ns);
	ledger_call_number(&call, (int64_t)row->file_id);
	ledger_call_number(&call, row->is_racy);
	if (row->key.size > 0)
		ledger_call_bytes(&call, row->key);
	else
		ledger_call_null(&call);
	if (row->has_sha256)
		ledger_call_bytes(&call, sha256);
	else
		ledger_call_null(&call);
	ledger_call_number(&call, row->proof);
	ledger_call_number(&call, row->at_ms);
	return ledger_call_run(&call, err);
}

int ledger_record(struct ledger *ledger, int64_t policy,
		  const struct ledger_row *row, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	bool found;
	struct weight before;
	int code = ledger_begin(ledger, err);
	if (code == 0)
		code = find_weight(ledger, policy, row->name, &before, &found,
				   err);
	if (code == 0)
		code = write_row(ledger, policy, row, err);
	if (code == 0)
		code = count_change(ledger, policy, before,
				    weigh(row->state, row->size_bytes), err);
	if (code == 0)
		code = ledger_call_run_by_name(ledger, SQL_PENDING_CLEAR,
					       policy, row->name, err);
	return code;
}

int ledger_doubt_key(struct ledger *ledger, struct bytes key,
		     const struct ledger_row *sent_as, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_FILE_DOUBT);
	ledger_call_bytes(&call, key);
	if (sent_as) {
		ledger_call_number(&call, sent_as->size_bytes);
		ledger_call_number(&call, sent_as->mtime_ns);
		ledger_call_number(&call, sent_as->ctime_ns);
	}
	return ledger_call_run(&call, err);
}

int ledger_forget(struct ledger *ledger, int64_t policy, struct bytes name,
		  struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	bool found;
	struct weight before;
	int code = find_weight(ledger, policy, name, &before, &found, err);
	if (code == 0)
		code = ledger_pending_clear(ledger, policy, name, err);
	if (code != 0 || !found)
		return code;
	code = ledger_begin(ledger, err);
	if (code == 0)
		code = ledger_call_run_by_name(ledger, SQL_FILE_FORGET, policy,
					       name, err);
	if (code == 0)
		code = count_change(ledger, policy, before,
				    (struct weight){0, 0}, err);
	return code;
}

int ledger_gone_set(struct ledger *ledger, int64_t policy, struct bytes name,
		    const struct ledger_gone *gone, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_FILE_GONE);
	if (gone->gone_ms)
		ledger_call_number(&call, gone->gone_ms);
	else
		ledger_call_null(&call);
	ledger_call_number(&call, gone->was_removed);
	ledger_call_number(&call, policy);
	ledger_call_bytes(&call, name);
	return ledger_call_run(&call, err);
}

/* ------------------------------------------------ in order, by pages */

struct ledger_rows {
	struct ledger *ledger;
	int64_t policy;
	struct ledger_facts page[PAGE_ROWS];
	struct buffer names; /* of the page */
	struct buffer last;  /* name of the last row of the page before */
	int count;
	int at;
	bool is_last_page;
};

int ledger_rows_open(struct ledger *ledger, int64_t policy,
		     struct ledger_rows **rows, struct error *err)
{
	*rows = calloc(1, sizeof(**rows));
	if (!*rows)
		return error_set_memory(err);
	(*rows)->ledger = ledger;
	(*rows)->policy = policy;
	return 0;
}

/* Append a row to the page, but for where its name is: that may still move. */
static int add_to_page(struct ledger_rows *rows, struct ledger_call *call,
		       struct error *err)
{
	int64_t state = ledger_column_number(call, 1);
	int64_t size_bytes = ledger_column_number(call, 2);

	if (!is_sound(state, size_bytes))
		return ledger_call_unsound(call, "a row of a file", err);
	struct bytes name = ledger_column_bytes(call, 0);

	rows->page[rows->count++] = (struct ledger_facts){
	    .name.size = name.size,
	    .state = (enum ledger_state)state,
	    .size_bytes = size_bytes,
	    .mtime_ns = ledger_column_number(call, 3),
	    .ctime_ns = ledger_column_number(call, 4),
	    .file_id = (uint64_t)ledger_column_number(call, 5),
	    .is_racy = ledger_column_number(call, 6) != 0,
	    .gone_ms = ledger_column_number(call, 7),
	};
	if (buffer_append(&rows->names, name.data, name.size) != 0)
		return error_set_memory(err);
	return 0;
}

/* All of the page has come; false: not in ascending order. */
static bool settle_page(struct ledger_rows *rows)
{
	struct bytes last = buffer_bytes(&rows->last);
	const char *at = rows->names.data;

	for (int i = 0; i < rows->count; i++) {
		struct bytes *name = &rows->page[i].name;

		name->data = at;
		at += name->size;
		if (bytes_compare(*name, last) <= 0)
			return false;
		last = *name;
	}
	return true;
}

static int fill_page(struct ledger_rows *rows, struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(rows->ledger, SQL_FILE_PAGE, rows->policy,
				buffer_bytes(&rows->last));
	ledger_call_number(&call, PAGE_ROWS);

	int code = 0;
	bool has_row = true;
	while (code == 0 && has_row && rows->count < PAGE_ROWS) {
		code = ledger_call_row(&call, &has_row, err);
		if (code == 0 && has_row)
			code = add_to_page(rows, &call, err);
	}
	/* who asks for what comes behind a name would go round for ever */
	if (code == 0 && !settle_page(rows))
		code = ledger_call_unsound(&call, "the order of rows", err);
	ledger_call_end(&call);
	return code;
}

static int read_page(struct ledger_rows *rows, struct error *err)
{
	if (rows->count > 0) {
		struct bytes last = rows->page[rows->count - 1].name;
		buffer_reset(&rows->last);
		if (buffer_append(&rows->last, last.data, last.size) != 0)
			return error_set_memory(err);
	}
	buffer_reset(&rows->names);
	rows->at = 0;
	rows->count = 0;
	int code = fill_page(rows, err);
	if (code != 0) {
		rows->count = 0;
		return code;
	}
	rows->is_last_page = rows->count < PAGE_ROWS;
	return 0;
}

int ledger_rows_peek(struct ledger_rows *rows, const struct ledger_facts **row,
		     struct error *err)
{
	*row = NULL;
	if (rows->at == rows->count && !rows->is_last_page) {
		int code = read_page(rows, err);
		if (code != 0)
			return code;
	}
	if (rows->at < rows->count)
		*row = &rows->page[rows->at];
	return 0;
}

void ledger_rows_advance(struct ledger_rows *rows)
{
	if (rows->at < rows->count)
		rows->at++;
}

void ledger_rows_close(struct ledger_rows *rows)
{
	if (!rows)
		return;
	buffer_clear(&rows->names);
	buffer_clear(&rows->last);
	free(rows);
}

/* ------------------------------------------------ pending */

struct pending {
	bool is_found;
	bool is_same; /* state and reason */
	int64_t state;
	int64_t since_ms;
};

static int find_pending(struct ledger *ledger, int64_t policy,
			struct bytes name, const char *reason,
			struct pending *pending, struct error *err)
{
	*pending = (struct pending){0};
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_PENDING_FIND, policy, name);
	int code = ledger_call_row(&call, &pending->is_found, err);
	if (code == 0 && pending->is_found) {
		pending->state = ledger_column_number(&call, 0);
		pending->since_ms = ledger_column_number(&call, 1);
		pending->is_same = ledger_column_is(&call, 2, reason);
		if (!ledger_time_is_sound(pending->since_ms))
			code =
			    ledger_call_unsound(&call, "a file put off", err);
	}
	ledger_call_end(&call);
	return code;
}

int ledger_pending_set(struct ledger *ledger, int64_t policy, struct bytes name,
		       enum ledger_pending_state state, int64_t now_ms,
		       const char *reason, int64_t *first_ms, struct error *err)
{
	struct pending known;
	int code = find_pending(ledger, policy, name, reason, &known, err);
	if (code != 0)
		return code;
	bool stays = known.is_found && known.state == (int64_t)state;
	/* noted by a clock that ran ahead: the wait begins anew, for it could
	 * take years until that time is reached */
	bool is_ahead = stays && known.since_ms > now_ms;
	int64_t since_ms = stays && !is_ahead ? known.since_ms : now_ms;
	if (first_ms)
		*first_ms = since_ms;
	if (ledger->is_read_only || (stays && !is_ahead && known.is_same))
		return 0;

	code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_PENDING_SET, policy, name);
	ledger_call_number(&call, state);
	ledger_call_number(&call, since_ms);
	ledger_call_text(&call, reason);
	return ledger_call_run(&call, err);
}

int ledger_pending_find(struct ledger *ledger, int64_t policy,
			struct bytes name, int64_t *first_ms, bool *found,
			struct error *err)
{
	struct pending known;
	int code = find_pending(ledger, policy, name, NULL, &known, err);
	*found = known.is_found;
	if (first_ms)
		*first_ms = known.since_ms;
	return code;
}

int ledger_pending_clear(struct ledger *ledger, int64_t policy,
			 struct bytes name, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	struct pending known;
	int code = find_pending(ledger, policy, name, NULL, &known, err);
	if (code != 0 || !known.is_found)
		return code;
	code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	return ledger_call_run_by_name(ledger, SQL_PENDING_CLEAR, policy, name,
				       err);
}

int ledger_pending_count(struct ledger *ledger, int64_t *count,
			 struct error *err)
{
	bool found;
	*count = 0;
	struct ledger_call call = ledger_call_begin(ledger, SQL_PENDING_COUNT);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found)
		*count = ledger_column_number(&call, 0);
	ledger_call_end(&call);
	return code;
}

int ledger_pending_next(struct ledger *ledger, int64_t policy,
			struct bytes after, struct bytes *name, bool *found,
			struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_PENDING_NEXT, policy, after);
	int code = ledger_call_row(&call, found, err);
	if (code == 0 && *found) {
		struct bytes found_name = ledger_column_bytes(&call, 0);

		buffer_reset(&ledger->scratch);
		if (buffer_append(&ledger->scratch, found_name.data,
				  found_name.size) != 0)
			code = error_set_memory(err);
		*name = buffer_bytes(&ledger->scratch);
	}
	ledger_call_end(&call);
	return code;
}

#include <stdlib.h>
#include <string.h>

#include "ingest/ledger_internal.h"
#include "platform/file.h"

#define LEDGER_STATEMENT_TEXT(name, text) text,

static const char *const texts[LEDGER_SQL_COUNT] = {
    LEDGER_STATEMENTS(LEDGER_STATEMENT_TEXT)};

/* Leave a mark for the next ledger_open: this run goes on as it can, that one
 * begins anew. */
static void mark_suspect(const struct ledger *ledger)
{
	char *mark = text_format("%s.suspect", ledger->path);
	struct file *file = NULL;
	/* no mark, no harm: the damage will be met again */
	if (mark && file_create_private(mark, &file) == 0)
		file_close(file);
	free(mark);
}

/* SQLite may have rolled back itself already. */
static void undo_batch(struct ledger *ledger)
{
	if (!ledger->is_in_batch)
		return;
	(void)sqlite3_exec(ledger->db, "rollback", NULL, NULL, NULL);
	ledger->is_in_batch = false;
	ledger->batch_size = 0;
}

static int fail_corrupt(const struct ledger *ledger, const char *text,
			struct error *err)
{
	if (ledger->is_read_only)
		return error_set(err, ERROR_LOCAL, "%s", text);
	mark_suspect(ledger);
	return error_set(err, ERROR_LOCAL,
			 "%s; the next run sets it aside and begins a new one",
			 text);
}

/* Whatever fails, the batch does not stay half done. A statement that cannot
 * be prepared is the fault of the schema: a column is missing, or worse. */
static int fail(const struct ledger_call *call, struct error *err)
{
	struct ledger *ledger = call->ledger;
	struct error cause = {0};
	int code = call->statement
		       ? ledger_db_error(ledger->db, ledger->path, &cause)
		       : ledger_db_unsound(ledger->db, ledger->path, &cause);

	undo_batch(ledger);
	if (code == ERROR_INVALID)
		return fail_corrupt(ledger, cause.text, err);
	return error_set(err, cause.code, "%s", cause.text);
}

int ledger_call_unsound(struct ledger_call *call, const char *what,
			struct error *err)
{
	struct ledger *ledger = call->ledger;
	struct error cause = {0};

	ledger_call_end(call); /* it would keep the batch from its end */
	undo_batch(ledger);
	(void)error_set(&cause, ERROR_INVALID, "%s: the ledger is corrupt (%s)",
			ledger->path, what);
	return fail_corrupt(ledger, cause.text, err);
}

bool ledger_time_is_sound(int64_t ms)
{
	static const int64_t most = INT64_C(253402300799999);

	return ms >= -most && ms <= most;
}

struct ledger_call ledger_call_begin(struct ledger *ledger, enum ledger_sql sql)
{
	struct ledger_call call = {.ledger = ledger, .next_value = 1};
	sqlite3_stmt **cached = &ledger->statements[sql];
	if (!*cached)
		call.code =
		    sqlite3_prepare_v3(ledger->db, texts[sql], -1,
				       SQLITE_PREPARE_PERSISTENT, cached, NULL);
	call.statement = *cached;
	return call;
}

static void note_code(struct ledger_call *call, int code)
{
	call->next_value++;
	if (call->code == SQLITE_OK)
		call->code = code;
}

void ledger_call_number(struct ledger_call *call, int64_t value)
{
	if (call->code == SQLITE_OK)
		note_code(call, sqlite3_bind_int64(call->statement,
						   call->next_value, value));
}

void ledger_call_bytes(struct ledger_call *call, struct bytes value)
{
	/* a null pointer would bind null, not an empty blob */
	const char *data = value.data ? value.data : "";
	if (call->code == SQLITE_OK)
		note_code(call,
			  sqlite3_bind_blob64(call->statement, call->next_value,
					      data, value.size, SQLITE_STATIC));
}

void ledger_call_text(struct ledger_call *call, const char *value)
{
	if (call->code == SQLITE_OK)
		note_code(call,
			  sqlite3_bind_text(call->statement, call->next_value,
					    value, -1, SQLITE_STATIC));
}

void ledger_call_null(struct ledger_call *call)
{
	if (call->code == SQLITE_OK)
		note_code(call,
			  sqlite3_bind_null(call->statement, call->next_value));
}

void ledger_call_end(struct ledger_call *call)
{
	if (!call->statement)
		return;
	/* reset repeats the failure of the last step, which is known */
	(void)sqlite3_reset(call->statement);
	(void)sqlite3_clear_bindings(call->statement);
	call->statement = NULL;
}

int ledger_call_row(struct ledger_call *call, bool *has_row, struct error *err)
{
	*has_row = false;
	if (call->code == SQLITE_OK)
		call->code = sqlite3_step(call->statement);
	if (call->code == SQLITE_ROW) {
		call->code = SQLITE_OK;
		*has_row = true;
		return 0;
	}
	int code = call->code == SQLITE_DONE ? 0 : fail(call, err);
	ledger_call_end(call);
	return code;
}

int ledger_call_run(struct ledger_call *call, struct error *err)
{
	bool has_row;
	int code = ledger_call_row(call, &has_row, err);
	ledger_call_end(call);
	return code;
}

struct ledger_call ledger_call_by_name(struct ledger *ledger,
				       enum ledger_sql sql, int64_t policy,
				       struct bytes name)
{
	struct ledger_call call = ledger_call_begin(ledger, sql);
	ledger_call_number(&call, policy);
	ledger_call_bytes(&call, name);
	return call;
}

int ledger_call_run_by_name(struct ledger *ledger, enum ledger_sql sql,
			    int64_t policy, struct bytes name,
			    struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, sql, policy, name);
	return ledger_call_run(&call, err);
}

int64_t ledger_column_number(const struct ledger_call *call, int column)
{
	return sqlite3_column_int64(call->statement, column);
}

struct bytes ledger_column_bytes(const struct ledger_call *call, int column)
{
	/* in this order: the size is of what the first call made */
	const char *data = sqlite3_column_blob(call->statement, column);
	int size = sqlite3_column_bytes(call->statement, column);
	return (struct bytes){data, (size_t)size};
}

void ledger_column_text(const struct ledger_call *call, int column, char *text,
			size_t size)
{
	struct bytes value = ledger_column_bytes(call, column);
	if (value.size >= size)
		value.size = size - 1;
	if (value.size > 0)
		memcpy(text, value.data, value.size);
	text[value.size] = '\0';
}

bool ledger_column_is(const struct ledger_call *call, int column,
		      const char *value)
{
	bool is_null =
	    sqlite3_column_type(call->statement, column) == SQLITE_NULL;
	if (!value || is_null)
		return !value && is_null;
	return bytes_equal(ledger_column_bytes(call, column),
			   bytes_of_text(value));
}

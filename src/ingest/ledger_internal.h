#ifndef S3I_INGEST_LEDGER_INTERNAL_H
#define S3I_INGEST_LEDGER_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/ledger_sql.h"

/* What the files of the ledger share; nobody else includes this. */

struct ledger {
	char *path;
	sqlite3 *db;
	bool is_read_only;
	bool is_virtual; /* an empty one in memory: there is no file yet */
	bool is_in_batch;
	bool lost_rows; /* to be written with the first batch */
	int64_t batch_size;
	sqlite3_stmt *statements[LEDGER_SQL_COUNT];
	struct buffer scratch;	  /* what ledger_find and its like give out */
	int64_t *placed_policies; /* ids whose position was set in this run */
	size_t placed_count;
};

/* ---- ledger_db.c: one connection, whatever it is of ---- */

enum ledger_db_kind {
	LEDGER_DB_MEMORY,     /* empty, with our schema */
	LEDGER_DB_READ_WRITE, /* a file that exists; brought up to our schema */
	LEDGER_DB_READ_ONLY   /* nothing is written, not even beside the file */
};

/* Open, set up, judge. ERROR_INVALID: not a sound ledger; ERROR_CONFIG: a
 * newer schema. */
int ledger_db_open(const char *path, enum ledger_db_kind kind, sqlite3 **db,
		   struct error *err);

/* The last error of a connection, as ours. */
int ledger_db_error(sqlite3 *db, const char *path, struct error *err);

/* The same while a file is being judged: what would be our own fault later,
 * such as a schema that cannot be read, is the fault of the file. */
int ledger_db_unsound(sqlite3 *db, const char *path, struct error *err);

/* ---- ledger_schema.c ---- */

/* Judge what is there: ERROR_INVALID if it is no sound ledger, ERROR_CONFIG
 * if it is newer; else its schema version. */
int ledger_schema_check(sqlite3 *db, const char *path, int *version,
			struct error *err);

/* Bring a schema from that version up to ours, in one transaction. */
int ledger_schema_migrate(sqlite3 *db, const char *path, int version,
			  struct error *err);

int ledger_schema_version(void);

/* ---- ledger.c ---- */

/* Begin the batch if none is open. Every change calls this first; the
 * statements prepared before it may be gone afterwards. */
int ledger_begin(struct ledger *ledger, struct error *err);

/* ---- ledger_call.c: one use of a statement ---- */

/*
 * Begin, then the values in the order of the statement, then either _run for
 * a change, or _row until it has no more. Values are borrowed until then. A
 * failure on the way is reported by _run or _row; _end may follow it.
 */
struct ledger_call {
	struct ledger *ledger;
	sqlite3_stmt *statement;
	int next_value;
	int code; /* of SQLite */
};

struct ledger_call ledger_call_begin(struct ledger *ledger,
				     enum ledger_sql sql);
void ledger_call_number(struct ledger_call *call, int64_t value);
void ledger_call_bytes(struct ledger_call *call, struct bytes value);
void ledger_call_text(struct ledger_call *call, const char *value);
void ledger_call_null(struct ledger_call *call);

/* To the end, without rows. */
int ledger_call_run(struct ledger_call *call, struct error *err);

/* The next row; *has_row false ends the call. */
int ledger_call_row(struct ledger_call *call, bool *has_row, struct error *err);
void ledger_call_end(struct ledger_call *call);

/* The row is none that a ledger has, though SQLite finds nothing wrong with
 * it: ends the call, and is what damage is that SQLite sees. ERROR_LOCAL. */
int ledger_call_unsound(struct ledger_call *call, const char *what,
			struct error *err);

/* A moment in real time up to the year 9999, or the difference of two: what
 * can be counted with. */
bool ledger_time_is_sound(int64_t ms);

/* Begun with policy and name as the first two values; the second runs it as
 * well. */
struct ledger_call ledger_call_by_name(struct ledger *ledger,
				       enum ledger_sql sql, int64_t policy,
				       struct bytes name);
int ledger_call_run_by_name(struct ledger *ledger, enum ledger_sql sql,
			    int64_t policy, struct bytes name,
			    struct error *err);

/* Columns of the row, borrowed until the next _row or _end. */
int64_t ledger_column_number(const struct ledger_call *call, int column);
struct bytes ledger_column_bytes(const struct ledger_call *call, int column);

/* Copy a text column into text[size], cut if it is longer; null is "". */
void ledger_column_text(const struct ledger_call *call, int column, char *text,
			size_t size);

/* Text column equal to value; NULL is equal to null only. */
bool ledger_column_is(const struct ledger_call *call, int column,
		      const char *value);

#endif

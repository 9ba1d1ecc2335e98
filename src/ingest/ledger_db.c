#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ledger_internal.h"
#include "platform/file.h"
#include "platform/system.h"

enum { BUSY_TIMEOUT_MS = 10000, READ_BYTES = 64 * 1024 };

/* An opened cursor over a 4 MiB journal costs nothing, a longer one does;
 * memory mapping would count as memory of ours; a damaged or foreign schema
 * must not run functions. */
static const char settings[] = "pragma trusted_schema = off;"
			       "pragma cell_size_check = on;"
			       "pragma cache_size = -2048;"
			       "pragma mmap_size = 0;"
			       "pragma temp_store = memory;"
			       "pragma synchronous = full;"
			       "pragma journal_size_limit = 4194304;";

/* Whether all of the file can be read. 0 or errno. */
static int read_through(const char *path)
{
	struct file *file = NULL;
	char *data = malloc(READ_BYTES);
	int64_t offset = 0;
	size_t got = 0;
	int code = data ? file_open(path, &file) : ENOMEM;

	do {
		if (code == 0)
			code =
			    file_read_at(file, offset, data, READ_BYTES, &got);
		offset += (int64_t)got;
	} while (code == 0 && got > 0);
	file_close(file);
	free(data);
	return code;
}

int ledger_db_error(sqlite3 *db, const char *path, struct error *err)
{
	int code = db ? sqlite3_errcode(db) & 0xff : SQLITE_NOMEM;
	const char *text = db ? sqlite3_errmsg(db) : "";
	int system_code = db ? sqlite3_system_errno(db) : 0;
	char reason[128];

	/* SQLite takes a file that cannot be read for one that is corrupt */
	int read_code = code == SQLITE_CORRUPT ? read_through(path) : 0;
	if (read_code == EIO) {
		code = SQLITE_IOERR;
		system_code = read_code;
	}
	switch (code) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(err, ERROR_INVALID,
				 "%s: the ledger is corrupt (%s)", path, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(err, ERROR_LATER,
				 "%s: in use by another process", path);
	case SQLITE_NOMEM:
		return error_set_memory(err);
	case SQLITE_CONSTRAINT:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_ERROR:
		return error_set(err, ERROR_BUG, "%s: %s", path, text);
	default:
		break;
	}
	if (system_code == 0 && code == SQLITE_IOERR) /* as of a sync */
		return error_set(err, ERROR_LOCAL,
				 "%s: cannot be read or written; is the disk "
				 "full, or broken? (%s)",
				 path, text);
	if (system_code == 0)
		return error_set(err, ERROR_LOCAL, "%s: %s", path, text);
	if (code == SQLITE_IOERR)
		text = "cannot be read or written";
	return error_set(
	    err, ERROR_LOCAL, "%s: %s: %s", path, text,
	    system_error_text(system_code, reason, sizeof(reason)));
}

int ledger_db_unsound(sqlite3 *db, const char *path, struct error *err)
{
	struct error cause = {0};
	int code = ledger_db_error(db, path, &cause);
	if (code == ERROR_BUG)
		code = ERROR_INVALID;
	return error_set(err, (enum error_code)code, "%s", cause.text);
}

/* A path as a URI (https://www.sqlite.org/uri.html), so that no byte of it
 * means something and options can be given. */
static char *uri_of(const char *path, const char *options)
{
	struct buffer uri = {0};
	int code =
	    buffer_append_text(&uri, path[0] == '/' ? "file://" : "file:./");
	for (const char *c = path; code == 0 && *c; c++) {
		if (*c == '%' || *c == '?' || *c == '#')
			code =
			    buffer_append_format(&uri, "%%%02X", (unsigned)*c);
		else
			code = buffer_append(&uri, c, 1);
	}
	if (code == 0)
		code = buffer_append_text(&uri, options);
	if (code != 0)
		buffer_clear(&uri);
	return buffer_steal(&uri);
}

static bool has_journal(const char *path, const char *suffix)
{
	char *name = text_format("%s%s", path, suffix);
	struct file_facts facts;
	bool found =
	    name && file_stat_path(name, &facts) == 0 && facts.size_bytes > 0;
	free(name);
	return found;
}

static int open_uri(const char *path, const char *options, int flags,
		    sqlite3 **db, struct error *err)
{
	char *uri = uri_of(path, options);
	if (!uri)
		return error_set_memory(err);
	int code = sqlite3_open_v2(
	    uri, db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (code == SQLITE_OK)
		code = sqlite3_extended_result_codes(*db, 1);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(*db, BUSY_TIMEOUT_MS);
#ifdef SQLITE_DBCONFIG_DEFENSIVE
	if (code == SQLITE_OK)
		code = sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1,
					 (int *)NULL);
#endif
	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, settings, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : ledger_db_unsound(*db, path, err);
}

/* Write-ahead logging if the file system can do it, else what there was. What
 * is so already is no write. */
static int choose_journal(sqlite3 *db, const char *path, struct error *err)
{
	int code =
	    sqlite3_exec(db, "pragma journal_mode = wal", NULL, NULL, NULL);
	bool is_refused =
	    (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR;
	if (code == SQLITE_OK || is_refused)
		return 0;
	return ledger_db_error(db, path, err);
}

static int open_read_write(const char *path, sqlite3 **db, struct error *err)
{
	int version = 0;
	int code = open_uri(path, "", SQLITE_OPEN_READWRITE, db, err);
	/* SQLite is content with less than it was asked for */
	if (code == 0 && sqlite3_db_readonly(*db, "main") == 1)
		code =
		    error_set(err, ERROR_LOCAL, "%s: cannot be written", path);
	if (code == 0)
		code = ledger_schema_check(*db, path, &version, err);
	if (code == 0)
		code = choose_journal(*db, path, err);
	if (code == 0)
		code = ledger_schema_migrate(*db, path, version, err);
	return code;
}

static int open_memory(sqlite3 **db, struct error *err)
{
	int code = sqlite3_open_v2(
	    ":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return ledger_db_error(*db, ":memory:", err);
	return ledger_schema_migrate(*db, ":memory:", 0, err);
}

/* A copy in memory, brought up to our schema there: the file stays. */
static int migrate_copy(const char *path, int version, sqlite3 **db,
			struct error *err)
{
	sqlite3 *copy = NULL;
	int code =
	    sqlite3_open_v2(":memory:", &copy,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_backup *backup = NULL;
	if (code == SQLITE_OK)
		backup = sqlite3_backup_init(copy, "main", *db, "main");
	if (backup) {
		(void)sqlite3_backup_step(backup, -1); /* _finish tells */
		code = sqlite3_backup_finish(backup);
	}
	if (!backup || code != SQLITE_OK)
		code = ledger_db_error(copy, path, err);
	else
		code = ledger_schema_migrate(copy, path, version, err);
	(void)sqlite3_close(*db);
	*db = copy;
	return code;
}

static int open_read_only(const char *path, sqlite3 **db, struct error *err)
{
	int version = 0;
	/* "immutable" is what keeps SQLite from making files beside it; with
	 * a journal it would not see all */
	bool busy = has_journal(path, "-wal") || has_journal(path, "-journal");
	int code = open_uri(path, busy ? "" : "?immutable=1",
			    SQLITE_OPEN_READONLY, db, err);
	if (code == 0)
		code = ledger_schema_check(*db, path, &version, err);
	if (code == 0 && version < ledger_schema_version())
		code = migrate_copy(path, version, db, err);
	return code;
}

int ledger_db_open(const char *path, enum ledger_db_kind kind, sqlite3 **db,
		   struct error *err)
{
	int code = 0;
	*db = NULL;
	switch (kind) {
	case LEDGER_DB_MEMORY:
		code = open_memory(db, err);
		break;
	case LEDGER_DB_READ_WRITE:
		code = open_read_write(path, db, err);
		break;
	case LEDGER_DB_READ_ONLY:
		code = open_read_only(path, db, err);
		break;
	}
	if (code != 0) {
		(void)sqlite3_close(*db); /* no statement is open */
		*db = NULL;
	}
	return code;
}

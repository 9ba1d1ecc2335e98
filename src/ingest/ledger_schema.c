#include "ingest/ledger_internal.h"

/* "S3Ig" as a number: marks the file as ours, also for file(1). */
#define APPLICATION_ID	     1395870055
#define TEXT_OF(number)	     #number
#define TEXT_OF_VALUE(macro) TEXT_OF(macro)

/* The tables and the view that every version has. */
#define OUR_NAMES                                                              \
	"('policy', 'file', 'file_key', 'pending', 'upload', 'part', "         \
	"'removal', 'endpoint', 'note', 'files')"
enum { OUR_NAME_COUNT = 10 };

/*
 * Names and keys are blobs, for file names have any bytes; a file without a
 * key has null there, which the index leaves out. state: 0 uploaded, 1
 * present, 2 ignored; pending: 0 delayed, 1 failed; proof: 0 none, 1 size, 2
 * checksum. Ids of policies are never used twice, for uploads in progress
 * outlive their policy until they were aborted.
 */
static const char version_1[] =
    "create table policy("
    "  id integer primary key autoincrement,"
    "  fingerprint text not null unique,"
    "  endpoint text not null,"
    "  bucket text not null,"
    "  position integer," /* null: retired */
    "  files integer not null default 0,"
    "  bytes integer not null default 0);"

    "create table file("
    "  policy integer not null,"
    "  name blob not null,"
    "  state integer not null check(state between 0 and 2),"
    "  size integer not null,"
    "  mtime_ns integer not null,"
    "  ctime_ns integer not null,"
    "  file_id integer not null,"
    "  racy integer not null,"
    "  key blob,"
    "  sha256 blob,"
    "  proof integer not null check(proof between 0 and 2),"
    "  at_ms integer not null,"
    "  primary key(policy, name)) without rowid;"
    /* key = ? implies that it is not null, so the index serves it */
    "create index file_key on file(key, policy) where key is not null;"

    "create table pending("
    "  policy integer not null,"
    "  name blob not null,"
    "  state integer not null check(state between 0 and 1),"
    "  since_ms integer not null,"
    "  reason text,"
    "  primary key(policy, name)) without rowid;"

    "create table upload("
    "  policy integer not null,"
    "  name blob not null,"
    "  key blob not null,"
    "  upload_id text," /* null: Create was intended */
    "  part_size integer not null,"
    "  size integer not null,"
    "  mtime_ns integer not null,"
    "  ctime_ns integer not null,"
    "  file_id integer not null,"
    "  started_ms integer not null,"
    "  endpoint text not null,"
    "  bucket text not null,"
    "  crc64 integer not null,"
    "  primary key(policy, name)) without rowid;"

    "create table part("
    "  policy integer not null,"
    "  name blob not null,"
    "  number integer not null,"
    "  etag text not null,"
    "  sha256 blob not null,"
    "  crc64 integer not null,"
    "  primary key(policy, name, number)) without rowid;"

    "create table removal("
    "  policy integer not null,"
    "  name blob not null,"
    "  due_ms integer not null,"
    "  literal_bytes integer not null,"
    "  primary key(policy, name)) without rowid;"

    "create table endpoint("
    "  url text not null,"
    "  bucket text not null,"
    "  region text not null,"
    "  skew_ms integer not null,"
    "  concurrency integer not null,"
    "  put_crc64_refused_ms integer not null,"
    "  multipart_crc64_refused_ms integer not null,"
    "  list_denied integer not null,"
    "  head_denied integer not null,"
    "  primary key(url, bucket)) without rowid;"

    "create table note("
    "  name text primary key not null,"
    "  value text not null) without rowid;"

    "create view files as select"
    "  p.position as position,"
    "  cast(f.name as text) as name,"
    "  case f.state when 0 then 'uploaded' when 1 then 'present'"
    "    else 'ignored' end as state,"
    "  f.size as size,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', f.mtime_ns / 1000000000, 'unixepoch')"
    "    as modified,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', f.at_ms / 1000, 'unixepoch') as at,"
    "  p.endpoint as endpoint,"
    "  p.bucket as bucket,"
    "  cast(f.key as text) as key,"
    "  lower(hex(f.sha256)) as sha256,"
    "  case f.proof when 0 then 'none' when 1 then 'size'"
    "    else 'checksum' end as proof,"
    "  f.racy as racy"
    "  from file f join policy p on p.id = f.policy;"

    "pragma application_id = " TEXT_OF_VALUE(APPLICATION_ID);

/* gone_ms: when the file was first missed, null while it is there; removed: 1
 * if it was this program that took it away; twin: 1 if a Create whose reply
 * was lost may have begun another upload. */
static const char version_2[] =
    "alter table file add column gone_ms integer;"
    "alter table file add column removed integer not null default 0;"
    "alter table upload add column twin integer not null default 0;"
    "drop view files;"
    "create view files as select"
    "  p.position as position,"
    "  cast(f.name as text) as name,"
    "  case f.state when 0 then 'uploaded' when 1 then 'present'"
    "    else 'ignored' end as state,"
    "  f.size as size,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', f.mtime_ns / 1000000000, 'unixepoch')"
    "    as modified,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', f.at_ms / 1000, 'unixepoch') as at,"
    "  p.endpoint as endpoint,"
    "  p.bucket as bucket,"
    "  cast(f.key as text) as key,"
    "  lower(hex(f.sha256)) as sha256,"
    "  case f.proof when 0 then 'none' when 1 then 'size'"
    "    else 'checksum' end as proof,"
    "  f.racy as racy,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', f.gone_ms / 1000, 'unixepoch') as gone,"
    "  f.removed as removed"
    "  from file f join policy p on p.id = f.policy;";

static const char version_3[] =
    "alter table endpoint add column"
    "  keeps_condition integer not null default 0;"
    "alter table endpoint add column"
    "  condition_found_ms integer not null default 0;";

/* A step brings the version before it up to its own; steps are only added. */
static const struct {
	int version;
	const char *sql;
} steps[] = {
    {1, version_1},
    {2, version_2},
    {3, version_3},
};

enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

int ledger_schema_version(void)
{
	return steps[STEP_COUNT - 1].version;
}

static int read_number(sqlite3 *db, const char *path, const char *sql,
		       int *number, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*number = sqlite3_column_int(statement, 0);
		code = SQLITE_OK;
	}
	(void)sqlite3_finalize(statement); /* repeats the failure of step */
	return code == SQLITE_OK ? 0 : ledger_db_unsound(db, path, err);
}

int ledger_schema_check(sqlite3 *db, const char *path, int *version,
			struct error *err)
{
	int id = 0;
	int all = 0;
	int ours = 0;
	int code = read_number(db, path, "pragma user_version", version, err);
	if (code == 0)
		code = read_number(db, path, "pragma application_id", &id, err);
	if (code == 0)
		code = read_number(
		    db, path, "select count(*) from sqlite_master", &all, err);
	if (code == 0)
		code = read_number(db, path,
				   "select count(*) from sqlite_master "
				   "where name in " OUR_NAMES,
				   &ours, err);
	if (code != 0)
		return code;

	if (*version == 0 && id == 0 && all == 0)
		return 0; /* created, and then the machine went down */
	if (id != APPLICATION_ID || *version <= 0)
		return error_set(err, ERROR_INVALID, "%s: is not a ledger",
				 path);
	if (*version > ledger_schema_version())
		return error_set(err, ERROR_CONFIG,
				 "%s: was written by a newer version of this "
				 "program (schema %d, known up to %d)",
				 path, *version, ledger_schema_version());
	if (ours != OUR_NAME_COUNT)
		return error_set(err, ERROR_INVALID, "%s: tables are missing",
				 path);
	return 0;
}

static int run_step(sqlite3 *db, int step)
{
	int code = sqlite3_exec(db, steps[step].sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return code;
	char *sql =
	    sqlite3_mprintf("pragma user_version = %d", steps[step].version);
	if (!sql)
		return SQLITE_NOMEM;
	code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return code;
}

int ledger_schema_migrate(sqlite3 *db, const char *path, int version,
			  struct error *err)
{
	if (version == ledger_schema_version())
		return 0;
	int code = sqlite3_exec(db, "begin immediate", NULL, NULL, NULL);
	for (int i = 0; code == SQLITE_OK && i < STEP_COUNT; i++)
		if (steps[i].version > version)
			code = run_step(db, i);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "commit", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return 0;
	code = ledger_db_error(db, path, err);
	(void)sqlite3_exec(db, "rollback", NULL, NULL, NULL);
	return code;
}

#ifndef S3I_TESTS_LEDGER_FRAME_H
#define S3I_TESTS_LEDGER_FRAME_H

#include "check.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "ingest/ledger.h"

/* What the tests of the ledger share: one file in a folder of their own. */
#define ENDPOINT "http://127.0.0.1:9000"

static char folder[] = "/tmp/test_ledger.XXXXXX";
static char path[96];
static char bad[128];

static inline struct bytes text(const char *c)
{
	return bytes_of_text(c);
}

static inline bool exists(const char *name)
{
	return access(name, F_OK) == 0;
}

static inline void remove_all(void)
{
	static const char *const names[] = {
	    "",	    "-wal",	"-shm",	    "-journal",	   ".suspect",
	    ".bad", ".bad-wal", ".bad-shm", ".bad-journal"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[160];
		(void)snprintf(name, sizeof(name), "%s%s", path, names[i]);
		(void)remove(name);
	}
}

static inline struct ledger *open_as(bool read_only, bool *was_corrupt)
{
	struct ledger *ledger = NULL;
	struct error err = {0};
	if (ledger_open(path, read_only, &ledger, was_corrupt, &err) != 0) {
		(void)printf("# %s\n", err.text);
		CHECK(ledger != NULL);
		exit(1);
	}
	return ledger;
}

static inline struct ledger *open_it(void)
{
	bool was_corrupt = true;
	struct ledger *ledger = open_as(false, &was_corrupt);
	CHECK(!was_corrupt);
	return ledger;
}

static inline void close_it(struct ledger *ledger)
{
	struct error err = {0};
	CHECK_INT(ledger_close(ledger, &err), 0);
	CHECK_TEXT(err.text, "");
}

/* The file through SQLite itself, with what it says. */
static inline const char *ask(const char *sql)
{
	static char answer[4096];
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	answer[0] = '\0';
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	const char *rest = sql;
	while (*rest) {
		int code = sqlite3_prepare_v2(db, rest, -1, &statement, &rest);
		if (!CHECK_INT(code, SQLITE_OK) || !statement)
			break;
		while (sqlite3_step(statement) == SQLITE_ROW)
			for (int i = 0; i < sqlite3_column_count(statement);
			     i++) {
				const unsigned char *value =
				    sqlite3_column_text(statement, i);
				size_t used = strlen(answer);
				(void)snprintf(
				    answer + used, sizeof(answer) - used,
				    "%s%s", used ? "|" : "",
				    value ? (const char *)value : "null");
			}
		(void)sqlite3_finalize(statement);
		statement = NULL;
	}
	(void)sqlite3_close(db);
	return answer;
}

static inline int64_t policy_at(struct ledger *ledger, const char *fingerprint,
				const char *bucket, int position)
{
	const struct ledger_policy policy = {fingerprint, ENDPOINT, bucket,
					     position};
	int64_t id = 0;
	CHECK_INT(ledger_policy_get(ledger, &policy, &id, NULL, NULL), 0);
	return id;
}

static inline struct ledger_row row_of(const char *name, const char *key)
{
	struct ledger_row row = {
	    .name = text(name),
	    .state = LEDGER_UPLOADED,
	    .size_bytes = 10,
	    .mtime_ns = 1700000000000000001,
	    .ctime_ns = 1700000000000000002,
	    .file_id = UINT64_MAX,
	    .key = text(key),
	    .has_sha256 = true,
	    .proof = LEDGER_PROOF_CHECKSUM,
	    .at_ms = 1700000000123,
	};
	memset(row.sha256, 0xab, sizeof(row.sha256));
	return row;
}

static inline void record(struct ledger *ledger, int64_t policy,
			  const struct ledger_row *row)
{
	struct error err = {0};
	CHECK_INT(ledger_record(ledger, policy, row, &err), 0);
	CHECK_TEXT(err.text, "");
}

static inline bool is_known(struct ledger *ledger, int64_t policy,
			    const char *name)
{
	struct ledger_row row;
	bool found = false;
	CHECK_INT(ledger_find(ledger, policy, text(name), &row, &found, NULL),
		  0);
	return found;
}

static inline bool is_in_doubt(struct ledger *ledger)
{
	bool doubt = false;
	CHECK_INT(ledger_is_in_doubt(ledger, &doubt, NULL), 0);
	return doubt;
}

static inline void check_totals(struct ledger *ledger, int64_t policy,
				int64_t files, int64_t bytes)
{
	int64_t f = -1;
	int64_t b = -1;
	CHECK_INT(ledger_policy_totals(ledger, policy, &f, &b, NULL), 0);
	CHECK_INT(f, files);
	CHECK_INT(b, bytes);
}

/* A ledger of one policy and that many rows, closed. */
static inline void make_ledger(int rows)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t policy = policy_at(ledger, "f", "b", 0);
	for (int i = 0; i < rows; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "name-%06d", i);
		struct ledger_row row = row_of(name, name);
		record(ledger, policy, &row);
	}
	close_it(ledger);
}

static inline void write_at(off_t at, const void *data, size_t size)
{
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(file >= 0);
	CHECK_INT(pwrite(file, data, size, at), size);
	CHECK_INT(close(file), 0);
}

static inline char *read_whole(size_t *size)
{
	struct stat status;
	int file = open(path, O_RDONLY);
	CHECK(file >= 0 && fstat(file, &status) == 0);
	char *data = malloc((size_t)status.st_size + 1);
	CHECK_INT(read(file, data, (size_t)status.st_size), status.st_size);
	CHECK_INT(close(file), 0);
	*size = (size_t)status.st_size;
	return data;
}

/* Begin and end of a program of such tests. */
static inline int run_tests(const struct check_test *tests, size_t count)
{
	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/ledger.db", folder);
	(void)snprintf(bad, sizeof(bad), "%s.bad", path);
	int status = check_run(tests, count);
	remove_all();
	(void)rmdir(folder);
	return status;
}

#endif

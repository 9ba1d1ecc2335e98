#include "ingest/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ledger_internal.h"
#include "platform/file.h"
#include "platform/system.h"

/* What SQLite keeps beside its file; "" is the file itself, which goes first:
 * a stop in the middle leaves journals without a file, and that is seen. */
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
enum { SUFFIX_COUNT = sizeof(suffixes) / sizeof(suffixes[0]) };

static const char doubt_note[] = "ledger rows lost";

/* ------------------------------------------------ what is on disk */

/* A missing folder is a local failure here too, not a thing that may be
 * missing. */
static int fail_system(const char *path, const char *what, int system_code,
		       struct error *err)
{
	char reason[128];
	return error_set(
	    err, ERROR_LOCAL, "%s: %s: %s", path, what,
	    system_error_text(system_code, reason, sizeof(reason)));
}

/* PATH with something behind it: whether it exists. */
static int find_beside(const char *path, const char *suffix, bool *found,
		       struct error *err)
{
	struct file_facts facts;
	char *name = text_format("%s%s", path, suffix);
	if (!name)
		return error_set_memory(err);
	*found = file_lstat_path(name, &facts) == 0;
	free(name);
	return 0;
}

static int look(const char *path, bool *is_there, struct error *err)
{
	struct file_facts facts;
	int code = file_stat_path(path, &facts);
	*is_there = code == 0;
	if (code == ENOENT)
		return 0;
	if (code != 0)
		return fail_system(path, "cannot be looked at", code, err);
	if (facts.type != FILE_REGULAR)
		return error_set(err, ERROR_LOCAL, "%s: is not a regular file",
				 path);
	return 0;
}

/* Rename one of the files. Where there is none, an older copy goes as well: it
 * would be taken for a part of the new ones. */
static int set_one_aside(const char *path, const char *suffix,
			 struct error *err)
{
	int code = ENOMEM;
	char *from = text_format("%s%s", path, suffix);
	char *to = text_format("%s.bad%s", path, suffix);
	if (from && to)
		code = file_replace(from, to);
	if (code == ENOENT)
		code = file_remove(to);
	if (code != 0 && code != ENOENT)
		code = fail_system(path, "cannot be set aside", code, err);
	else
		code = 0;
	free(to);
	free(from);
	return code;
}

static int set_aside(const char *path, size_t first_suffix, struct error *err)
{
	for (size_t i = first_suffix; i < SUFFIX_COUNT; i++) {
		int code = set_one_aside(path, suffixes[i], err);
		if (code != 0)
			return code;
	}
	char *mark = text_format("%s.suspect", path);
	int code = mark ? file_remove(mark) : ENOMEM;
	free(mark);
	if (code == 0 || code == ENOENT)
		code = file_sync_folder_of(path);
	if (code != 0)
		return fail_system(path, "cannot be set aside", code, err);
	return 0;
}

/* Without a file: what a set-aside that was cut off left behind. */
static int finish_set_aside(const struct ledger *ledger, bool *was_corrupt,
			    struct error *err)
{
	int code = 0;
	for (size_t i = 1; code == 0 && !*was_corrupt && i < SUFFIX_COUNT; i++)
		code = find_beside(ledger->path, suffixes[i], was_corrupt, err);
	if (code == 0 && *was_corrupt && !ledger->is_read_only)
		code = set_aside(ledger->path, 1, err);
	return code;
}

/* ------------------------------------------------ open */

/* Leaves the connection NULL where there is nothing to open any more. */
static int open_existing(struct ledger *ledger, bool *was_corrupt,
			 struct error *err)
{
	bool is_there = false;
	bool is_suspect = false;
	int code = look(ledger->path, &is_there, err);
	if (code != 0)
		return code;
	if (!is_there)
		return finish_set_aside(ledger, was_corrupt, err);
	code = find_beside(ledger->path, ".suspect", &is_suspect, err);
	if (code != 0)
		return code;

	if (!is_suspect) {
		struct error cause = {0};
		code =
		    ledger_db_open(ledger->path,
				   ledger->is_read_only ? LEDGER_DB_READ_ONLY
							: LEDGER_DB_READ_WRITE,
				   &ledger->db, &cause);
		if (code == 0)
			return 0;
		if (code != ERROR_INVALID)
			return error_set(err, cause.code, "%s", cause.text);
	}
	*was_corrupt = true;
	return ledger->is_read_only ? 0 : set_aside(ledger->path, 0, err);
}

/* A bad copy and no file: the run that set it aside came to no record, so the
 * doubt is still there. */
static int open_virtual(struct ledger *ledger, bool was_corrupt,
			struct error *err)
{
	bool has_bad_copy = false;
	int code = find_beside(ledger->path, ".bad", &has_bad_copy, err);
	if (code == 0)
		code = ledger_db_open(ledger->path, LEDGER_DB_MEMORY,
				      &ledger->db, err);
	ledger->is_virtual = true;
	ledger->lost_rows = was_corrupt || has_bad_copy;
	return code;
}

static void free_ledger(struct ledger *ledger)
{
	for (int i = 0; i < LEDGER_SQL_COUNT; i++) {
		/* repeats the failure of the last step */
		(void)sqlite3_finalize(ledger->statements[i]);
		ledger->statements[i] = NULL;
	}
	/* no statement is open; an open batch is rolled back */
	(void)sqlite3_close(ledger->db);
	buffer_clear(&ledger->scratch);
	free(ledger->placed_policies);
	free(ledger->path);
	free(ledger);
}

int ledger_open(const char *path, bool read_only, struct ledger **ledger,
		bool *was_corrupt, struct error *err)
{
	bool corrupt = false;
	*ledger = NULL;
	struct ledger *opened = calloc(1, sizeof(*opened));
	if (!opened)
		return error_set_memory(err);
	opened->is_read_only = read_only;
	opened->path = text_dup(path);

	int code = opened->path ? open_existing(opened, &corrupt, err)
				: error_set_memory(err);
	if (code == 0 && !opened->db)
		code = open_virtual(opened, corrupt, err);
	if (was_corrupt)
		*was_corrupt = corrupt;
	if (code != 0) {
		free_ledger(opened);
		return code;
	}
	*ledger = opened;
	return 0;
}

/* ------------------------------------------------ batches */

/* One that could not be made. The file goes last: without it, a journal tells
 * of one that was set aside. An empty one would do no harm, so that a file that
 * cannot be removed may stay. */
static void remove_unmade(const char *path)
{
	for (size_t i = SUFFIX_COUNT; i-- > 0;) {
		char *name = text_format("%s%s", path, suffixes[i]);
		if (name)
			(void)file_remove(name);
		free(name);
	}
}

/* The empty one in memory becomes a file. */
static int make_file(struct ledger *ledger, struct error *err)
{
	struct file *file = NULL;
	sqlite3 *db = NULL;
	/* SQLite would make it with the rights of the umask. It is closed
	 * before SQLite opens it: closing later would end SQLite's locks. */
	int code = file_create_private(ledger->path, &file);
	if (code != 0)
		return fail_system(ledger->path, "cannot be created", code,
				   err);
	file_close(file);

	code = ledger_db_open(ledger->path, LEDGER_DB_READ_WRITE, &db, err);
	if (code != 0) {
		remove_unmade(ledger->path);
		return code;
	}
	for (int i = 0; i < LEDGER_SQL_COUNT; i++) {
		(void)sqlite3_finalize(ledger->statements[i]); /* as above */
		ledger->statements[i] = NULL;
	}
	(void)sqlite3_close(ledger->db); /* no statement is open */
	ledger->db = db;
	ledger->is_virtual = false;
	code = file_sync_folder_of(ledger->path);
	if (code != 0)
		return fail_system(ledger->path, "cannot be made durable", code,
				   err);
	return 0;
}

static int write_doubt(struct ledger *ledger, struct error *err)
{
	struct ledger_call call = ledger_call_begin(ledger, SQL_NOTE_SET);
	ledger_call_text(&call, doubt_note);
	ledger_call_text(&call, "1");
	return ledger_call_run(&call, err);
}

int ledger_begin(struct ledger *ledger, struct error *err)
{
	if (ledger->is_in_batch) {
		ledger->batch_size++;
		return 0;
	}
	int code = ledger->is_virtual ? make_file(ledger, err) : 0;
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_BEGIN);
	code = ledger_call_run(&call, err);
	if (code != 0)
		return code;
	ledger->is_in_batch = true;
	ledger->batch_size = 1;
	return ledger->lost_rows ? write_doubt(ledger, err) : 0;
}

int ledger_commit(struct ledger *ledger, struct error *err)
{
	if (!ledger->is_in_batch)
		return 0;
	struct ledger_call call = ledger_call_begin(ledger, SQL_COMMIT);
	int code = ledger_call_run(&call, err);
	if (code != 0)
		return code;
	ledger->is_in_batch = false;
	ledger->batch_size = 0;
	ledger->lost_rows = false; /* it is a note now */
	return 0;
}

int ledger_close(struct ledger *ledger, struct error *err)
{
	if (!ledger)
		return 0;
	int code = ledger_commit(ledger, err);
	free_ledger(ledger);
	return code;
}

int64_t ledger_batch_size(const struct ledger *ledger)
{
	return ledger->batch_size;
}

/* ------------------------------------------------ doubt */

int ledger_is_in_doubt(struct ledger *ledger, bool *doubt, struct error *err)
{
	char *note = NULL;
	*doubt = ledger->lost_rows;
	if (*doubt)
		return 0;
	int code = ledger_note_get(ledger, doubt_note, &note, err);
	*doubt = note != NULL;
	free(note);
	return code;
}

int ledger_forget_doubt(struct ledger *ledger, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	/* a file, even an empty one, says that the bad copy is dealt with */
	int code = ledger->lost_rows ? ledger_begin(ledger, err) : 0;
	if (code == 0)
		code = ledger_note_set(ledger, doubt_note, NULL, err);
	if (code == 0)
		ledger->lost_rows = false;
	return code;
}

/* ------------------------------------------------ what was begun */

static const char sending_note[] = "sending";
static const char removing_note[] = "removing";

static int begin_noted(struct ledger *ledger, const char *name,
		       struct error *err)
{
	int code = ledger_note_set(ledger, name, "1", err);

	return code == 0 ? ledger_commit(ledger, err) : code;
}

static int is_noted(struct ledger *ledger, const char *name, bool *noted,
		    struct error *err)
{
	char *note = NULL;
	int code = ledger_note_get(ledger, name, &note, err);

	*noted = note != NULL;
	free(note);
	return code;
}

int ledger_sending_begin(struct ledger *ledger, struct error *err)
{
	return begin_noted(ledger, sending_note, err);
}

int ledger_sending_end(struct ledger *ledger, struct error *err)
{
	return ledger_note_set(ledger, sending_note, NULL, err);
}

int ledger_was_cut_off(struct ledger *ledger, bool *cut_off, struct error *err)
{
	return is_noted(ledger, sending_note, cut_off, err);
}

int ledger_removing_begin(struct ledger *ledger, struct error *err)
{
	return begin_noted(ledger, removing_note, err);
}

int ledger_removing_end(struct ledger *ledger, struct error *err)
{
	return ledger_note_set(ledger, removing_note, NULL, err);
}

int ledger_removing_was_cut_off(struct ledger *ledger, bool *cut_off,
				struct error *err)
{
	return is_noted(ledger, removing_note, cut_off, err);
}

#include "ledger_frame.h"

static void check_set_aside(void)
{
	bool was_corrupt = false;
	struct ledger *ledger = open_as(false, &was_corrupt);
	CHECK(was_corrupt);
	CHECK(exists(bad));
	CHECK(is_in_doubt(ledger));
	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	close_it(ledger);

	/* the doubt is remembered, the file is a new one */
	ledger = open_it();
	CHECK(is_in_doubt(ledger));
	CHECK(!is_known(ledger, 1, "name-000000"));
	CHECK_INT(ledger_forget_doubt(ledger, NULL), 0);
	CHECK(!is_in_doubt(ledger));
	close_it(ledger);
	ledger = open_it();
	CHECK(!is_in_doubt(ledger));
	close_it(ledger);
	CHECK_TEXT(ask("select * from note"), "x|1");
}

static void a_file_that_is_no_ledger_is_set_aside(void)
{
	remove_all();
	write_at(0, "this is not a database, it is a text; long enough", 49);
	check_set_aside();

	/* over the older copy */
	make_ledger(3);
	write_at(0, "SQLite format 4", 15);
	check_set_aside();

	/* a database of somebody else */
	remove_all();
	(void)ask("create table t(a); pragma user_version = 9");
	check_set_aside();

	make_ledger(3);
	(void)ask("drop table note");
	check_set_aside();
}

static void a_file_with_damage_is_set_aside(void)
{
	char noise[4096];
	memset(noise, 0xa5, sizeof(noise));
	/* the first page, where the schema is */
	make_ledger(2000);
	write_at(100, noise, sizeof(noise) - 100);
	check_set_aside();

	make_ledger(2000);
	CHECK_INT(truncate(path, 6000), 0);
	check_set_aside();
}

static void damage_that_is_met_later_is_set_aside_by_the_next_run(void)
{
	char noise[4096];
	char suspect[160];
	(void)snprintf(suspect, sizeof(suspect), "%s.suspect", path);
	memset(noise, 0xa5, sizeof(noise));
	make_ledger(5000);
	struct stat status;
	CHECK_INT(stat(path, &status), 0);
	for (off_t at = 12 * 4096; at < status.st_size; at += 4096)
		write_at(at, noise, sizeof(noise));

	/* nothing is written by a look */
	struct error err = {0};
	struct ledger_rows *rows;
	const struct ledger_facts *row;
	struct ledger *ledger = open_as(true, NULL);
	CHECK_INT(ledger_rows_open(ledger, 1, &rows, NULL), 0);
	CHECK_INT(ledger_rows_peek(rows, &row, &err), ERROR_LOCAL);
	CHECK(strstr(err.text, "corrupt") != NULL);
	ledger_rows_close(rows);
	close_it(ledger);
	CHECK(!exists(suspect));

	ledger = open_it();
	error_clear(&err);
	CHECK_INT(ledger_note_set(ledger, "lost", "1", NULL), 0);
	CHECK_INT(ledger_rows_open(ledger, 1, &rows, NULL), 0);
	CHECK_INT(ledger_rows_peek(rows, &row, &err), ERROR_LOCAL);
	CHECK(strstr(err.text, "the next run sets it aside") != NULL);
	CHECK_INT(ledger_batch_size(ledger), 0);
	ledger_rows_close(rows);
	close_it(ledger);
	CHECK(exists(suspect));
	check_set_aside();
	CHECK(!exists(suspect));
}

static void a_set_aside_that_was_cut_off_is_finished(void)
{
	char name[160];
	make_ledger(3);
	/* the file is renamed, the journal not yet */
	CHECK_INT(rename(path, bad), 0);
	(void)snprintf(name, sizeof(name), "%s-wal", path);
	CHECK_INT(close(open(name, O_CREAT | O_WRONLY, 0600)), 0);
	check_set_aside();
	CHECK(!exists(name));

	/* all is renamed, nothing is written yet */
	CHECK_INT(rename(path, bad), 0);
	struct ledger *ledger = open_it();
	CHECK(is_in_doubt(ledger));
	CHECK_INT(ledger_forget_doubt(ledger, NULL), 0);
	close_it(ledger);
	ledger = open_it();
	CHECK(!is_in_doubt(ledger));
	close_it(ledger);
}

static void a_newer_schema_is_left_alone(void)
{
	make_ledger(3);
	(void)ask("pragma user_version = 4");
	size_t size;
	size_t size_after;
	char *before = read_whole(&size);
	struct ledger *ledger = NULL;
	for (int read_only = 0; read_only < 2; read_only++) {
		struct error err = {0};
		CHECK_INT(ledger_open(path, read_only, &ledger, NULL, &err),
			  ERROR_CONFIG);
		CHECK(ledger == NULL);
		CHECK(strstr(err.text, "newer version") != NULL);
		CHECK(strstr(err.text, path) == err.text);
	}
	char *after = read_whole(&size_after);
	CHECK_INT(size_after, size);
	CHECK_MEM(before, after, size);
	CHECK(!exists(bad));
	free(before);
	free(after);
}

static void an_older_schema_is_brought_up(void)
{
	/* version 0 is a file that was created, and then the machine died */
	remove_all();
	write_at(0, "", 0);
	struct ledger *ledger = open_as(true, NULL);
	CHECK(!is_known(ledger, 1, "a"));
	close_it(ledger);
	struct stat status;
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_size, 0);

	ledger = open_it();
	CHECK(!is_in_doubt(ledger));
	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	close_it(ledger);
	CHECK_TEXT(ask("pragma user_version; select value from note"), "3|1");

	remove_all();
	(void)ask("pragma journal_mode = wal");
	ledger = open_it();
	CHECK_INT(ledger_note_set(ledger, "x", "2", NULL), 0);
	close_it(ledger);
	CHECK_TEXT(ask("pragma user_version; select value from note"), "3|2");
}

static void the_rows_of_schema_1_are_kept(void)
{
	make_ledger(3);
	(void)ask("drop view files;"
		  "alter table file drop column gone_ms;"
		  "alter table file drop column removed;"
		  "alter table upload drop column twin;"
		  "create view files as select name from file;"
		  "alter table endpoint drop column keeps_condition;"
		  "alter table endpoint drop column condition_found_ms;"
		  "pragma user_version = 1");
	struct ledger *ledger = open_as(true, NULL);
	CHECK(is_known(ledger, 1, "name-000002"));
	close_it(ledger);
	CHECK_TEXT(ask("pragma user_version"), "1");

	ledger = open_it();
	CHECK(!is_in_doubt(ledger));
	CHECK(is_known(ledger, 1, "name-000002"));
	close_it(ledger);
	CHECK_TEXT(ask("pragma user_version; select count(*) from files "
		       "where gone is null and removed = 0"),
		   "3|3");
}

static void what_is_not_a_file_is_said(void)
{
	remove_all();
	struct ledger *ledger = NULL;
	struct error err = {0};
	CHECK_INT(mkdir(path, 0700), 0);
	CHECK_INT(ledger_open(path, false, &ledger, NULL, &err), ERROR_LOCAL);
	CHECK(strstr(err.text, "is not a regular file") != NULL);
	CHECK_INT(rmdir(path), 0);
	CHECK_INT(mkfifo(path, 0600), 0);
	error_clear(&err);
	CHECK_INT(ledger_open(path, true, &ledger, NULL, &err), ERROR_LOCAL);
	CHECK(strstr(err.text, "is not a regular file") != NULL);
	CHECK_INT(unlink(path), 0);

	/* no folder: said when it is to be written */
	error_clear(&err);
	char missing[160];
	(void)snprintf(missing, sizeof(missing), "%s/none/l.db", folder);
	CHECK_INT(ledger_open(missing, false, &ledger, NULL, NULL), 0);
	CHECK_INT(ledger_note_set(ledger, "x", "1", &err), ERROR_LOCAL);
	CHECK(strstr(err.text, missing) == err.text);
	CHECK_INT(ledger_close(ledger, NULL), 0);
	CHECK_INT(ledger_close(NULL, NULL), 0);
}

static void a_look_writes_nothing(void)
{
	remove_all();
	struct ledger *ledger = open_as(true, NULL);
	bool is_new = false;
	int64_t id = 99;
	struct ledger_row row = row_of("a", "a");
	const struct ledger_policy policy = {"f", ENDPOINT, "b", 0};
	CHECK_INT(ledger_policy_get(ledger, &policy, &id, &is_new, NULL), 0);
	CHECK(is_new);
	CHECK_INT(id, 0);
	record(ledger, id, &row);
	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	CHECK_INT(ledger_forget_doubt(ledger, NULL), 0);
	close_it(ledger);
	CHECK(!exists(path));

	make_ledger(3);
	char name[160];
	ledger = open_as(true, NULL);
	CHECK(is_known(ledger, 1, "name-000001"));
	CHECK_INT(ledger_forget(ledger, 1, text("name-000001"), NULL), 0);
	CHECK(is_known(ledger, 1, "name-000001"));
	(void)snprintf(name, sizeof(name), "%s-shm", path);
	CHECK(!exists(name));
	close_it(ledger);

	/* one that is not sound is passed over, and stays */
	write_at(0, "nonsense", 8);
	bool was_corrupt = false;
	ledger = open_as(true, &was_corrupt);
	CHECK(was_corrupt);
	CHECK(is_in_doubt(ledger));
	CHECK(!is_known(ledger, 1, "name-000001"));
	close_it(ledger);
	CHECK(exists(path));
	CHECK(!exists(bad));
}

static void names_of_the_file_have_no_meaning(void)
{
	char plain[sizeof(path)];
	memcpy(plain, path, sizeof(path));
	(void)snprintf(path, sizeof(path), "%s/a?mode=memory#%%41 b.db",
		       folder);
	remove_all();
	struct ledger *ledger = open_it();
	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	close_it(ledger);
	CHECK(exists(path));
	ledger = open_as(true, NULL);
	char *note = NULL;
	CHECK_INT(ledger_note_get(ledger, "x", &note, NULL), 0);
	CHECK_TEXT(note, "1");
	free(note);
	close_it(ledger);
	remove_all();
	memcpy(path, plain, sizeof(path));
}

/* Any byte of the first pages may be wrong: what comes is a ledger, perhaps a
 * new one, or an error with a text. */
static void no_damage_brings_it_down(void)
{
	make_ledger(300);
	size_t size;
	char *whole = read_whole(&size);
	unsigned seed = 1;
	(void)printf("# seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 150; i++) {
		remove_all();
		write_at(0, whole, size);
		for (int j = 0; j <= i % 4; j++) {
			char noise = (char)rand();
			size_t reach = i % 2 ? 200 : size;
			write_at((off_t)((size_t)rand() % reach), &noise, 1);
		}
		struct ledger *ledger = NULL;
		struct error err = {0};
		int code = ledger_open(path, false, &ledger, NULL, &err);
		CHECK_INT(code != 0, err.text[0] != '\0');
		if (code != 0)
			continue;
		struct ledger_rows *rows;
		const struct ledger_facts *row;
		CHECK_INT(ledger_rows_open(ledger, 1, &rows, NULL), 0);
		while (ledger_rows_peek(rows, &row, &err) == 0 && row)
			ledger_rows_advance(rows);
		ledger_rows_close(rows);
		(void)ledger_note_set(ledger, "x", "1", &err);
		(void)ledger_close(ledger, &err);
	}
	free(whole);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_file_that_is_no_ledger_is_set_aside),
	    CHECK_TEST(a_file_with_damage_is_set_aside),
	    CHECK_TEST(damage_that_is_met_later_is_set_aside_by_the_next_run),
	    CHECK_TEST(a_set_aside_that_was_cut_off_is_finished),
	    CHECK_TEST(a_newer_schema_is_left_alone),
	    CHECK_TEST(an_older_schema_is_brought_up),
	    CHECK_TEST(the_rows_of_schema_1_are_kept),
	    CHECK_TEST(what_is_not_a_file_is_said),
	    CHECK_TEST(a_look_writes_nothing),
	    CHECK_TEST(names_of_the_file_have_no_meaning),
	    CHECK_TEST(no_damage_brings_it_down),
	};
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}

#include "ledger_frame.h"

/* Files that SQLite finds sound, with what no ledger says. */

static struct ledger_row row;
static bool found;

/* That is an error with a text, and the file is set aside by the next run. */
static void check_refused(int code, const struct error *err,
			  struct ledger *ledger)
{
	char suspect[160];
	bool was_corrupt = false;

	(void)snprintf(suspect, sizeof(suspect), "%s.suspect", path);
	CHECK_INT(code, ERROR_LOCAL);
	CHECK(strstr(err->text, "the ledger is corrupt (") != NULL);
	CHECK_INT(ledger_batch_size(ledger), 0);
	CHECK(exists(suspect));
	close_it(ledger);
	ledger = open_as(false, &was_corrupt);
	CHECK(was_corrupt);
	CHECK(is_in_doubt(ledger));
	close_it(ledger);
}

/* A ledger where a statement of SQL was at work. */
static struct ledger *open_after(const char *sql)
{
	make_ledger(3);
	(void)ask("pragma ignore_check_constraints = 1");
	(void)ask(sql);
	return open_it();
}

static void rows_have_values_that_rows_can_have(void)
{
	static const char *const changes[] = {
	    "update file set state = 3",
	    "update file set state = -1",
	    "update file set size = -1",
	    "update file set size = -9223372036854775808",
	    "update file set proof = 3",
	    "update file set proof = 4294967296",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char sql[128];
		struct error err = {0};

		(void)snprintf(sql, sizeof(sql),
			       "pragma ignore_check_constraints = 1; %s",
			       changes[i]);
		struct ledger *ledger = open_after(sql);
		int code = ledger_find(ledger, 1, text("name-000001"), &row,
				       &found, &err);
		check_refused(code, &err, ledger);
	}
}

static void what_was_counted_wrongly_is_not_counted_on(void)
{
	struct error err = {0};
	struct ledger *ledger =
	    open_after("update file set size = -9223372036854775808");

	row = row_of("name-000001", "k");
	CHECK_INT(ledger_note_set(ledger, "lost", "1", NULL), 0);
	int code = ledger_record(ledger, 1, &row, &err);
	check_refused(code, &err, ledger);
}

static void moments_can_be_counted_with(void)
{
	int64_t first_ms;
	struct ledger_endpoint facts;
	struct ledger_uploads uploads;
	struct ledger_removal removal;
	struct error err = {0};
	struct ledger *ledger =
	    open_after("insert into pending values(1, cast('a' as blob), 0, "
		       "9223372036854775807, null)");
	int code =
	    ledger_pending_find(ledger, 1, text("a"), &first_ms, &found, &err);
	check_refused(code, &err, ledger);

	ledger = open_after("insert into endpoint values('" ENDPOINT "', 'b', "
			    "'', -9223372036854775808, 1, 0, 0, 0, 0, 0, 0)");
	error_clear(&err);
	code = ledger_endpoint_find(ledger, ENDPOINT, "b", &facts, &err);
	check_refused(code, &err, ledger);

	ledger = open_after("insert into upload values(1, cast('a' as blob), "
			    "cast('k' as blob), 'id', 1, 1, 1, 1, 1, "
			    "9223372036854775807, '', 'b', 0, 0)");
	error_clear(&err);
	code = ledger_uploads_list(ledger, &uploads, &err);
	check_refused(code, &err, ledger);

	ledger = open_after("insert into removal values(1, cast('a' as blob), "
			    "-9223372036854775808, 0)");
	error_clear(&err);
	code = ledger_removal_next(ledger, 1, text(""), &removal, &found, &err);
	check_refused(code, &err, ledger);
}

/* Rows that lie in descending order, in a table which says that they ascend:
 * who asks for those behind a name is given those before it. */
static void make_descending_ledger(void)
{
	static const char form[] =
	    "pragma writable_schema = on; update sqlite_schema set sql = "
	    "replace(sql, 'primary key(policy, name%s)', "
	    "'primary key(policy, name%s)') where name = 'file'";
	char sql[256];

	make_ledger(0);
	(void)snprintf(sql, sizeof(sql), form, "", " desc");
	(void)ask(sql);
	(void)ask("with recursive n(i) as (select 1000 union all select i + 1 "
		  "from n where i < 3000) insert into file select 1, "
		  "cast(i as blob), 0, 1, 1, 1, 1, 0, null, null, 0, 1, "
		  "null, 0 "
		  "from n");
	(void)snprintf(sql, sizeof(sql), form, " desc", "");
	(void)ask(sql);
}

static void rows_out_of_order_do_not_go_round(void)
{
	struct ledger_rows *rows = NULL;
	const struct ledger_facts *next = NULL;
	struct error err = {0};
	int count = 0;

	make_descending_ledger();
	struct ledger *ledger = open_it();
	CHECK_INT(ledger_rows_open(ledger, 1, &rows, NULL), 0);
	while (count < 10000 && ledger_rows_peek(rows, &next, &err) == 0 &&
	       next) {
		count++;
		ledger_rows_advance(rows);
	}
	CHECK_INT(count, 0);
	ledger_rows_close(rows);
	check_refused((int)err.code, &err, ledger);
}

static void a_policy_that_cannot_be_dropped_is_tried_once(void)
{
	struct error err = {0};
	struct ledger *ledger = open_after(
	    "update policy set position = null; create trigger t before "
	    "delete on policy begin select raise(ignore); end");
	int code = ledger_policies_drop_retired(ledger, &err);

	check_refused(code, &err, ledger);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(rows_have_values_that_rows_can_have),
	    CHECK_TEST(what_was_counted_wrongly_is_not_counted_on),
	    CHECK_TEST(moments_can_be_counted_with),
	    CHECK_TEST(rows_out_of_order_do_not_go_round),
	    CHECK_TEST(a_policy_that_cannot_be_dropped_is_tried_once),
	};
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}

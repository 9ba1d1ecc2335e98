#include "ledger_frame.h"

static void a_row_comes_back_as_it_was(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	bool found;
	struct ledger_row back;
	struct ledger_row row = row_of("n\xff\n/\x01", "k\xc3\xa9");
	int64_t policy = policy_at(ledger, "f", "b", 0);
	row.is_racy = true;
	record(ledger, policy, &row);
	close_it(ledger);

	ledger = open_it();
	CHECK_INT(policy_at(ledger, "f", "b", 0), policy);
	CHECK_INT(ledger_find(ledger, policy, row.name, &back, &found, NULL),
		  0);
	CHECK(found);
	CHECK(bytes_equal(back.name, row.name));
	CHECK(bytes_equal(back.key, row.key));
	CHECK_INT(back.state, row.state);
	CHECK_INT(back.size_bytes, row.size_bytes);
	CHECK_INT(back.mtime_ns, row.mtime_ns);
	CHECK_INT(back.ctime_ns, row.ctime_ns);
	CHECK(back.file_id == row.file_id);
	CHECK(back.is_racy && back.has_sha256);
	CHECK_MEM(back.sha256, row.sha256, sizeof(row.sha256));
	CHECK_INT(back.proof, row.proof);
	CHECK_INT(back.at_ms, row.at_ms);

	row.state = LEDGER_IGNORED;
	row.key = (struct bytes){NULL, 0};
	row.has_sha256 = false;
	record(ledger, policy, &row);
	CHECK_INT(ledger_find(ledger, policy, row.name, &back, &found, NULL),
		  0);
	CHECK_INT(back.state, LEDGER_IGNORED);
	CHECK_INT(back.key.size, 0);
	CHECK(!back.has_sha256);
	CHECK(!is_known(ledger, policy, "other"));
	CHECK(!is_known(ledger, policy + 1, "n"));
	close_it(ledger);
}

static void nothing_is_made_until_something_is_written(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	char *note;
	int64_t first_ms;
	bool found;
	CHECK(!is_known(ledger, 1, "a"));
	CHECK_INT(ledger_note_get(ledger, "x", &note, NULL), 0);
	CHECK_TEXT(note, NULL);
	CHECK_INT(ledger_note_set(ledger, "x", NULL, NULL), 0);
	CHECK_INT(ledger_forget(ledger, 1, text("a"), NULL), 0);
	CHECK_INT(ledger_pending_clear(ledger, 1, text("a"), NULL), 0);
	CHECK_INT(
	    ledger_pending_find(ledger, 1, text("a"), &first_ms, &found, NULL),
	    0);
	CHECK_INT(ledger_upload_forget(ledger, 1, text("a"), NULL), 0);
	CHECK_INT(ledger_policies_retire_others(ledger, NULL, 0, NULL), 0);
	CHECK_INT(ledger_policies_drop_retired(ledger, NULL), 0);
	CHECK_INT(ledger_forget_doubt(ledger, NULL), 0);
	CHECK_INT(ledger_commit(ledger, NULL), 0);
	CHECK_INT(ledger_batch_size(ledger), 0);
	CHECK(!exists(path));

	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	CHECK_INT(ledger_batch_size(ledger), 1);
	CHECK(exists(path));
	struct stat status;
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_mode & 0777, 0600);
	close_it(ledger);
	CHECK_TEXT(ask("pragma journal_mode; pragma user_version; "
		       "pragma integrity_check"),
		   "wal|3|ok");
	CHECK_TEXT(ask("select * from note"), "x|1");
}

static void use_as_a_run_with_nothing_to_do(struct ledger *ledger)
{
	int64_t policy = policy_at(ledger, "f", "b", 0);
	/* a policy that stands there twice keeps its first place */
	CHECK_INT(policy_at(ledger, "f", "b", 1), policy);
	const struct ledger_endpoint facts = {.region = "r", .skew_ms = -5};
	CHECK_INT(ledger_policies_retire_others(ledger, &policy, 1, NULL), 0);
	CHECK_INT(ledger_endpoint_record(ledger, ENDPOINT, "b", &facts, NULL),
		  0);
	CHECK_INT(ledger_note_set(ledger, "x", "1", NULL), 0);
	CHECK_INT(ledger_pending_set(ledger, policy, text("late"),
				     LEDGER_FAILED, 7, "why", NULL, NULL),
		  0);
	struct ledger_rows *rows;
	const struct ledger_facts *row;
	CHECK_INT(ledger_rows_open(ledger, policy, &rows, NULL), 0);
	CHECK_INT(ledger_rows_peek(rows, &row, NULL), 0);
	ledger_rows_close(rows);
	CHECK_INT(ledger_policies_drop_retired(ledger, NULL), 0);
}

static void what_is_so_already_is_not_written(void)
{
	make_ledger(3);
	struct ledger *ledger = open_it();
	use_as_a_run_with_nothing_to_do(ledger);
	CHECK(ledger_batch_size(ledger) > 0);
	close_it(ledger);

	size_t size;
	size_t size_after;
	char *before = read_whole(&size);
	struct stat then;
	CHECK_INT(stat(path, &then), 0);
	ledger = open_it();
	use_as_a_run_with_nothing_to_do(ledger);
	CHECK_INT(ledger_batch_size(ledger), 0);
	close_it(ledger);
	char *after = read_whole(&size_after);
	struct stat now;
	CHECK_INT(stat(path, &now), 0);
	CHECK_INT(size_after, size);
	CHECK_MEM(before, after, size);
	CHECK_INT(now.st_mtim.tv_sec, then.st_mtim.tv_sec);
	CHECK_INT(now.st_mtim.tv_nsec, then.st_mtim.tv_nsec);
	free(before);
	free(after);
}

static void rows_come_in_order_over_pages_and_commits(void)
{
	enum { ROWS = 1300 };
	make_ledger(ROWS);
	struct ledger *ledger = open_it();
	int64_t policy = policy_at(ledger, "f", "b", 0);
	int64_t other = policy_at(ledger, "g", "b", 1);
	struct ledger_row foreign = row_of("name-000000", "k");
	record(ledger, other, &foreign);

	struct ledger_rows *rows;
	const struct ledger_facts *row;
	int count = 0;
	CHECK_INT(ledger_rows_open(ledger, policy, &rows, NULL), 0);
	for (;;) {
		CHECK_INT(ledger_rows_peek(rows, &row, NULL), 0);
		if (!row)
			break;
		char name[32];
		(void)snprintf(name, sizeof(name), "name-%06d", count);
		CHECK(bytes_equal(row->name, text(name)));
		CHECK_INT(row->size_bytes, 10);
		/* every third goes, every third changes, under way */
		struct ledger_row changed = row_of(name, name);
		changed.size_bytes = 20;
		if (count % 3 == 0)
			CHECK_INT(
			    ledger_forget(ledger, policy, row->name, NULL), 0);
		else if (count % 3 == 1)
			record(ledger, policy, &changed);
		if (count % 100 == 0)
			CHECK_INT(ledger_commit(ledger, NULL), 0);
		ledger_rows_advance(rows);
		count++;
	}
	CHECK_INT(count, ROWS);
	ledger_rows_close(rows);
	check_totals(ledger, policy, 866, 433 * 20 + 433 * 10);
	close_it(ledger);
	CHECK_TEXT(ask("select files = (select count(*) from file where "
		       "policy = 1), bytes = (select sum(size) from file "
		       "where policy = 1) from policy where id = 1"),
		   "1|1");
}

static void an_empty_policy_has_no_rows(void)
{
	make_ledger(512);
	struct ledger *ledger = open_it();
	struct ledger_rows *rows;
	const struct ledger_facts *row;
	CHECK_INT(ledger_rows_open(ledger, 99, &rows, NULL), 0);
	CHECK_INT(ledger_rows_peek(rows, &row, NULL), 0);
	CHECK(row == NULL);
	ledger_rows_advance(rows);
	CHECK_INT(ledger_rows_peek(rows, &row, NULL), 0);
	CHECK(row == NULL);
	ledger_rows_close(rows);
	ledger_rows_close(NULL);

	/* exactly one page */
	int count = 0;
	CHECK_INT(ledger_rows_open(ledger, 1, &rows, NULL), 0);
	while (ledger_rows_peek(rows, &row, NULL) == 0 && row) {
		ledger_rows_advance(rows);
		count++;
	}
	CHECK_INT(count, 512);
	ledger_rows_close(rows);
	close_it(ledger);
}

static void totals_follow_every_change(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t policy = policy_at(ledger, "f", "b", 0);
	struct ledger_row a = row_of("a", "a");
	struct ledger_row b = row_of("b", "b");
	record(ledger, policy, &a);
	record(ledger, policy, &b);
	check_totals(ledger, policy, 2, 20);
	a.size_bytes = 5;
	a.state = LEDGER_PRESENT;
	record(ledger, policy, &a);
	check_totals(ledger, policy, 2, 15);
	/* what gave no key is not in the bucket */
	a.state = LEDGER_IGNORED;
	record(ledger, policy, &a);
	check_totals(ledger, policy, 1, 10);
	CHECK_INT(ledger_forget(ledger, policy, text("a"), NULL), 0);
	CHECK_INT(ledger_forget(ledger, policy, text("b"), NULL), 0);
	CHECK_INT(ledger_forget(ledger, policy, text("b"), NULL), 0);
	check_totals(ledger, policy, 0, 0);
	check_totals(ledger, 99, 0, 0);
	close_it(ledger);
}

static void what_was_not_committed_is_lost_when_killed(void)
{
	remove_all();
	pid_t child = fork();
	if (child == 0) {
		struct ledger *ledger = open_it();
		int64_t policy = policy_at(ledger, "f", "b", 0);
		struct ledger_row a = row_of("a", "a");
		struct ledger_row b = row_of("b", "b");
		record(ledger, policy, &a);
		(void)ledger_commit(ledger, NULL);
		record(ledger, policy, &b);
		_exit(0);
	}
	int status;
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);

	/* also a look that writes nothing sees what was committed */
	struct ledger *ledger = open_as(true, NULL);
	CHECK(is_known(ledger, 1, "a"));
	CHECK(!is_known(ledger, 1, "b"));
	close_it(ledger);
	ledger = open_it();
	int64_t policy = policy_at(ledger, "f", "b", 0);
	CHECK(is_known(ledger, policy, "a"));
	CHECK(!is_known(ledger, policy, "b"));
	check_totals(ledger, policy, 1, 10);
	close_it(ledger);
	CHECK_TEXT(ask("pragma integrity_check"), "ok");
}

static void policies_do_not_disturb_each_other(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t a = policy_at(ledger, "f", "b", 0);
	int64_t b = policy_at(ledger, "g", "c", 1);
	CHECK(a != b);
	struct ledger_row row = row_of("n", "k");
	record(ledger, a, &row);
	CHECK(!is_known(ledger, b, "n"));
	record(ledger, b, &row);
	CHECK_INT(ledger_forget(ledger, a, row.name, NULL), 0);
	CHECK(is_known(ledger, b, "n"));
	close_it(ledger);
}

static void a_policy_that_went_lives_until_it_is_dropped(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	struct error err = {0};
	bool is_new = false;
	int64_t a = policy_at(ledger, "f", "b", 0);
	int64_t b = policy_at(ledger, "g", "b", 1);
	struct ledger_row row = row_of("n", "k");
	record(ledger, a, &row);
	record(ledger, b, &row);
	CHECK_INT(ledger_pending_set(ledger, a, text("p"), LEDGER_DELAYED, 1,
				     NULL, NULL, NULL),
		  0);
	CHECK_INT(ledger_policies_retire_others(ledger, &b, 1, &err), 0);
	CHECK_TEXT(ask("select count(*) from note"), "0");
	CHECK_INT(ledger_commit(ledger, NULL), 0);
	CHECK_TEXT(ask("select position from policy order by id"), "null|1");

	/* back again: the same id, nothing is new */
	close_it(ledger);
	ledger = open_it();
	const struct ledger_policy policy = {"f", ENDPOINT, "b", 2};
	int64_t again = 0;
	CHECK_INT(ledger_policy_get(ledger, &policy, &again, &is_new, NULL), 0);
	CHECK_INT(again, a);
	CHECK(!is_new);
	CHECK(is_known(ledger, a, "n"));
	CHECK_INT(ledger_policies_drop_retired(ledger, NULL), 0);
	CHECK(is_known(ledger, a, "n"));
	CHECK_INT(ledger_commit(ledger, NULL), 0);
	CHECK_TEXT(ask("select position from policy order by id"), "2|1");

	CHECK_INT(ledger_policies_retire_others(ledger, &b, 1, NULL), 0);
	CHECK_INT(ledger_policies_drop_retired(ledger, NULL), 0);
	CHECK(!is_known(ledger, a, "n"));
	CHECK(is_known(ledger, b, "n"));
	close_it(ledger);
	CHECK_TEXT(ask("select count(*), (select count(*) from pending), "
		       "(select count(*) from file) from policy"),
		   "1|0|1");

	/* ids are not used again */
	ledger = open_it();
	CHECK_INT(ledger_policy_get(ledger, &policy, &again, &is_new, NULL), 0);
	CHECK(is_new);
	CHECK(again > b);
	close_it(ledger);
}

static void many_rows_are_dropped_in_pieces(void)
{
	make_ledger(9000);
	struct ledger *ledger = open_it();
	CHECK_INT(ledger_policies_retire_others(ledger, NULL, 0, NULL), 0);
	CHECK_INT(ledger_policies_drop_retired(ledger, NULL), 0);
	close_it(ledger);
	CHECK_TEXT(ask("select count(*), (select count(*) from file) "
		       "from policy"),
		   "0|0");
}

static bool adopts(struct ledger *ledger, const char *bucket,
		   const struct ledger_row *wanted)
{
	struct ledger_row row;
	bool found = false;
	CHECK_INT(ledger_find_adoptable(ledger, ENDPOINT, bucket, wanted, &row,
					&found, NULL),
		  0);
	if (found)
		CHECK(bytes_equal(row.key, wanted->key));
	return found;
}

static void the_same_file_under_the_same_key_is_adopted(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t a = policy_at(ledger, "f", "b", 0);
	struct ledger_row row = row_of("n", "k");
	struct ledger_row stable = row_of("n0", "k0");
	struct ledger_row ignored = row_of("i", "");
	stable.file_id = 0;
	ignored.state = LEDGER_IGNORED;
	record(ledger, a, &row);
	record(ledger, a, &stable);
	record(ledger, a, &ignored);
	CHECK_INT(ledger_policies_retire_others(ledger, NULL, 0, NULL), 0);

	CHECK(adopts(ledger, "b", &row));
	CHECK(!adopts(ledger, "c", &row));
	struct ledger_row wanted = row;
	wanted.key = text("other");
	CHECK(!adopts(ledger, "b", &wanted));
	wanted = row;
	wanted.size_bytes++;
	CHECK(!adopts(ledger, "b", &wanted));
	wanted = row;
	wanted.mtime_ns++;
	CHECK(!adopts(ledger, "b", &wanted));
	wanted = row;
	wanted.ctime_ns++;
	CHECK(!adopts(ledger, "b", &wanted));
	wanted = row;
	wanted.file_id = 5;
	CHECK(!adopts(ledger, "b", &wanted));
	/* the same inode by another form of its name */
	wanted = row;
	wanted.name = text("./n");
	CHECK(adopts(ledger, "b", &wanted));
	/* without an inode only the same name is the same file */
	wanted.file_id = 0;
	CHECK(!adopts(ledger, "b", &wanted));
	wanted.name = text("n");
	CHECK(adopts(ledger, "b", &wanted));
	stable.file_id = 9;
	CHECK(adopts(ledger, "b", &stable));
	stable.name = text("x");
	CHECK(!adopts(ledger, "b", &stable));
	CHECK(!adopts(ledger, "b", &ignored));
	close_it(ledger);

	CHECK(strstr(ask("explain query plan select 1 from file "
			 "where key = x'01' and size = 2"),
		     "file_key") != NULL);
}

static const char *holder_of(struct ledger *ledger, const char *bucket,
			     const char *key, const char *name)
{
	static char holder[64];
	const struct ledger_policy where = {NULL, ENDPOINT, bucket, 0};
	char *found = NULL;
	CHECK_INT(ledger_find_key_holder(ledger, &where, text(key), text(name),
					 &found, NULL),
		  0);
	(void)snprintf(holder, sizeof(holder), "%s", found ? found : "");
	free(found);
	return holder;
}

static void a_key_has_one_holder_in_live_policies(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t a = policy_at(ledger, "f", "b", 0);
	int64_t b = policy_at(ledger, "g", "b", 1);
	struct ledger_row row = row_of("n", "k");
	record(ledger, a, &row);
	CHECK_TEXT(holder_of(ledger, "b", "k", "m"), "n");
	CHECK_TEXT(holder_of(ledger, "b", "k", "n"), "");
	CHECK_TEXT(holder_of(ledger, "c", "k", "m"), "");
	CHECK_TEXT(holder_of(ledger, "b", "l", "m"), "");
	row.state = LEDGER_PRESENT;
	record(ledger, a, &row);
	CHECK_TEXT(holder_of(ledger, "b", "k", "m"), "n");
	CHECK_INT(ledger_policies_retire_others(ledger, &b, 1, NULL), 0);
	CHECK_TEXT(holder_of(ledger, "b", "k", "m"), "");
	close_it(ledger);
}

static void what_was_put_off_keeps_its_first_time(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	int64_t a = policy_at(ledger, "f", "b", 0);
	int64_t first_ms = 0;
	int64_t count = 0;
	bool found;
	struct bytes name = text("n");
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_DELAYED, 100,
				     "fresh", &first_ms, NULL),
		  0);
	CHECK_INT(first_ms, 100);
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_DELAYED, 200,
				     "still fresh", &first_ms, NULL),
		  0);
	CHECK_INT(first_ms, 100);
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_FAILED, 300, "x",
				     &first_ms, NULL),
		  0);
	CHECK_INT(first_ms, 300);
	CHECK_INT(ledger_pending_find(ledger, a, name, &first_ms, &found, NULL),
		  0);
	CHECK(found);
	CHECK_INT(first_ms, 300);
	CHECK_INT(ledger_pending_count(ledger, &count, NULL), 0);
	CHECK_INT(count, 1);
	/* the clock was set back: the wait begins anew */
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_FAILED, 50, "x",
				     &first_ms, NULL),
		  0);
	CHECK_INT(first_ms, 50);
	CHECK_INT(ledger_pending_find(ledger, a, name, &first_ms, &found, NULL),
		  0);
	CHECK_INT(first_ms, 50);

	/* dealt with: gone */
	struct ledger_row row = row_of("n", "k");
	record(ledger, a, &row);
	CHECK_INT(ledger_pending_count(ledger, &count, NULL), 0);
	CHECK_INT(count, 0);
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_FAILED, 1, "x",
				     NULL, NULL),
		  0);
	CHECK_INT(ledger_forget(ledger, a, name, NULL), 0);
	CHECK_INT(ledger_pending_find(ledger, a, name, &first_ms, &found, NULL),
		  0);
	CHECK(!found);
	CHECK_INT(ledger_pending_set(ledger, a, name, LEDGER_FAILED, 1, "x",
				     NULL, NULL),
		  0);
	CHECK_INT(ledger_pending_clear(ledger, a, name, NULL), 0);
	CHECK_INT(ledger_pending_count(ledger, &count, NULL), 0);
	CHECK_INT(count, 0);
	close_it(ledger);
}

static struct ledger_upload upload_of(const char *name)
{
	struct ledger_upload upload = {
	    .policy = 1,
	    .name = text(name),
	    .key = text("k"),
	    .part_size_bytes = 8,
	    .size_bytes = 100,
	    .mtime_ns = 5,
	    .ctime_ns = 6,
	    .file_id = 7,
	    .started_ms = 8,
	    .endpoint = ENDPOINT,
	    .bucket = "b",
	    .has_crc64 = true,
	};
	return upload;
}

static size_t count_parts(struct ledger *ledger, const char *name)
{
	struct ledger_part *parts = NULL;
	size_t count = 99;
	CHECK_INT(
	    ledger_parts_list(ledger, 1, text(name), &parts, &count, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		CHECK_INT(parts[i].number, i + 1);
		CHECK_TEXT(parts[i].etag, "\"e\"");
		CHECK(parts[i].crc64 == UINT64_MAX - (uint64_t)parts[i].number);
		CHECK_INT(parts[i].sha256[31], parts[i].number);
	}
	free(parts);
	return count;
}

static void record_part(struct ledger *ledger, const char *name, int number)
{
	struct ledger_part part = {.number = number,
				   .etag = "\"e\"",
				   .crc64 = UINT64_MAX - (uint64_t)number};
	part.sha256[31] = (unsigned char)number;
	CHECK_INT(ledger_part_record(ledger, 1, text(name), &part, NULL), 0);
}

static void uploads_and_their_parts_come_back(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	struct ledger_upload upload = upload_of("n");
	struct ledger_upload back;
	bool found = false;
	CHECK_INT(ledger_upload_record(ledger, &upload, NULL), 0);
	CHECK_INT(ledger_commit(ledger, NULL), 0);
	CHECK_TEXT(ask("select upload_id from upload"), "null");
	memset(upload.upload_id, 'u', sizeof(upload.upload_id) - 1);
	CHECK_INT(ledger_upload_record(ledger, &upload, NULL), 0);
	for (int i = 30; i >= 1; i--)
		record_part(ledger, "n", i);
	close_it(ledger);

	ledger = open_it();
	CHECK_INT(ledger_upload_find(ledger, 1, text("n"), &back, &found, NULL),
		  0);
	CHECK(found);
	CHECK_INT(back.policy, 1);
	CHECK(bytes_equal(back.name, upload.name));
	CHECK(bytes_equal(back.key, upload.key));
	CHECK_TEXT(back.upload_id, upload.upload_id);
	CHECK_INT(back.part_size_bytes, 8);
	CHECK_INT(back.size_bytes, 100);
	CHECK_INT(back.mtime_ns, 5);
	CHECK_INT(back.ctime_ns, 6);
	CHECK_INT(back.file_id, 7);
	CHECK_INT(back.started_ms, 8);
	CHECK_TEXT(back.endpoint, ENDPOINT);
	CHECK_TEXT(back.bucket, "b");
	CHECK(back.has_crc64);
	CHECK_INT(count_parts(ledger, "n"), 30);

	/* the same upload again keeps its parts, another one does not */
	CHECK_INT(ledger_upload_record(ledger, &upload, NULL), 0);
	CHECK_INT(count_parts(ledger, "n"), 30);
	(void)strcpy(upload.upload_id, "v");
	CHECK_INT(ledger_upload_record(ledger, &upload, NULL), 0);
	CHECK_INT(count_parts(ledger, "n"), 0);

	record_part(ledger, "n", 1);
	CHECK_INT(ledger_upload_forget(ledger, 1, text("n"), NULL), 0);
	CHECK_INT(ledger_upload_find(ledger, 1, text("n"), &back, &found, NULL),
		  0);
	CHECK(!found);
	CHECK_INT(count_parts(ledger, "n"), 0);
	close_it(ledger);
}

static void all_uploads_are_listed(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	struct ledger_uploads uploads;
	CHECK_INT(ledger_uploads_list(ledger, &uploads, NULL), 0);
	CHECK_INT(uploads.count, 0);
	ledger_uploads_clear(&uploads);
	for (int i = 0; i < 40; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "n%02d", i);
		struct ledger_upload upload = upload_of(name);
		CHECK_INT(ledger_upload_record(ledger, &upload, NULL), 0);
	}
	CHECK_INT(ledger_uploads_list(ledger, &uploads, NULL), 0);
	CHECK_INT(uploads.count, 40);
	for (size_t i = 0; i < uploads.count; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "n%02zu", i);
		CHECK(bytes_equal(uploads.uploads[i].name, text(name)));
		CHECK(bytes_equal(uploads.uploads[i].key, text("k")));
		/* while others are forgotten */
		CHECK_INT(ledger_upload_forget(ledger, 1,
					       uploads.uploads[i].name, NULL),
			  0);
	}
	ledger_uploads_clear(&uploads);
	ledger_uploads_clear(&uploads);
	close_it(ledger);
}

static void endpoints_and_notes_are_remembered(void)
{
	remove_all();
	struct ledger *ledger = open_it();
	struct ledger_endpoint facts = {
	    .region = "eu-central-1",
	    .skew_ms = -5,
	    .concurrency = 32,
	    .put_crc64_refused_ms = 1,
	    .multipart_crc64_refused_ms = 2,
	    .list_denied = true,
	    .keeps_condition = true,
	    .condition_found_ms = 3,
	};
	struct ledger_endpoint back;
	CHECK_INT(ledger_endpoint_record(ledger, ENDPOINT, "b", &facts, NULL),
		  0);
	CHECK_INT(ledger_note_set(ledger, "n", "v\xc3\xa9", NULL), 0);
	close_it(ledger);

	ledger = open_it();
	char *note = NULL;
	CHECK_INT(ledger_endpoint_find(ledger, ENDPOINT, "c", &back, NULL), 0);
	CHECK_TEXT(back.region, "");
	CHECK_INT(ledger_endpoint_find(ledger, ENDPOINT, "b", &back, NULL), 0);
	CHECK_TEXT(back.region, "eu-central-1");
	CHECK_INT(back.skew_ms, -5);
	CHECK_INT(back.concurrency, 32);
	CHECK_INT(back.put_crc64_refused_ms, 1);
	CHECK_INT(back.multipart_crc64_refused_ms, 2);
	CHECK(back.list_denied && !back.head_denied);
	CHECK(back.keeps_condition);
	CHECK_INT(back.condition_found_ms, 3);
	back.head_denied = true;
	CHECK_INT(ledger_endpoint_record(ledger, ENDPOINT, "b", &back, NULL),
		  0);
	CHECK_INT(ledger_batch_size(ledger), 1);
	CHECK_INT(ledger_note_get(ledger, "n", &note, NULL), 0);
	CHECK_TEXT(note, "v\xc3\xa9");
	free(note);
	CHECK_INT(ledger_note_set(ledger, "n", NULL, NULL), 0);
	CHECK_INT(ledger_note_get(ledger, "n", &note, NULL), 0);
	CHECK_TEXT(note, NULL);
	close_it(ledger);
}

static void the_view_is_for_people(void)
{
	make_ledger(1);
	CHECK_TEXT(ask("select name, state, modified, at, bucket, key, proof, "
		       "substr(sha256, 1, 4) from files"),
		   "name-000000|uploaded|2023-11-14T22:13:20Z|"
		   "2023-11-14T22:13:20Z|b|name-000000|checksum|abab");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_row_comes_back_as_it_was),
	    CHECK_TEST(nothing_is_made_until_something_is_written),
	    CHECK_TEST(what_is_so_already_is_not_written),
	    CHECK_TEST(rows_come_in_order_over_pages_and_commits),
	    CHECK_TEST(an_empty_policy_has_no_rows),
	    CHECK_TEST(totals_follow_every_change),
	    CHECK_TEST(what_was_not_committed_is_lost_when_killed),
	    CHECK_TEST(policies_do_not_disturb_each_other),
	    CHECK_TEST(a_policy_that_went_lives_until_it_is_dropped),
	    CHECK_TEST(many_rows_are_dropped_in_pieces),
	    CHECK_TEST(the_same_file_under_the_same_key_is_adopted),
	    CHECK_TEST(a_key_has_one_holder_in_live_policies),
	    CHECK_TEST(what_was_put_off_keeps_its_first_time),
	    CHECK_TEST(uploads_and_their_parts_come_back),
	    CHECK_TEST(all_uploads_are_listed),
	    CHECK_TEST(endpoints_and_notes_are_remembered),
	    CHECK_TEST(the_view_is_for_people),
	};
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}

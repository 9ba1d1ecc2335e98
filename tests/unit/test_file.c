#include "workplace.h"

#include "platform/file.h"

#define NS_PER_S ((int64_t)1000000000)

static struct file *open_it(const char *path)
{
	struct file *file = NULL;

	must(file_open(path, &file) == 0, path);
	return file;
}

/* ------------------------------------------------ facts */

static void facts_are_those_of_stat(void)
{
	struct timespec times[2] = {{.tv_sec = 1},
				    {.tv_sec = 1234, .tv_nsec = 5678}};
	struct file_facts facts = {0};
	struct file_facts late = {0};
	struct stat status;

	enter_workplace();
	put_file("file", "12345");
	must(link("file", "second") == 0 && symlink("file", "link") == 0 &&
		 utimensat(AT_FDCWD, "file", times, 0) == 0 &&
		 stat("file", &status) == 0,
	     "file");
	struct file *file = open_it("link");
	CHECK_INT(file_stat(file, &facts), 0);
	file_close(file);
	CHECK_INT(facts.size_bytes, 5);
	CHECK_INT(facts.mtime_ns, 1234 * NS_PER_S + 5678);
	CHECK_INT(facts.ctime_ns,
		  status.st_ctim.tv_sec * NS_PER_S + status.st_ctim.tv_nsec);
	CHECK_INT(facts.file_id, status.st_ino);
	CHECK_INT(facts.device, status.st_dev);
	CHECK_INT(facts.type, FILE_REGULAR);
	CHECK_INT(facts.links, 2);

	struct file_facts other = {0};
	CHECK_INT(file_stat_path("link", &other), 0);
	CHECK(file_facts_equal(&facts, &other));
	CHECK_INT(file_lstat_path("link", &other), 0);
	CHECK_INT(other.type, FILE_LINK);
	CHECK(!file_facts_equal(&facts, &other));
	CHECK_INT(file_stat_path(".", &other), 0);
	CHECK_INT(other.type, FILE_FOLDER);
	CHECK_INT(file_stat_path("/dev/null", &other), 0);
	CHECK_INT(other.type, FILE_OTHER);
	CHECK_INT(file_stat_path("none", &other), ENOENT);
	CHECK_INT(file_lstat_path("file/none", &other), ENOTDIR);

	times[1].tv_sec = INT64_MAX / NS_PER_S + 1;
	must(utimensat(AT_FDCWD, "second", times, 0) == 0 &&
		 stat("second", &status) == 0,
	     "file");
	CHECK_INT(file_stat_path("file", &late), 0);
	/* a file system that knows no such time has its own last one */
	if (status.st_mtim.tv_sec == times[1].tv_sec)
		CHECK_INT(late.mtime_ns, INT64_MAX);
	leave_workplace();
}

static void the_same_state_is_size_times_and_id(void)
{
	const struct file_facts facts = {.size_bytes = 1,
					 .mtime_ns = 2,
					 .ctime_ns = 3,
					 .file_id = 4,
					 .device = 5,
					 .links = 6};
	struct file_facts other = facts;

	CHECK(file_facts_equal(&facts, &other));
	other.device = 50;
	CHECK(file_facts_equal(&facts, &other));
	other.size_bytes = 10;
	CHECK(!file_facts_equal(&facts, &other));
	other = facts;
	other.mtime_ns = 20;
	CHECK(!file_facts_equal(&facts, &other));
	other = facts;
	other.ctime_ns = 30;
	CHECK(!file_facts_equal(&facts, &other));
	other = facts;
	other.file_id = 40;
	CHECK(!file_facts_equal(&facts, &other));
}

/* ------------------------------------------------ bytes */

static void opening_never_blocks(void)
{
	struct file_facts facts = {0};
	struct file *file = NULL;

	enter_workplace();
	must(mkfifo("fifo", 0600) == 0, "fifo");
	/* nobody writes to it */
	CHECK_INT(file_open("fifo", &file), 0);
	CHECK_INT(file_stat(file, &facts), 0);
	CHECK_INT(facts.type, FILE_OTHER);
	file_close(file);
	CHECK_INT(file_open("none", &file), ENOENT);
	CHECK(file == NULL);
	file_close(NULL);
	leave_workplace();
}

static void check_reads(const struct file *file, int64_t offset, size_t size,
			const char *expected)
{
	char text[16] = "";
	size_t got = 99;

	CHECK_INT(file_read_at(file, offset, text, size, &got), 0);
	CHECK_INT(got, strlen(expected));
	CHECK_TEXT(text, expected);
}

static void it_is_read_at_any_place(void)
{
	char byte;
	size_t got = 99;

	enter_workplace();
	put_file("file", "0123456789");
	struct file *file = open_it("file");
	check_reads(file, 0, 4, "0123");
	check_reads(file, 8, 4, "89");
	check_reads(file, 3, 4, "3456");
	check_reads(file, 9, 1, "9");
	check_reads(file, 10, 4, "");
	check_reads(file, INT64_C(1) << 40, 4, "");
	check_reads(file, 0, 0, "");
	CHECK_INT(file_read_at(file, -1, &byte, 1, &got), EINVAL);
	CHECK_INT(got, 0);
	file_close(file);
	file = open_it(".");
	CHECK_INT(file_read_at(file, 0, &byte, 1, &got), EISDIR);
	file_close(file);
	leave_workplace();
}

static void a_new_file_is_private_and_new(void)
{
	struct file *file = NULL;

	enter_workplace();
	CHECK_INT(file_create_private("file", &file), 0);
	CHECK_INT(mode_of_file("file"), 0600);
	CHECK_INT(file_write(file, "some", 4), 0);
	CHECK_INT(file_write(file, "", 0), 0);
	check_reads(file, 1, 3, "ome");
	/* reading has not moved the end */
	CHECK_INT(file_write(file, "thing", 5), 0);
	CHECK_INT(file_sync(file), 0);
	file_close(file);
	CHECK_TEXT(text_of_file("file"), "something");
	must(symlink("new", "link") == 0, "link");
	CHECK_INT(file_create_private("file", &file), EEXIST);
	CHECK(file == NULL);
	CHECK_INT(file_create_private("link", &file), EEXIST);
	CHECK_INT(file_create_private(".", &file), EEXIST);
	CHECK_INT(file_create_private("none/file", &file), ENOENT);
	CHECK_INT(access("new", F_OK), -1);
	file = open_it("file");
	CHECK_INT(file_write(file, "x", 1), EBADF);
	file_close(file);
	leave_workplace();
}

static void a_program_that_is_started_inherits_nothing(void)
{
	struct file *made = NULL;

	enter_workplace();
	int first = open("/", O_RDONLY | O_CLOEXEC);
	int second = open("/", O_RDONLY | O_CLOEXEC);
	must(close(first) == 0 && close(second) == 0, "/");
	CHECK_INT(file_create_private("file", &made), 0);
	struct file *opened = open_it("file");
	CHECK_INT(fcntl(first, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(second, F_GETFD), FD_CLOEXEC);
	file_close(opened);
	file_close(made);
	CHECK_INT(fcntl(first, F_GETFD), -1);
	CHECK_INT(fcntl(second, F_GETFD), -1);
	leave_workplace();
}

/* ------------------------------------------------ mode and time */

static void check_modified(struct file *file, int64_t mtime_ns)
{
	struct file_facts facts = {0};

	CHECK_INT(file_set_modified(file, mtime_ns), 0);
	CHECK_INT(file_stat(file, &facts), 0);
	CHECK_INT(facts.mtime_ns, mtime_ns);
}

static void its_time_can_be_set(void)
{
	struct file *file = NULL;
	struct stat before;
	struct stat after;

	enter_workplace();
	CHECK_INT(file_create_private("file", &file), 0);
	must(stat("file", &before) == 0, "file");
	check_modified(file, 0);
	check_modified(file, 1234567890 * NS_PER_S + 123456789);
	check_modified(file, 2000000000 * NS_PER_S);
	/* before 1970 */
	check_modified(file, -NS_PER_S);
	check_modified(file, -1);
	check_modified(file, -1500000000);
	must(stat("file", &after) == 0, "file");
	CHECK_INT(after.st_atim.tv_sec, before.st_atim.tv_sec);
	CHECK_INT(after.st_atim.tv_nsec, before.st_atim.tv_nsec);
	file_close(file);
	leave_workplace();
}

static void mode_and_time_are_copied(void)
{
	struct timespec times[2] = {{.tv_sec = 1},
				    {.tv_sec = 1234, .tv_nsec = 5678}};
	struct file_facts facts = {0};
	struct file *to = NULL;

	enter_workplace();
	put_file("from", "12345");
	must(chmod("from", 0754) == 0 &&
		 utimensat(AT_FDCWD, "from", times, 0) == 0,
	     "from");
	struct file *from = open_it("from");
	CHECK_INT(file_create_private("to", &to), 0);
	CHECK_INT(file_write(to, "1", 1), 0);
	CHECK_INT(file_copy_facts(from, to), 0);
	CHECK_INT(file_stat(to, &facts), 0);
	CHECK_INT(facts.mtime_ns, 1234 * NS_PER_S + 5678);
	CHECK_INT(facts.size_bytes, 1);
	CHECK_INT(mode_of_file("to"), 0754);
	file_close(from);
	file_close(to);
	leave_workplace();
}

/* ------------------------------------------------ names */

static void names_are_replaced_and_removed(void)
{
	enter_workplace();
	put_file("one", "1");
	put_file("two", "2");
	must(symlink("two", "link") == 0, "link");
	CHECK_INT(file_replace("one", "link"), 0);
	CHECK_TEXT(text_of_file("link"), "1");
	CHECK_TEXT(text_of_file("two"), "2");
	CHECK_TEXT(text_of_file("one"), "(none)");
	CHECK_INT(file_replace("one", "two"), ENOENT);
	CHECK_TEXT(text_of_file("two"), "2");
	CHECK_INT(file_remove("two"), 0);
	CHECK_INT(file_remove("two"), ENOENT);
	CHECK_INT(file_make_folder("folder"), 0);
	CHECK_INT(mode_of_file("folder"), 0700);
	CHECK_INT(file_make_folder("folder"), EEXIST);
	CHECK_INT(file_make_folder("link"), EEXIST);
	CHECK_INT(file_make_folder("none/folder"), ENOENT);
	leave_workplace();
}

static void a_folder_is_synced_by_the_name_of_a_file_in_it(void)
{
	enter_workplace();
	/* whether it is durable only the loss of power tells */
	must(mkdir("folder", 0700) == 0, "folder");
	put_file("file", "");
	CHECK_INT(file_sync_folder_of("file"), 0);
	CHECK_INT(file_sync_folder_of("not-there"), 0);
	CHECK_INT(file_sync_folder_of("folder/file"), 0);
	CHECK_INT(file_sync_folder_of("/file"), 0);
	CHECK_INT(file_sync_folder_of("none/file"), ENOENT);
	CHECK_INT(file_sync_folder_of("file/file"), ENOTDIR);
	leave_workplace();
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(facts_are_those_of_stat),
	    CHECK_TEST(the_same_state_is_size_times_and_id),
	    CHECK_TEST(opening_never_blocks),
	    CHECK_TEST(it_is_read_at_any_place),
	    CHECK_TEST(a_new_file_is_private_and_new),
	    CHECK_TEST(a_program_that_is_started_inherits_nothing),
	    CHECK_TEST(its_time_can_be_set),
	    CHECK_TEST(mode_and_time_are_copied),
	    CHECK_TEST(names_are_replaced_and_removed),
	    CHECK_TEST(a_folder_is_synced_by_the_name_of_a_file_in_it),
	};
	return CHECK_RUN(tests);
}

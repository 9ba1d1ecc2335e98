#include "workplace.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/files.h"

/* ------------------------------------------------ reading */

/* Bytes of the file, or the text of the error. */
static const char *read_as(const char *path, size_t ceiling_bytes, int rc)
{
	static char text[ERROR_TEXT_BYTES];
	struct buffer buffer = {0};
	struct error err = {0};

	CHECK_INT(buffer_append_text(&buffer, "what was there"), 0);
	CHECK_INT(files_read(path, ceiling_bytes, &buffer, &err), rc);
	CHECK_INT(err.code, rc);
	struct bytes bytes = buffer_bytes(&buffer);
	if (rc)
		CHECK_INT(bytes.size, 0);
	(void)snprintf(text, sizeof(text), "%.*s",
		       rc ? (int)sizeof(err.text) : (int)bytes.size,
		       rc ? err.text : bytes.data);
	buffer_clear(&buffer);
	return text;
}

static void a_file_is_read_up_to_its_ceiling(void)
{
	enter_workplace();
	put_file("five", "12345");
	put_file("empty", "");
	CHECK_TEXT(read_as("five", 1024, 0), "12345");
	CHECK_TEXT(read_as("five", SIZE_MAX, 0), "12345");
	CHECK_TEXT(read_as("five", 5, 0), "12345");
	CHECK_TEXT(read_as("five", 4, ERROR_INVALID),
		   "five: larger than 4 bytes");
	CHECK_TEXT(read_as("empty", 0, 0), "");
	CHECK_TEXT(read_as("five", 0, ERROR_INVALID),
		   "five: larger than 0 bytes");
	leave_workplace();
}

static void all_bytes_are_read(void)
{
	struct buffer text = {0};
	char all[256];

	enter_workplace();
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	FILE *file = fopen("all", "w");
	must(file && fwrite(all, sizeof(all), 1, file) == 1 &&
		 fclose(file) == 0,
	     "all");
	CHECK_INT(files_read("all", sizeof(all), &text, NULL), 0);
	if (CHECK_INT(text.size, sizeof(all)))
		CHECK_MEM(text.data, all, sizeof(all));
	buffer_clear(&text);
	leave_workplace();
}

static void what_is_no_regular_file_is_not_read(void)
{
	enter_workplace();
	must(mkdir("folder", 0700) == 0 && mkfifo("fifo", 0600) == 0 &&
		 symlink("file", "link") == 0 && symlink("none", "lost") == 0,
	     "tree");
	put_file("file", "text");
	CHECK_TEXT(read_as("none", 9, ERROR_MISSING),
		   "open none: No such file or directory");
	CHECK_TEXT(read_as("lost", 9, ERROR_MISSING),
		   "open lost: No such file or directory");
	CHECK_TEXT(read_as("file/none", 9, ERROR_MISSING),
		   "open file/none: Not a directory");
	CHECK_TEXT(read_as("folder", 9, ERROR_LOCAL), "folder: is a folder");
	/* nobody writes to it: one that opened it to read would wait */
	CHECK_TEXT(read_as("fifo", 9, ERROR_LOCAL), "fifo: is no regular file");
	CHECK_TEXT(read_as("/dev/zero", 9, ERROR_LOCAL),
		   "/dev/zero: is no regular file");
	CHECK_TEXT(read_as("link", 9, 0), "text");
	leave_workplace();
}

static void a_file_that_may_not_be_read_is_a_local_error(void)
{
	enter_workplace();
	put_file("file", "text");
	must(chmod("file", 0) == 0, "file");
	if (geteuid() == 0)
		CHECK_TEXT(read_as("file", 9, 0), "text");
	else
		CHECK_TEXT(read_as("file", 9, ERROR_LOCAL),
			   "open file: Permission denied");
	leave_workplace();
}

/* ------------------------------------------------ writing */

static bool write_text(const char *path, const char *text)
{
	struct error err = {0};
	bool written = false;

	CHECK_INT(files_write(path, bytes_of_text(text), &written, &err), 0);
	CHECK_INT(err.code, 0);
	CHECK_TEXT(text_of_file(path), text);
	CHECK_TEXT(text_of_file("file.tmp"), "(none)");
	return written;
}

static void a_new_file_is_private(void)
{
	enter_workplace();
	CHECK(write_text("file", "one"));
	CHECK_INT(mode_of_file("file"), 0600);
	CHECK(write_text("empty", ""));
	CHECK_INT(mode_of_file("empty"), 0600);
	CHECK_INT(files_write("any", bytes_of_text("x"), NULL, NULL), 0);
	CHECK_TEXT(text_of_file("any"), "x");
	leave_workplace();
}

static void another_file_takes_the_place_of_the_old_one(void)
{
	enter_workplace();
	put_file("file", "one");
	/* who reads the old one now has all of it until its end */
	FILE *reader = fopen("file", "r");
	must(reader != NULL, "file");
	CHECK(write_text("file", "two"));
	CHECK_INT(mode_of_file("file"), 0600);
	char text[8] = "";
	CHECK_INT(fread(text, 1, sizeof(text) - 1, reader), 3);
	CHECK_TEXT(text, "one");
	(void)fclose(reader);
	CHECK(write_text("file", "tw"));
	CHECK(write_text("file", "two and more"));
	CHECK(write_text("file", ""));
	leave_workplace();
}

static void check_left_alone(const char *text)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct stat before;
	struct stat after;

	put_file("file", text);
	must(utimensat(AT_FDCWD, "file", old, 0) == 0 &&
		 stat("file", &before) == 0,
	     "file");
	CHECK(!write_text("file", text));
	must(stat("file", &after) == 0, "file");
	CHECK_INT(after.st_ino, before.st_ino);
	CHECK_INT(after.st_mtim.tv_sec, 1);
	CHECK_INT(after.st_mtim.tv_nsec, 0);
	CHECK_INT(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
	CHECK_INT(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

static void a_file_with_the_same_bytes_is_left_alone(void)
{
	enter_workplace();
	check_left_alone("the same");
	check_left_alone("");
	leave_workplace();
}

static void what_a_killed_run_left_beside_is_no_obstacle(void)
{
	enter_workplace();
	put_file("file", "old");
	put_file("file.tmp", "half of");
	must(chmod("file.tmp", 0444) == 0, "file.tmp");
	CHECK(write_text("file", "new"));
	CHECK_INT(mode_of_file("file"), 0600);

	/* somebody else's file behind a link is not written to */
	put_file("victim", "precious");
	must(symlink("victim", "file.tmp") == 0, "file.tmp");
	CHECK(write_text("file", "newer"));
	CHECK_TEXT(text_of_file("victim"), "precious");
	leave_workplace();
}

/* ------------------------------------------------ failures */

static void check_write_fails(const char *path, const char *text)
{
	struct error err = {0};
	bool written = true;

	CHECK_INT(files_write(path, bytes_of_text("new"), &written, &err),
		  ERROR_LOCAL);
	CHECK_INT(err.code, ERROR_LOCAL);
	CHECK_TEXT(err.text, text);
	CHECK(!written);
}

static void a_write_that_fails_leaves_the_old_file(void)
{
	enter_workplace();
	put_file("file", "old");
	must(mkdir("folder", 0700) == 0 && mkdir("file.tmp", 0700) == 0,
	     "tree");
	check_write_fails("none/file",
			  "write none/file.tmp: No such file or directory");
	check_write_fails("file/x", "write file/x.tmp: Not a directory");
	check_write_fails("file", "write file.tmp: Is a directory");
	CHECK_TEXT(text_of_file("file"), "old");
	/* written beside, and gone again */
	check_write_fails("folder", "write folder: Is a directory");
	CHECK_TEXT(text_of_file("folder.tmp"), "(none)");
	leave_workplace();
}

static bool write_with_a_small_disk(const void *path)
{
	const struct rlimit limit = {.rlim_cur = 2, .rlim_max = 2};
	struct error err = {0};
	bool written = true;

	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR &&
		 setrlimit(RLIMIT_FSIZE, &limit) == 0,
	     "setrlimit");
	return files_write(path, bytes_of_text("larger"), &written, &err) ==
		   ERROR_LOCAL &&
	       strcmp(err.text, "write file.tmp: File too large") == 0 &&
	       !written;
}

static void a_disk_that_is_full_leaves_the_old_file(void)
{
	enter_workplace();
	put_file("file", "old");
	helper_end(helper_start(write_with_a_small_disk, "file"));
	CHECK_TEXT(text_of_file("file"), "old");
	CHECK_TEXT(text_of_file("file.tmp"), "(none)");
	leave_workplace();
}

static void a_folder_without_rights_leaves_the_old_file(void)
{
	enter_workplace();
	must(mkdir("folder", 0700) == 0, "folder");
	put_file("folder/file", "old");
	must(chmod("folder", 0500) == 0, "folder");
	if (geteuid() != 0) {
		check_write_fails("folder/file",
				  "write folder/file.tmp: Permission denied");
		CHECK_TEXT(text_of_file("folder/file"), "old");
	}
	/* one that cannot be listed can be written to all the same */
	must(chmod("folder", 0300) == 0, "folder");
	CHECK(write_text("folder/file", "new"));
	CHECK_TEXT(text_of_file("folder/file.tmp"), "(none)");
	must(chmod("folder", 0700) == 0, "folder");
	leave_workplace();
}

/* ------------------------------------------------ the rest */

static void a_bad_file_is_set_aside(void)
{
	struct error err = {0};

	enter_workplace();
	put_file("file", "first");
	CHECK_INT(files_set_aside("file", &err), 0);
	CHECK_TEXT(text_of_file("file"), "(none)");
	CHECK_TEXT(text_of_file("file.bad"), "first");
	put_file("file", "second");
	CHECK_INT(files_set_aside("file", &err), 0);
	CHECK_TEXT(text_of_file("file.bad"), "second");
	CHECK_INT(err.code, 0);

	CHECK_INT(files_set_aside("file", &err), ERROR_MISSING);
	CHECK_TEXT(err.text, "set aside file: No such file or directory");
	CHECK_TEXT(text_of_file("file.bad"), "second");

	error_clear(&err);
	put_file("other", "text");
	must(mkdir("other.bad", 0700) == 0, "other.bad");
	CHECK_INT(files_set_aside("other", &err), ERROR_LOCAL);
	CHECK_TEXT(err.text, "set aside other: Is a directory");
	CHECK_TEXT(text_of_file("other"), "text");
	leave_workplace();
}

static void a_file_is_removed_and_none_is_no_error(void)
{
	struct error err = {0};

	enter_workplace();
	put_file("file", "text");
	must(symlink("file", "link") == 0 && mkdir("folder", 0700) == 0,
	     "tree");
	CHECK_INT(files_remove("link", &err), 0);
	CHECK_TEXT(text_of_file("file"), "text");
	CHECK_INT(files_remove("file", &err), 0);
	CHECK_TEXT(text_of_file("file"), "(none)");
	CHECK_INT(files_remove("file", &err), 0);
	CHECK_INT(files_remove("none/file", &err), 0);
	CHECK_INT(err.code, 0);
	CHECK_INT(files_remove("folder", &err), ERROR_LOCAL);
	CHECK_TEXT(err.text, "remove folder: Is a directory");
	CHECK_INT(access("folder", F_OK), 0);
	leave_workplace();
}

static void names_are_joined_with_one_slash(void)
{
	static const struct {
		const char *folder;
		const char *name;
		const char *joined;
	} cases[] = {
	    {"/a/b", "c", "/a/b/c"}, {"/a/b/", "c", "/a/b/c"},
	    {"/", "c", "/c"},	     {"a", "b/c", "a/b/c"},
	    {"", "c", "c"},	     {"/a", "/b", "/b"},
	    {"", "/b", "/b"},	     {"a", "", "a/"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *joined = files_join(cases[i].folder, cases[i].name);
		CHECK_TEXT(joined, cases[i].joined);
		free(joined);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_file_is_read_up_to_its_ceiling),
	    CHECK_TEST(all_bytes_are_read),
	    CHECK_TEST(what_is_no_regular_file_is_not_read),
	    CHECK_TEST(a_file_that_may_not_be_read_is_a_local_error),
	    CHECK_TEST(a_new_file_is_private),
	    CHECK_TEST(another_file_takes_the_place_of_the_old_one),
	    CHECK_TEST(a_file_with_the_same_bytes_is_left_alone),
	    CHECK_TEST(what_a_killed_run_left_beside_is_no_obstacle),
	    CHECK_TEST(a_write_that_fails_leaves_the_old_file),
	    CHECK_TEST(a_disk_that_is_full_leaves_the_old_file),
	    CHECK_TEST(a_folder_without_rights_leaves_the_old_file),
	    CHECK_TEST(a_bad_file_is_set_aside),
	    CHECK_TEST(a_file_is_removed_and_none_is_no_error),
	    CHECK_TEST(names_are_joined_with_one_slash),
	};
	return CHECK_RUN(tests);
}

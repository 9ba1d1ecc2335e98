#include "workplace.h"

#include <errno.h>
#include <sys/syscall.h>

#include "platform/folder.h"

enum { MANY = 2000, NAME_CEILING = 255 };

static struct folder *open_it(const char *name)
{
	struct folder *folder = NULL;

	must(folder_open(NULL, name, FOLDER_FOLLOW_ALL, &folder) == 0, name);
	return folder;
}

static bool exists(const char *name)
{
	struct stat status;

	return lstat(name, &status) == 0;
}

/* ------------------------------------------------ listing */

static const struct folder_entry *find_entry(const struct folder_listing *list,
					     const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->entries[i].name, name) == 0)
			return &list->entries[i];
	return NULL;
}

static void check_entry(const struct folder_listing *list, const char *name,
			enum file_type type)
{
	const struct folder_entry *entry = find_entry(list, name);

	/* not every file system says it in the listing */
	if (CHECK(entry != NULL) && entry->type != FILE_UNKNOWN)
		CHECK_INT(entry->type, type);
}

static void a_listing_has_all_but_the_dots(void)
{
	struct folder_listing list;

	enter_workplace();
	struct folder *folder = open_it(".");
	CHECK_INT(folder_list(folder, 0, &list), 0);
	CHECK_INT(list.count, 0);
	folder_listing_clear(&list);
	put_file("file", "");
	put_file(".hidden", "");
	put_file("...", "");
	must(mkdir("folder", 0700) == 0 && symlink("none", "link") == 0 &&
		 mkfifo("fifo", 0600) == 0,
	     "tree");
	/* the second one starts at the start again */
	for (int i = 0; i < 2; i++) {
		CHECK_INT(folder_list(folder, 0, &list), 0);
		CHECK_INT(list.count, 6);
		check_entry(&list, "file", FILE_REGULAR);
		check_entry(&list, ".hidden", FILE_REGULAR);
		check_entry(&list, "...", FILE_REGULAR);
		check_entry(&list, "folder", FILE_FOLDER);
		check_entry(&list, "link", FILE_LINK);
		check_entry(&list, "fifo", FILE_OTHER);
		folder_listing_clear(&list);
		CHECK_INT(list.count, 0);
	}
	folder_close(folder);
	leave_workplace();
}

static void check_has_many(const struct folder_listing *list)
{
	static bool is_seen[MANY];

	memset(is_seen, 0, sizeof(is_seen));
	CHECK_INT(list->count, MANY);
	for (size_t i = 0; i < list->count; i++) {
		char *end = NULL;
		size_t number = strtoul(list->entries[i].name, &end, 10);
		if (CHECK(number < MANY && strcmp(end, " of many") == 0))
			is_seen[number] = true;
	}
	for (size_t i = 0; i < MANY; i++)
		CHECK(is_seen[i]);
}

static void a_listing_has_a_limit(void)
{
	struct folder_listing list;
	char name[32];

	enter_workplace();
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "%d of many", i);
		put_file(name, "");
	}
	struct folder *folder = open_it(".");
	CHECK_INT(folder_list(folder, 0, &list), 0);
	check_has_many(&list);
	folder_listing_clear(&list);
	CHECK_INT(folder_list(folder, MANY, &list), 0);
	check_has_many(&list);
	folder_listing_clear(&list);
	CHECK_INT(folder_list(folder, MANY - 1, &list), EOVERFLOW);
	CHECK_INT(list.count, 0);
	folder_listing_clear(&list);
	CHECK_INT(folder_list(folder, 1, &list), EOVERFLOW);
	folder_listing_clear(&list);
	folder_close(folder);
	leave_workplace();
}

/* ------------------------------------------------ names */

/* Make, find, list, open and remove a file of that name, the only one. */
static void check_name(const struct folder *folder, const char *name)
{
	struct folder_listing list;
	struct file_facts facts;
	struct file *file = NULL;

	CHECK_INT(folder_create_file(folder, name, &file), 0);
	file_close(file);
	CHECK_INT(folder_list(folder, 0, &list), 0);
	if (CHECK_INT(list.count, 1))
		CHECK_TEXT(list.entries[0].name, name);
	folder_listing_clear(&list);
	CHECK_INT(folder_stat(folder, name, FOLDER_FOLLOW_NONE, &facts), 0);
	CHECK_INT(facts.type, FILE_REGULAR);
	for (int rule = FOLDER_FOLLOW_NONE; rule <= FOLDER_FOLLOW_ALL; rule++) {
		CHECK_INT(folder_open_file(folder, name,
					   (enum folder_follow)rule, &file),
			  0);
		file_close(file);
	}
	CHECK_INT(folder_remove_file(folder, name), 0);
}

static void a_name_may_have_any_byte(void)
{
	char name[] = "a?b";

	enter_workplace();
	struct folder *folder = open_it(".");
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		name[1] = (char)byte;
		check_name(folder, name);
	}
	check_name(folder, "-rf");
	check_name(folder, " ");
	check_name(folder, "...");
	check_name(folder, "\xc3\x28");
	folder_close(folder);
	leave_workplace();
}

static void a_name_has_a_ceiling(void)
{
	char name[NAME_CEILING + 2];
	struct file_facts facts;
	struct file *file = NULL;

	enter_workplace();
	struct folder *folder = open_it(".");
	memset(name, 'x', sizeof(name));
	name[NAME_CEILING] = '\0';
	check_name(folder, name);
	name[NAME_CEILING] = 'x';
	name[NAME_CEILING + 1] = '\0';
	CHECK_INT(folder_create_file(folder, name, &file), ENAMETOOLONG);
	CHECK(file == NULL);
	CHECK_INT(folder_stat(folder, name, FOLDER_FOLLOW_NONE, &facts),
		  ENAMETOOLONG);
	folder_close(folder);
	leave_workplace();
}

/* ------------------------------------------------ new and gone */

static void what_is_made_is_private_and_new(void)
{
	struct file *file = NULL;

	enter_workplace();
	struct folder *folder = open_it(".");
	CHECK_INT(folder_make_folder(folder, "folder"), 0);
	CHECK_INT(mode_of_file("folder"), 0700);
	CHECK_INT(folder_make_folder(folder, "folder"), EEXIST);
	CHECK_INT(folder_create_file(folder, "file", &file), 0);
	CHECK_INT(mode_of_file("file"), 0600);
	CHECK_INT(file_write(file, "some", 4), 0);
	CHECK_INT(file_write(file, "thing", 5), 0);
	file_close(file);
	CHECK_TEXT(text_of_file("file"), "something");
	must(symlink("elsewhere", "link") == 0, "link");
	static const char *const taken[] = {"folder", "file", "link"};
	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(folder_create_file(folder, taken[i], &file), EEXIST);
		CHECK(file == NULL);
		CHECK_INT(folder_make_folder(folder, taken[i]), EEXIST);
	}
	CHECK(!exists("elsewhere"));
	CHECK_TEXT(text_of_file("file"), "something");
	folder_close(folder);
	leave_workplace();
}

static void what_is_removed_is_the_name(void)
{
	enter_workplace();
	struct folder *folder = open_it(".");
	put_file("file", "text");
	must(mkdir("folder", 0700) == 0 && symlink("file", "link") == 0 &&
		 symlink("folder", "folderlink") == 0,
	     "tree");
	put_file("folder/file", "");
	CHECK_INT(folder_remove_file(folder, "link"), 0);
	CHECK_INT(folder_remove_folder(folder, "folderlink"), ENOTDIR);
	CHECK_INT(folder_remove_file(folder, "folderlink"), 0);
	CHECK_TEXT(text_of_file("file"), "text");
	CHECK_INT(folder_remove_folder(folder, "file"), ENOTDIR);
	CHECK_INT(folder_remove_file(folder, "folder"), EISDIR);
	CHECK_INT(folder_remove_folder(folder, "folder"), ENOTEMPTY);
	must(unlink("folder/file") == 0, "folder/file");
	CHECK_INT(folder_remove_folder(folder, "folder"), 0);
	CHECK_INT(folder_remove_file(folder, "file"), 0);
	CHECK_INT(folder_remove_file(folder, "file"), ENOENT);
	CHECK_INT(folder_remove_folder(folder, "folder"), ENOENT);
	folder_close(folder);
	leave_workplace();
}

/* ------------------------------------------------ renames */

static void a_rename_moves_between_folders(void)
{
	enter_workplace();
	must(mkdir("a", 0700) == 0 && mkdir("b", 0700) == 0 &&
		 mkdir("a/folder", 0700) == 0 && symlink("none", "a/link") == 0,
	     "tree");
	put_file("a/file", "text");
	put_file("a/folder/file", "inner");
	struct folder *a = open_it("a");
	struct folder *b = open_it("b");
	CHECK_INT(folder_rename_no_replace(a, "file", b, "new"), 0);
	CHECK_TEXT(text_of_file("b/new"), "text");
	CHECK(!exists("a/file"));
	CHECK_INT(folder_rename_no_replace(b, "new", b, "newer"), 0);
	CHECK_TEXT(text_of_file("b/newer"), "text");
	CHECK_INT(folder_rename_no_replace(a, "folder", b, "folder"), 0);
	CHECK_TEXT(text_of_file("b/folder/file"), "inner");
	CHECK_INT(folder_rename_no_replace(a, "link", b, "link"), 0);
	CHECK(exists("b/link") && !exists("a/link"));
	CHECK_INT(folder_rename_no_replace(a, "none", b, "x"), ENOENT);
	CHECK(!exists("b/x"));
	folder_close(a);
	folder_close(b);
	leave_workplace();
}

static void a_rename_replaces_nothing(void)
{
	static const char *const taken[] = {"file", "folder", "lost", "same"};

	enter_workplace();
	struct folder *folder = open_it(".");
	put_file("one", "1");
	put_file("file", "2");
	must(mkdir("folder", 0700) == 0 && mkdir("other", 0700) == 0 &&
		 symlink("none", "lost") == 0 && link("one", "same") == 0,
	     "tree");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		CHECK_INT(
		    folder_rename_no_replace(folder, "one", folder, taken[i]),
		    EEXIST);
		CHECK_INT(
		    folder_rename_no_replace(folder, "other", folder, taken[i]),
		    EEXIST);
	}
	CHECK_TEXT(text_of_file("one"), "1");
	CHECK_TEXT(text_of_file("file"), "2");
	CHECK_TEXT(text_of_file("same"), "1");
	CHECK(exists("lost") && !exists("none"));
	CHECK(exists("folder") && exists("other"));
	folder_close(folder);
	leave_workplace();
}

static bool is_the_same_without_renameat2(const void *context)
{
	(void)context;
	check_failures = 0;
	if (!CHECK(forbid_call(SYS_renameat2)))
		return false;
	a_rename_moves_between_folders();
	a_rename_replaces_nothing();
	(void)fflush(stdout);
	return check_failures == 0;
}

static void an_old_kernel_gives_the_same(void)
{
#ifdef SYS_renameat /* where it is missing renameat2 was always there */
	helper_end(helper_start(is_the_same_without_renameat2, NULL));
#else
	(void)is_the_same_without_renameat2;
#endif
}

static void another_file_system_is_too_far(void)
{
	char far[] = "/dev/shm/test-XXXXXX";
	struct stat here;
	struct stat there;

	enter_workplace();
	if (mkdtemp(far)) {
		put_file("file", "text");
		must(stat(".", &here) == 0 && stat(far, &there) == 0, far);
		struct folder *a = open_it(".");
		struct folder *b = open_it(far);
		if (here.st_dev != there.st_dev) {
			CHECK_INT(folder_rename_no_replace(a, "file", b, "new"),
				  EXDEV);
			CHECK_TEXT(text_of_file("file"), "text");
		}
		folder_close(a);
		folder_close(b);
		CHECK_INT(rmdir(far), 0);
	}
	leave_workplace();
}

static void a_rename_over_takes_the_place(void)
{
	enter_workplace();
	struct folder *folder = open_it(".");
	put_file("one", "1");
	put_file("two", "2");
	must(symlink("two", "link") == 0 && mkdir("folder", 0700) == 0, "tree");
	CHECK_INT(folder_rename(folder, "one", "link"), 0);
	CHECK_TEXT(text_of_file("link"), "1");
	CHECK_TEXT(text_of_file("two"), "2");
	CHECK(!exists("one"));
	CHECK_INT(folder_rename(folder, "link", "two"), 0);
	CHECK_TEXT(text_of_file("two"), "1");
	CHECK_INT(folder_rename(folder, "two", "new"), 0);
	CHECK_TEXT(text_of_file("new"), "1");
	CHECK_INT(folder_rename(folder, "new", "folder"), EISDIR);
	CHECK_INT(folder_rename(folder, "none", "new"), ENOENT);
	CHECK_TEXT(text_of_file("new"), "1");
	folder_close(folder);
	leave_workplace();
}

/* ------------------------------------------------ exchange */

static bool can_exchange(const struct folder *folder)
{
	put_file("x", "x");
	put_file("y", "y");
	int code = folder_exchange(folder, "x", "y");
	CHECK(code == 0 || code == ENOSYS || code == EINVAL);
	CHECK_TEXT(text_of_file("x"), code ? "x" : "y");
	CHECK_TEXT(text_of_file("y"), code ? "y" : "x");
	return code == 0;
}

static void two_names_are_exchanged(void)
{
	enter_workplace();
	struct folder *folder = open_it(".");
	must(mkdir("new", 0700) == 0 && mkdir("old", 0700) == 0 &&
		 symlink("x", "link") == 0,
	     "tree");
	put_file("new/file", "new");
	put_file("old/file", "old");
	if (can_exchange(folder)) {
		CHECK_INT(folder_exchange(folder, "new", "old"), 0);
		CHECK_TEXT(text_of_file("new/file"), "old");
		CHECK_TEXT(text_of_file("old/file"), "new");
		/* a folder and a link: the link itself */
		CHECK_INT(folder_exchange(folder, "link", "old"), 0);
		CHECK_TEXT(text_of_file("link/file"), "new");
		CHECK_TEXT(text_of_file("old"), "y");
		CHECK_INT(folder_exchange(folder, "x", "none"), ENOENT);
		CHECK_INT(folder_exchange(folder, "none", "x"), ENOENT);
		CHECK_TEXT(text_of_file("x"), "y");
		CHECK(!exists("none"));
	}
	folder_close(folder);
	leave_workplace();
}

/* ------------------------------------------------ writers */

static bool open_to_write(const void *name)
{
	return open(name, O_WRONLY | O_CLOEXEC) >= 0;
}

static bool open_to_read(const void *name)
{
	return open(name, O_RDONLY | O_CLOEXEC) >= 0;
}

static enum file_writer writer_of(const struct folder *folder, const char *name)
{
	struct file *file = NULL;

	must(folder_open_file(folder, name, FOLDER_FOLLOW_NONE, &file) == 0,
	     name);
	enum file_writer writer = file_find_writer(file);
	/* a lease that stayed would hold up who opens it now */
	int other = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(other >= 0);
	(void)close(other);
	file_close(file);
	return writer;
}

static void a_writer_is_found(void)
{
	enter_workplace();
	struct folder *folder = open_it(".");
	put_file("file", "text");
	enum file_writer nobody = writer_of(folder, "file");
	/* the only other answer is that of a system that does not tell */
	bool can_tell = nobody == FILE_WRITER_NO;
	CHECK(can_tell || nobody == FILE_WRITER_UNKNOWN);
	struct helper reader = helper_start(open_to_read, "file");
	CHECK_INT(writer_of(folder, "file"), nobody);
	struct helper writer = helper_start(open_to_write, "file");
	CHECK_INT(writer_of(folder, "file"),
		  can_tell ? FILE_WRITER_YES : FILE_WRITER_UNKNOWN);
	helper_end(writer);
	CHECK_INT(writer_of(folder, "file"), nobody);
	helper_end(reader);
	folder_close(folder);
	leave_workplace();
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_listing_has_all_but_the_dots),
	    CHECK_TEST(a_listing_has_a_limit),
	    CHECK_TEST(a_name_may_have_any_byte),
	    CHECK_TEST(a_name_has_a_ceiling),
	    CHECK_TEST(what_is_made_is_private_and_new),
	    CHECK_TEST(what_is_removed_is_the_name),
	    CHECK_TEST(a_rename_moves_between_folders),
	    CHECK_TEST(a_rename_replaces_nothing),
	    CHECK_TEST(an_old_kernel_gives_the_same),
	    CHECK_TEST(another_file_system_is_too_far),
	    CHECK_TEST(a_rename_over_takes_the_place),
	    CHECK_TEST(two_names_are_exchanged),
	    CHECK_TEST(a_writer_is_found),
	};
	return CHECK_RUN(tests);
}

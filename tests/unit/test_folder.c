#include "workplace.h"

#include <errno.h>
#include <sys/syscall.h>

#include "platform/folder.h"

enum { REFUSED = -1, ANY = -2 };

static struct folder *open_it(const char *name)
{
	struct folder *folder = NULL;

	must(folder_open(NULL, name, FOLDER_FOLLOW_ALL, &folder) == 0, name);
	return folder;
}

/* ------------------------------------------------ links */

/* How a link is refused depends on what the kernel can do. */
static bool is_as_expected(int code, int expected)
{
	if (expected == REFUSED)
		return code == ELOOP || code == EXDEV || code == ENOTDIR;
	return expected == ANY || code == expected;
}

static void link_here(const char *target, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", workplace, target);
	must(symlink(path, name) == 0, name);
}

static void make_tree(void)
{
	must(mkdir("in", 0755) == 0 && mkdir("in/sub", 0755) == 0 &&
		 mkdir("in/sub/deep", 0755) == 0 && mkdir("out", 0755) == 0 &&
		 mkdir("in2", 0755) == 0 && mkfifo("in/fifo", 0600) == 0,
	     "tree");
	put_file("in/file", "1");
	put_file("in/sub/file", "22");
	put_file("out/secret", "333");
	put_file("in2/secret", "333");
	must(symlink("file", "in/link") == 0 &&
		 symlink("sub", "in/sublink") == 0 &&
		 symlink(".", "in/self") == 0 &&
		 symlink("../file", "in/sub/back") == 0 &&
		 symlink("../out/secret", "in/up") == 0 &&
		 symlink("../out", "in/updir") == 0 &&
		 symlink("loop", "in/loop") == 0 &&
		 symlink("none", "in/lost") == 0,
	     "links");
	link_here("in/sub/file", "in/own");
	link_here("in/sub", "in/owndir");
	link_here("in", "in/ownself");
	link_here("out/secret", "in/foreign");
	link_here("out", "in/foreigndir");
	/* the start of the name is that of the folder */
	link_here("in2/secret", "in/neighbour");
}

struct rule_case {
	const char *name;
	int none;   /* the code with FOLDER_FOLLOW_NONE */
	int inside; /* FOLDER_FOLLOW_INSIDE */
	int all;    /* FOLDER_FOLLOW_ALL */
	int64_t size_bytes;
};

static const struct rule_case file_cases[] = {
    {"file", 0, 0, 0, 1},
    {"sub/file", 0, 0, 0, 2},
    {"link", REFUSED, 0, 0, 1},
    {"sublink/file", REFUSED, 0, 0, 2},
    {"sub/back", REFUSED, 0, 0, 1},
    {"sublink/back", REFUSED, 0, 0, 1},
    {"own", REFUSED, 0, 0, 2},
    {"owndir/file", REFUSED, 0, 0, 2},
    {"up", REFUSED, EXDEV, 0, 3},
    {"updir/secret", REFUSED, EXDEV, 0, 3},
    {"foreign", REFUSED, EXDEV, 0, 3},
    {"foreigndir/secret", REFUSED, EXDEV, 0, 3},
    {"neighbour", REFUSED, EXDEV, 0, 3},
    {"../out/secret", ANY, EXDEV, 0, 3},
    {"loop", ELOOP, ELOOP, ELOOP, 0},
    {"lost", REFUSED, ENOENT, ENOENT, 0},
    {"none", ENOENT, ENOENT, ENOENT, 0},
    {"sub/none", ENOENT, ENOENT, ENOENT, 0},
    {"file/none", ENOTDIR, ENOTDIR, ENOTDIR, 0},
    {"sub", ENXIO, ENXIO, ENXIO, 0},
    {"fifo", ENXIO, ENXIO, ENXIO, 0},
};

static const struct rule_case folder_cases[] = {
    {".", 0, 0, 0, 0},
    {"sub", 0, 0, 0, 0},
    {"sub/deep", 0, 0, 0, 0},
    {"sublink", REFUSED, 0, 0, 0},
    {"sublink/deep", REFUSED, 0, 0, 0},
    {"owndir", REFUSED, 0, 0, 0},
    {"owndir/deep", REFUSED, 0, 0, 0},
    {"self", REFUSED, 0, 0, 0},
    {"ownself", REFUSED, 0, 0, 0},
    {"updir", REFUSED, EXDEV, 0, 0},
    {"foreigndir", REFUSED, EXDEV, 0, 0},
    {"..", ANY, EXDEV, 0, 0},
    {"../out", ANY, EXDEV, 0, 0},
    {"loop", REFUSED, ELOOP, ELOOP, 0},
    {"none", ENOENT, ENOENT, ENOENT, 0},
    {"file", ENOTDIR, ENOTDIR, ENOTDIR, 0},
    {"link", REFUSED, ENOTDIR, ENOTDIR, 0},
    {"fifo", ENOTDIR, ENOTDIR, ENOTDIR, 0},
};

static int code_of_case(const struct rule_case *c, enum folder_follow follow)
{
	if (follow == FOLDER_FOLLOW_NONE)
		return c->none;
	return follow == FOLDER_FOLLOW_INSIDE ? c->inside : c->all;
}

static void check_opens_file(const struct folder *folder,
			     const struct rule_case *c,
			     enum folder_follow follow)
{
	struct file_facts facts = {.size_bytes = -1};
	struct file *file = NULL;
	int code = folder_open_file(folder, c->name, follow, &file);

	if (!CHECK(is_as_expected(code, code_of_case(c, follow))))
		(void)printf("# file %s, rule %d: %d\n", c->name, (int)follow,
			     code);
	CHECK_INT(file != NULL, code == 0);
	if (file) {
		CHECK_INT(file_stat(file, &facts), 0);
		CHECK_INT(facts.size_bytes, c->size_bytes);
	}
	file_close(file);
}

static void check_opens_folder(const struct folder *parent,
			       const struct rule_case *c,
			       enum folder_follow follow)
{
	struct folder *folder = NULL;
	int code = folder_open(parent, c->name, follow, &folder);

	if (!CHECK(is_as_expected(code, code_of_case(c, follow))))
		(void)printf("# folder %s, rule %d: %d\n", c->name, (int)follow,
			     code);
	CHECK_INT(folder != NULL, code == 0);
	folder_close(folder);
}

static void check_rules(enum folder_follow follow)
{
	struct folder *in = open_it("in");

	for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]); i++)
		check_opens_file(in, &file_cases[i], follow);
	for (size_t i = 0; i < sizeof(folder_cases) / sizeof(folder_cases[0]);
	     i++)
		check_opens_folder(in, &folder_cases[i], follow);
	folder_close(in);
}

static void links_are_followed_by_the_rule(void)
{
	enter_workplace();
	make_tree();
	check_rules(FOLDER_FOLLOW_NONE);
	check_rules(FOLDER_FOLLOW_INSIDE);
	check_rules(FOLDER_FOLLOW_ALL);
	leave_workplace();
}

/* As on a kernel before 5.6. */
static bool is_the_same_without_openat2(const void *context)
{
	(void)context;
	check_failures = 0;
	if (!CHECK(forbid_call(SYS_openat2)))
		return false;
	check_rules(FOLDER_FOLLOW_NONE);
	check_rules(FOLDER_FOLLOW_INSIDE);
	check_rules(FOLDER_FOLLOW_ALL);
	(void)fflush(stdout);
	return check_failures == 0;
}

static void an_old_kernel_gives_the_same(void)
{
	enter_workplace();
	make_tree();
	helper_end(helper_start(is_the_same_without_openat2, NULL));
	leave_workplace();
}

/* ------------------------------------------------ facts */

static void check_stat(const struct folder *folder, const char *name,
		       enum folder_follow follow, enum file_type type)
{
	struct file_facts facts = {0};

	if (!CHECK_INT(folder_stat(folder, name, follow, &facts), 0) ||
	    !CHECK_INT(facts.type, type))
		(void)printf("# %s, rule %d\n", name, (int)follow);
}

static void facts_are_of_the_link_or_of_what_it_leads_to(void)
{
	struct file_facts facts = {.size_bytes = 77};

	enter_workplace();
	make_tree();
	struct folder *in = open_it("in");
	check_stat(in, "file", FOLDER_FOLLOW_NONE, FILE_REGULAR);
	check_stat(in, "sub/deep", FOLDER_FOLLOW_NONE, FILE_FOLDER);
	check_stat(in, "fifo", FOLDER_FOLLOW_NONE, FILE_OTHER);
	check_stat(in, "link", FOLDER_FOLLOW_NONE, FILE_LINK);
	check_stat(in, "foreign", FOLDER_FOLLOW_NONE, FILE_LINK);
	check_stat(in, "sub/back", FOLDER_FOLLOW_NONE, FILE_LINK);
	check_stat(in, "link", FOLDER_FOLLOW_INSIDE, FILE_REGULAR);
	check_stat(in, "sublink", FOLDER_FOLLOW_INSIDE, FILE_FOLDER);
	check_stat(in, "owndir", FOLDER_FOLLOW_INSIDE, FILE_FOLDER);
	check_stat(in, "foreign", FOLDER_FOLLOW_ALL, FILE_REGULAR);
	check_stat(in, "foreigndir", FOLDER_FOLLOW_ALL, FILE_FOLDER);
	CHECK_INT(folder_stat(in, "foreign", FOLDER_FOLLOW_INSIDE, &facts),
		  EXDEV);
	CHECK_INT(folder_stat(in, "loop", FOLDER_FOLLOW_INSIDE, &facts), ELOOP);
	CHECK_INT(folder_stat(in, "none", FOLDER_FOLLOW_NONE, &facts), ENOENT);
	CHECK(is_as_expected(
	    folder_stat(in, "sublink/file", FOLDER_FOLLOW_NONE, &facts),
	    REFUSED));
	CHECK_INT(facts.size_bytes, 77);
	folder_close(in);
	leave_workplace();
}

static void a_folder_knows_itself(void)
{
	struct file_facts facts = {0};
	struct stat status;

	enter_workplace();
	must(mkdir("a", 0700) == 0 && stat("a", &status) == 0, "a");
	struct folder *folder = open_it("a");
	CHECK_INT(folder_stat_self(folder, &facts), 0);
	CHECK_INT(facts.type, FILE_FOLDER);
	CHECK_INT(facts.file_id, status.st_ino);
	CHECK_INT(facts.device, status.st_dev);
	CHECK_INT(folder_sync(folder), 0);
	/* it is that folder, whatever its name is now */
	must(rename("a", "b") == 0 && mkdir("a", 0700) == 0, "rename");
	put_file("b/file", "");
	check_stat(folder, "file", FOLDER_FOLLOW_NONE, FILE_REGULAR);
	folder_close(folder);
	folder_close(NULL);
	leave_workplace();
}

static void a_folder_that_is_not_listed_can_be_searched(void)
{
	struct folder_listing listing;

	enter_workplace();
	must(mkdir("a", 0700) == 0, "a");
	put_file("a/file", "text");
	must(chmod("a", 0300) == 0, "a");
	struct folder *folder = open_it("a");
	check_stat(folder, "file", FOLDER_FOLLOW_NONE, FILE_REGULAR);
	CHECK_INT(folder_list(folder, 0, &listing),
		  geteuid() == 0 ? 0 : EACCES);
	folder_listing_clear(&listing);
	CHECK_INT(folder_make_folder(folder, "new"), 0);
	CHECK_INT(folder_sync(folder), 0);
	folder_close(folder);
	must(chmod("a", 0700) == 0, "a");
	leave_workplace();
}

/* What is opened next gets the lowest number that is free. */
static int next_descriptor(void)
{
	int descriptor = open("/", O_RDONLY | O_CLOEXEC);

	must(descriptor >= 0 && close(descriptor) == 0, "/");
	return descriptor;
}

static void a_program_that_is_started_inherits_nothing(void)
{
	struct folder *inner = NULL;
	struct file *file = NULL;

	enter_workplace();
	make_tree();
	int first = next_descriptor();
	struct folder *in = open_it("in");
	CHECK_INT(folder_open(in, "sub", FOLDER_FOLLOW_INSIDE, &inner), 0);
	int last = next_descriptor();
	CHECK_INT(folder_open_file(in, "link", FOLDER_FOLLOW_INSIDE, &file), 0);
	CHECK_INT(fcntl(first, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(first + 1, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(last, F_GETFD), FD_CLOEXEC);
	file_close(file);
	folder_close(inner);
	folder_close(in);
	CHECK_INT(next_descriptor(), first);
	leave_workplace();
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(links_are_followed_by_the_rule),
	    CHECK_TEST(an_old_kernel_gives_the_same),
	    CHECK_TEST(facts_are_of_the_link_or_of_what_it_leads_to),
	    CHECK_TEST(a_folder_knows_itself),
	    CHECK_TEST(a_folder_that_is_not_listed_can_be_searched),
	    CHECK_TEST(a_program_that_is_started_inherits_nothing),
	};
	return CHECK_RUN(tests);
}

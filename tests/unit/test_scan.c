#include "scan_tree.h"

#include <dirent.h>
#include <time.h>

enum { NOBODY = 65534, DEEP_LEVELS = 60, DEEP_NAME_BYTES = 200 };

/* ------------------------------------------------ what node-glob found */

/* node-glob 7.1 gave these names in this tree, less folders, the fifo and
 * what only lies behind links that ** would have to follow. */
static void a_tree_of_all_sorts_gives_what_node_glob_gave(void)
{
	static const struct {
		const char *pattern;
		const char *names;
	} cases[] = {
	    {"**/*", "!neg|#hash|TOP2.TXT|a.txt|a/1.txt|a/b/2.txt|a/b/c/"
		     "3.log|b.txt|br[x]/q|c.TXT|dir/f-b|dir/f1|dir/f10|dir/"
		     "f2|dir/fa|dir/sub/deep|lf|sp ace/x "
		     "y.txt|star*file|top.txt|\303\251.txt|"},
	    {"*", "!neg|#hash|TOP2.TXT|a.txt|b.txt|c.TXT|lf|star*file|top.txt|"
		  "\303\251.txt|"},
	    {"**/.*", ".top|a/.dot|a/b/.dot2|"},
	    {"{*,.*}", "!neg|#hash|.top|TOP2.TXT|a.txt|b.txt|c.TXT|lf|star*"
		       "file|top.txt|\303\251.txt|"},
	    {"*.txt", "a.txt|b.txt|top.txt|\303\251.txt|"},
	    {"*.{txt,TXT}", "TOP2.TXT|a.txt|b.txt|c.TXT|top.txt|\303\251.txt|"},
	    {"{a,b}.txt", "a.txt|b.txt|"},
	    {"dir/f{1..3}", "dir/f1|dir/f2|"},
	    {"dir/f?", "dir/f1|dir/f2|dir/fa|"},
	    {"dir/f[0-9]", "dir/f1|dir/f2|"},
	    {"dir/f[^0-9]", "dir/fa|"},
	    {"dir/f[[:alpha:]]", ""},
	    {"dir/f[a-z-]*", "dir/f-b|dir/fa|"},
	    {"+(a|b).txt", "a.txt|b.txt|"},
	    {"!(a).txt", "b.txt|top.txt|\303\251.txt|"},
	    {"!(*.txt)", "!neg|#hash|TOP2.TXT|c.TXT|lf|star*file|"},
	    {"!*.txt", ""},
	    {"\\!neg", "!neg|"},
	    {"#hash", "#hash|"},
	    {"star\\*file", "star*file|"},
	    {"br[x]/q", ""},
	    {"br\\[x\\]/q", "br[x]/q|"},
	    {"a/**", "a/1.txt|a/b/2.txt|a/b/c/3.log|"},
	    {"a/**/*", "a/1.txt|a/b/2.txt|a/b/c/3.log|"},
	    {"a/**/*.log", "a/b/c/3.log|"},
	    {"a/*/", ""},
	    {"**/", ""},
	    {"ld/*", "ld/f-b|ld/f1|ld/f10|ld/f2|ld/fa|"},
	    {"ld/**/*", "ld/f-b|ld/f1|ld/f10|ld/f2|ld/fa|ld/sub/deep|"},
	    {"dir/**/deep", "dir/sub/deep|"},
	    {"**/deep", "dir/sub/deep|"},
	    {"dir/**/*", "dir/f-b|dir/f1|dir/f10|dir/f2|dir/fa|dir/sub/deep|"},
	    {"./**/*.log", "./a/b/c/3.log|"},
	    {"./*.txt", "./a.txt|./b.txt|./top.txt|./\303\251.txt|"},
	    {"top.txt", "top.txt|"},
	    {"nosuch*", ""},
	    {"a/./1.txt", "a/./1.txt|"},
	    {"sp ace/*", "sp ace/x y.txt|"},
	    {"*/x y.txt", "sp ace/x y.txt|"},
	    {"?.txt", "a.txt|b.txt|\303\251.txt|"},
	    {"fifo", ""},
	    {"a", ""},
	    {"**/b/**/*", "a/b/2.txt|a/b/c/3.log|"},
	    {"a**", "a.txt|"},
	    {"**.txt", "a.txt|b.txt|top.txt|\303\251.txt|"},
	    {"**/**/2.txt", "a/b/2.txt|"},
	    {"{a}", ""},
	    {"a{}", ""},
	    {"[", ""},
	    {"a[", ""},
	    {"dir/f[]1]", "dir/f1|"},
	    {"**/*.{log,txt}", "a.txt|a/1.txt|a/b/2.txt|a/b/c/3.log|b.txt|sp "
			       "ace/x y.txt|top.txt|\303\251.txt|"},
	    {".hd/*", ".hd/in|"},
	    {".hd/**", ".hd/in|"},
	    {"**/.hd/*", ".hd/in|"},
	    {"dir\\f1", ""},
	    {"*.txt\n", "a.txt|b.txt|top.txt|\303\251.txt|"},
	    {"top.txt/*", "?top.txt/|"},
	    {"?top", ""},
	    {"@(.top|x)", ""},
	    {"a/?(.)dot", ""},
	    {"(a|b).txt", ""},
	    {"~/*", "?~/|"},
	};

	enter_new_root();
	make_tree("a/|a/b/|a/b/c/|.hd/|dir/|ed/|sp ace/|br[x]/|a/1.txt|"
		  "a/b/2.txt|a/b/c/3.log|a/.dot|a/b/.dot2|.hd/in|.hd/.in2|"
		  ".top|top.txt|TOP2.TXT|dir/f1|dir/f2|dir/f10|dir/fa|dir/f-b|"
		  "sp ace/x y.txt|br[x]/q|star*file|a.txt|b.txt|c.TXT|!neg|"
		  "#hash|\xc3\xa9.txt|ld>dir|lf>top.txt|dang>nowhere|dir/up>..|"
		  "dir/sub/|dir/sub/deep|dir/la>../a|");
	must(mkfifo("fifo", 0644) == 0, "fifo");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_inside(cases[i].pattern, cases[i].names);
	leave_root();
}

/* ------------------------------------------------ order */

static void folders_sort_as_if_their_names_ended_in_a_slash(void)
{
	enter_new_root();
	make_tree("a/|a/x|a-|a.b|a0|a!/|a!/x|aa/|aa/x|A|\xff|\x01|a0x/|a0x/y|");
	check_inside("**/*", "\x01|A|a!/x|a-|a.b|a/x|a0|a0x/y|aa/x|\xff|");
	check_inside("*", "\x01|A|a-|a.b|a0|\xff|");
	leave_root();
}

static void alternatives_of_all_forms_come_in_one_order(void)
{
	enter_new_root();
	make_tree("a|b/|b/x|-|");
	char *pattern = text_format("{*,./*,b/**,./b/x,../%s/a,%s/*}",
				    strrchr(root, '/') + 1, root);
	char *expected = text_format("-|../%s/a|./-|./a|./b/x|%s/-|%s/a|a|b/x|",
				     strrchr(root, '/') + 1, root, root);
	check_inside(pattern, expected);
	free(pattern);
	free(expected);
	check_inside("{a,a,*,?}", "-|a|");
	check_inside("b/./../b/x", "b/./../b/x|");
	check_inside("*/../a", "b/../a|");
	leave_root();
}

struct names {
	char **items;
	size_t count;
};

static void collect(const char *folder, struct names *names)
{
	DIR *stream = opendir(*folder ? folder : ".");
	const struct dirent *entry;

	must(stream != NULL, folder);
	while ((entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		bool is_folder = entry->d_type == DT_DIR;
		char *name = text_format("%s%s%s", folder, entry->d_name,
					 is_folder ? "/" : "");
		if (is_folder) {
			collect(name, names);
			free(name);
			continue;
		}
		names->items =
		    realloc(names->items, (names->count + 1) * sizeof(char *));
		names->items[names->count++] = name;
	}
	(void)closedir(stream);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The walk knows nothing of literal folders that are missing. */
static void leave_out_missing(char *names)
{
	char *to = names;

	while (*names) {
		size_t size = strcspn(names, "|") + 1;

		if (*names != '?') {
			memmove(to, names, size);
			to += size;
		}
		names += size;
	}
	*to = '\0';
}

static void check_against_walk(const char *text)
{
	const struct scan_options options = {.follow = FOLDER_FOLLOW_INSIDE};
	char *found = scan_with(options, text);
	struct names names = {0};
	struct buffer expected = {0};
	struct pattern *pattern = pattern_new(text, NULL);

	collect("", &names);
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(char *), compare_names);
	for (size_t i = 0; i < names.count; i++) {
		if (pattern_match(pattern, bytes_of_text(names.items[i])))
			must(buffer_append_format(&expected, "%s|",
						  names.items[i]) == 0,
			     "memory");
		free(names.items[i]);
	}
	free(names.items);
	leave_out_missing(found);
	if (!CHECK_TEXT(found, expected.data ? expected.data : ""))
		(void)printf("# pattern \"%s\"\n", text);
	free(found);
	buffer_clear(&expected);
	pattern_free(pattern);
}

static void make_random_folder(const char *folder, int depth)
{
	static const char alphabet[] = "ab.-!0~\x01\xc3\xa9 ";

	for (int i = rand() % 12; i >= 0; i--) {
		char part[8] = {0};
		for (int j = rand() % 3; j >= 0; j--)
			part[j] = alphabet[rand() % 11];
		char *name = text_format("%s%s", folder, part);
		char *beneath = text_format("%s/", name);
		if (depth > 0 && rand() % 2 && mkdir(name, 0755) == 0)
			make_random_folder(beneath, depth - 1);
		else if (access(name, F_OK) != 0)
			make_file(name);
		free(name);
		free(beneath);
	}
}

static void random_trees_come_as_a_sorted_walk_does(void)
{
	static const char *const patterns[] = {
	    "**/*",	 "**",	     "*",	 "*/*",	    "**/.*",
	    "{*,.*}/**", "a*/**/b*", "**/a/**",	 "{a,b}/*", "{a/*,**/b,?}",
	    "**/!(a)",	 "**/*/*",   "**/{a,b}", "a",	    "{a/,}{b,.}*"};
	unsigned seed = (unsigned)time(NULL);

	(void)printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 12; round++) {
		enter_new_root();
		make_random_folder("", 4);
		for (size_t i = 0; i < sizeof(patterns) / sizeof(char *); i++)
			check_against_walk(patterns[i]);
		leave_root();
	}
}

/* ------------------------------------------------ links */

static void links_are_followed_by_the_rule(void)
{
	const struct scan_options none = {.follow = FOLDER_FOLLOW_NONE};
	const struct scan_options all = {.follow = FOLDER_FOLLOW_ALL};

	enter_new_root();
	make_tree("in/|in/f|in/d/|in/d/g|out/|out/h|in/lf>d/g|in/lo>../out/h|"
		  "in/ld>d|in/lx>../out|in/dead>nothing|in/self>self|");
	check_scan(none, "in/*", "in/f|");
	check_scan(none, "in/*/*", "in/d/g|");
	check_scan(none, "in/ld/*", "in/ld/g|");
	check_inside("in/*", "in/f|in/lf|");
	check_inside("*/*", "in/f|in/lf|in/lo|out/h|");
	check_inside("in/lo", "");
	check_inside("in/lf", "in/lf|");
	check_inside("in/**/*", "in/d/g|in/f|in/lf|");
	check_inside("in/*/*", "in/d/g|in/ld/g|");
	check_inside("*/*/*", "in/d/g|in/ld/g|in/lx/h|");
	check_inside("in/lx/*", "in/lx/h|");
	check_inside("*/lx/*", "in/lx/h|");
	char *link =
	    text_format("in/abs>%s/in/f|in/wrong>%s/in-f|", root, root);
	make_tree(link);
	make_tree("in-f|");
	free(link);
	check_inside("in/a*", "in/abs|");
	check_inside("in/wr*", "");
	must(unlink("in/abs") == 0 && unlink("in/wrong") == 0, "unlink");
	check_scan(all, "in/*", "in/f|in/lf|in/lo|");
	check_scan(all, "in/**", "in/d/g|in/f|in/ld/g|in/lf|in/lo|in/lx/h|");
	leave_root();
}

static void loops_end(void)
{
	const struct scan_options all = {.follow = FOLDER_FOLLOW_ALL};

	enter_new_root();
	make_tree("a/|a/f|a/up>..|a/here>.|b>a|");
	check_scan(all, "**", "a/f|b/f|");
	check_scan(all, "**/up/a/*", "a/up/a/f|b/up/a/f|");
	check_inside("a/up/a/up/a/*", "a/up/a/up/a/f|");
	check_inside("**/up/**/f", "a/up/a/f|");
	leave_root();
}

static void the_literal_folder_is_told(void)
{
	static const struct {
		const char *pattern;
		const char *literal;
	} cases[] = {
	    {"**/f", ""},	  {"a/b/f", "a/b/"},	   {"a/*/f", "a/"},
	    {"./a/**", "./a/"},	  {"{a/b/*,*/b/f}", ""},   {"*/l/f", "a/l/"},
	    {"a/**/l/f", "a/l/"}, {"*/../a/b/*", "a/../"},
	};
	struct folder *home = NULL;

	enter_new_root();
	make_tree("a/|a/b/|a/b/f|a/l>b|");
	must(folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0, root);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pattern *pattern = pattern_new(cases[i].pattern, NULL);
		const struct scan_options options = {
		    .pattern = pattern,
		    .home = home,
		    .follow = FOLDER_FOLLOW_INSIDE,
		};
		struct scan *scan = scan_new(&options, NULL);
		struct scan_item item;

		CHECK_INT(scan_next(scan, &item, NULL), 0);
		CHECK_INT(item.kind, SCAN_FILE);
		char *literal =
		    text_dup_bytes(item.name.data, item.literal_bytes);
		if (!CHECK_TEXT(literal, cases[i].literal))
			(void)printf("# pattern %s\n", cases[i].pattern);
		free(literal);
		scan_free(scan);
		pattern_free(pattern);
	}
	folder_close(home);
	leave_root();
}

static void a_link_gives_the_facts_of_its_target(void)
{
	struct stat status;
	struct scan_item item;
	struct pattern *pattern = pattern_new("link", NULL);
	struct folder *home = NULL;

	enter_new_root();
	make_tree("file|link>file|");
	must(truncate("file", 12345) == 0 && stat("file", &status) == 0,
	     "file");
	must(folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0, root);
	const struct scan_options options = {
	    .pattern = pattern,
	    .home = home,
	    .follow = FOLDER_FOLLOW_INSIDE,
	};
	struct scan *scan = scan_new(&options, NULL);
	CHECK_INT(scan_next(scan, &item, NULL), 0);
	CHECK_INT(item.kind, SCAN_FILE);
	CHECK_INT(item.facts.size_bytes, 12345);
	CHECK(item.facts.file_id == status.st_ino || item.facts.file_id == 0);
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	leave_root();
}

/* ------------------------------------------------ what fails */

static void a_missing_literal_folder_is_told_as_missing(void)
{
	enter_new_root();
	make_tree("a/|a/x|f|dead>nowhere|");
	check_inside("gone/**", "?gone/|");
	check_inside("a/gone/more/*", "?a/gone/|");
	check_inside("{gone,a}/*", "a/x|?gone/|");
	check_inside("dead/*", "?dead/|");
	check_inside("f/*", "?f/|");
	check_inside("/no-such-folder-here/*", "?/no-such-folder-here/|");
	check_inside("*/gone/*", "");
	check_inside("a/gone", "");
	check_inside("gone", "");
	check_inside("a/", "");
	leave_root();
}

static void what_cannot_be_read_is_told_as_failed(void)
{
	bool is_root = geteuid() == 0;

	enter_new_root();
	make_tree("a|shut/|shut/x|shut/y/|shut/y/z|sealed/|sealed/q|z|");
	must(chmod("shut", 0311) == 0 && chmod("sealed", 0600) == 0, "chmod");
	must(chown("sealed", is_root ? NOBODY : (uid_t)-1, (gid_t)-1) == 0,
	     "chown");
	must(!is_root || seteuid(NOBODY) == 0, "seteuid");
	check_inside("**/*", "a|!sealed/q|!shut/|z|");
	check_inside("shut/x", "shut/x|");
	check_inside("shut/y/*", "shut/y/z|");
	check_inside("{shut/*,shut/x}", "!shut/|shut/x|");
	check_inside("sealed/q", "!sealed/q|");
	must(!is_root || seteuid(0) == 0, "seteuid");
	must(chmod("shut", 0755) == 0 && chmod("sealed", 0755) == 0, "chmod");
	leave_root();
}

static void files_that_go_while_the_scan_runs_are_left_out(void)
{
	struct pattern *pattern = pattern_new("**", NULL);
	struct folder *home = NULL;
	struct scan_item item;
	struct buffer names = {0};

	enter_new_root();
	make_tree("a|b|c/|c/d|e|");
	must(folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0, root);
	const struct scan_options options = {.pattern = pattern, .home = home};
	struct scan *scan = scan_new(&options, NULL);
	while (scan_next(scan, &item, NULL) == 0 && item.kind != SCAN_END) {
		append_item(&names, scan, &item);
		if (names.size == 2)
			must(unlink("b") == 0 && unlink("c/d") == 0 &&
				 rmdir("c") == 0,
			     "remove");
	}
	CHECK_TEXT(names.data, "a|e|");
	buffer_clear(&names);
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	leave_root();
}

/* ------------------------------------------------ depth */

static int count_open_files(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	if (!stream)
		return 0;
	while (readdir(stream))
		count++;
	(void)closedir(stream);
	return count;
}

static void make_deep_tree(char name[DEEP_NAME_BYTES + 1])
{
	int folder = open(".", O_RDONLY | O_DIRECTORY);

	memset(name, 'm', DEEP_NAME_BYTES);
	name[DEEP_NAME_BYTES] = '\0';
	for (int level = 0; level < DEEP_LEVELS; level++) {
		must(close(openat(folder, "a", O_CREAT | O_WRONLY, 0644)) ==
			     0 &&
			 close(openat(folder, "z", O_CREAT | O_WRONLY, 0644)) ==
			     0 &&
			 mkdirat(folder, name, 0755) == 0,
		     "deep");
		int next = openat(folder, name, O_RDONLY | O_DIRECTORY);
		must(next >= 0 && close(folder) == 0, "deep");
		folder = next;
	}
	(void)close(folder); /* only read */
}

/* Paths get longer than the system takes, and folders are closed on the way
 * down and opened again on the way up. */
static void deep_trees_need_few_open_folders(void)
{
	char name[DEEP_NAME_BYTES + 1];
	struct pattern *pattern = pattern_new("**", NULL);
	struct folder *home = NULL;
	struct scan_item item;
	struct buffer last = {0};
	int files = 0;

	enter_new_root();
	make_deep_tree(name);
	must(folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0, root);
	const struct scan_options options = {.pattern = pattern, .home = home};
	struct scan *scan = scan_new(&options, NULL);
	int open_before = count_open_files();
	while (scan_next(scan, &item, NULL) == 0 && item.kind == SCAN_FILE) {
		CHECK(is_ascending(&last, item.name));
		buffer_reset(&last);
		must(buffer_append(&last, item.name.data, item.name.size) == 0,
		     "memory");
		CHECK(count_open_files() <= open_before + 17);
		files++;
	}
	CHECK_INT(item.kind, SCAN_END);
	CHECK_INT(files, 2 * DEEP_LEVELS);
	buffer_clear(&last);
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	leave_root();
}

/* The folder that is opened again is another one. */
static void a_folder_that_was_swapped_is_told_as_failed(void)
{
	char name[DEEP_NAME_BYTES + 1];
	struct pattern *pattern = pattern_new("**", NULL);
	struct folder *home = NULL;
	struct scan_item item;
	int files = 0;
	int failed = 0;

	enter_new_root();
	make_deep_tree(name);
	must(folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0, root);
	const struct scan_options options = {.pattern = pattern, .home = home};
	struct scan *scan = scan_new(&options, NULL);
	while (scan_next(scan, &item, NULL) == 0 && item.kind != SCAN_END) {
		files += item.kind == SCAN_FILE;
		failed += item.kind == SCAN_FAILED;
		if (files == DEEP_LEVELS && failed == 0)
			must(rename(name, "other") == 0 &&
				 mkdir(name, 0755) == 0,
			     "swap");
	}
	CHECK(failed > 0 || files < 2 * DEEP_LEVELS);
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	leave_root();
}

/* ------------------------------------------------ our own */

static struct scan_identity identity_of(const char *name)
{
	struct stat status;

	must(stat(name, &status) == 0, name);
	return (struct scan_identity){status.st_dev, status.st_ino};
}

static bool begins_with_p(struct bytes name)
{
	return name.size > 1 && memcmp(name.data, "P.", 2) == 0;
}

static void own_files_are_never_matched(void)
{
	enter_new_root();
	make_tree("P.json|P.db-wal|keys|x/|x/P.json|x/y|by-link>keys|"
		  "x/far>../keys|");
	must(link("keys", "x/hard") == 0, "hard");
	const struct scan_identity own[] = {identity_of("keys")};
	const struct scan_options options = {
	    .follow = FOLDER_FOLLOW_ALL,
	    .own_files = own,
	    .own_file_count = 1,
	    .home_identity = identity_of("."),
	    .is_own = begins_with_p,
	};
	check_scan(options, "**", "x/P.json|x/y|");
	check_scan(options, "x/../P.*", "");
	check_scan(options, "{P.json,keys,./P.json,x/hard}", "");
	leave_root();
}

static void closed_folders_are_entered_by_name_only(void)
{
	enter_new_root();
	make_tree("down/|down/a|down/sub/|down/sub/b|x|to>down|");
	const struct scan_identity closed[] = {identity_of("down")};
	const struct scan_options options = {
	    .follow = FOLDER_FOLLOW_ALL,
	    .closed_folders = closed,
	    .closed_folder_count = 1,
	};
	check_scan(options, "**", "x|");
	check_scan(options, "*/*", "");
	check_scan(options, "**/down/*", "");
	check_scan(options, "down/**", "down/a|down/sub/b|");
	check_scan(options, "down/sub/*", "down/sub/b|");
	check_scan(options, "{**,down/*}", "down/a|x|");
	leave_root();
}

static void names_may_hold_any_byte(void)
{
	enter_new_root();
	make_tree("\n|a\nb|\x01\x7f|\xff\xfe/|\xff\xfe/\xc3|a b|'\"\\|%+&=|*|");
	check_inside("**", "\x01\x7f|\n|%+&=|'\"\\|*|a\nb|a b|\xff\xfe/\xc3|");
	check_inside("\xff\xfe/*", "\xff\xfe/\xc3|");
	check_inside("\\*", "*|");
	leave_root();
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_tree_of_all_sorts_gives_what_node_glob_gave),
	    CHECK_TEST(folders_sort_as_if_their_names_ended_in_a_slash),
	    CHECK_TEST(alternatives_of_all_forms_come_in_one_order),
	    CHECK_TEST(random_trees_come_as_a_sorted_walk_does),
	    CHECK_TEST(links_are_followed_by_the_rule),
	    CHECK_TEST(loops_end),
	    CHECK_TEST(the_literal_folder_is_told),
	    CHECK_TEST(a_link_gives_the_facts_of_its_target),
	    CHECK_TEST(a_missing_literal_folder_is_told_as_missing),
	    CHECK_TEST(what_cannot_be_read_is_told_as_failed),
	    CHECK_TEST(files_that_go_while_the_scan_runs_are_left_out),
	    CHECK_TEST(deep_trees_need_few_open_folders),
	    CHECK_TEST(a_folder_that_was_swapped_is_told_as_failed),
	    CHECK_TEST(own_files_are_never_matched),
	    CHECK_TEST(closed_folders_are_entered_by_name_only),
	    CHECK_TEST(names_may_hold_any_byte),
	};
	return CHECK_RUN(tests);
}

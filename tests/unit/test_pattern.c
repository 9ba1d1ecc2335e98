#include "check.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"
#include "ingest/pattern.h"

struct match_case {
	const char *pattern;
	const char *name;
	bool is_match;
};

static void check_cases(const struct match_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct pattern *pattern = pattern_new(cases[i].pattern, &err);

		if (!CHECK(pattern != NULL)) {
			(void)printf("# \"%s\": %s\n", cases[i].pattern,
				     err.text);
			continue;
		}
		bool found =
		    pattern_match(pattern, bytes_of_text(cases[i].name));
		if (!CHECK(found == cases[i].is_match))
			(void)printf("# \"%s\" and \"%s\"\n", cases[i].pattern,
				     cases[i].name);
		pattern_free(pattern);
	}
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

static void stars_and_questions_stay_within_a_segment(void)
{
	static const struct match_case cases[] = {
	    {"*", "a", true},
	    {"*", "a b", true},
	    {"*", "a/b", false},
	    {"*", "", false},
	    {"*", "\xff\xfe", true},
	    {"*", "a\nb", true},
	    {"a*", "a", true},
	    {"a*", "abc", true},
	    {"a*", "ba", false},
	    {"*c", "abc", true},
	    {"*c", "abcd", false},
	    {"a*c", "ac", true},
	    {"a*c", "abbc", true},
	    {"a*c", "a/c", false},
	    {"a*b*c", "aXbYc", true},
	    {"a*b*c", "acb", false},
	    {"*a*", "bab", true},
	    {"*.txt", "a.txt", true},
	    {"*.txt", "a.txt.gz", false},
	    {"*.txt", "c.TXT", false},
	    {"a***", "a", true},
	    {"***", "a", true},
	    {"a**", "a.txt", true},
	    {"a**", "a/b", false},
	    {"**.txt", "a.txt", true},
	    {"**.txt", "d/a.txt", false},
	    {"?", "a", true},
	    {"?", "ab", false},
	    {"?", "", false},
	    {"??", "ab", true},
	    {"f?", "f1", true},
	    {"f?", "f10", false},
	    {"f?", "f/", false},
	    {"?.txt", "\xc3\xa9.txt", true},
	    {"?.txt", "\xe9.txt", true},
	    {"??.txt", "\xff\xfe.txt", true},
	    {"?", "\xf0\x9f\x98\x80", true},
	    {"?", "e\xcc\x81", false},
	    {"a?", "a\n", true},
	};
	CHECK_CASES(cases);
}

static void two_stars_alone_are_folders(void)
{
	static const struct match_case cases[] = {
	    {"**/*", "a", true},
	    {"**/*", "a/b", true},
	    {"**/*", "a/b/c/d", true},
	    {"**/*", "/a", false},
	    {"**/*", "./a", false},
	    {"**/*", "../a", false},
	    {"**/*", "a/../b", false},
	    {"**", "a", true},
	    {"**", "a/b", true},
	    {"**", ".a", false},
	    {"a/**", "a/b", true},
	    {"a/**", "a/b/c", true},
	    {"a/**", "a", false},
	    {"a/**", "b/a", false},
	    {"a/**/*", "a/b", true},
	    {"a/**/z", "a/z", true},
	    {"a/**/z", "a/b/c/z", true},
	    {"a/**/z", "a/b/zz", false},
	    {"**/z", "z", true},
	    {"**/z", "a/b/z", true},
	    {"**/**/z", "a/z", true},
	    {"**/a/**/b", "a/b", true},
	    {"**/a/**/b", "x/a/y/b", true},
	    {"**/a/**/b", "b/a", false},
	    {"**/b/**/*", "a/b/c/d", true},
	    {"**/*.log", "a/b/c/3.log", true},
	    {"**/*", "a/.b", false},
	    {"**/*", ".a/b", false},
	    {"**/b", "a/.x/b", false},
	    {"**/.x/b", "a/.x/b", true},
	    {"**/.*", "a/.b", true},
	    {"**/.*", ".a/.b", false},
	    {".a/**", ".a/b", true},
	    {".a/**", ".a/.b", false},
	    {"a/**b", "a/xb", true},
	    {"a/**b", "a/x/b", false},
	    {"a/**/", "a/b", false},
	};
	CHECK_CASES(cases);
}

static void a_leading_dot_wants_a_literal_dot(void)
{
	static const struct match_case cases[] = {
	    {"*", ".a", false},		  {".*", ".a", true},
	    {".*", "a", false},		  {"?a", ".a", false},
	    {"[.]a", ".a", false},	  {"[!x]a", ".a", false},
	    {"\\.a*", ".ab", true},	  {"*a", ".a", false},
	    {"@(.top|x)", ".top", false}, {"?(.)dot", ".dot", false},
	    {"!(a)", ".b", false},	  {"*(.)a", ".a", false},
	    {".@(a|b)", ".a", true},	  {"a*", "a.b", true},
	    {"{*,.*}", ".a", true},	  {"{.,x}a", ".a", true},
	    {".*", ".", false},		  {".*", "..", false},
	    {".*/a", "../a", false},	  {".?", "..", false},
	    {"..", "..", true},		  {"a/*", "a/.b", false},
	    {".*a/b", ".xa/b", true},
	};
	CHECK_CASES(cases);
}

static void classes_take_one_character(void)
{
	static const struct match_case cases[] = {
	    {"[ab]", "a", true},
	    {"[ab]", "c", false},
	    {"[a-c]", "b", true},
	    {"[a-c]", "d", false},
	    {"[!a-c]", "d", true},
	    {"[!a-c]", "b", false},
	    {"[^a-c]", "d", true},
	    {"[^0-9]", "5", false},
	    {"f[a-z-]x", "f-x", true},
	    {"f[-a]", "f-", true},
	    {"f[]1]", "f1", true},
	    {"f[]1]", "f]", true},
	    {"f[!]1]", "f]", false},
	    {"f[!]1]", "f2", true},
	    {"[", "[", true},
	    {"a[", "a[", true},
	    {"a[b", "a[b", true},
	    {"a[b*", "a[bcd", true},
	    {"[]", "[]", true},
	    {"[!]", "[!]", true},
	    {"[z-a]", "[z-a]", true},
	    {"[z-a]", "m", false},
	    {"f[[:alpha:]]", "fa", false},
	    {"f[[:alpha:]]", "fa]", true},
	    {"f[[:alpha:]]", "f:]", true},
	    {"[\\]x]", "]", true},
	    {"[a\\-c]", "b", false},
	    {"[a\\-c]", "-", true},
	    {"[*]", "*", true},
	    {"[*]", "a", false},
	    {"[?]", "x", false},
	    {"br[x]/q", "br[x]/q", false},
	    {"br[x]/q", "brx/q", true},
	    {"br\\[x\\]/q", "br[x]/q", true},
	    {"[a/b]", "[a/b]", true},
	    {"[a/b]", "a", false},
	    {"[\xc3\xa0-\xc3\xbc]", "\xc3\xa9", true},
	    {"[\xff]", "\xff", true},
	    {"[!a]", "\xff", true},
	    {"[!a]", "\xc3\xa9", true},
	};
	CHECK_CASES(cases);
}

static void braces_are_alternatives(void)
{
	static const struct match_case cases[] = {
	    {"{a,b}.txt", "a.txt", true},
	    {"{a,b}.txt", "c.txt", false},
	    {"{a,b}.txt", "{a,b}.txt", false},
	    {"a{,b}", "a", true},
	    {"a{,b}", "ab", true},
	    {"{a,{b,c}d}", "cd", true},
	    {"{a,{b,c}d}", "c", false},
	    {"{a,b}{1,2}", "b1", true},
	    {"{a,b/c}/d", "b/c/d", true},
	    {"f{1..3}", "f2", true},
	    {"f{1..3}", "f4", false},
	    {"f{1..3}", "f{1..3}", false},
	    {"f{3..1}", "f2", true},
	    {"f{-1..1}", "f-1", true},
	    {"f{01..10}", "f01", true},
	    {"f{01..10}", "f1", false},
	    {"f{01..10}", "f10", true},
	    {"f{1..010}", "f002", true},
	    {"f{-01..1}", "f001", true},
	    {"f{-01..1}", "f-01", true},
	    {"f{1..9..2}", "f3", true},
	    {"f{1..9..2}", "f4", false},
	    {"f{9..1..-4}", "f5", true},
	    {"f{1..3..0}", "f2", true},
	    {"{a..c}", "b", true},
	    {"{c..a}", "b", true},
	    {"{a..e..2}", "c", true},
	    {"{a..e..2}", "b", false},
	    {"{Z..a}", "[", true},
	    {"{a..1}", "{a..1}", true},
	    {"{a}", "{a}", true},
	    {"{a}", "a", false},
	    {"a{}", "a{}", true},
	    {"{}", "{}", true},
	    {"{a,b", "{a,b", true},
	    {"a,b}", "a,b}", true},
	    {"{{a,b}", "{b", true},
	    {"{a,b}}", "b}", true},
	    {"{{a,b}}", "{a}", true},
	    {"{a}{b,c}", "{a}c", true},
	    {"\\{a,b}", "{a,b}", true},
	    {"{a\\,b,c}", "a,b", true},
	    {"{a\\,b,c}", "c", true},
	    {"{a,b\\}}", "b}", true},
	    {"{\\{,a}", "{", true},
	    {"*.{log,txt}", "x.log", true},
	    {"{*,.*}", "x", true},
	    {"${a,b}", "${a,b}", true},
	    {"${a,b}", "$a", false},
	    {"{a,}", "a", true},
	    {"[{a,b}]", "a", true},
	    {"@({a,b}|c)x", "bx", true},
	    {"{**/,}x", "a/b/x", true},
	    {"{./,/,}x", "/x", true},
	    {"{./,/,}x", "./x", true},
	    {"{./,/,}x", "x", true},
	    {"{1..1024}", "1000", true},
	};
	CHECK_CASES(cases);
}

static void groups_nest(void)
{
	static const struct match_case cases[] = {
	    {"@(a|b)", "a", true},
	    {"@(a|b)", "ab", false},
	    {"@(a|b)c", "bc", true},
	    {"?(a)b", "b", true},
	    {"?(a)b", "ab", true},
	    {"?(a)b", "aab", false},
	    {"+(a|b).txt", "a.txt", true},
	    {"+(a|b).txt", "abba.txt", true},
	    {"+(a|b).txt", "x.txt", false},
	    {"+(a)", "aaa", true},
	    {"b+(a)", "b", false},
	    {"*(a)b", "b", true},
	    {"*(a)b", "aab", true},
	    {"*(a|bc)d", "abcabcd", true},
	    {"*(a|bc)d", "abd", false},
	    {"!(a)", "b", true},
	    {"!(a)", "a", false},
	    {"!(a)", "aa", true},
	    {"!(a).txt", "a.txt", false},
	    {"!(a).txt", "b.txt", true},
	    {"!(a).txt", "aa.txt", true},
	    {"!(a).txt", "a.txt.txt", true},
	    {"!(a|b).txt", "b.txt", false},
	    {"!(a|b).txt", "c.txt", true},
	    {"!(*.txt)", "a.txt", false},
	    {"!(*.txt)", "a.log", true},
	    {"!(*.txt)", "top.txt.gz", true},
	    {"*.!(txt)", "a.log", true},
	    {"*.!(txt)", "a.txt", false},
	    {"x!(a)", "x", true},
	    {"!(a)*", "ab", false},
	    {"!(a)*", "ba", true},
	    {"!(!(a))", "a", true},
	    {"!(!(a))", "b", false},
	    {"@(!(a)|a)b", "ab", true},
	    {"*(!(a))", "b", true},
	    {"@(a|@(b|c))d", "cd", true},
	    {"+(@(a|b)c)", "acbc", true},
	    {"*(*(*(a)))b", "aaab", true},
	    {"*(*(*(a)))b", "aaac", false},
	    {"+(*(a)|b)c", "aabbc", true},
	    {"+(?(a))b", "b", true},
	    {"*(a|b?(x))c", "abxbc", true},
	    {"@(a*|b)c", "axxc", true},
	    {"@([ab]|c)d", "bd", true},
	    {"@([)]|c)d", ")d", true},
	    {"@(a\\)|c)d", "a)d", true},
	    {"@(a\\|b)", "a|b", true},
	    {"@()a", "a", true},
	    {"@(|b)a", "ba", true},
	    {"(a|b).txt", "(a|b).txt", true},
	    {"(a|b).txt", "a.txt", false},
	    {"@(a", "@(a", true},
	    {"*(a", "xx(a", true},
	    {"?(a", "x(a", true},
	    {"!(a", "!(a", true},
	    {"a|b", "a|b", true},
	    {"a)", "a)", true},
	    {"a@b", "a@b", true},
	    {"a+b!", "a+b!", true},
	    {"@(a/b)", "@(a/b)", true},
	    {"@(\xc3\xa9|x)y", "\xc3\xa9y", true},
	    {"+(?).txt", "\xc3\xa9\xff.txt", true},
	    {"**/!(*.tmp)", "a/b.log", true},
	    {"**/!(*.tmp)", "a/b.tmp", false},
	};
	CHECK_CASES(cases);
}

static void some_characters_have_no_meaning(void)
{
	static const struct match_case cases[] = {
	    {"!neg", "!neg", true},
	    {"!a", "b", false},
	    {"!*.txt", "!x.txt", true},
	    {"!*.txt", "x.txt", false},
	    {"\\!neg", "!neg", true},
	    {"#hash", "#hash", true},
	    {"~/*", "~/x", true},
	    {"$HOME/*", "$HOME/x", true},
	    {"star\\*file", "star*file", true},
	    {"star\\*file", "starfile", false},
	    {"dir\\f1", "dirf1", true},
	    {"dir\\f1", "dir/f1", false},
	    {"a\\", "a\\", true},
	    {"a\\/b", "a\\/b", true},
	    {"\\\\", "\\", true},
	    {"A", "a", false},
	    {"sp ace/*", "sp ace/x y.txt", true},
	    {"*.txt\n", "a.txt", true},
	    {" a ", "a", true},
	    {"a\\ ", "a ", true},
	    {"a\xff", "a\xff", true},
	    {"a\xff*", "a\xff\xfe", true},
	};
	CHECK_CASES(cases);
}

static void names_keep_the_form_of_the_pattern(void)
{
	static const struct match_case cases[] = {
	    {"./*", "./a", true},
	    {"./*", "a", false},
	    {"../*", "../a", true},
	    {"../*", "a", false},
	    {"/a/*", "/a/b", true},
	    {"/a/*", "a/b", false},
	    {"/*", "/a", true},
	    {"/**/x", "/a/b/x", true},
	    {"a/./b", "a/./b", true},
	    {"a/./b", "a/b", false},
	    {"./**/*.log", "./a/b/3.log", true},
	    {"*/../a", "b/../a", true},
	    {"**/../a", "b/c/../a", true},
	    {"*/a", "./a", false},
	    {"*/a", "../a", false},
	    {"a//b", "a/b", true},
	    {"//a", "/a", true},
	    {"a/b", "a//b", false},
	    {"a/*", "a/", false},
	    {"a/", "a/", false},
	    {"**/", "a/", false},
	    {"a/*/", "a/b", false},
	    {"a", "a", true},
	};
	CHECK_CASES(cases);
}

static void check_refused(const char *text, const char *words)
{
	struct error err = {0};
	struct pattern *pattern = pattern_new(text, &err);

	CHECK(pattern == NULL);
	CHECK_INT(err.code, ERROR_CONFIG);
	if (!CHECK(strstr(err.text, words) != NULL))
		(void)printf("# %s\n", err.text);
	pattern_free(pattern);
}

static char *repeat(const char *text, size_t times)
{
	struct buffer buffer = {0};

	for (size_t i = 0; i < times; i++)
		if (buffer_append_text(&buffer, text))
			abort();
	return buffer_steal(&buffer);
}

static void what_cannot_be_meant_is_refused(void)
{
	char *long_text = repeat("a", 4097);
	char *deep = repeat("@(", 17);
	char *closes = repeat(")", 17);
	char *deep_text = text_format("%sa%s", deep, closes);
	char *wide = repeat("{a,b}", 11);

	check_refused("", "empty");
	check_refused(" \n", "empty");
	check_refused(long_text, "4096 bytes");
	check_refused("{1..1025}", "1024 alternatives");
	check_refused("{0..99999999999}", "1024 alternatives");
	check_refused(wide, "1024 alternatives");
	check_refused(deep_text, "16 deep");
	free(long_text);
	free(deep);
	free(closes);
	free(deep_text);
	free(wide);
}

/* Each of these takes a matcher that goes back and tries again longer than
 * anybody waits. */
static void no_pattern_takes_for_ever(void)
{
	static const char *const patterns[] = {
	    "*(*(*(*(a))))b",
	    "+(+(+(a|aa)|a)|aaa)b",
	    "*(a|a?|?a|*)*(a|*)b",
	    "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
	    "!(!(!(*a*a*a*a*)b)b)b",
	    "*(!(a)|!(aa)|*(a*a))b",
	    "*(a*(a*(a*(a*(a*(a))))))b",
	};
	char *name = repeat("a", 255);
	char *stars = repeat("**/", 60);
	char *deep = repeat("a/", 120);
	char *pattern_text = text_format("%sb", stars);
	char *deep_name = text_format("%sa", deep);

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct pattern *pattern = pattern_new(patterns[i], NULL);
		if (CHECK(pattern != NULL))
			CHECK(!pattern_match(pattern, bytes_of_text(name)) ||
			      patterns[i][0] == '!');
		pattern_free(pattern);
	}
	struct pattern *folders = pattern_new(pattern_text, NULL);
	if (CHECK(folders != NULL))
		CHECK(!pattern_match(folders, bytes_of_text(deep_name)));
	pattern_free(folders);
	free(name);
	free(stars);
	free(deep);
	free(pattern_text);
	free(deep_name);
}

/* ------------------------------------------------ against libc */

static const char *const pattern_pieces[] = {
    "a", "b", "c",     ".",   "*",   "?",    "[ab]", "[!a]",
    "/", "a", "[b-c]", "\\*", "\\a", "[a.]", "*/",   "/*"};
static const char *const name_pieces[] = {"a", "b", "c", ".", "/", "*", "a"};

static void make_random(const char *const *pieces, size_t count, size_t most,
			char *text)
{
	size_t length = 1 + (size_t)rand() % most;

	*text = '\0';
	for (size_t i = 0; i < length; i++)
		(void)strcat(text, pieces[(size_t)rand() % count]);
}

/* What fnmatch reads in another way: "**", empty segments, "." and "..". Of
 * glibc, "*?*[a.]" with FNM_PERIOD does not match "a.": no names with dots in
 * front are compared, the rule for them has a table of its own. */
static bool is_comparable(const char *pattern, const char *name)
{
	char *framed = text_format("/%s/", name);
	bool is_plain = !strstr(pattern, "**") && !strstr(pattern, "//") &&
			!strstr(framed, "//") && !strstr(framed, "/.") &&
			pattern[0] != '/' &&
			pattern[strlen(pattern) - 1] != '/';

	free(framed);
	return is_plain;
}

static void simple_patterns_match_as_fnmatch_does(void)
{
	unsigned seed = (unsigned)time(NULL);
	size_t compared = 0;

	(void)printf("# seed %u\n", seed);
	srand(seed);
	for (size_t i = 0; i < 20000; i++) {
		char text[128];
		char name[64];

		make_random(pattern_pieces, 16, 8, text);
		make_random(name_pieces, 7, 7, name);
		if (!is_comparable(text, name))
			continue;
		struct pattern *pattern = pattern_new(text, NULL);
		if (!CHECK(pattern != NULL))
			continue;
		bool expected = fnmatch(text, name, FNM_PATHNAME) == 0;
		if (!CHECK(pattern_match(pattern, bytes_of_text(name)) ==
			   expected))
			(void)printf("# \"%s\" and \"%s\"\n", text, name);
		compared++;
		pattern_free(pattern);
	}
	CHECK(compared > 5000);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(stars_and_questions_stay_within_a_segment),
	    CHECK_TEST(two_stars_alone_are_folders),
	    CHECK_TEST(a_leading_dot_wants_a_literal_dot),
	    CHECK_TEST(classes_take_one_character),
	    CHECK_TEST(braces_are_alternatives),
	    CHECK_TEST(groups_nest),
	    CHECK_TEST(some_characters_have_no_meaning),
	    CHECK_TEST(names_keep_the_form_of_the_pattern),
	    CHECK_TEST(what_cannot_be_meant_is_refused),
	    CHECK_TEST(no_pattern_takes_for_ever),
	    CHECK_TEST(simple_patterns_match_as_fnmatch_does),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ingest/pattern.h"

/*
 * How long a pattern takes is counted, not measured: the objects of the pattern
 * are built with -finstrument-functions here, so that each call of each of
 * their functions, inlined or not, is a step. Work of length n is then seen to
 * grow as a power of n: twice the length takes at most 2^POWER times the steps,
 * where a pattern that takes exponential time would take the square of them.
 */
enum {
	POWER = 3,
	LENGTH_BYTES = 4096,
	SIZES = 4,
	FIRST_SIZE = 8,
	/* of one pattern with the greatest name there is, in all tests here */
	STEPS_CEILING = 200 * 1000 * 1000
};

static long long steps;

void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

void __cyg_profile_func_enter(void *function, void *caller)
{
	(void)function;
	(void)caller;
	steps++;
}

void __cyg_profile_func_exit(void *function, void *caller)
{
	(void)function;
	(void)caller;
}

/* A text of so many pieces between a beginning and an end. */
struct form {
	const char *begin;
	const char *piece;
	const char *end;
};

static char *repeat(const struct form *form, int times)
{
	struct buffer text = {0};

	CHECK_INT(buffer_append_text(&text, form->begin), 0);
	for (int i = 0; i < times; i++)
		CHECK_INT(buffer_append_text(&text, form->piece), 0);
	CHECK_INT(buffer_append_text(&text, form->end), 0);
	return buffer_steal(&text);
}

/* Steps to compile a pattern, if it is one, and to match a name. */
static long long count_steps(const char *pattern_text, const char *name)
{
	struct error err = {0};

	steps = 0;
	struct pattern *pattern = pattern_new(pattern_text, &err);
	if (pattern)
		(void)pattern_match(pattern, bytes_of_text(name));
	pattern_free(pattern);
	return steps;
}

struct pair_of_forms {
	struct form pattern;
	struct form name;
};

/* alternatives: as many as there may be */
#define HUNDREDS "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"

static const struct pair_of_forms forms[] = {
    /* stars */
    {{"", "*a", "*b"}, {"", "a", ""}},
    {{"", "*a*", "b"}, {"", "aa", ""}},
    {{"", "?*", "b"}, {"", "a", ""}},
    {{"", "[ab]*", "c"}, {"", "ab", ""}},
    /* groups */
    {{"", "+(a|aa)", "b"}, {"", "a", ""}},
    {{"", "*(a|*)", "b"}, {"", "a", ""}},
    {{"", "?(a)", "b"}, {"", "a", ""}},
    {{"", "!(a)", "b"}, {"", "a", ""}},
    {{"", "@(a|a|a)", "b"}, {"", "a", ""}},
    {{"+(", "a|", "aa)b"}, {"", "a", ""}},
    {{"+(+(+(+(", "a|", "aa))))b"}, {"", "aaaa", ""}},
    {{"*(*(*(*(*(*(*(*(", "a", "))))))))b"}, {"", "aaaa", ""}},
    {{"!(!(!(!(", "*a", "*b))))"}, {"", "a", ""}},
    {{"", "+(", ""}, {"", "a", ""}},
    {{"", "[", ""}, {"", "[", ""}},
    /* folders */
    {{"", "**/", "x"}, {"", "a/", "a"}},
    {{"", "**/a/", "b"}, {"", "a/", "a"}},
    {{"", "**/*/", "b"}, {"", "a/", "a"}},
    {{"", "**/+(a|aa)/", "b"}, {"", "a/", "a"}},
    /* braces; beyond their ceiling they are refused */
    {{"", "{a,b}", ""}, {"", "a", ""}},
    {{"", "{a,", "b}"}, {"", "a", ""}},
    {{"", "{{a,b},", "c}"}, {"", "a", ""}},
    {{"", "{a,a}", "*"}, {"", "a", "b"}},
    {{"", "{1..2}", ""}, {"", "1", ""}},
    {{"", "{1..1}", ""}, {"", "1", ""}},
    {{"", "{", ""}, {"", "a", ""}},
    {{"", "{**/,*/}", "b"}, {"", "a/", "a"}},
    {{"", "{*,*(a)}", "b"}, {"", "a", ""}},
    {{HUNDREDS "+(a)", "+(a)", "b"}, {"", "a", ""}},
    {{HUNDREDS "+(*)", "+(*)", "b"}, {"", "a", ""}},
    {{HUNDREDS "*(a)*(*)*(*)*(*)", "a", "b"}, {"", "a", ""}},
};

static void twice_the_length_takes_a_power_of_the_steps(void)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		long long before = 0;
		int size = FIRST_SIZE;

		for (int j = 0; j < SIZES; j++, size *= 2) {
			char *pattern = repeat(&forms[i].pattern, size);
			char *name = repeat(&forms[i].name, size);
			long long now = count_steps(pattern, name);

			CHECK(now > 0);
			if (before > 0 && !CHECK(now <= before * (1 << POWER)))
				(void)printf("# %s: %lld after %lld\n", pattern,
					     now, before);
			before = now;
			free(name);
			free(pattern);
		}
	}
}

/* As long as both may be. */
static void the_longest_comes_to_an_end(void)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i].pattern;
		size_t rest = strlen(form->begin) + strlen(form->end);
		char *pattern =
		    repeat(form, (int)((PATTERN_CEILING_BYTES - rest) /
				       strlen(form->piece)));
		/* 255 bytes a name, 4096 a path */
		bool is_path = strchr(forms[i].name.piece, '/') != NULL;
		char *name = repeat(&forms[i].name,
				    (int)((is_path ? LENGTH_BYTES - 2 : 254) /
					  strlen(forms[i].name.piece)));
		long long now = count_steps(pattern, name);

		CHECK(now > 0);
		if (!CHECK(now <= STEPS_CEILING))
			(void)printf("# %.40s: %lld steps\n", pattern, now);
		free(name);
		free(pattern);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(twice_the_length_takes_a_power_of_the_steps),
	    CHECK_TEST(the_longest_comes_to_an_end),
	};
	return CHECK_RUN(tests);
}

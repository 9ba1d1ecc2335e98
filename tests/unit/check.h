#ifndef S3I_TESTS_CHECK_H
#define S3I_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * The frame of the unit tests. A program is a table of named tests:
 *
 *	int main(void)
 *	{
 *		static const struct check_test tests[] = {
 *		    CHECK_TEST(a_budget_stops_a_storm),
 *		};
 *		return CHECK_RUN(tests);
 *	}
 *
 * It prints TAP (testanything.org); a failed CHECK names file and line, the
 * rest of the test goes on.
 */
struct check_test {
	const char *name;
	void (*run)(void);
};

#define CHECK_TEST(function)                                                   \
	{                                                                      \
#function, function                                            \
	}
#define CHECK_RUN(tests) check_run(tests, sizeof(tests) / sizeof((tests)[0]))

#define CHECK(condition) check_true(condition, #condition, __FILE__, __LINE__)
#define CHECK_INT(a, b)                                                        \
	check_int((intmax_t)(a), (intmax_t)(b), #a, __FILE__, __LINE__)
#define CHECK_TEXT(a, b) check_text(a, b, #a, __FILE__, __LINE__)
#define CHECK_STR(a, b)	 CHECK_TEXT(a, b)
#define CHECK_MEM(a, b, size)                                                  \
	check_true(memcmp(a, b, size) == 0, #a " has the bytes of " #b,        \
		   __FILE__, __LINE__)

static int check_failures;

static inline bool check_true(bool condition, const char *text,
			      const char *file, int line)
{
	if (!condition) {
		(void)printf("# %s:%d: %s\n", file, line, text);
		check_failures++;
	}
	return condition;
}

static inline bool check_int(intmax_t a, intmax_t b, const char *text,
			     const char *file, int line)
{
	if (a != b) {
		(void)printf("# %s:%d: %s is %jd, not %jd\n", file, line, text,
			     a, b);
		check_failures++;
	}
	return a == b;
}

static inline bool check_text(const char *a, const char *b, const char *text,
			      const char *file, int line)
{
	bool same = (!a && !b) || (a && b && strcmp(a, b) == 0);

	if (!same) {
		(void)printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line,
			     text, a ? a : "(null)", b ? b : "(null)");
		check_failures++;
	}
	return same;
}

static inline int check_run(const struct check_test *tests, size_t count)
{
	int failed_tests = 0;

	(void)printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		check_failures = 0;
		tests[i].run();
		failed_tests += check_failures != 0;
		(void)printf("%s %zu - ", check_failures ? "not ok" : "ok",
			     i + 1);
		for (const char *c = tests[i].name; *c; c++)
			(void)putchar(*c == '_' ? ' ' : *c);
		(void)putchar('\n');
		(void)fflush(stdout);
	}
	return failed_tests ? 1 : 0;
}

#endif

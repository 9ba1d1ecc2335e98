#include "check.h"

#include <stdlib.h>

#include "agent/problems.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* Each step is a run of the program: what was stored is loaded again. */
struct step {
	enum problem_kind kind;
	const char *text; /* NULL: nothing was met */
	int64_t now_ms;
	bool is_said;
	int kinds;	   /* that were looked at */
	const char *ended; /* NULL: nothing ended */
};

static void check_steps(const struct step *steps, size_t count)
{
	char *stored = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		char ended[256];
		struct problems *problems = problems_new(stored, NULL);
		free(stored);
		if (step->text)
			CHECK_INT(problems_meet(problems, step->kind,
						step->text, step->now_ms),
				  step->is_said);
		bool has_ended = problems_take_ended(problems, step->kinds,
						     ended, sizeof(ended));
		CHECK_TEXT(has_ended ? ended : NULL, step->ended);
		stored = problems_store(problems);
		problems_free(problems);
	}
	free(stored);
}

static void the_same_problem_is_said_once_a_day_and_when_it_ends(void)
{
	static const struct step steps[] = {
	    {PROBLEM_ANY, "p 1", 1000, true, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "p 1", 2000, false, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "p 1", 999 + DAY_MS, false, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "p 1", 1000 + DAY_MS, true, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, NULL, 0, false, PROBLEM_ANY, "p 1"},
	    {PROBLEM_ANY, NULL, 0, false, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "p 1", 2000 + DAY_MS, true, PROBLEM_ANY, NULL},
	};
	check_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static void numbers_make_no_difference_but_in_names_of_files(void)
{
	static const struct step steps[] = {
	    {PROBLEM_ANY, "wait 10 s", 1000, true, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "wait 9 s", 2000, false, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "wait s", 2000, true, PROBLEM_FILE, NULL},
	    {PROBLEM_FILE, "f1", 1000, true, PROBLEM_FILE, NULL},
	    {PROBLEM_FILE, "f2", 1000, true, PROBLEM_FILE, "f1"},
	    {PROBLEM_FILE, "f2", 2000, false, PROBLEM_FILE, NULL},
	};
	check_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static void what_was_not_looked_at_has_not_ended(void)
{
	static const struct step steps[] = {
	    {PROBLEM_FILE, "f", 1000, true, PROBLEM_ANY | PROBLEM_FILE, NULL},
	    {PROBLEM_ANY, NULL, 0, false, PROBLEM_ANY | PROBLEM_CONTACT, NULL},
	    {PROBLEM_ANY, NULL, 0, false, PROBLEM_ANY | PROBLEM_FILE, "f"},
	};
	check_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static void a_clock_that_is_set_back_silences_nothing(void)
{
	static const struct step steps[] = {
	    {PROBLEM_ANY, "p", 5000, true, PROBLEM_ANY, NULL},
	    {PROBLEM_ANY, "p", 4000, true, PROBLEM_ANY, NULL},
	};
	check_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

static void a_note_that_is_no_list_is_none(void)
{
	static const char *const notes[] = {"", "{}", "[1,{}]", "[",
					    "[{\"text\":1,\"kind\":9}]"};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct problems *problems = problems_new(notes[i], NULL);
		CHECK(problems_store(problems) == NULL);
		problems_free(problems);
	}
}

static void more_problems_than_fit_are_all_said(void)
{
	struct problems *problems = problems_new(NULL, NULL);
	char text[16];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 300; i++) {
			(void)snprintf(text, sizeof(text), "f%d", i);
			CHECK_INT(
			    problems_meet(problems, PROBLEM_FILE, text, 1000),
			    round == 0 || i >= 200);
		}
	problems_free(problems);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_same_problem_is_said_once_a_day_and_when_it_ends),
	    CHECK_TEST(numbers_make_no_difference_but_in_names_of_files),
	    CHECK_TEST(what_was_not_looked_at_has_not_ended),
	    CHECK_TEST(a_clock_that_is_set_back_silences_nothing),
	    CHECK_TEST(a_note_that_is_no_list_is_none),
	    CHECK_TEST(more_problems_than_fit_are_all_said),
	};
	return CHECK_RUN(tests);
}

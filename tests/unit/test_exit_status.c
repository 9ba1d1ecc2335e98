#include "check.h"

#include "agent/exit_status.h"

static void of_two_the_first_in_the_order_counts(void)
{
	static const int order[] = {70, 78, 77, 74, 69, 75, 0};
	enum { COUNT = sizeof(order) / sizeof(order[0]) };

	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = i; j < COUNT; j++) {
			CHECK_INT(exit_status_worse(order[i], order[j]),
				  order[i]);
			CHECK_INT(exit_status_worse(order[j], order[i]),
				  order[i]);
		}
}

static void every_code_has_its_status(void)
{
	CHECK_INT(exit_status_of(ERROR_NONE), 0);
	CHECK_INT(exit_status_of(ERROR_LATER), 75);
	CHECK_INT(exit_status_of(ERROR_STOPPED), 75);
	CHECK_INT(exit_status_of(ERROR_UNREACHABLE), 69);
	CHECK_INT(exit_status_of(ERROR_LOCAL), 74);
	CHECK_INT(exit_status_of(ERROR_REFUSED), 77);
	CHECK_INT(exit_status_of(ERROR_CONFIG), 78);
	CHECK_INT(exit_status_of(ERROR_USAGE), 64);
	CHECK_INT(exit_status_of(ERROR_BUG), 70);
}

static void the_winner_is_the_first_text_of_the_status_that_counts(void)
{
	struct exit_reasons reasons = {0};

	CHECK_INT(exit_reasons_winner(&reasons), 0);
	exit_reasons_add(&reasons, 69, "nobody there");
	exit_reasons_add(&reasons, 77, "bad keys");
	exit_reasons_add(&reasons, 77, "bad keys");
	exit_reasons_add(&reasons, 77, "other keys");
	exit_reasons_add(&reasons, 75, NULL);
	CHECK_INT(reasons.status, 77);
	CHECK_INT(reasons.count, 3);
	CHECK_INT(exit_reasons_winner(&reasons), 1);
}

static void a_status_without_words_has_no_winner(void)
{
	struct exit_reasons reasons = {0};

	exit_reasons_add(&reasons, 75, "some file");
	exit_reasons_add(&reasons, 74, NULL);
	CHECK_INT(reasons.status, 74);
	CHECK_INT(exit_reasons_winner(&reasons), reasons.count);
}

static void more_reasons_than_fit_still_count(void)
{
	struct exit_reasons reasons = {0};
	char text[8];

	for (int i = 0; i < 2 * EXIT_STATUS_REASONS; i++) {
		(void)snprintf(text, sizeof(text), "r%d", i);
		exit_reasons_add(&reasons, 75, text);
	}
	exit_reasons_add(&reasons, 70, "bug");
	CHECK_INT(reasons.status, 70);
	CHECK_INT(reasons.count, EXIT_STATUS_REASONS);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(of_two_the_first_in_the_order_counts),
	    CHECK_TEST(every_code_has_its_status),
	    CHECK_TEST(the_winner_is_the_first_text_of_the_status_that_counts),
	    CHECK_TEST(a_status_without_words_has_no_winner),
	    CHECK_TEST(more_reasons_than_fit_still_count),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stddef.h>

#include "base/retry.h"

#define MOST UINT32_MAX /* the most that chance may say */

struct row {
	struct retry_case c;
	uint32_t random;
	bool retry;
	int64_t wait_ms;
};

static void the_rule_as_a_table(void)
{
	static const struct row table[] = {
	    {{RETRY_NEVER, 1, 0, -1, false}, MOST, false, 0},
	    {{RETRY_NEVER, 1, 0, 1000, false}, MOST, false, 0},
	    {{RETRY_TRANSIENT, 1, 0, -1, false}, 0, true, 0},
	    {{RETRY_TRANSIENT, 1, 0, -1, false}, MOST, true, 49},
	    {{RETRY_TRANSIENT, 1, 0, -1, false}, 1u << 31, true, 25},
	    {{RETRY_TRANSIENT, 2, 0, -1, false}, MOST, true, 99},
	    {{RETRY_TRANSIENT, 7, 0, -1, false}, MOST, true, 3199},
	    {{RETRY_TRANSIENT, 7, 0, -1, false}, 0, true, 0},
	    {{RETRY_TRANSIENT, 8, 0, -1, false}, MOST, false, 0},
	    {{RETRY_TRANSIENT, 100, 0, -1, false}, MOST, false, 0},
	    {{RETRY_THROTTLE, 1, 0, -1, false}, MOST, true, 999},
	    {{RETRY_THROTTLE, 2, 0, -1, false}, MOST, true, 1999},
	    {{RETRY_THROTTLE, 5, 0, -1, false}, 1u << 31, true, 8000},
	    {{RETRY_THROTTLE, 6, 0, -1, false}, MOST, true, 19999},
	    {{RETRY_THROTTLE, 7, 0, -1, false}, MOST, true, 19999},
	    {{RETRY_THROTTLE, 8, 0, -1, false}, MOST, false, 0},
	    /* what the server wishes */
	    {{RETRY_THROTTLE, 1, 0, 5000, false}, MOST, true, 5000},
	    {{RETRY_THROTTLE, 1, 0, 0, false}, MOST, true, 999},
	    {{RETRY_THROTTLE, 1, 0, 3600000, false}, 0, true, 60000},
	    {{RETRY_TRANSIENT, 1, 0, 100, false}, MOST, true, 100},
	    {{RETRY_TRANSIENT, 4, 0, 100, false}, MOST, true, 399},
	    /* at once, once; then as any other */
	    {{RETRY_AT_ONCE, 1, 0, -1, false}, MOST, true, 0},
	    {{RETRY_AT_ONCE, 3, 0, -1, false}, MOST, true, 0},
	    {{RETRY_AT_ONCE, 2, 1, -1, false}, MOST, true, 49},
	    {{RETRY_TRANSIENT, 2, 1, -1, false}, MOST, true, 49},
	    {{RETRY_AT_ONCE, 8, 0, -1, false}, MOST, false, 0},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct retry_budget budget;
		retry_budget_init(&budget, RETRY_BUDGET_TOKENS);
		struct retry_verdict verdict =
		    retry_decide(&table[i].c, &budget, table[i].random);
		CHECK_INT(verdict.retry, table[i].retry);
		CHECK_INT(verdict.wait_ms, table[i].wait_ms);
		CHECK_INT(budget.tenths, 5000 - (table[i].retry ? 10 : 0));
	}
}

static void a_budget_stops_a_storm(void)
{
	struct retry_case c = {RETRY_TRANSIENT, 1, 0, -1, false};
	struct retry_budget budget;
	retry_budget_init(&budget, 3);
	for (int i = 0; i < 3; i++)
		CHECK(retry_decide(&c, &budget, 0).retry);
	CHECK(!retry_decide(&c, &budget, 0).retry);
	const struct retry_case free_one = {RETRY_THROTTLE, 1, 0, -1, true};
	CHECK(retry_decide(&free_one, &budget, 0).retry);
	for (int i = 0; i < 9; i++)
		retry_budget_success(&budget);
	CHECK(!retry_decide(&c, &budget, 0).retry);
	retry_budget_success(&budget);
	CHECK(retry_decide(&c, &budget, 0).retry);
	for (int i = 0; i < 1000; i++)
		retry_budget_success(&budget);
	CHECK_INT(budget.tenths, 30);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_rule_as_a_table),
	    CHECK_TEST(a_budget_stops_a_storm),
	};
	return CHECK_RUN(tests);
}

#include "agent/due.h"
#include "check.h"

#define MINUTE ((int64_t)60 * 1000)
#define HOUR   (60 * MINUTE)
#define NOW    (1000 * HOUR)

static void a_run_is_due_by_its_reasons_alone(void)
{
	static const struct {
		const char *why;
		struct due_case given;
		bool wanted;
	} rows[] = {
	    {"never before", {NOW, HOUR, 0, 0, false, false}, true},
	    {"a moment ago", {NOW, HOUR, NOW - 1, 0, false, false}, false},
	    {"a period ago", {NOW, HOUR, NOW - HOUR, 0, false, false}, true},
	    {"30 s early",
	     {NOW, HOUR, NOW - HOUR + 30000, 0, false, false},
	     true},
	    {"31 s early",
	     {NOW, HOUR, NOW - HOUR + 30001, 0, false, false},
	     false},
	    {"half of a short period",
	     {NOW, 20000, NOW - 10000, 0, false, false},
	     true},
	    {"less than half of it",
	     {NOW, 20000, NOW - 9999, 0, false, false},
	     false},
	    {"startup", {NOW, HOUR, NOW - 1, 0, true, false}, true},
	    {"an action", {NOW, HOUR, NOW - 1, 0, false, true}, true},
	    {"in the future", {NOW, HOUR, NOW + 1, 0, false, false}, true},
	    {"work left", {NOW, HOUR, NOW - 1, NOW, false, false}, true},
	    {"work left, too early",
	     {NOW, HOUR, NOW - 1, NOW + 1, false, false},
	     false},
	    {"work left, by a clock that ran ahead",
	     {NOW, HOUR, NOW - 1, NOW + 2 * HOUR, false, false},
	     true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!CHECK(due_is_now(&rows[i].given) == rows[i].wanted))
			(void)printf("# %s\n", rows[i].why);
}

static void splay_is_fixed_for_a_host_and_spreads_hosts(void)
{
	int below_half = 0;

	CHECK_INT(due_splay_ms("a", "s3-ingestor", 60),
		  due_splay_ms("a", "s3-ingestor", 60));
	CHECK(due_splay_ms("a", "s3-ingestor", 60) !=
	      due_splay_ms("a", "other", 60));
	CHECK_INT(due_splay_ms("a", "s3-ingestor", 0), 0);
	for (int i = 0; i < 1000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "host-%d", i);
		int64_t splay_ms = due_splay_ms(name, "s3-ingestor", 60);
		CHECK(splay_ms >= 0 && splay_ms < 60000);
		below_half += splay_ms < 30000;
	}
	CHECK(below_half > 400 && below_half < 600);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_run_is_due_by_its_reasons_alone),
	    CHECK_TEST(splay_is_fixed_for_a_host_and_spreads_hosts),
	};

	return CHECK_RUN(tests);
}

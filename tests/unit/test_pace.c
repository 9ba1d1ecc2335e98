#include "check.h"

#include "ingest/pace.h"

#define MS 1000000

/* One round of successes, spread over took_ms. */
static int64_t round_of(struct pace *pace, int64_t now_ns, int64_t took_ms)
{
	int size = pace->round_size;
	int64_t start_ns = now_ns;

	for (int i = 1; i <= size; i++) {
		now_ns = start_ns + took_ms * MS * i / size;
		pace_success(pace, now_ns);
	}
	return now_ns;
}

static void a_number_of_the_operator_stays(void)
{
	struct pace pace;

	pace_init(&pace, 7, 0, 200);
	CHECK_INT(pace.window, 7);
	int64_t now_ns = 1;
	for (int i = 0; i < 5; i++)
		now_ns = round_of(&pace, now_ns, 10);
	CHECK_INT(pace.window, 7);
}

static void auto_begins_at_32_or_what_was_learned(void)
{
	struct pace pace;

	pace_init(&pace, 0, 0, 200);
	CHECK_INT(pace.window, 32);
	pace_init(&pace, 0, 90, 200);
	CHECK_INT(pace.window, 90);
	pace_init(&pace, 0, 90, 10);
	CHECK_INT(pace.window, 10);
	pace_init(&pace, 0, 0, -5);
	CHECK_INT(pace.window, 1);
	pace_init(&pace, 0, 0, 100000);
	CHECK_INT(pace.ceiling, 256);
}

static void it_climbs_while_more_brings_more(void)
{
	struct pace pace;
	int64_t now_ns = 1;

	/* a round always takes 20 ms: twice the window is twice the rate */
	pace_init(&pace, 0, 0, 256);
	for (int i = 0; i < 10; i++)
		now_ns = round_of(&pace, now_ns, 20);
	CHECK_INT(pace.window, 256);
}

static void it_stops_where_more_brings_nothing(void)
{
	struct pace pace;
	int64_t now_ns = 1;

	/* the server does 1,000 a second, however many ask */
	pace_init(&pace, 0, 0, 256);
	for (int i = 0; i < 10; i++)
		now_ns = round_of(&pace, now_ns, pace.round_size);
	CHECK(pace.window < 200);
	int window = pace.window;
	for (int i = 0; i < 10; i++)
		now_ns = round_of(&pace, now_ns, pace.round_size);
	CHECK_INT(pace.window, window);
}

static void a_throttle_halves_once_a_round_trip(void)
{
	struct pace pace;

	pace_init(&pace, 0, 64, 256);
	pace_throttle(&pace, 1000 * MS, 50 * MS);
	CHECK_INT(pace.window, 32);
	pace_throttle(&pace, 1010 * MS, 50 * MS);
	CHECK_INT(pace.window, 32);
	pace_throttle(&pace, 1060 * MS, 50 * MS);
	CHECK_INT(pace.window, 16);
	for (int i = 0; i < 20; i++)
		pace_throttle(&pace, (2000 + 100 * i) * (int64_t)MS, 50 * MS);
	CHECK_INT(pace.window, 1);
}

static void after_a_throttle_one_more_a_round(void)
{
	struct pace pace;
	int64_t now_ns = 1000 * MS;

	pace_init(&pace, 0, 64, 256);
	pace_throttle(&pace, now_ns, 50 * MS);
	for (int i = 1; i <= 5; i++) {
		now_ns = round_of(&pace, now_ns, 20);
		CHECK_INT(pace.window, 32 + i);
	}
}

static void a_throttled_number_never_grows_above_itself(void)
{
	struct pace pace;
	int64_t now_ns = 1000 * MS;

	pace_init(&pace, 8, 0, 256);
	pace_throttle(&pace, now_ns, 50 * MS);
	CHECK_INT(pace.window, 4);
	for (int i = 0; i < 20; i++)
		now_ns = round_of(&pace, now_ns, 20);
	CHECK_INT(pace.window, 8);
}

/* A server that takes one request each 10 ms, and refuses the others after 1.
 */
static void below_one_at_once_they_start_apart(void)
{
	struct pace pace;
	int64_t now_ns = 1000 * MS;
	int64_t taken_ns = 0;
	int taken = 0;
	int refused = 0;

	pace_init(&pace, 0, 1, 256);
	CHECK_INT(pace_wait_ns(&pace, now_ns), 0);
	while (taken < 1000 && refused < 1000) {
		now_ns += pace_wait_ns(&pace, now_ns);
		pace_start(&pace, now_ns);
		now_ns += MS;
		if (now_ns - taken_ns >= 10 * MS) {
			taken_ns = now_ns;
			taken++;
			pace_success(&pace, now_ns);
		} else {
			refused++;
			(void)pace_throttle(&pace, now_ns, MS);
		}
		CHECK(pace.window <= 2);
	}
	CHECK_INT(taken, 1000);
	CHECK(refused < 300);
	CHECK(now_ns < 1000 * MS + 2 * 1000 * 10 * (int64_t)MS);
}

static void an_interval_is_bounded_and_ends(void)
{
	struct pace pace;
	int64_t now_ns = 1000 * MS;

	pace_init(&pace, 0, 1, 256);
	for (int i = 0; i < 100; i++) {
		now_ns += 100 * (int64_t)MS;
		pace_start(&pace, now_ns);
		CHECK(pace_throttle(&pace, now_ns, 50 * MS));
	}
	CHECK_INT(pace_wait_ns(&pace, now_ns), 1000 * MS);
	CHECK_INT(pace_wait_ns(&pace, now_ns + 1000 * (int64_t)MS), 0);
	for (int i = 0; i < 200; i++)
		pace_success(&pace, now_ns += MS);
	CHECK_INT(pace_wait_ns(&pace, now_ns), 0);
	CHECK(pace.window > 1);
}

static void what_was_sent_before_a_throttle_is_no_news(void)
{
	struct pace pace;

	pace_init(&pace, 0, 64, 256);
	CHECK(pace_throttle(&pace, 1000 * MS, 50 * MS));
	CHECK(!pace_throttle(&pace, 1001 * MS, 51 * MS));
	CHECK(!pace_throttle(&pace, 1040 * MS, 90 * MS));
	CHECK(pace_throttle(&pace, 1060 * MS, 50 * MS));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_number_of_the_operator_stays),
	    CHECK_TEST(auto_begins_at_32_or_what_was_learned),
	    CHECK_TEST(it_climbs_while_more_brings_more),
	    CHECK_TEST(it_stops_where_more_brings_nothing),
	    CHECK_TEST(a_throttle_halves_once_a_round_trip),
	    CHECK_TEST(after_a_throttle_one_more_a_round),
	    CHECK_TEST(a_throttled_number_never_grows_above_itself),
	    CHECK_TEST(below_one_at_once_they_start_apart),
	    CHECK_TEST(an_interval_is_bounded_and_ends),
	    CHECK_TEST(what_was_sent_before_a_throttle_is_no_news),
	};
	return CHECK_RUN(tests);
}

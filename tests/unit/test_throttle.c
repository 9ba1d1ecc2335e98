#include "check.h"

#include "base/throttle.h"

#define MS ((int64_t)1000000)
#define S  (1000 * MS)

enum { ENDLESS = 1 << 30, TURN_BYTES = 128 * 1024 };

/* A time that is nothing special, and no multiple of anything. */
static const int64_t start_ns = 987654321987;

/* All that one asker is given until then, if each wait is late by so much. */
static int64_t run_until(struct throttle *throttle, int64_t now_ns,
			 int64_t until_ns, int64_t late_ns)
{
	struct throttle_seat seat = {0};
	int64_t total = 0;

	while (now_ns < until_ns) {
		size_t got = throttle_ask(throttle, &seat, ENDLESS, now_ns);

		total += (int64_t)got;
		if (got > 0)
			continue;
		now_ns += throttle_wait_ns(throttle, now_ns) + late_ns;
		(void)throttle_next(throttle, now_ns);
	}
	throttle_leave(&seat);
	return total;
}

/* What may go at once after a rest, of any length. */
static int64_t burst_of(int64_t rate)
{
	int64_t piece = rate < 1024 ? rate : 1024;

	if (rate / 50 > piece)
		piece = rate / 50;
	return piece + rate * 80 / 1000;
}

static void the_rate_is_kept_and_never_passed(void)
{
	static const struct {
		int64_t rate;
		int64_t span_ns;
	} cases[] = {
	    {1, 100 * S},
	    {3, 100 * S},
	    {999, 60 * S},
	    {1024, 60 * S},
	    {20480, 20 * S},
	    {51199, 20 * S},
	    {51201, 20 * S},
	    {1048576, 20 * S},
	    {104857600, 10 * S},
	    {1234567891, S},
	    {(int64_t)10 * 1000 * 1000 * 1000, S / 10},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int64_t late_ms = 0; late_ms <= 60; late_ms += 20) {
			int64_t rate = cases[i].rate;
			int64_t wanted =
			    (int64_t)((double)rate * (double)cases[i].span_ns /
				      (double)S);
			int64_t burst = burst_of(rate);
			struct throttle throttle;

			throttle_init(&throttle, rate, start_ns);
			int64_t total = run_until(&throttle, start_ns,
						  start_ns + cases[i].span_ns,
						  late_ms * MS);
			bool good = CHECK(total <= wanted + burst);
			good &= CHECK(total >= wanted - 2 * burst);
			if (!good)
				(void)printf("# rate %jd, %jd ms late: %jd\n",
					     (intmax_t)rate, (intmax_t)late_ms,
					     (intmax_t)total);
		}
}

static void an_absurd_rate_does_not_overflow(void)
{
	struct throttle throttle;
	struct throttle_seat seat = {0};

	throttle_init(&throttle, INT64_MAX, start_ns);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(
		    throttle_ask(&throttle, &seat, ENDLESS, start_ns + i * MS),
		    TURN_BYTES);
	CHECK_INT(throttle_ask(&throttle, &seat, ENDLESS, INT64_MAX / 2),
		  TURN_BYTES);
}

static void a_long_rest_saves_no_flood(void)
{
	static const int64_t rates[] = {1, 999, 20480, 1048576, 104857600};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		int64_t burst = burst_of(rates[i]);
		int64_t now_ns = start_ns + 3600 * S;
		struct throttle throttle;

		throttle_init(&throttle, rates[i], start_ns);
		int64_t total = run_until(&throttle, now_ns, now_ns + 1, 0);
		CHECK(total <= burst);
		CHECK(total >= burst - rates[i] / 100 - 1024);
	}
}

static void small_pieces_count_as_large_ones(void)
{
	struct throttle throttle;
	struct throttle_seat seat = {0};
	int64_t now_ns = start_ns;
	int64_t total = 0;

	/* 3,000,000,007 divides nothing evenly */
	throttle_init(&throttle, 3000000007, now_ns);
	while (now_ns < start_ns + S / 10) {
		size_t got = throttle_ask(&throttle, &seat, 333, now_ns);

		total += (int64_t)got;
		if (got > 0)
			continue;
		now_ns += throttle_wait_ns(&throttle, now_ns);
		(void)throttle_next(&throttle, now_ns);
	}
	CHECK(total <= 300000000 + burst_of(3000000007));
	CHECK(total >= 300000000 - burst_of(3000000007));
}

static void what_went_unasked_is_paid_later(void)
{
	struct throttle throttle;
	struct throttle_seat seat = {0};

	throttle_init(&throttle, 1000, start_ns);
	throttle_charge(&throttle, 11000);
	CHECK_INT(throttle_ask(&throttle, &seat, 1, start_ns + 10 * S), 0);
	CHECK(throttle_next(&throttle, start_ns + 10 * S) == NULL);
	CHECK_INT(throttle_wait_ns(&throttle, start_ns + 10 * S), S);
	CHECK(throttle_next(&throttle, start_ns + 11 * S) == &seat);
	CHECK_INT(throttle_ask(&throttle, &seat, 1, start_ns + 11 * S), 1);
}

/* ---- the line ---- */

enum { SEATS = 5 };

static void whoever_waits_longest_is_next(void)
{
	struct throttle throttle;
	struct throttle_seat seats[SEATS] = {{0}};
	int64_t now_ns = start_ns;
	int64_t got[SEATS] = {0};

	throttle_init(&throttle, 20480, now_ns);
	while (now_ns < start_ns + 20 * S) {
		/* the first ones ask more often, and get no more for it */
		for (int i = 0; i < SEATS; i++)
			for (int k = i; k <= SEATS; k++)
				got[i] += (int64_t)throttle_ask(
				    &throttle, &seats[i], 16384, now_ns);
		now_ns += throttle_wait_ns(&throttle, now_ns);
		(void)throttle_next(&throttle, now_ns);
	}
	for (int i = 0; i < SEATS; i++)
		if (!CHECK(got[i] > 75000 && got[i] < 90000))
			(void)printf("# %d: %jd\n", i, (intmax_t)got[i]);
}

static void nobody_passes_a_line(void)
{
	struct throttle throttle;
	struct throttle_seat first = {0};
	struct throttle_seat second = {0};

	throttle_init(&throttle, 1024, start_ns);
	CHECK_INT(throttle_wait_ns(&throttle, start_ns), INT64_MAX);
	CHECK(throttle_next(&throttle, start_ns) == NULL);
	CHECK_INT(throttle_ask(&throttle, &first, 5000, start_ns), 1024);
	CHECK_INT(throttle_ask(&throttle, &first, 5000, start_ns), 0);
	CHECK_INT(throttle_wait_ns(&throttle, start_ns), S);
	/* there would be enough, but somebody waits */
	CHECK_INT(throttle_ask(&throttle, &second, 1, start_ns + S), 0);
	CHECK_INT(throttle_ask(&throttle, &first, 5000, start_ns + S), 0);
	CHECK(throttle_next(&throttle, start_ns + S) == &first);
	CHECK(throttle_next(&throttle, start_ns + S) == NULL);
	/* what was given at a turn need not be taken at once */
	CHECK_INT(throttle_ask(&throttle, &first, 1000, start_ns + S), 1000);
	CHECK_INT(throttle_ask(&throttle, &first, 1000, start_ns + S), 24);
	CHECK_INT(throttle_ask(&throttle, &first, 1000, start_ns + S), 0);
	CHECK(throttle_next(&throttle, start_ns + 2 * S) == &second);
	CHECK_INT(throttle_ask(&throttle, &second, 1, start_ns + 2 * S), 1);
}

static void whoever_leaves_is_not_called(void)
{
	for (int gone = 0; gone < SEATS; gone++) {
		struct throttle throttle;
		struct throttle_seat seats[SEATS] = {{0}};
		int64_t now_ns = start_ns;

		throttle_init(&throttle, 1024, now_ns);
		throttle_charge(&throttle, 4096);
		for (int i = 0; i < SEATS; i++)
			CHECK_INT(
			    throttle_ask(&throttle, &seats[i], 9999, now_ns),
			    0);
		throttle_leave(&seats[gone]);
		throttle_leave(&seats[gone]);
		for (int i = 0; i < SEATS; i++) {
			if (i == gone)
				continue;
			now_ns += throttle_wait_ns(&throttle, now_ns);
			CHECK(throttle_next(&throttle, now_ns) == &seats[i]);
		}
		CHECK_INT(throttle_wait_ns(&throttle, now_ns), INT64_MAX);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_rate_is_kept_and_never_passed),
	    CHECK_TEST(an_absurd_rate_does_not_overflow),
	    CHECK_TEST(a_long_rest_saves_no_flood),
	    CHECK_TEST(small_pieces_count_as_large_ones),
	    CHECK_TEST(what_went_unasked_is_paid_later),
	    CHECK_TEST(whoever_waits_longest_is_next),
	    CHECK_TEST(nobody_passes_a_line),
	    CHECK_TEST(whoever_leaves_is_not_called),
	};
	return CHECK_RUN(tests);
}

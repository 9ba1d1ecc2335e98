#include "ingest/pace.h"

#define INTERVAL_CEILING_NS ((int64_t)1000000000)

enum { INTERVAL_PARTS = 32 }; /* one of them goes with a success */

static int at_least_one(int n)
{
	return n < 1 ? 1 : n;
}

void pace_init(struct pace *pace, int wanted, int learned, int ceiling)
{
	*pace = (struct pace){0};
	pace->ceiling =
	    at_least_one(ceiling < PACE_CEILING ? ceiling : PACE_CEILING);
	pace->is_fixed = wanted > 0;
	pace->is_climbing = wanted == 0;
	int first = learned > 0 ? learned : PACE_FIRST;
	if (wanted > 0)
		first = wanted;
	pace->window = first < pace->ceiling ? first : pace->ceiling;
	pace->round_size = pace->window;
}

static void grow(struct pace *pace)
{
	if (pace->window < pace->ceiling)
		pace->window++;
}

static void round_end(struct pace *pace, int64_t now_ns)
{
	int64_t took_ns = now_ns - pace->round_start_ns;
	double rate = pace->round_done / (took_ns > 0 ? (double)took_ns : 1.0);

	/* the first round has connections to open: it measures nothing */
	if (pace->is_climbing && pace->last_rate > 0 &&
	    rate < pace->last_rate * 1.05)
		pace->is_climbing = false;
	pace->last_rate = rate;
	if (pace->was_throttled)
		grow(pace);
	pace->round_done = 0;
	pace->round_start_ns = now_ns;
	pace->round_size = pace->window;
}

static void shorten_interval(struct pace *pace)
{
	pace->interval_ns -= pace->interval_ns / INTERVAL_PARTS;
	if (pace->interval_ns <= pace->round_trip_ns)
		pace->interval_ns = 0;
}

static void lengthen_interval(struct pace *pace)
{
	if (pace->interval_ns == 0)
		pace->interval_ns = pace->round_trip_ns;
	pace->interval_ns *= 2;
	if (pace->interval_ns > INTERVAL_CEILING_NS)
		pace->interval_ns = INTERVAL_CEILING_NS;
}

void pace_success(struct pace *pace, int64_t now_ns)
{
	if (pace->is_fixed && !pace->was_throttled)
		return;
	if (pace->round_start_ns == 0)
		pace->round_start_ns = now_ns;
	if (pace->interval_ns > 0) {
		shorten_interval(pace);
		return;
	}
	pace->round_done++;
	if (pace->is_climbing)
		grow(pace);
	if (pace->round_done >= pace->round_size)
		round_end(pace, now_ns);
}

bool pace_throttle(struct pace *pace, int64_t now_ns, int64_t round_trip_ns)
{
	if (pace->was_throttled && now_ns - pace->throttled_ns < round_trip_ns)
		return false;
	/* a fixed window is the operator's upper limit, not an order to
	 * overrun a server that asks for less */
	if (pace->is_fixed && !pace->was_throttled)
		pace->ceiling = pace->window;
	pace->is_climbing = false;
	pace->was_throttled = true;
	pace->throttled_ns = now_ns;
	pace->round_trip_ns = round_trip_ns;
	if (pace->window == 1)
		lengthen_interval(pace);
	pace->window = at_least_one(pace->window / 2);
	pace->round_done = 0;
	pace->round_start_ns = now_ns;
	pace->round_size = pace->window;
	return true;
}

void pace_start(struct pace *pace, int64_t now_ns)
{
	pace->started_ns = now_ns;
}

int64_t pace_wait_ns(const struct pace *pace, int64_t now_ns)
{
	int64_t wait_ns = pace->started_ns + pace->interval_ns - now_ns;

	return pace->interval_ns > 0 && wait_ns > 0 ? wait_ns : 0;
}

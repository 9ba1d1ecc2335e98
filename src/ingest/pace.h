#ifndef S3I_INGEST_PACE_H
#define S3I_INGEST_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many requests run at once. Pure: the clock is an argument. The window
 * grows by one with each success until a round (as many successes as the
 * window was wide) brings less than 5 % more of them in a second; a throttled
 * request halves it, at most once a round trip, and from then on it grows by
 * one a round. Where one at once is still too many, an interval between their
 * starts does the same below it: doubled by a throttle, less by a part with
 * each success, and gone before the window grows again.
 */
enum { PACE_FIRST = 32, PACE_CEILING = 256 };

struct pace {
	int window;
	int ceiling;
	bool is_fixed;
	bool is_climbing;
	bool was_throttled;
	int round_size;
	int round_done;
	int64_t round_start_ns;
	double last_rate;
	int64_t throttled_ns;
	int64_t round_trip_ns; /* of the throttled one: the least interval */
	int64_t interval_ns;
	int64_t started_ns;
};

/* wanted: the operator's number, 0 for auto; learned: the endpoint's last
 * window, 0 if unknown; ceiling: what files and memory allow. */
void pace_init(struct pace *pace, int wanted, int learned, int ceiling);
void pace_success(struct pace *pace, int64_t now_ns);

/* False: that request was sent before the last throttle was heard, and says
 * nothing new. */
bool pace_throttle(struct pace *pace, int64_t now_ns, int64_t round_trip_ns);

/* A request starts; and how long the next one has to wait, 0 most times. */
void pace_start(struct pace *pace, int64_t now_ns);
int64_t pace_wait_ns(const struct pace *pace, int64_t now_ns);

#endif

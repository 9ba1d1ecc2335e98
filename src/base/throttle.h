#ifndef S3I_BASE_THROTTLE_H
#define S3I_BASE_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * So many bytes a second, for all who ask together: a token bucket with a line
 * in front of it. Pure: the clock is an argument, in nanoseconds of any start.
 *
 * In no span of time go more bytes than it is worth, and 100 ms; of a rate
 * below 50 KiB/s: and 1 KiB (below 1 KiB/s: 1 s) and 80 ms. All zeros: no
 * limit, and not to be asked.
 */
struct throttle_seat;

struct throttle {
	int64_t bytes_per_s; /* 0: no limit */
	int64_t quantum_bytes;
	int64_t quantum_ns; /* what they are worth */
	int64_t paid_ns;    /* all that went was paid for by then */
	int64_t unpaid;	    /* less than a nanosecond of it, times the rate */
	struct throttle_seat *first;
	struct throttle_seat *last;
};

/* One that asks; {0} but for its owner. It stays where it is while it waits. */
struct throttle_seat {
	void *owner;
	int64_t granted_bytes; /* given at its turn, not taken yet */
	int64_t wanted_bytes;
	struct throttle *line; /* that it stands in; NULL: in none */
	struct throttle_seat *previous;
	struct throttle_seat *next;
};

void throttle_init(struct throttle *throttle, int64_t bytes_per_s,
		   int64_t now_ns);

/* How many of these bytes (1 or more) may go now; they count as gone. 0: none,
 * and the seat stands in line until throttle_next says its turn has come. */
size_t throttle_ask(struct throttle *throttle, struct throttle_seat *seat,
		    size_t most_bytes, int64_t now_ns);

/* Count bytes, at most 1 GiB, that go whether they may or not. */
void throttle_charge(struct throttle *throttle, int64_t bytes);

/* Who has waited longest, if there is enough for one more turn: it has left the
 * line, and is to ask again. Else NULL. */
struct throttle_seat *throttle_next(struct throttle *throttle, int64_t now_ns);

/* It wants nothing any more; what was granted and not taken is lost. */
void throttle_leave(struct throttle_seat *seat);

/* Nanoseconds until it is worth asking for the next one; INT64_MAX: nobody
 * waits. */
int64_t throttle_wait_ns(const struct throttle *throttle, int64_t now_ns);

#endif

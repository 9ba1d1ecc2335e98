#include "base/throttle.h"

#define NS_PER_S  ((int64_t)1000000000)
#define NS_PER_MS ((int64_t)1000000)

/* Nothing sends as fast as that, and it leaves room to multiply. */
#define CEILING_BYTES_PER_S ((int64_t)10 * 1000 * 1000 * 1000)

enum {
	QUANTA_PER_S = 50,
	/* a smaller piece is mostly headers, of TCP and TLS */
	QUANTUM_LEAST_BYTES = 1024,
	/* one turn: what a connection is given while others wait */
	TURN_BYTES = 128 * 1024,
	/* may be made up for when the machine lets us wait */
	LATE_MS = 80
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void throttle_init(struct throttle *throttle, int64_t bytes_per_s,
		   int64_t now_ns)
{
	int64_t rate = least(bytes_per_s, CEILING_BYTES_PER_S);
	int64_t quantum = rate / QUANTA_PER_S;

	if (quantum < QUANTUM_LEAST_BYTES)
		quantum = least(QUANTUM_LEAST_BYTES, rate);
	*throttle = (struct throttle){
	    .bytes_per_s = rate,
	    .quantum_bytes = quantum,
	    .quantum_ns = quantum * NS_PER_S / rate,
	};
	/* the first one need not wait */
	throttle->paid_ns = now_ns - throttle->quantum_ns;
}

/* ---- the bucket ---- */

/* Bytes that may go now; below 0: too many went. */
static int64_t credit(struct throttle *throttle, int64_t now_ns)
{
	int64_t most_ns = throttle->quantum_ns + LATE_MS * NS_PER_MS;

	/* what was not used in time is lost: else a pause would be followed
	 * by a flood */
	if (throttle->paid_ns < now_ns - most_ns) {
		throttle->paid_ns = now_ns - most_ns;
		throttle->unpaid = 0;
	}
	if (throttle->paid_ns > now_ns)
		return 0;
	return (now_ns - throttle->paid_ns) * throttle->bytes_per_s / NS_PER_S;
}

void throttle_charge(struct throttle *throttle, int64_t bytes)
{
	throttle->unpaid += bytes * NS_PER_S;
	throttle->paid_ns += throttle->unpaid / throttle->bytes_per_s;
	throttle->unpaid %= throttle->bytes_per_s;
}

static int64_t take(struct throttle *throttle, int64_t most_bytes,
		    int64_t now_ns)
{
	int64_t bytes = credit(throttle, now_ns);

	/* crumbs are not given: there will be a piece soon */
	if (bytes == 0 || bytes < throttle->quantum_bytes / 2)
		return 0;
	bytes = least(bytes, least(most_bytes, TURN_BYTES));
	throttle_charge(throttle, bytes);
	return bytes;
}

/* ---- the line ---- */

static void join(struct throttle *throttle, struct throttle_seat *seat)
{
	seat->line = throttle;
	seat->next = NULL;
	seat->previous = throttle->last;
	if (throttle->last)
		throttle->last->next = seat;
	else
		throttle->first = seat;
	throttle->last = seat;
}

static void step_out(struct throttle_seat *seat)
{
	struct throttle *throttle = seat->line;

	if (seat->previous)
		seat->previous->next = seat->next;
	else
		throttle->first = seat->next;
	if (seat->next)
		seat->next->previous = seat->previous;
	else
		throttle->last = seat->previous;
	seat->line = NULL;
}

size_t throttle_ask(struct throttle *throttle, struct throttle_seat *seat,
		    size_t most_bytes, int64_t now_ns)
{
	int64_t most = least((int64_t)most_bytes, TURN_BYTES);

	if (seat->line)
		return 0;
	if (seat->granted_bytes == 0 && !throttle->first)
		seat->granted_bytes = take(throttle, most, now_ns);
	if (seat->granted_bytes == 0) {
		seat->wanted_bytes = most;
		join(throttle, seat);
		return 0;
	}
	int64_t bytes = least(most, seat->granted_bytes);
	seat->granted_bytes -= bytes;
	return (size_t)bytes;
}

struct throttle_seat *throttle_next(struct throttle *throttle, int64_t now_ns)
{
	struct throttle_seat *seat = throttle->first;

	if (!seat)
		return NULL;
	seat->granted_bytes = take(throttle, seat->wanted_bytes, now_ns);
	if (seat->granted_bytes == 0)
		return NULL;
	step_out(seat);
	return seat;
}

void throttle_leave(struct throttle_seat *seat)
{
	if (seat->line)
		step_out(seat);
	seat->granted_bytes = 0;
}

int64_t throttle_wait_ns(const struct throttle *throttle, int64_t now_ns)
{
	if (!throttle->first)
		return INT64_MAX;
	int64_t due_ns = throttle->paid_ns + throttle->quantum_ns;
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

#ifndef S3I_BASE_RETRY_H
#define S3I_BASE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* The one retry rule. Pure: time and randomness are arguments. */
enum retry_class {
	RETRY_NEVER,	 /* it will not get better */
	RETRY_TRANSIENT, /* connection, 500, 502-504, RequestTimeout ... */
	RETRY_THROTTLE,	 /* SlowDown, 429, 503 */
	RETRY_AT_ONCE	 /* a reused connection died, a region was learned, a
			    clock was learned: once for a request */
};

struct retry_case {
	enum retry_class class;
	int attempts;		/* that were made, at least 1 */
	int at_once;		/* retries at once that were made */
	int64_t retry_after_ms; /* what the server asked for; -1: nothing */
	bool is_free; /* one of a crowd that was throttled together: no token */
};

/* What all retries of a run may cost together: each that is not free takes one
 * token, each success gives back a tenth, up to the capacity. */
struct retry_budget {
	int64_t tenths;
	int64_t capacity_tenths;
};

struct retry_verdict {
	bool retry;
	int64_t wait_ms;
};

enum { RETRY_ATTEMPTS = 8, RETRY_BUDGET_TOKENS = 500 };

void retry_budget_init(struct retry_budget *budget, int64_t tokens);
void retry_budget_success(struct retry_budget *budget);

/* Transient: random x min(50 ms x 2^n, 20 s); throttle: the same from 1 s; a
 * server's wish is honoured up to 60 s. At once: no wait the first time for a
 * request, then as transient. random is uniform over all 32 bits. */
struct retry_verdict retry_decide(const struct retry_case *c,
				  struct retry_budget *budget, uint32_t random);

#endif

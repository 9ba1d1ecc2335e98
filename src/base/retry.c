#include "base/retry.h"

#include <stddef.h>

enum {
	TOKEN_TENTHS = 10,
	TRANSIENT_BASE_MS = 50,
	THROTTLE_BASE_MS = 1000,
	WAIT_CEILING_MS = 20 * 1000,
	WISH_CEILING_MS = 60 * 1000
};

void retry_budget_init(struct retry_budget *budget, int64_t tokens)
{
	budget->capacity_tenths = tokens * TOKEN_TENTHS;
	budget->tenths = budget->capacity_tenths;
}

void retry_budget_success(struct retry_budget *budget)
{
	if (budget->tenths < budget->capacity_tenths)
		budget->tenths++;
}

static int64_t backoff_ms(int64_t base_ms, int retries, uint32_t random)
{
	int64_t limit_ms = base_ms;
	for (int i = 0; i < retries && limit_ms < WAIT_CEILING_MS; i++)
		limit_ms *= 2;
	if (limit_ms > WAIT_CEILING_MS)
		limit_ms = WAIT_CEILING_MS;
	return (int64_t)((uint64_t)limit_ms * random >> 32);
}

/* Retries at once say nothing about load, so they do not raise the wait. */
static int64_t wait_ms_of(const struct retry_case *c, uint32_t random)
{
	int64_t base_ms =
	    c->class == RETRY_THROTTLE ? THROTTLE_BASE_MS : TRANSIENT_BASE_MS;
	int64_t wait_ms =
	    backoff_ms(base_ms, c->attempts - 1 - c->at_once, random);
	int64_t wish_ms = c->retry_after_ms;
	if (wish_ms > WISH_CEILING_MS)
		wish_ms = WISH_CEILING_MS;
	return wish_ms > wait_ms ? wish_ms : wait_ms;
}

struct retry_verdict retry_decide(const struct retry_case *c,
				  struct retry_budget *budget, uint32_t random)
{
	struct retry_verdict verdict = {false, 0};
	if (c->class == RETRY_NEVER || c->attempts >= RETRY_ATTEMPTS)
		return verdict;
	if (!c->is_free && budget->tenths < TOKEN_TENTHS)
		return verdict;

	if (!c->is_free)
		budget->tenths -= TOKEN_TENTHS;
	verdict.retry = true;
	if (c->class != RETRY_AT_ONCE || c->at_once > 0)
		verdict.wait_ms = wait_ms_of(c, random);
	return verdict;
}

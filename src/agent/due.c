#include "agent/due.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "ingest/ledger.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define EARLY_MS  (MINUTE_MS / 2)
#define MS_PER_S  ((int64_t)1000)

static const char NOTE_RUNS[] = "runs";

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

bool due_is_now(const struct due_case *c)
{
	int64_t wait_ms = c->period_ms - smaller(EARLY_MS, c->period_ms / 2);

	if (c->is_action_named || c->is_startup_due || c->last_ms == 0 ||
	    c->last_ms > c->now_ms || c->now_ms - c->last_ms >= wait_ms)
		return true;
	if (c->left_until_ms == 0)
		return false;
	/* further off than any backoff: the clock was set back */
	return c->left_until_ms <= c->now_ms ||
	       c->left_until_ms > c->now_ms + c->period_ms;
}

int due_facts_get(struct ledger *ledger, struct due_facts *facts,
		  struct error *err)
{
	char *text = NULL;
	int code = ledger_note_get(ledger, NOTE_RUNS, &text, err);

	*facts = (struct due_facts){0};
	/* what is no such note is a ledger that never saw a run */
	if (text && sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %d",
			   &facts->last_contact_ms, &facts->last_finished_ms,
			   &facts->left_until_ms, &facts->left_count) != 4)
		*facts = (struct due_facts){0};
	free(text);
	return code;
}

static void leave_work(struct due_facts *facts, const struct due_run *run)
{
	int64_t wait_ms = MINUTE_MS;

	for (int i = 0; i < facts->left_count && wait_ms < run->period_ms; i++)
		wait_ms *= 2;
	facts->left_until_ms =
	    run->started_ms + smaller(wait_ms, run->period_ms);
	facts->left_count++;
}

int due_note_run(struct ledger *ledger, const struct due_run *run,
		 struct error *err)
{
	struct due_facts facts;
	char text[128];
	int code = due_facts_get(ledger, &facts, err);

	if (code)
		return code;
	if (run->had_contact)
		facts.last_contact_ms = run->started_ms;
	facts.last_finished_ms = run->started_ms;
	if (run->has_left_work) {
		leave_work(&facts, run);
	} else {
		facts.left_until_ms = 0;
		facts.left_count = 0;
	}
	(void)snprintf(text, sizeof(text),
		       "%" PRId64 " %" PRId64 " %" PRId64 " %d",
		       facts.last_contact_ms, facts.last_finished_ms,
		       facts.left_until_ms, facts.left_count);
	return ledger_note_set(ledger, NOTE_RUNS, text, err);
}

int64_t due_splay_ms(const char *hostname, const char *prefix, int64_t seconds)
{
	unsigned char digest[HASH_SHA256_BYTES] = {0};
	char *text = text_format("%s\n%s", hostname, prefix);
	uint32_t number = 0;

	/* without memory all wait alike, which is what no splay does */
	if (text)
		(void)hash_sha256(bytes_of_text(text), digest);
	free(text);
	for (int i = 0; i < 4; i++)
		number = number << 8 | digest[i];
	return (int64_t)((double)number / 4294967296.0 *
			 (double)(seconds * MS_PER_S));
}

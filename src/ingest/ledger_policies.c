#include <stdlib.h>

#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"

enum { DROP_PAGE = 4096 };

static int run_on_policy(struct ledger *ledger, enum ledger_sql sql,
			 int64_t policy, struct error *err)
{
	struct ledger_call call = ledger_call_begin(ledger, sql);
	ledger_call_number(&call, policy);
	return ledger_call_run(&call, err);
}

/* ------------------------------------------------ get */

/* id 0 if there is none; position -1 for a retired one. */
static int find_policy(struct ledger *ledger, const char *fingerprint,
		       int64_t *id, int64_t *position, struct error *err)
{
	bool found;
	*id = 0;
	*position = -1;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_FIND);
	ledger_call_text(&call, fingerprint);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found) {
		*id = ledger_column_number(&call, 0);
		if (!ledger_column_is(&call, 1, NULL))
			*position = ledger_column_number(&call, 1);
	}
	ledger_call_end(&call);
	return code;
}

static bool is_in(int64_t id, const int64_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static int append_id(int64_t id, int64_t **ids, size_t *count,
		     struct error *err)
{
	int64_t *more = realloc(*ids, (*count + 1) * sizeof(**ids));
	if (!more)
		return error_set_memory(err);
	more[(*count)++] = id;
	*ids = more;
	return 0;
}

static int place_policy(struct ledger *ledger, int64_t id, int position,
			struct error *err)
{
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_PLACE);
	if (position >= 0)
		ledger_call_number(&call, position);
	else
		ledger_call_null(&call);
	ledger_call_number(&call, id);
	return ledger_call_run(&call, err);
}

static int add_policy(struct ledger *ledger, const struct ledger_policy *policy,
		      int64_t *id, struct error *err)
{
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_ADD);
	ledger_call_text(&call, policy->fingerprint);
	ledger_call_text(&call, policy->endpoint ? policy->endpoint : "");
	ledger_call_text(&call, policy->bucket);
	ledger_call_number(&call, policy->position);
	code = ledger_call_run(&call, err);
	if (code == 0)
		*id = sqlite3_last_insert_rowid(ledger->db);
	return code;
}

int ledger_policy_get(struct ledger *ledger, const struct ledger_policy *policy,
		      int64_t *id, bool *is_new, struct error *err)
{
	int64_t position;
	int code = find_policy(ledger, policy->fingerprint, id, &position, err);
	if (is_new)
		*is_new = *id == 0;
	if (code != 0 || ledger->is_read_only)
		return code;

	/* A policy that stands in the config twice keeps its first place: else
	 * two writes in every run. */
	if (*id != 0 &&
	    is_in(*id, ledger->placed_policies, ledger->placed_count))
		return 0;
	if (*id == 0)
		code = add_policy(ledger, policy, id, err);
	else if (position != policy->position)
		code = place_policy(ledger, *id, policy->position, err);
	if (code != 0)
		return code;
	return append_id(*id, &ledger->placed_policies, &ledger->placed_count,
			 err);
}

/* ------------------------------------------------ retire */

static int list_live(struct ledger *ledger, int64_t **ids, size_t *count,
		     struct error *err)
{
	bool has_row = true;
	int code = 0;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_LIVE);
	while (code == 0 && has_row) {
		code = ledger_call_row(&call, &has_row, err);
		if (code == 0 && has_row)
			code = append_id(ledger_column_number(&call, 0), ids,
					 count, err);
	}
	ledger_call_end(&call);
	return code;
}

int ledger_policies_retire_others(struct ledger *ledger, const int64_t *ids,
				  size_t count, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	int64_t *live = NULL;
	size_t live_count = 0;
	int code = list_live(ledger, &live, &live_count, err);
	for (size_t i = 0; code == 0 && i < live_count; i++)
		if (!is_in(live[i], ids, count))
			code = place_policy(ledger, live[i], -1, err);
	free(live);
	return code;
}

/* ------------------------------------------------ drop */

static int drop_page(struct ledger *ledger, int64_t policy, bool *is_empty,
		     struct error *err)
{
	int code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	struct ledger_call call = ledger_call_begin(ledger, SQL_FILE_DROP);
	ledger_call_number(&call, policy);
	ledger_call_number(&call, DROP_PAGE);
	code = ledger_call_run(&call, err);
	if (code != 0)
		return code;
	*is_empty = sqlite3_changes(ledger->db) < DROP_PAGE;
	return ledger_commit(ledger, err);
}

/* In pieces, so that the journal stays small. The first takes the fingerprint
 * away, for what is half dropped must not come to life again. */
static int drop_policy(struct ledger *ledger, int64_t policy, struct error *err)
{
	bool is_empty = false;
	int code = ledger_begin(ledger, err);
	if (code == 0)
		code = run_on_policy(ledger, SQL_POLICY_DOOM, policy, err);
	while (code == 0 && !is_empty)
		code = drop_page(ledger, policy, &is_empty, err);
	if (code == 0)
		code = ledger_begin(ledger, err);
	if (code == 0)
		code = run_on_policy(ledger, SQL_PENDING_DROP, policy, err);
	if (code == 0)
		code = run_on_policy(ledger, SQL_REMOVAL_DROP, policy, err);
	if (code == 0)
		code = run_on_policy(ledger, SQL_POLICY_DROP, policy, err);
	/* one that is found but cannot be dropped would be found for ever */
	if (code == 0 && sqlite3_changes(ledger->db) == 0) {
		struct ledger_call none = {.ledger = ledger};

		code = ledger_call_unsound(&none, "a policy", err);
	}
	return code;
}

int ledger_policies_drop_retired(struct ledger *ledger, struct error *err)
{
	if (ledger->is_read_only)
		return 0;
	for (;;) {
		bool found;
		int64_t policy = 0;
		struct ledger_call call =
		    ledger_call_begin(ledger, SQL_POLICY_RETIRED);
		int code = ledger_call_row(&call, &found, err);
		if (code == 0 && found)
			policy = ledger_column_number(&call, 0);
		ledger_call_end(&call);
		if (code != 0 || !found)
			return code;
		code = drop_policy(ledger, policy, err);
		if (code != 0)
			return code;
	}
}

int ledger_policy_totals(struct ledger *ledger, int64_t policy, int64_t *files,
			 int64_t *bytes, struct error *err)
{
	bool found;
	*files = 0;
	*bytes = 0;
	struct ledger_call call = ledger_call_begin(ledger, SQL_POLICY_TOTALS);
	ledger_call_number(&call, policy);
	int code = ledger_call_row(&call, &found, err);
	if (code == 0 && found) {
		*files = ledger_column_number(&call, 0);
		*bytes = ledger_column_number(&call, 1);
	}
	ledger_call_end(&call);
	return code;
}

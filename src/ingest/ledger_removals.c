#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"

int ledger_removal_plan(struct ledger *ledger, int64_t policy,
			const struct ledger_removal *removal, struct error *err)
{
	bool found;

	if (ledger->is_read_only)
		return 0;
	struct ledger_call call = ledger_call_by_name(ledger, SQL_REMOVAL_FIND,
						      policy, removal->name);
	int code = ledger_call_row(&call, &found, err);
	ledger_call_end(&call);
	if (code != 0 || found)
		return code;
	code = ledger_begin(ledger, err);
	if (code != 0)
		return code;
	call =
	    ledger_call_by_name(ledger, SQL_REMOVAL_ADD, policy, removal->name);
	ledger_call_number(&call, removal->due_ms);
	ledger_call_number(&call, (int64_t)removal->literal_bytes);
	return ledger_call_run(&call, err);
}

/* The row that a call gives: policy, name, due_ms, literal_bytes. */
static int read_removal(struct ledger_call *call,
			struct ledger_removal *removal, bool *found,
			struct error *err)
{
	struct ledger *ledger = call->ledger;
	int code = ledger_call_row(call, found, err);

	if (code == 0 && *found) {
		struct bytes name = ledger_column_bytes(call, 1);

		if (!ledger_time_is_sound(ledger_column_number(call, 2)))
			return ledger_call_unsound(call, "a removal", err);
		*removal = (struct ledger_removal){
		    .policy = ledger_column_number(call, 0),
		    .due_ms = ledger_column_number(call, 2),
		    .literal_bytes = (size_t)ledger_column_number(call, 3),
		};
		buffer_reset(&ledger->scratch);
		if (buffer_append(&ledger->scratch, name.data, name.size) != 0)
			code = error_set_memory(err);
		removal->name = buffer_bytes(&ledger->scratch);
	}
	ledger_call_end(call);
	return code;
}

int ledger_removal_next(struct ledger *ledger, int64_t policy,
			struct bytes after, struct ledger_removal *removal,
			bool *found, struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_REMOVAL_NEXT, policy, after);

	return read_removal(&call, removal, found, err);
}

int ledger_removal_next_of_all(struct ledger *ledger, int64_t policy,
			       struct bytes after,
			       struct ledger_removal *removal, bool *found,
			       struct error *err)
{
	struct ledger_call call =
	    ledger_call_by_name(ledger, SQL_REMOVAL_NEXT_OF_ALL, policy, after);

	return read_removal(&call, removal, found, err);
}

int ledger_removal_forget(struct ledger *ledger, int64_t policy,
			  struct bytes name, struct error *err)
{
	int code = ledger->is_read_only ? 0 : ledger_begin(ledger, err);

	if (code != 0 || ledger->is_read_only)
		return code;
	return ledger_call_run_by_name(ledger, SQL_REMOVAL_FORGET, policy, name,
				       err);
}

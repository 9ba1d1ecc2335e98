#include "ingest/removal_recover.h"

#include <stdbool.h>

#include "base/buffer.h"
#include "ingest/ledger.h"
#include "ingest/removal_act.h"
#include "platform/folder.h"

/* The row tells of the file by the time that the renames gave it. It is read
 * once more, as is what may have been written while it stood aside. */
static int renew_row(struct ledger *ledger, int64_t policy, struct bytes name,
		     const struct file_facts *facts, struct error *err)
{
	struct ledger_row row;
	struct buffer key = {0};
	bool found = false;
	int code = ledger_find(ledger, policy, name, &row, &found, err);

	if (code || !found || row.size_bytes != facts->size_bytes ||
	    row.mtime_ns != facts->mtime_ns)
		return code;
	if (buffer_append(&key, row.key.data, row.key.size) != 0)
		return error_set_memory(err);
	row.name = name;
	row.key = buffer_bytes(&key);
	row.ctime_ns = facts->ctime_ns;
	row.is_racy = true;
	code = ledger_record(ledger, policy, &row, err);
	buffer_clear(&key);
	return code;
}

/* *left: it stands aside still, or nobody knows. */
static int recover(struct ledger *ledger, const struct folder *home,
		   const struct ledger_removal *removal, const char *name,
		   bool *left, struct error *err)
{
	struct file_facts facts;
	bool is_back = false;

	*left = removal_put_back(home, name, &facts, &is_back, NULL) != 0;
	return is_back ? renew_row(ledger, removal->policy, bytes_of_text(name),
				   &facts, err)
		       : 0;
}

int removal_recover(struct ledger *ledger, const struct folder *home,
		    struct error *err)
{
	struct ledger_removal removal = {0};
	struct buffer after = {0};
	bool found = false;
	bool some_left = false;
	int code = ledger_removing_was_cut_off(ledger, &found, err);

	while (code == 0 && found) {
		bool left = false;

		code = ledger_removal_next_of_all(ledger, removal.policy,
						  buffer_bytes(&after),
						  &removal, &found, err);
		if (code || !found)
			break;
		buffer_reset(&after);
		if (buffer_append(&after, removal.name.data,
				  removal.name.size) != 0)
			code = error_set_memory(err);
		else
			code = recover(ledger, home, &removal, after.data,
				       &left, err);
		some_left = some_left || left;
	}
	buffer_clear(&after);
	if (code == 0 && !some_left)
		code = ledger_removing_end(ledger, err);
	return code;
}

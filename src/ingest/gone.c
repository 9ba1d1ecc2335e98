#include "ingest/gone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "platform/clock.h"
#include "platform/folder.h"

#define NS_PER_MS   1000000
#define KEPT_FOR_MS ((int64_t)30 * 24 * 3600 * 1000)

void gone_init(struct gone *gone, struct ledger *ledger,
	       const struct folder *home, int64_t policy_id)
{
	*gone = (struct gone){
	    .ledger = ledger,
	    .home = home,
	    .policy_id = policy_id,
	    .now_ms = clock_real_ns() / NS_PER_MS,
	};
}

void gone_clear(struct gone *gone)
{
	buffer_clear(&gone->folder);
}

/* ---- rows without a file ---- */

static struct bytes folder_of(struct bytes name)
{
	while (name.size > 0 && name.data[name.size - 1] != '/')
		name.size--;
	return name;
}

/* Rows come in order: those of one folder one behind the other. */
static int look_at_folder(struct gone *gone, struct bytes name,
			  struct error *err)
{
	struct bytes folder = folder_of(name);
	struct file_facts facts;

	if (gone->folder.data &&
	    bytes_equal(buffer_bytes(&gone->folder), folder))
		return 0;
	buffer_reset(&gone->folder);
	if (buffer_append(&gone->folder, folder.data, folder.size) != 0)
		return error_set_memory(err);
	gone->folder_is_there =
	    folder.size == 0 || (folder_stat(gone->home, gone->folder.data,
					     FOLDER_FOLLOW_ALL, &facts) == 0 &&
				 facts.type == FILE_FOLDER);
	return 0;
}

static int drop(struct gone *gone, struct bytes name, struct error *err)
{
	int code =
	    ledger_removal_forget(gone->ledger, gone->policy_id, name, err);

	return code ? code
		    : ledger_forget(gone->ledger, gone->policy_id, name, err);
}

/* Whether a row that was kept for long enough may go. */
static int may_go(struct gone *gone, struct bytes name, bool *may,
		  struct error *err)
{
	struct ledger_row row;
	bool found = false;
	int code =
	    ledger_find(gone->ledger, gone->policy_id, name, &row, &found, err);

	*may = code == 0 && found && row.was_removed;
	if (code || *may)
		return code;
	code = look_at_folder(gone, name, err);
	*may = code == 0 && gone->folder_is_there;
	return code;
}

int gone_note(struct gone *gone, const struct ledger_facts *row,
	      struct error *err)
{
	const struct ledger_gone first = {.gone_ms = gone->now_ms};

	if (!row->gone_ms)
		return ledger_gone_set(gone->ledger, gone->policy_id, row->name,
				       &first, err);
	if (gone->now_ms - row->gone_ms < KEPT_FOR_MS)
		return 0;
	bool may = false;
	int code = may_go(gone, row->name, &may, err);
	return code || !may ? code : drop(gone, row->name, err);
}

int gone_note_back(struct gone *gone, const struct ledger_facts *row,
		   struct error *err)
{
	const struct ledger_gone back = {0};

	return row->gone_ms ? ledger_gone_set(gone->ledger, gone->policy_id,
					      row->name, &back, err)
			    : 0;
}

/* ---- what was put off ---- */

static bool is_file(const struct gone *gone, const char *name)
{
	struct file_facts facts;
	int code = folder_stat(gone->home, name, FOLDER_FOLLOW_ALL, &facts);

	if (code)
		return code != ENOENT && code != ENOTDIR;
	return facts.type == FILE_REGULAR;
}

int gone_settle_pending(struct gone *gone, bool nothing_was_put_off,
			struct error *err)
{
	struct buffer after = {0};
	bool found = true;
	int code = 0;

	while (code == 0 && found) {
		struct bytes name;

		code = ledger_pending_next(gone->ledger, gone->policy_id,
					   buffer_bytes(&after), &name, &found,
					   err);
		if (code || !found)
			break;
		buffer_reset(&after);
		if (buffer_append(&after, name.data, name.size) != 0)
			code = error_set_memory(err);
		else if (nothing_was_put_off || !is_file(gone, after.data))
			code =
			    ledger_pending_clear(gone->ledger, gone->policy_id,
						 buffer_bytes(&after), err);
	}
	buffer_clear(&after);
	return code;
}

#include "ingest/ledger.h"
#include "ingest/ledger_internal.h"
#include "platform/clock.h"

enum {
	WORTH_BYTES = 1024 * 1024,
	STEPS_BETWEEN_LOOKS = 1000 /* of SQLite's machine: well below 1 ms */
};

static int read_number(struct ledger *ledger, enum ledger_sql sql,
		       int64_t *number, struct error *err)
{
	bool found = false;
	struct ledger_call call = ledger_call_begin(ledger, sql);
	int code = ledger_call_row(&call, &found, err);

	*number = code == 0 && found ? ledger_column_number(&call, 0) : 0;
	ledger_call_end(&call);
	return code;
}

static int is_worth_it(struct ledger *ledger, bool *worth, struct error *err)
{
	int64_t free_pages = 0;
	int64_t pages = 0;
	int64_t page_bytes = 0;
	int code = read_number(ledger, SQL_FREE_PAGES, &free_pages, err);

	*worth = false;
	if (code != 0 || free_pages == 0)
		return code;
	code = read_number(ledger, SQL_PAGES, &pages, err);
	if (code == 0)
		code = read_number(ledger, SQL_PAGE_BYTES, &page_bytes, err);
	*worth =
	    free_pages > pages / 2 && free_pages * page_bytes >= WORTH_BYTES;
	return code;
}

static int is_asked_to_stop(void *context)
{
	(void)context;
	return stop_requested();
}

int ledger_vacuum(struct ledger *ledger, struct error *err)
{
	bool worth = false;
	int code = ledger_commit(ledger, err);

	if (code == 0 && !ledger->is_read_only && !ledger->is_virtual)
		code = is_worth_it(ledger, &worth, err);
	if (code != 0 || !worth)
		return code;
	sqlite3_progress_handler(ledger->db, STEPS_BETWEEN_LOOKS,
				 is_asked_to_stop, NULL);
	/* all or nothing, by its own transaction; without room, a later run
	 * finds the same to do */
	(void)sqlite3_exec(ledger->db, "vacuum", NULL, NULL, NULL);
	sqlite3_progress_handler(ledger->db, 0, NULL, NULL);
	return 0;
}

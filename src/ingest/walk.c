#include "ingest/walk.h"

#include "ingest/ledger.h"
#include "ingest/merge.h"
#include "ingest/scan.h"

static int next_file(void *scan, struct scan_item *item, struct error *err)
{
	return scan_next(scan, item, err);
}

static int peek_row(void *rows, const struct ledger_facts **row,
		    struct error *err)
{
	return ledger_rows_peek(rows, row, err);
}

static void advance_row(void *rows)
{
	ledger_rows_advance(rows);
}

struct merge *walk_new(struct scan *scan, struct ledger_rows *rows)
{
	const struct merge_source source = {
	    .next_file = next_file,
	    .files = scan,
	    .peek_row = peek_row,
	    .advance_row = advance_row,
	    .rows = rows,
	};

	return merge_new(&source);
}

#ifndef S3I_INGEST_MERGE_H
#define S3I_INGEST_MERGE_H

#include "base/buffer.h"
#include "base/error.h"

struct scan_item;
struct ledger_facts;
struct merge;

/* Two ascending sequences become one: what is on disk beside what is known. */
enum merge_kind {
	MERGE_NEW,	/* file, no row */
	MERGE_KNOWN,	/* file and row */
	MERGE_GONE,	/* row, no file, and its folder could be read */
	MERGE_FAILED,	/* the scan could not look at file or folder */
	MERGE_DISORDER, /* a name that is not greater than the last one */
	MERGE_END
};

/* Valid until the next merge_next. */
struct merge_item {
	enum merge_kind kind;
	struct bytes name;
	const struct scan_item *file;
	const struct ledger_facts *row;
};

/* Where both sides come from; the same shapes as scan_next, ledger_rows_peek
 * and ledger_rows_advance, so that tests give arrays. */
struct merge_source {
	int (*next_file)(void *context, struct scan_item *item,
			 struct error *err);
	void *files;
	int (*peek_row)(void *context, const struct ledger_facts **row,
			struct error *err);
	void (*advance_row)(void *context);
	void *rows;
};

/* NULL when there is no memory. Does no I/O of its own. */
struct merge *merge_new(const struct merge_source *source);
void merge_free(struct merge *merge);

/* Rows at or beneath a failed name are passed over in silence: they stay. */
int merge_next(struct merge *merge, struct merge_item *item, struct error *err);

#endif

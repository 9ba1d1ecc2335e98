#ifndef S3I_INGEST_WALK_H
#define S3I_INGEST_WALK_H

struct ledger_rows;
struct merge;
struct scan;

/* A scan beside the rows of its policy: merge_next goes through both, which
 * are borrowed. NULL: no memory. */
struct merge *walk_new(struct scan *scan, struct ledger_rows *rows);

#endif

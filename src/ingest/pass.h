#ifndef S3I_INGEST_PASS_H
#define S3I_INGEST_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/bucket.h"
#include "ingest/ingest.h"
#include "ingest/upload_job.h"

struct merge;
struct pattern;

/*
 * One policy in one run: the walk beside the ledger, and the uploads that come
 * of it. The loop (ingest.c) pulls it while there is room.
 */
struct pass {
	const struct ingest_options *options;
	const struct policy *policy;
	int64_t policy_id;
	struct bucket *bucket;
	struct upload_context *context;
	const struct scan_identity *closed_folders;
	size_t closed_folder_count;
	struct pattern *pattern;
	struct scan *scan;
	struct ledger_rows *rows;
	struct merge *merge;
	struct upload *active; /* on their way */
	struct upload *ended;  /* to be freed */
	size_t active_count;
	bool in_doubt;	 /* the ledger lost rows: compare contents */
	bool is_read;	 /* the walk is at its end */
	bool is_partial; /* something could not be looked at */
};

/* context->ended and ->owner are wired to the pass. */
int pass_open(struct pass *pass, struct error *err);
void pass_close(struct pass *pass);

/* Take one file from the walk and do what is due. */
int pass_pull(struct pass *pass, struct error *err);

/* Free the uploads that have ended. */
void pass_sweep(struct pass *pass);

#endif

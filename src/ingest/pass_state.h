#ifndef S3I_INGEST_PASS_STATE_H
#define S3I_INGEST_PASS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/bucket.h"
#include "ingest/gone.h"
#include "ingest/ingest_options.h"
#include "ingest/ledger.h"
#include "ingest/upload_job.h"

struct bucket_check;
struct candidate_kept;
struct customizer;
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
	struct ledger_row row; /* of the file at hand, and its key */
	struct buffer row_key;
	struct gone gone; /* files that the ledger knows and the walk misses */
	struct customizer *customizer; /* NULL: the policy has none */
	struct candidate_kept *asked;  /* what it was asked, in order */
	struct candidate_kept **asked_last;
	struct bucket_check *check; /* those that wait for the bucket */
	struct upload *active;	    /* on their way */
	struct upload *ended;	    /* to be freed */
	size_t active_count;
	bool in_doubt;		/* the ledger lost rows: compare contents */
	bool was_cut_off;	/* objects may be others than their rows say */
	bool is_read;		/* the walk is at its end */
	bool is_partial;	/* something could not be looked at */
	int64_t put_off_before; /* by the policies before this one */
};

#endif

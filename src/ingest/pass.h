#ifndef S3I_INGEST_PASS_H
#define S3I_INGEST_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/bucket.h"
#include "ingest/gone.h"
#include "ingest/ingest.h"
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

/* context->ended and ->owner are wired to the pass. */
int pass_open(struct pass *pass, struct error *err);
void pass_close(struct pass *pass);

/* Whether files may be taken from the walk now; whether there is something to
 * come, from the walk, the customizer or the bucket; whether the customizer is
 * being waited for; whether a request runs that belongs to no upload. */
bool pass_may_pull(const struct pass *pass);
bool pass_has_more(const struct pass *pass);
bool pass_is_waiting(const struct pass *pass);
bool pass_is_asking(const struct pass *pass);

/* Take one file from the walk and do what is due. */
int pass_pull(struct pass *pass, struct error *err);

/* Do what the answers of the bucket and the customizer ask for, as long as
 * fewer than limit uploads are active. */
int pass_collect(struct pass *pass, size_t limit, struct error *err);

/* Forget what was put off in earlier runs and is no matter any more, if this
 * one saw everything. */
int pass_settle(struct pass *pass, struct error *err);

/* Why the customizer is asked no more; NULL if it is. */
const char *pass_problem(const struct pass *pass);

/* Free the uploads that have ended. */
void pass_sweep(struct pass *pass);

#endif

#ifndef S3I_INGEST_INGEST_OPTIONS_H
#define S3I_INGEST_INGEST_OPTIONS_H

/* What goes into a run of the policies, and what comes out of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "ingest/scan.h"
#include "s3/s3_sign.h"

struct event_sink;
struct http_route;
struct ledger;
struct policy;

enum { INGEST_ERRORS = 20 };

/* What the policies have to be run with; all borrowed. */
struct ingest_options {
	const struct policy *policies;
	size_t policy_count;
	const struct s3_key_source *keys; /* NULL for dry_run only */
	const struct http_route *route;
	struct ledger *ledger;
	const struct folder *home;
	/* never uploaded: see scan.h */
	const struct scan_identity *own_files;
	size_t own_file_count;
	const struct scan_identity *closed_folders;
	size_t closed_folder_count;
	struct scan_identity home_identity;
	bool (*is_own)(struct bytes base_name);
	const char *customizers;  /* their folder */
	int concurrency;	  /* 0: auto */
	int64_t patient_until_ns; /* see transfer.h */
	int64_t started_ms;	  /* real time, when the whole run began */
	bool dry_run;		  /* local facts only, nothing written */
	bool recheck;		  /* ask the bucket about every file */
	const struct event_sink *events;
};

/* Counters of spec "Phone home"; counted after S3 confirmed it. */
struct ingest_result {
	int64_t added;
	int64_t updated;
	int64_t skipped;
	int64_t ignored;
	int64_t unchanged;
	int64_t delayed;
	int64_t failed;
	int64_t deleted;
	int64_t bytes;
	char *errors[INGEST_ERRORS]; /* each names file and reason */
	size_t error_count;
	size_t error_total;
	/* what the exit status is made of */
	bool is_refused;     /* credentials */
	bool is_unreachable; /* S3 */
	bool has_local_failure;
	bool has_other_failure;
	bool is_stopped;       /* work is left */
	bool is_misconfigured; /* no s3_bucket */
};

#endif

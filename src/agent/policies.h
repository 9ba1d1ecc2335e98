#ifndef S3I_AGENT_POLICIES_H
#define S3I_AGENT_POLICIES_H

#include <stdbool.h>

#include "base/error.h"
#include "ingest/ingest.h"

struct instance;

struct policies_options {
	bool dry_run;
	bool recheck;
};

/*
 * Run the policies of an instance with its keys. *ran says whether they ran
 * at all; then the result counts (ingest_result_clear), also after an error.
 * Before that: ERROR_CONFIG without any s3_bucket, ERROR_REFUSED without keys.
 */
int policies_run(struct instance *instance,
		 const struct policies_options *options,
		 struct ingest_result *result, bool *ran, struct error *err);

#endif

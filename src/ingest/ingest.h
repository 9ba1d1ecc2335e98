#ifndef S3I_INGEST_INGEST_H
#define S3I_INGEST_INGEST_H

#include "base/error.h"
#include "ingest/ingest_options.h"

/* Run all policies in order. One bad file never stops the others, one bad
 * policy never stops the next. 0, or an error that ended the run (then the
 * counters hold what was done until there). */
int ingest_run(const struct ingest_options *options,
	       struct ingest_result *result, struct error *err);
void ingest_result_clear(struct ingest_result *result);

#endif

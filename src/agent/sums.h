#ifndef S3I_AGENT_SUMS_H
#define S3I_AGENT_SUMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ingest_result;

/* What the policies did since the mothership last took note of it. Pure. */
struct sums {
	int64_t added;
	int64_t updated;
	int64_t deleted;
	int64_t bytes;
	int64_t runs;
};

/* From what sums_store gave; NULL or something else: all zero. */
void sums_load(struct sums *sums, const char *stored);

/* As text for a note; NULL where all is zero or there is no memory. The caller
 * frees it. */
char *sums_store(const struct sums *sums);

/* Add one run of the policies. */
void sums_add(struct sums *sums, const struct ingest_result *result);

/* Whether there is more in it than the number of runs. */
bool sums_has_work(const struct sums *sums);

/* `result` of a POST: the sums, and the other counters of the last run. New
 * reference; NULL when there is no memory. */
json_t *sums_result(const struct sums *sums, const struct ingest_result *last,
		    struct error *err);

#endif

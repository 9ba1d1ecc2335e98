#ifndef S3I_INGEST_TALLY_H
#define S3I_INGEST_TALLY_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/event.h"
#include "ingest/ingest_options.h"
#include "s3/s3.h"

/* Counts what happened and tells it upward. */
struct tally {
	struct ingest_result *result;
	const struct event_sink *events;
	int64_t files_seen;
};

struct tally_file {
	struct bytes name;
	struct bytes key; /* size 0: none */
	const char *bucket;
	int64_t size_bytes;
	const char *reason; /* NULL: none */
};

/* Count what happened to a file. Failed ones go into errors as "name: reason".
 */
void tally_file(struct tally *tally, enum event_what what,
		const struct tally_file *file);

/* Something failed that is no single file: into errors, and told. */
void tally_error(struct tally *tally, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a failure of S3's adds to the exit status. */
void tally_outcome(struct tally *tally, enum s3_outcome outcome);

#endif

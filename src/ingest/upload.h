#ifndef S3I_INGEST_UPLOAD_H
#define S3I_INGEST_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/decide.h"

struct bucket;
struct bucket_listed;
struct file_facts;
struct ledger_row;
struct policy;
struct upload;
struct upload_context;

/* One file that something has to be done about; all borrowed for the call but
 * policy and bucket, which must outlive the upload. */
struct upload_file {
	const struct policy *policy;
	int64_t policy_id;
	struct bucket *bucket;
	struct bytes name;
	size_t literal_bytes;
	struct bytes key;
	const struct file_facts *facts;
	const struct ledger_row *row; /* NULL: none */
	enum decision decision;
	bool is_recheck;
	bool must_match;
	const struct bucket_listed *listed; /* NULL: no listing told of it */
};

/* Wire context->report. */
void upload_context_init(struct upload_context *context);

/* Begin. *upload goes on by itself with the turns of the context's queue and
 * pool until context->ended is called with it, perhaps before this returns;
 * it is freed by upload_free, not inside ended. 0, or ERROR_LOCAL. */
int upload_start(struct upload_context *context, const struct upload_file *file,
		 struct upload **upload, struct error *err);
void upload_free(struct upload *upload);

#endif

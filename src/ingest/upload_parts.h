#ifndef S3I_INGEST_UPLOAD_PARTS_H
#define S3I_INGEST_UPLOAD_PARTS_H

#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"

struct upload;

/* Look up what an earlier run left of this file: sets state.can_resume if it
 * is the same file cut into the same parts. 0 or an error code. */
int upload_parts_prepare(struct upload *upload, struct error *err);
void upload_parts_free(struct upload *upload);

/* Real time before the first part was read, perhaps by a run before; 0: none
 * was, or it goes in one request. */
int64_t upload_parts_began_ns(const struct upload *upload);

/* Size of the parts, 0 for a file that goes in one request. */
int64_t upload_parts_size(const struct upload *upload);

/* What the ledger keeps as digest of a file sent in parts: SHA-256 of the
 * parts' SHA-256 in a row, as file_hash makes it with that part size. */
int upload_parts_digest(const struct upload *upload,
			unsigned char sha256[HASH_SHA256_BYTES]);

/* The steps of a multipart upload. Intent is in the ledger before Create, the
 * id before part 1, each part once it is confirmed. */
void upload_list_parts(struct upload *upload);
void upload_create(struct upload *upload);
void upload_send_parts(struct upload *upload);
void upload_complete(struct upload *upload);
/* The upload is gone. Done by an attempt whose reply was lost? UPLOAD_SAME: the
 * object is made of our parts; UPLOAD_DIFFERS: it is to be begun anew. */
void upload_confirm(struct upload *upload);
void upload_abort(struct upload *upload);

#endif

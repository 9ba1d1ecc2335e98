#ifndef S3I_INGEST_UPLOAD_PARTS_INTERNAL_H
#define S3I_INGEST_UPLOAD_PARTS_INTERNAL_H

#include <stdbool.h>

#include "base/hash.h"
#include "ingest/file_hash.h"
#include "ingest/ledger.h"
#include "ingest/transfer.h"
#include "ingest/upload_next.h"
#include "ingest/upload_plan.h"
#include "s3/s3.h"

struct upload;

/* What upload_begin.c, upload_parts.c and upload_finish.c share; nobody else
 * includes this. */

enum { SLOTS = 16 };

/* One part on its way: first its digest is made, then it is sent. */
struct slot {
	struct file_hash hash;
	struct transfer transfer;
	struct upload *upload;
	int number; /* 0: free */
};

struct upload_parts {
	unsigned char (*sha256)[HASH_SHA256_BYTES]; /* by number - 1 */
	struct upload_plan plan;
	struct ledger_upload row;
	int64_t twin_since_ms; /* of a row before, see ledger.h; 0: none */
	char stale_id[sizeof(((struct ledger_upload *)0)->upload_id)];
	struct ledger_part *known; /* what the ledger had */
	size_t known_count;
	int listed_after; /* the page that was asked for begins behind it */
	struct s3_part *parts; /* by number - 1; etag "" : not there yet */
	int next;	       /* number of the next part to begin */
	int done_count;
	int hashing;
	int busy; /* slots in use */
	bool has_failed;
	enum upload_event failure; /* reported when all slots are free */
	struct slot slots[SLOTS];
};

/* A part is there, and needs not be sent. */
void upload_parts_keep(struct upload_parts *parts,
		       const struct ledger_part *known);

/* Keep what the ledger knows and the bucket lists as it; listed NULL: nobody
 * could look, the ledger's word counts. */
void upload_parts_keep_known(struct upload_parts *parts,
			     const struct s3_part *listed);

/* Settle the ledger's row of an upload that is over. Where it may have a twin,
 * the intent stays, by which the next run finds that one. */
int upload_parts_forget(struct upload *upload, struct error *err);

#endif

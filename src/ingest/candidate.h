#ifndef S3I_INGEST_CANDIDATE_H
#define S3I_INGEST_CANDIDATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "ingest/bucket_page.h"
#include "ingest/decide.h"
#include "ingest/ledger.h"
#include "ingest/scan.h"

/* One file of the walk that something is to be done about; borrows. */
struct candidate {
	struct bytes name;
	const struct scan_item *file;
	const struct ledger_row *row; /* NULL: none */
	struct decide_case question;
	enum decision decision;
	bool keeps_key;	     /* the row's: it was made by the same policy */
	struct bytes answer; /* of the customizer; data NULL: none */
	struct buffer key;   /* its own */
	char reason[256];
};

/* One that waits, for its customizer or the bucket: all that it borrowed is its
 * own. */
struct candidate_kept {
	struct candidate candidate;
	struct scan_item file;
	struct ledger_row row;
	bool is_listed; /* a listing told of its key, at listed_ns (steady) */
	struct bucket_listed listed;
	int64_t listed_ns;
	struct candidate_kept *next; /* the keeper's, both */
	struct candidate_kept *next_in_slot;
	char *texts;
};

/* A copy, without key and answer; NULL: no memory. */
struct candidate_kept *candidate_keep(const struct candidate *candidate);
/* The key goes over to the copy. */
void candidate_move_key(struct candidate *candidate,
			struct candidate_kept *kept);
void candidate_kept_free(struct candidate_kept *kept);

#endif

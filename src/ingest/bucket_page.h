#ifndef S3I_INGEST_BUCKET_PAGE_H
#define S3I_INGEST_BUCKET_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct s3_listing;

/* What a listing tells of one key. */
struct bucket_listed {
	bool is_there;
	int64_t size_bytes; /* -1: not told */
	int64_t modified_s;
	char etag[40]; /* "": too long to be an MD5 */
};

/* One page of a listing, beside keys in ascending order. */
struct bucket_page {
	const struct s3_listing *listing;
	size_t at;
};

/* Whether the keys of a page ascend, all behind what was asked for: else it
 * cannot be said what is not in it. */
bool bucket_page_is_sound(const struct s3_listing *listing,
			  struct bytes start_after);

/* What the page tells of a key that lies behind start_after and the key asked
 * for before. False: it does not reach that far. */
bool bucket_page_ask(struct bucket_page *page, struct bytes key,
		     struct bucket_listed *listed);

/* Where a listing has to start to reach a key: the key less its last
 * character (UTF-8). */
struct bytes bucket_page_before(struct bytes key);

#endif

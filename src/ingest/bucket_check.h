#ifndef S3I_INGEST_BUCKET_CHECK_H
#define S3I_INGEST_BUCKET_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct bucket;
struct bucket_check;
struct candidate_kept;
struct transfer_queue;

/*
 * Are they in the bucket? Asked for many keys at once: up to 1,000 candidates
 * are sorted by key and merged with a page of a listing. What a page does not
 * reach waits for the next one; where a page would not be worth it (it, or
 * what waits, is less than a twentieth of 1,000), or cannot be had, candidates
 * come back as they are, to be asked about one by one.
 */

/* All keys will begin with prefix; everything is borrowed. NULL: no memory. */
struct bucket_check *bucket_check_new(struct bucket *bucket,
				      struct transfer_queue *queue,
				      const char *prefix);
/* The queue must hold no request of it any more. */
void bucket_check_free(struct bucket_check *check);

/* Ownership moves in; the key is the candidate's own. */
void bucket_check_take(struct bucket_check *check, struct candidate_kept *kept);

/* Whether more should be taken now. */
bool bucket_check_has_room(const struct bucket_check *check);

/* How many are in it; whether it waits for an answer. */
size_t bucket_check_count(const struct bucket_check *check);
bool bucket_check_is_asking(const struct bucket_check *check);

/* Who in it has the key; NULL: nobody. */
const struct candidate_kept *bucket_check_find(const struct bucket_check *check,
					       struct bytes key);

/* Ask, if there is enough to ask for or nothing more will come. */
void bucket_check_turn(struct bucket_check *check, bool is_last);

/* One that has its answer, or will get none: yours to free; NULL: none now. */
struct candidate_kept *bucket_check_next(struct bucket_check *check);

#endif

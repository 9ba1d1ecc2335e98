#include "ingest/bucket_check.h"

#include <stdlib.h>

#include "ingest/bucket.h"
#include "ingest/bucket_page.h"
#include "ingest/candidate.h"
#include "ingest/transfer.h"
#include "platform/clock.h"

#define NS_PER_MS INT64_C(1000000)

enum {
	BATCH = 1000,		  /* keys of a page */
	BATCH_LEAST = BATCH / 20, /* a page must settle as many */
	READY_ENOUGH = 256,
	SLOTS = 4096,
	PATIENCE_MS = 1000,
	ANSWER_LASTS_MS = 60 * 1000
};

struct bucket_check {
	struct bucket *bucket;
	struct transfer_queue *queue;
	struct bytes prefix;
	/* those that wait for a page */
	struct candidate_kept *waiting[2 * BATCH];
	size_t waiting_count;
	int64_t waiting_since_ns;
	/* those that have their answer, in order */
	struct candidate_kept *ready;
	struct candidate_kept **ready_last;
	size_t ready_count;
	/* all of them, by key */
	struct candidate_kept *slots[SLOTS];
	struct transfer transfer;
	bool is_asking;
	bool has_given_up;
	struct buffer start_after; /* of the page that is on its way */
	struct buffer reached;	   /* the last key of the one before it */
	/* behind reached there was nothing, at that time; 0: not known */
	int64_t end_seen_ns;
};

struct bucket_check *bucket_check_new(struct bucket *bucket,
				      struct transfer_queue *queue,
				      const char *prefix)
{
	struct bucket_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->bucket = bucket;
	check->queue = queue;
	if (prefix)
		check->prefix = bytes_of_text(prefix);
	check->ready_last = &check->ready;
	return check;
}

void bucket_check_free(struct bucket_check *check)
{
	if (!check)
		return;
	for (size_t i = 0; i < check->waiting_count; i++)
		candidate_kept_free(check->waiting[i]);
	while (check->ready) {
		struct candidate_kept *kept = check->ready;

		check->ready = kept->next;
		candidate_kept_free(kept);
	}
	s3_request_clear(&check->transfer.request);
	buffer_clear(&check->start_after);
	buffer_clear(&check->reached);
	free(check);
}

/* ---- by key ---- */

static struct bytes key_of(const struct candidate_kept *kept)
{
	return buffer_bytes(&kept->candidate.key);
}

/* FNV-1a */
static size_t slot_of(struct bytes key)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < key.size; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619U;
	return hash % SLOTS;
}

const struct candidate_kept *bucket_check_find(const struct bucket_check *check,
					       struct bytes key)
{
	const struct candidate_kept *kept =
	    check ? check->slots[slot_of(key)] : NULL;

	while (kept && !bytes_equal(key_of(kept), key))
		kept = kept->next_in_slot;
	return kept;
}

static void slot_add(struct bucket_check *check, struct candidate_kept *kept)
{
	struct candidate_kept **slot = &check->slots[slot_of(key_of(kept))];

	kept->next_in_slot = *slot;
	*slot = kept;
}

static void slot_remove(struct bucket_check *check, struct candidate_kept *kept)
{
	struct candidate_kept **place = &check->slots[slot_of(key_of(kept))];

	while (*place && *place != kept)
		place = &(*place)->next_in_slot;
	if (*place)
		*place = kept->next_in_slot;
}

/* ---- in and out ---- */

static void answer(struct bucket_check *check, struct candidate_kept *kept)
{
	kept->next = NULL;
	*check->ready_last = kept;
	check->ready_last = &kept->next;
	check->ready_count++;
}

/* So many of those that wait, from one on, wait no more. */
static void let_go(struct bucket_check *check, size_t from, size_t count)
{
	struct candidate_kept **first = check->waiting + from;

	for (size_t i = 0; i < count; i++)
		answer(check, first[i]);
	check->waiting_count -= count;
	for (size_t i = from; i < check->waiting_count; i++)
		check->waiting[i] = check->waiting[i + count];
	check->waiting_since_ns = clock_steady_ns();
}

static void let_all_go(struct bucket_check *check)
{
	let_go(check, 0, check->waiting_count);
}

static void give_up(struct bucket_check *check)
{
	check->has_given_up = true;
	let_all_go(check);
}

static bool is_recent(int64_t seen_ns)
{
	return clock_steady_ns() - seen_ns < ANSWER_LASTS_MS * NS_PER_MS;
}

static bool is_behind_all(const struct bucket_check *check, struct bytes key)
{
	return check->end_seen_ns != 0 &&
	       bytes_compare(key, buffer_bytes(&check->reached)) > 0 &&
	       is_recent(check->end_seen_ns);
}

void bucket_check_take(struct bucket_check *check, struct candidate_kept *kept)
{
	slot_add(check, kept);
	if (check->has_given_up) {
		answer(check, kept);
	} else if (is_behind_all(check, key_of(kept))) {
		kept->is_listed = true;
		kept->listed_ns = check->end_seen_ns;
		answer(check, kept);
	} else {
		if (check->waiting_count == 0)
			check->waiting_since_ns = clock_steady_ns();
		check->waiting[check->waiting_count++] = kept;
	}
}

bool bucket_check_has_room(const struct bucket_check *check)
{
	if (!check)
		return true;
	/* the walk goes on while a page is on its way */
	size_t most = check->is_asking ? 2 * BATCH : BATCH;

	return check->ready_count < READY_ENOUGH && check->waiting_count < most;
}

size_t bucket_check_count(const struct bucket_check *check)
{
	return check ? check->waiting_count + check->ready_count : 0;
}

bool bucket_check_is_asking(const struct bucket_check *check)
{
	return check && check->is_asking;
}

struct candidate_kept *bucket_check_next(struct bucket_check *check)
{
	struct candidate_kept *kept = check ? check->ready : NULL;

	if (!kept)
		return NULL;
	check->ready = kept->next;
	if (!check->ready)
		check->ready_last = &check->ready;
	check->ready_count--;
	slot_remove(check, kept);
	if (kept->is_listed && !is_recent(kept->listed_ns))
		kept->is_listed = false;
	return kept;
}

/* ---- a page ---- */

static int compare_keys(const void *a, const void *b)
{
	return bytes_compare(key_of(*(struct candidate_kept *const *)a),
			     key_of(*(struct candidate_kept *const *)b));
}

static void sort_waiting(struct bucket_check *check)
{
	qsort(check->waiting, check->waiting_count,
	      sizeof(struct candidate_kept *), compare_keys);
}

static int set_bytes(struct buffer *buffer, struct bytes bytes)
{
	buffer_reset(buffer);
	return buffer_append(buffer, bytes.data, bytes.size);
}

/* Where the page ended, so that the next one goes on from there. */
static void note_reach(struct bucket_check *check,
		       const struct s3_listing *listing)
{
	struct bytes last = buffer_bytes(&check->start_after);

	if (listing->count > 0)
		last = listing->objects[listing->count - 1].key;
	check->end_seen_ns = 0;
	if (set_bytes(&check->reached, last) == 0 && !listing->is_truncated)
		check->end_seen_ns = clock_steady_ns();
}

/* How many of those that wait, from one on, the page tells of. */
static size_t settle(struct bucket_check *check, size_t from,
		     const struct s3_listing *listing)
{
	struct bucket_page page = {.listing = listing};
	int64_t now_ns = clock_steady_ns();
	size_t at = from;

	for (; at < check->waiting_count; at++) {
		struct candidate_kept *kept = check->waiting[at];
		struct bucket_listed *said = &kept->listed;

		if (!bucket_page_ask(&page, key_of(kept), said))
			break;
		kept->is_listed = !said->is_there || said->size_bytes >= 0;
		kept->listed_ns = now_ns;
	}
	return at - from;
}

/* Some may have come since the page was asked for, before its start too. */
static void merge(struct bucket_check *check, const struct s3_listing *listing)
{
	struct bytes start = buffer_bytes(&check->start_after);
	size_t from = 0;

	if (!bucket_page_is_sound(listing, start)) {
		give_up(check);
		return;
	}
	sort_waiting(check);
	while (from < check->waiting_count &&
	       bytes_compare(key_of(check->waiting[from]), start) <= 0)
		from++;
	size_t settled = settle(check, from, listing);
	note_reach(check, listing);
	if (settled < BATCH_LEAST)
		let_all_go(check);
	else
		let_go(check, from, settled);
}

static void listed(struct transfer *transfer, const struct s3_verdict *verdict,
		   const struct http_reply *reply)
{
	struct bucket_check *check = transfer->owner;
	struct s3_listing listing = {0};

	check->is_asking = false;
	if (verdict->outcome != S3_DONE ||
	    s3_read_listing(reply, &listing, NULL))
		give_up(check);
	else
		merge(check, &listing);
	s3_listing_clear(&listing);
}

/* As near before the first key as is known: the listing goes on where it
 * ended if nothing that waits was passed over. */
static int choose_start(struct bucket_check *check)
{
	struct bytes first = key_of(check->waiting[0]);
	struct bytes start = bucket_page_before(first);
	struct bytes reached = buffer_bytes(&check->reached);

	if (bytes_compare(reached, start) > 0 &&
	    bytes_compare(reached, first) < 0)
		start = reached;
	return set_bytes(&check->start_after, start);
}

static void ask(struct bucket_check *check)
{
	struct transfer *transfer = &check->transfer;

	sort_waiting(check);
	s3_request_clear(&transfer->request);
	*transfer = (struct transfer){
	    .rank = TRANSFER_LIST,
	    .bucket = check->bucket,
	    .done = listed,
	    .owner = check,
	};
	int rc = choose_start(check);
	const struct s3_list list = {
	    .prefix = check->prefix,
	    .start_after = buffer_bytes(&check->start_after),
	};
	if (rc || s3_list_objects(&transfer->request, &list)) {
		give_up(check);
		return;
	}
	check->is_asking = true;
	transfer_submit(check->queue, transfer);
}

void bucket_check_turn(struct bucket_check *check, bool is_last)
{
	if (!check || check->is_asking || check->ready ||
	    check->waiting_count == 0)
		return;
	int64_t waited_ns = clock_steady_ns() - check->waiting_since_ns;
	if (check->waiting_count < BATCH && !is_last &&
	    waited_ns < PATIENCE_MS * NS_PER_MS)
		return;
	if (check->bucket->is_halted || check->waiting_count < BATCH_LEAST)
		let_all_go(check);
	else
		ask(check);
}

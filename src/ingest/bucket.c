#include "ingest/bucket.h"

#include <stdio.h>
#include <string.h>

#include "ingest/policy.h"
#include "platform/clock.h"

#define NS_PER_MS	 1000000
#define FINDING_LASTS_MS ((int64_t)30 * 24 * 3600 * 1000)
#define SKEW_CEILING_MS	 ((int64_t)100 * 366 * 24 * 3600 * 1000)

enum { DENIED_IN_ROW_CEILING = 20 };

int bucket_init(struct bucket *bucket, const struct policy *policy,
		struct ledger *ledger, struct error *err)
{
	const struct s3_place_options options = {
	    .endpoint = policy->s3_endpoint,
	    .region = policy->s3_region,
	    .bucket = policy->s3_bucket,
	    .addressing = (enum s3_addressing)policy->s3_addressing,
	};

	*bucket = (struct bucket){0};
	int rc = s3_place_init(&bucket->place, &options, err);
	if (rc)
		return rc;
	rc = ledger_endpoint_find(ledger, bucket->place.endpoint,
				  bucket->place.bucket, &bucket->facts, err);
	if (rc == 0 && bucket->facts.region[0] != '\0')
		rc = s3_place_move(&bucket->place, bucket->facts.region, err);
	return rc;
}

int bucket_save(const struct bucket *bucket, struct ledger *ledger,
		struct error *err)
{
	return ledger_endpoint_record(ledger, bucket->place.endpoint,
				      bucket->place.bucket, &bucket->facts,
				      err);
}

int64_t bucket_now_ns(const struct bucket *bucket)
{
	return clock_real_ns() + bucket->facts.skew_ms * NS_PER_MS;
}

static bool is_recent(int64_t found_ms)
{
	int64_t age_ms = clock_real_ns() / NS_PER_MS - found_ms;

	return found_ms != 0 && age_ms >= 0 && age_ms <= FINDING_LASTS_MS;
}

bool bucket_takes_crc64(const struct bucket *bucket, bool multipart)
{
	return !is_recent(multipart ? bucket->facts.multipart_crc64_refused_ms
				    : bucket->facts.put_crc64_refused_ms);
}

void bucket_refused_crc64(struct bucket *bucket, bool multipart)
{
	int64_t now_ms = clock_real_ns() / NS_PER_MS;

	if (multipart)
		bucket->facts.multipart_crc64_refused_ms = now_ms;
	else
		bucket->facts.put_crc64_refused_ms = now_ms;
}

bool bucket_keeps_condition(const struct bucket *bucket)
{
	return bucket->facts.keeps_condition &&
	       is_recent(bucket->facts.condition_found_ms);
}

void bucket_learn_condition(struct bucket *bucket, bool keeps)
{
	bucket->facts.keeps_condition = keeps;
	bucket->facts.condition_found_ms = clock_real_ns() / NS_PER_MS;
}

bool bucket_wants_condition(struct bucket *bucket)
{
	if (bucket->was_condition_tried ||
	    is_recent(bucket->facts.condition_found_ms))
		return false;
	bucket->was_condition_tried = true;
	return true;
}

bool bucket_wants_head(struct bucket *bucket)
{
	if (bucket->was_head_tried || bucket->head_works)
		return false;
	bucket->was_head_tried = true;
	return true;
}

static bool learn_region(struct bucket *bucket, const char *region)
{
	if (region[0] == '\0' || strcmp(region, bucket->place.region) == 0)
		return false;
	if (s3_place_move(&bucket->place, region, NULL))
		return false;
	(void)snprintf(bucket->facts.region, sizeof(bucket->facts.region), "%s",
		       region);
	bucket->moves++;
	return true;
}

static bool learn_clock(struct bucket *bucket, int64_t server_ms)
{
	int64_t skew_ms = server_ms - clock_real_ns() / NS_PER_MS;

	/* no clock is off by more than a clock can be */
	if (server_ms == 0 || skew_ms > SKEW_CEILING_MS ||
	    skew_ms < -SKEW_CEILING_MS)
		return false;
	bucket->facts.skew_ms = skew_ms;
	return true;
}

bool bucket_learn(struct bucket *bucket, const struct s3_verdict *verdict)
{
	if (verdict->outcome == S3_WRONG_REGION)
		return learn_region(bucket, verdict->region);
	if (verdict->outcome == S3_WRONG_CLOCK)
		return learn_clock(bucket, verdict->server_ms);
	return false;
}

static void halt(struct bucket *bucket, const struct s3_verdict *verdict)
{
	if (bucket->is_halted)
		return;
	bucket->is_halted = true;
	bucket->halt_outcome = verdict->outcome;
	(void)snprintf(bucket->halt_text, sizeof(bucket->halt_text), "%s",
		       verdict->text);
}

void bucket_note_end(struct bucket *bucket, const struct s3_verdict *verdict,
		     int64_t started_ns)
{
	bool silent = bucket->last_answer_ns < started_ns;

	switch (verdict->outcome) {
	case S3_BAD_KEYS:
	case S3_NO_BUCKET:
	case S3_WRONG_REGION:
	case S3_WRONG_CLOCK:
		halt(bucket, verdict);
		break;
	case S3_UNREACHABLE:
	case S3_TRY_AGAIN:
		if (silent)
			halt(bucket, verdict);
		break;
	case S3_DENIED:
		if (++bucket->denied_in_row >= DENIED_IN_ROW_CEILING)
			halt(bucket, verdict);
		break;
	case S3_DONE:
		bucket->denied_in_row = 0;
		bucket->last_answer_ns = clock_steady_ns();
		break;
	default:
		bucket->last_answer_ns = clock_steady_ns();
		break;
	}
}

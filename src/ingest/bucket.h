#ifndef S3I_INGEST_BUCKET_H
#define S3I_INGEST_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ingest/ledger.h"
#include "s3/s3.h"

struct policy;

/* A bucket at its endpoint, what was learned of it, and whether going on
 * with it makes sense. Caller's storage. */
struct bucket {
	struct s3_place place;
	struct ledger_endpoint facts;
	bool is_halted; /* nothing more is asked of it in this run */
	enum s3_outcome halt_outcome;
	char halt_text[320];
	int64_t last_answer_ns; /* steady; when it last did what was asked */
	int denied_in_row;
	int moves;	  /* how often another region was learned */
	bool expects_key; /* the last key that was asked for was there */
	bool head_works;  /* it told of a key: 403 means that there is none */
	bool was_condition_tried, was_head_tried; /* in this run */
};

/* Place by the policy, facts by the ledger. */
int bucket_init(struct bucket *bucket, const struct policy *policy,
		struct ledger *ledger, struct error *err);

/* Write back what was learned; nothing new is no write. */
int bucket_save(const struct bucket *bucket, struct ledger *ledger,
		struct error *err);

/* Real time as this endpoint sees it. */
int64_t bucket_now_ns(const struct bucket *bucket);

/* Whether it takes CRC64NVME, as far as it is known: a refusal counts for 30
 * days. */
bool bucket_takes_crc64(const struct bucket *bucket, bool multipart);
void bucket_refused_crc64(struct bucket *bucket, bool multipart);

/* Whether it keeps If-None-Match: * (a PUT only if the key is new, else 412),
 * as far as it is known: what was found out counts for 30 days. */
bool bucket_keeps_condition(const struct bucket *bucket);
void bucket_learn_condition(struct bucket *bucket, bool keeps);

/* Whether that should be found out on an object of ours; whether HEAD is
 * denied, now that HEAD told nothing. At most once a run each. */
bool bucket_wants_condition(struct bucket *bucket);
bool bucket_wants_head(struct bucket *bucket);

/* Learn region and clock from a reply. True if the request should be made
 * again at once because of it. */
bool bucket_learn(struct bucket *bucket, const struct s3_verdict *verdict);

/* Note the end of a request (no more retries): stop asking a bucket that
 * does not answer, does not exist, or refuses the keys. started_ns: steady
 * time of its first attempt. */
void bucket_note_end(struct bucket *bucket, const struct s3_verdict *verdict,
		     int64_t started_ns);

#endif

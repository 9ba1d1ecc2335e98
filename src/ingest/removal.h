#ifndef S3I_INGEST_REMOVAL_H
#define S3I_INGEST_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct folder;
struct ledger;
struct policy;
struct tally;

/*
 * Local files that go once they are safe. First a row in the ledger, planned
 * when S3 confirmed the file with proof; the act comes after all policies have
 * run, if each policy that matches the name has its own proof, and only if the
 * file is still the one that was sent.
 */

/* Plan it, if the policy removes; the delay counts from started_ms, when the
 * run began. One that is planned stays as it is, unless the file was sent
 * anew. */
struct removal_file {
	const struct policy *policy;
	int64_t policy_id;
	struct bytes name;
	size_t literal_bytes;
	int64_t started_ms;
	bool was_sent;
};
int removal_plan(struct ledger *ledger, const struct removal_file *file,
		 struct error *err);

/* Do what is due. policy_ids[i] belongs to policies[i]; 0: it did not run. A
 * file that cannot be removed is told and tried again in the next run. 0, or
 * the ledger's error. */
struct removal_options {
	struct ledger *ledger;
	const struct folder *home;
	const struct policy *policies;
	const int64_t *policy_ids;
	size_t policy_count;
	int64_t started_ms;
	struct tally *tally;
};
int removal_run(const struct removal_options *options, struct error *err);

#endif

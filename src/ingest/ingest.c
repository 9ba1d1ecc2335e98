#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/http.h"
#include "base/work.h"
#include "ingest/bucket.h"
#include "ingest/content_type.h"
#include "ingest/download.h"
#include "ingest/file_hash.h"
#include "ingest/ledger.h"
#include "ingest/orphans.h"
#include "ingest/pass.h"
#include "ingest/pass_state.h"
#include "ingest/policy.h"
#include "ingest/removal.h"
#include "ingest/removal_recover.h"
#include "ingest/tally.h"
#include "ingest/transfer.h"
#include "ingest/upload.h"
#include "platform/clock.h"
#include "platform/host.h"

#define NS_PER_MS 1000000

enum {
	PULL_MS = 2,
	FILES_A_CLOCK = 16,
	TURN_MS = 250,
	COMMIT_MS = 1000,
	COMMIT_RECORDS = 256,
	TRANSFERS_AHEAD = 64,
	STOP_GRACE_MS = 1500,
	FILES_RESERVED = 20,
	HASH_THREADS_CEILING = 4
};

struct run {
	const struct ingest_options *options;
	struct tally tally;
	struct upload_context context;
	int64_t committed_ns;
	int64_t stopping_since_ns;
	int64_t files_most;
	int64_t *policy_ids; /* of each policy; 0: it did not run */
	/* of the options, and one more for each download */
	struct scan_identity *closed_folders;
	size_t closed_folder_count;
	bool is_partial;
	bool in_doubt;
	bool was_cut_off;
};

/* ---- the loop ---- */

static size_t room(const struct run *run)
{
	int64_t ahead = transfer_window(run->context.queue) + TRANSFERS_AHEAD;

	return (size_t)(ahead < run->files_most ? ahead : run->files_most);
}

/* So many files may be open at once, a connection to each. */
static int64_t files_most(void)
{
	int64_t files = (host_file_limit() - FILES_RESERVED) / 2;

	return files < 1 ? 1 : files;
}

/* Take files from the walk for a moment, while there is room for what may
 * come of them. */
static int pull(struct run *run, struct pass *pass, struct error *err)
{
	int64_t until_ns = clock_steady_ns() + (int64_t)PULL_MS * NS_PER_MS;
	size_t limit = run->options->dry_run ? 1 : room(run);

	do {
		/* clocks are felt beside an unchanged file */
		int64_t now_ns = clock_real_ns();

		for (int i = 0; i < FILES_A_CLOCK; i++) {
			if (!pass_may_pull(pass) || pass->active_count >= limit)
				return 0;
			int rc = pass_pull(pass, now_ns, err);

			if (rc)
				return rc;
		}
	} while (clock_steady_ns() < until_ns);
	return 0;
}

static void collect_hashes(struct run *run)
{
	struct work_job *job;

	while ((job = work_collect(run->context.work)) != NULL) {
		struct file_hash *hash = (struct file_hash *)job;

		hash->done(hash);
	}
}

static int commit_if_due(struct run *run, struct error *err)
{
	int64_t now_ns = clock_steady_ns();
	int64_t size = ledger_batch_size(run->context.ledger);

	if (size == 0)
		run->committed_ns = now_ns;
	if (size < COMMIT_RECORDS &&
	    now_ns - run->committed_ns < (int64_t)COMMIT_MS * NS_PER_MS)
		return 0;
	run->committed_ns = now_ns;
	return ledger_commit(run->context.ledger, err);
}

static void stop_if_asked(struct run *run)
{
	int64_t now_ns = clock_steady_ns();

	if (stop_requested() && !run->context.is_stopping) {
		run->context.is_stopping = true;
		run->stopping_since_ns = now_ns;
		run->tally.result->is_stopped = true;
		transfer_stop(run->context.queue);
	} else if (run->context.is_stopping &&
		   now_ns - run->stopping_since_ns >
		       (int64_t)STOP_GRACE_MS * NS_PER_MS) {
		transfer_cut(run->context.queue);
	}
}

static bool is_finished(const struct run *run, const struct pass *pass)
{
	bool more = pass_has_more(pass) && !run->context.is_stopping;

	return !more && pass->active_count == 0 && !pass_is_asking(pass);
}

static int turn(struct run *run, struct pass *pass, struct error *err)
{
	int rc = 0;

	stop_if_asked(run);
	if (!run->context.is_stopping)
		rc = pull(run, pass, err);
	if (rc == 0 && !run->context.is_stopping)
		rc = pass_collect(pass, room(run), err);
	if (rc)
		return rc;
	collect_hashes(run);
	pass_sweep(pass);
	bool may_pull = pass_may_pull(pass) && pass->active_count < room(run);
	if (transfer_count(run->context.queue) > 0 ||
	    work_pending(run->context.work) > 0 || pass_is_waiting(pass))
		rc = transfer_turn(
		    run->context.queue,
		    may_pull && !run->context.is_stopping ? 0 : TURN_MS, err);
	pass_sweep(pass);
	if (rc == 0 && run->context.fatal.code)
		rc = error_set(err, run->context.fatal.code, "%s",
			       run->context.fatal.text);
	return rc ? rc : commit_if_due(run, err);
}

static int loop(struct run *run, struct pass *pass, struct error *err)
{
	int rc = 0;

	while (rc == 0 && !is_finished(run, pass))
		rc = turn(run, pass, err);
	return rc;
}

/* Nothing may be read or sent any more when the uploads are freed. */
static void settle(struct run *run, struct pass *pass)
{
	run->context.is_stopping = true;
	transfer_stop(run->context.queue);
	transfer_cut(run->context.queue);
	while (work_pending(run->context.work) > 0) {
		collect_hashes(run);
		transfer_stop(run->context.queue);
		clock_sleep_ms(1);
	}
	pass_sweep(pass);
}

/* ---- one policy ---- */

static int open_context(struct run *run, const struct bucket *bucket,
			struct error *err)
{
	const struct transfer_options options = {
	    .route = run->options->route,
	    .keys = run->options->keys,
	    .patient_until_ns = run->options->patient_until_ns,
	    .concurrency = run->options->concurrency,
	    .learned = bucket->facts.concurrency,
	};

	if (run->options->dry_run || run->context.queue)
		return 0;
	run->context.queue = transfer_queue_new(&options, err);
	if (!run->context.queue)
		return err->code;
	run->context.work = work_new(run->context.hash_threads, transfer_wake,
				     run->context.queue);
	return run->context.work ? 0 : error_set_memory(err);
}

static int run_dry(struct pass *pass, struct error *err)
{
	int rc = 0;

	while (rc == 0 && pass_has_more(pass) && !stop_requested()) {
		if (pass_may_pull(pass))
			rc = pass_pull(pass, clock_real_ns(), err);
		else
			clock_sleep_ms(1); /* the customizer has its turn */
		if (rc == 0)
			rc = pass_collect(pass, SIZE_MAX, err);
	}
	return rc;
}

static int run_pass(struct run *run, struct pass *pass, struct error *err)
{
	int rc = pass_open(pass, err);

	if (rc == 0 && run->options->dry_run)
		rc = run_dry(pass, err);
	else if (rc == 0)
		rc = loop(run, pass, err);
	if (rc == 0)
		rc = pass_settle(pass, err);
	if (!run->options->dry_run &&
	    (pass->active_count > 0 || pass_is_asking(pass)))
		settle(run, pass);
	if (pass->is_partial || !pass->is_read || pass_problem(pass))
		run->is_partial = true;
	if (pass_problem(pass)) {
		run->tally.result->has_other_failure = true;
		tally_error(&run->tally, "policies[%d]: given up: %s",
			    pass->policy->position, pass_problem(pass));
	}
	if (pass->bucket->is_halted)
		tally_outcome(&run->tally, pass->bucket->halt_outcome);
	pass_close(pass);
	return rc;
}

static int find_policy_id(struct run *run, const struct policy *policy,
			  const struct bucket *bucket, int64_t *id,
			  struct error *err)
{
	const struct ledger_policy row = {
	    .fingerprint = policy->fingerprint,
	    .endpoint = bucket->place.endpoint,
	    .bucket = bucket->place.bucket,
	    .position = policy->position,
	};
	bool is_new = false;
	int rc = ledger_policy_get(run->context.ledger, &row, id, &is_new, err);

	if (rc == 0)
		run->policy_ids[policy - run->options->policies] = *id;
	return rc;
}

/* A policy that cannot run at all: it fails, the next one goes on. */
static void refuse(struct run *run, const struct policy *policy,
		   const char *reason)
{
	if (!policy->s3_bucket)
		run->tally.result->is_misconfigured = true;
	else
		run->tally.result->has_other_failure = true;
	run->is_partial = true;
	tally_error(&run->tally, "policies[%d]: %s", policy->position, reason);
}

static void run_download(struct run *run, const struct policy *policy,
			 struct bucket *bucket)
{
	const struct download_options options = {
	    .policies = run->options->policies,
	    .policy_count = run->options->policy_count,
	    .policy = policy,
	    .bucket = bucket,
	    .keys = run->options->keys,
	    .route = run->options->route,
	    .ledger = run->context.ledger,
	    .home = run->options->home,
	    .tally = &run->tally,
	};

	struct file_facts target;

	/* nobody can say what would come without asking the bucket */
	if (run->options->dry_run || !download_run(&options, &target))
		return;
	/* made just now, perhaps: the policies behind do not enter it */
	run->closed_folders[run->closed_folder_count++] =
	    (struct scan_identity){target.device, target.file_id};
}

static int run_upload(struct run *run, const struct policy *policy,
		      struct bucket *bucket, struct error *err)
{
	struct pass pass = {
	    .options = run->options,
	    .policy = policy,
	    .bucket = bucket,
	    .context = &run->context,
	    .closed_folders = run->closed_folders,
	    .closed_folder_count = run->closed_folder_count,
	    .in_doubt = run->in_doubt,
	    .was_cut_off = run->was_cut_off,
	};
	int rc = open_context(run, bucket, err);

	if (rc == 0)
		rc = find_policy_id(run, policy, bucket, &pass.policy_id, err);
	if (rc == 0)
		rc = run_pass(run, &pass, err);
	if (rc == 0 && bucket->last_answer_ns)
		bucket->facts.concurrency = transfer_window(run->context.queue);
	return rc;
}

/* Trouble with this policy alone is told and 0; what ends the run is not. */
static int run_policy(struct run *run, const struct policy *policy,
		      struct error *err)
{
	struct bucket bucket;
	struct error own = {0};
	char text[256];
	const char *reason = policy_refusal(policy, text, sizeof(text));

	if (reason) {
		refuse(run, policy, reason);
		return 0;
	}
	int rc = bucket_init(&bucket, policy, run->context.ledger, &own);
	if (rc == 0 && policy_is_download(policy))
		run_download(run, policy, &bucket);
	else if (rc == 0)
		rc = run_upload(run, policy, &bucket, &own);
	if (rc == ERROR_CONFIG) {
		run->tally.result->is_misconfigured = true;
		run->is_partial = true;
		tally_error(&run->tally, "policies[%d]: %s", policy->position,
			    own.text);
		return 0;
	}
	if (rc)
		return error_set(err, own.code, "policies[%d]: %s",
				 policy->position, own.text);
	if (run->options->dry_run)
		return 0;
	return bucket_save(&bucket, run->context.ledger, err);
}

/* ---- all of them ---- */

/* Only after a pass that saw everything are old rows of no more use. */
static int finish(struct run *run, struct error *err)
{
	struct ledger *ledger = run->context.ledger;
	bool is_complete = !run->is_partial && !run->context.is_stopping &&
			   run->tally.result->failed == 0;

	if (run->options->dry_run)
		return 0;
	int rc = ledger_policies_retire_others(ledger, run->policy_ids,
					       run->options->policy_count, err);
	if (rc == 0 && is_complete)
		rc = ledger_policies_drop_retired(ledger, err);
	if (rc == 0 && is_complete && run->in_doubt)
		rc = ledger_forget_doubt(ledger, err);
	/* after a run that was cut off each file has to be seen once */
	if (rc == 0 && (!run->was_cut_off ||
			(is_complete && run->tally.result->delayed == 0)))
		rc = ledger_sending_end(ledger, err);
	int commit_rc = ledger_commit(ledger, rc ? NULL : err);
	if (rc == 0 && commit_rc == 0 && !run->context.is_stopping)
		rc = ledger_vacuum(ledger, err);
	return rc ? rc : commit_rc;
}

static int remove_local(struct run *run, struct error *err)
{
	const struct removal_options options = {
	    .ledger = run->context.ledger,
	    .home = run->options->home,
	    .policies = run->options->policies,
	    .policy_ids = run->policy_ids,
	    .policy_count = run->options->policy_count,
	    .started_ms = run->options->started_ms,
	    .tally = &run->tally,
	};

	if (run->options->dry_run || run->context.is_stopping)
		return 0;
	return removal_run(&options, err);
}

static struct orphans_options orphans_of(const struct run *run)
{
	return (struct orphans_options){
	    .ledger = run->context.ledger,
	    .home = run->options->home,
	    .route = run->options->route,
	    .keys = run->options->keys,
	    .events = run->options->events,
	};
}

static int recover_removals(const struct run *run, struct error *err)
{
	return run->options->dry_run ? 0
				     : removal_recover(run->options->ledger,
						       run->options->home, err);
}

static int clear_intents(const struct run *run, struct error *err)
{
	const struct orphans_options orphans = orphans_of(run);

	return run->options->dry_run ? 0 : orphans_clear_intents(&orphans, err);
}

/* A policy that could not run has no id, and its uploads would be taken for
 * those of one that is gone. */
static int clear_gone(const struct run *run, struct error *err)
{
	const struct orphans_options orphans = orphans_of(run);

	if (run->options->dry_run || run->context.is_stopping ||
	    run->is_partial)
		return 0;
	return orphans_clear_gone(&orphans, run->policy_ids,
				  run->options->policy_count, err);
}

static int hash_threads(void)
{
	int cores = host_core_count();

	return cores < HASH_THREADS_CEILING ? cores : HASH_THREADS_CEILING;
}

static int close_folders(struct run *run)
{
	const struct ingest_options *options = run->options;
	size_t most = options->closed_folder_count + options->policy_count;

	run->closed_folders = calloc(most + 1, sizeof(*run->closed_folders));
	if (!run->closed_folders)
		return ERROR_LOCAL;
	for (size_t i = 0; i < options->closed_folder_count; i++)
		run->closed_folders[i] = options->closed_folders[i];
	run->closed_folder_count = options->closed_folder_count;
	return 0;
}

int ingest_run(const struct ingest_options *options,
	       struct ingest_result *result, struct error *err)
{
	struct run run = {
	    .options = options,
	    .tally = {.result = result, .events = options->events},
	    .committed_ns = clock_steady_ns(),
	    .files_most = files_most(),
	};
	int rc = 0;

	run.context.ledger = options->ledger;
	run.context.home = options->home;
	run.context.tally = &run.tally;
	run.context.hash_threads = hash_threads();
	run.context.started_ms = options->started_ms;
	upload_context_init(&run.context);
	run.policy_ids =
	    calloc(options->policy_count + 1, sizeof(*run.policy_ids));
	if (!run.policy_ids || close_folders(&run))
		rc = error_set_memory(err);
	if (rc == 0)
		rc = ledger_is_in_doubt(options->ledger, &run.in_doubt, err);
	if (rc == 0)
		rc = ledger_was_cut_off(options->ledger, &run.was_cut_off, err);
	if (rc == 0)
		rc = recover_removals(&run, err);
	if (rc == 0)
		rc = clear_intents(&run, err);
	for (size_t i = 0;
	     rc == 0 && i < options->policy_count && !run.context.is_stopping;
	     i++)
		rc = run_policy(&run, &options->policies[i], err);
	if (rc == 0)
		rc = remove_local(&run, err);
	if (rc == 0)
		rc = clear_gone(&run, err);
	if (rc == 0)
		rc = finish(&run, err);

	content_types_free(run.context.content_types);
	work_free(run.context.work);
	transfer_queue_free(run.context.queue);
	free(run.closed_folders);
	free(run.policy_ids);
	return rc;
}

void ingest_result_clear(struct ingest_result *result)
{
	for (size_t i = 0; i < result->error_count; i++)
		free(result->errors[i]);
	*result = (struct ingest_result){0};
}

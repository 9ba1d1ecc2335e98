#include "ingest/pass.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/bucket_check.h"
#include "ingest/candidate.h"
#include "ingest/customizer.h"
#include "ingest/key.h"
#include "ingest/key_owner.h"
#include "ingest/merge.h"
#include "ingest/pattern.h"
#include "ingest/policy.h"
#include "ingest/removal.h"
#include "ingest/tally.h"
#include "ingest/upload.h"
#include "ingest/walk.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000

/* ---- opening ---- */

static struct scan *open_scan(const struct pass *pass, struct error *err)
{
	const struct ingest_options *options = pass->options;
	const struct scan_options scan_options = {
	    .pattern = pass->pattern,
	    .home = options->home,
	    .follow = (enum folder_follow)pass->policy->follow_symlinks,
	    .own_files = options->own_files,
	    .own_file_count = options->own_file_count,
	    .closed_folders = pass->closed_folders,
	    .closed_folder_count = pass->closed_folder_count,
	    .home_identity = options->home_identity,
	    .is_own = options->is_own,
	};

	return scan_new(&scan_options, err);
}

static void upload_ended(struct upload *upload, void *owner)
{
	struct pass *pass = owner;

	if (upload->previous)
		upload->previous->next = upload->next;
	else if (pass->active == upload)
		pass->active = upload->next;
	if (upload->next)
		upload->next->previous = upload->previous;
	upload->previous = NULL;
	upload->next = pass->ended;
	pass->ended = upload;
	upload->is_ended = true;
}

static int open_customizer(struct pass *pass, struct error *err)
{
	const struct customizer_options options = {
	    .folder = pass->options->customizers,
	    .name = pass->policy->customizer,
	    .settings = pass->policy->customizer_settings,
	    .wake = {pass->context->queue ? transfer_wake : NULL,
		     pass->context->queue},
	    .events = pass->options->events,
	};

	pass->asked_last = &pass->asked;
	if (!options.name)
		return 0;
	pass->customizer = customizer_new(&options, err);
	return pass->customizer ? 0 : err->code;
}

static int open_check(struct pass *pass, struct error *err)
{
	if (pass->options->dry_run)
		return 0;
	pass->check = bucket_check_new(pass->bucket, pass->context->queue,
				       pass->policy->output_key_prefix);
	return pass->check ? 0 : error_set_memory(err);
}

static int64_t count_put_off(const struct pass *pass)
{
	const struct ingest_result *result = pass->context->tally->result;

	return result->delayed + result->failed;
}

int pass_open(struct pass *pass, struct error *err)
{
	gone_init(&pass->gone, pass->context->ledger, pass->options->home,
		  pass->policy_id);
	pass->put_off_before = count_put_off(pass);
	pass->context->owner = pass;
	pass->context->ended = upload_ended;
	pass->pattern = pattern_new(pass->policy->input_file_pattern, err);
	if (!pass->pattern)
		return err->code;
	pass->scan = open_scan(pass, err);
	if (!pass->scan)
		return err->code;
	int rc = ledger_rows_open(pass->context->ledger, pass->policy_id,
				  &pass->rows, err);
	if (rc == 0)
		rc = open_customizer(pass, err);
	if (rc == 0)
		rc = open_check(pass, err);
	if (rc)
		return rc;
	pass->merge = walk_new(pass->scan, pass->rows);
	return pass->merge ? 0 : error_set_memory(err);
}

void pass_sweep(struct pass *pass)
{
	while (pass->ended) {
		struct upload *upload = pass->ended;

		pass->ended = upload->next;
		pass->active_count--;
		upload_free(upload);
	}
}

void pass_close(struct pass *pass)
{
	pass_sweep(pass);
	while (pass->active) {
		struct upload *upload = pass->active;

		pass->active = upload->next;
		upload_free(upload);
	}
	customizer_free(pass->customizer);
	while (pass->asked) {
		struct candidate_kept *kept = pass->asked;

		pass->asked = kept->next;
		candidate_kept_free(kept);
	}
	bucket_check_free(pass->check);
	gone_clear(&pass->gone);
	merge_free(pass->merge);
	ledger_rows_close(pass->rows);
	scan_free(pass->scan);
	pattern_free(pass->pattern);
}

/* ---- one file ---- */

static void tell(struct pass *pass, enum event_what what,
		 const struct candidate *candidate, const char *reason)
{
	tally_file(pass->context->tally, what,
		   &(struct tally_file){
		       .name = candidate->name,
		       .key = buffer_bytes(&candidate->key),
		       .bucket = pass->bucket->place.bucket,
		       .size_bytes = candidate->file->facts.size_bytes,
		       .reason = reason,
		   });
}

static int note_pending(struct pass *pass, const struct candidate *candidate,
			enum ledger_pending_state state, const char *reason,
			struct error *err)
{
	if (pass->options->dry_run)
		return 0;
	return ledger_pending_set(
	    pass->context->ledger, pass->policy_id, candidate->name, state,
	    candidate->question.now_ns / NS_PER_MS, reason, NULL, err);
}

static int note_failed(struct pass *pass, const struct candidate *candidate,
		       const char *reason, struct error *err)
{
	tell(pass, EVENT_FAILED, candidate, reason);
	return note_pending(pass, candidate, LEDGER_FAILED, reason, err);
}

static int fail_file(struct pass *pass, const struct candidate *candidate,
		     const char *reason, struct error *err)
{
	pass->context->tally->result->has_other_failure = true;
	return note_failed(pass, candidate, reason, err);
}

/* An mtime in the future counts from when the file was first put off. */
static int find_first_sight(struct pass *pass, struct candidate *candidate,
			    struct error *err)
{
	int64_t first_ms = 0;
	bool found = false;

	if (pass->policy->delay_upload_s == 0 ||
	    candidate->file->facts.mtime_ns <= candidate->question.now_ns)
		return 0;
	int rc = ledger_pending_find(pass->context->ledger, pass->policy_id,
				     candidate->name, &first_ms, &found, err);
	if (rc == 0 && found)
		candidate->question.first_seen_ns = first_ms * NS_PER_MS;
	return rc;
}

/* The name of another file that has the key, among those on their way. */
static const char *find_active_holder(const struct pass *pass,
				      const struct candidate *candidate)
{
	struct bytes key = buffer_bytes(&candidate->key);

	for (const struct upload *u = pass->active; u; u = u->next)
		if (bytes_equal(upload_key(u), key))
			return u->name;
	const struct candidate_kept *kept = bucket_check_find(pass->check, key);

	return kept ? kept->candidate.name.data : NULL;
}

static struct key_claim claim_of(const struct pass *pass,
				 const struct candidate *candidate)
{
	return (struct key_claim){
	    .ledger = pass->context->ledger,
	    .home = pass->options->home,
	    .bucket = pass->bucket,
	    .name = candidate->name,
	    .key = buffer_bytes(&candidate->key),
	    .facts = &candidate->file->facts,
	};
}

/* A key belongs to one local file: reason is set if another one has it. */
static int find_collision(struct pass *pass, struct candidate *candidate,
			  bool *collides, struct error *err)
{
	const struct key_claim claim = claim_of(pass, candidate);
	const char *active = find_active_holder(pass, candidate);
	char *owner = NULL;
	int rc = active ? 0 : key_owner_find(&claim, &owner, err);

	*collides = active || owner;
	if (*collides)
		(void)snprintf(candidate->reason, sizeof(candidate->reason),
			       "key already used by %s",
			       active ? active : owner);
	free(owner);
	return rc;
}

static int plan_removal(struct pass *pass, const struct candidate *candidate,
			struct error *err)
{
	const struct removal_file file = {
	    .policy = pass->policy,
	    .policy_id = pass->policy_id,
	    .name = candidate->name,
	    .literal_bytes = candidate->file->literal_bytes,
	    .started_ms = pass->context->started_ms,
	};

	return removal_plan(pass->context->ledger, &file, err);
}

/* What another policy recorded for the same file and key is taken over. */
static int adopt(struct pass *pass, struct candidate *candidate, bool *adopted,
		 struct error *err)
{
	const struct key_claim claim = claim_of(pass, candidate);
	struct ledger_row row;
	int rc = key_owner_adopt(&claim, &row, adopted, err);

	/* to be removed, it needs a proof, and what the other one has is none
	 */
	if (rc == 0 && *adopted && policy_removes(pass->policy) &&
	    row.proof != LEDGER_PROOF_CHECKSUM)
		*adopted = false;
	if (rc || !*adopted)
		return rc;
	if (!pass->options->dry_run) {
		struct ledger_row copy = row;

		/* the found row's bytes end with the next ledger call */
		copy.name = claim.name;
		copy.key = claim.key;
		rc = ledger_record(pass->context->ledger, pass->policy_id,
				   &copy, err);
		if (rc == 0)
			rc = plan_removal(pass, candidate, err);
	}
	if (rc == 0)
		tell(pass, EVENT_UNCHANGED, candidate, NULL);
	return rc;
}

/* Whether the same size and an older time say too little of the object that
 * is there: it may be what we sent before the file moved. */
static int must_match(const struct pass *pass,
		      const struct candidate *candidate, bool *must,
		      struct error *err)
{
	*must = pass->in_doubt || pass->policy->compare == 1 ||
		pass->was_cut_off || policy_removes(pass->policy);
	if (*must || candidate->row)
		return 0;
	return ledger_pending_find(pass->context->ledger, pass->policy_id,
				   candidate->name, NULL, must, err);
}

static int begin_upload(struct pass *pass, const struct candidate *candidate,
			const struct bucket_listed *listed, struct error *err)
{
	bool must = false;
	int rc = must_match(pass, candidate, &must, err);
	const struct upload_file file = {
	    .policy = pass->policy,
	    .policy_id = pass->policy_id,
	    .bucket = pass->bucket,
	    .name = candidate->name,
	    .literal_bytes = candidate->file->literal_bytes,
	    .key = buffer_bytes(&candidate->key),
	    .facts = &candidate->file->facts,
	    .row = candidate->row,
	    .decision = candidate->decision,
	    .is_recheck = pass->options->recheck,
	    .must_match = must,
	    .listed = listed,
	};
	struct upload *upload = NULL;

	if (rc == 0)
		rc = upload_start(pass->context, &file, &upload, err);
	if (rc)
		return rc;
	pass->active_count++;
	if (upload->is_ended)
		return 0;
	upload->next = pass->active;
	if (pass->active)
		pass->active->previous = upload;
	pass->active = upload;
	return 0;
}

/* The file is sent at once, or it waits with many others for what the bucket
 * has. */
static int begin_or_wait(struct pass *pass, struct candidate *candidate,
			 struct error *err)
{
	if (!upload_asks(candidate->decision, candidate->row != NULL))
		return begin_upload(pass, candidate, NULL, err);
	struct candidate_kept *kept = candidate_keep(candidate);
	if (!kept)
		return error_set_memory(err);
	candidate_move_key(candidate, kept);
	bucket_check_take(pass->check, kept);
	return 0;
}

static int build_key(struct pass *pass, struct candidate *candidate,
		     bool *is_bad, struct error *err)
{
	const struct key_parts parts = {
	    .prefix = pass->policy->output_key_prefix,
	    .remove_prefix = pass->policy->input_remove_prefix,
	    .answer = candidate->answer,
	};
	struct error own = {0};
	bool was_escaped = false;

	*is_bad = false;
	if (pass->customizer && candidate->keeps_key)
		return buffer_append(&candidate->key, candidate->row->key.data,
				     candidate->row->key.size)
			   ? error_set_memory(err)
			   : 0;
	if (key_build(&parts, candidate->name, &candidate->key, &was_escaped,
		      &own)) {
		*is_bad = true;
		return fail_file(pass, candidate, own.text, err);
	}
	if (was_escaped)
		event_detail(pass->options->events,
			     "%.*s: no UTF-8, its key is %s",
			     (int)candidate->name.size, candidate->name.data,
			     candidate->key.data);
	return 0;
}

static bool has_new_key(const struct candidate *candidate)
{
	return !candidate->row ||
	       !bytes_equal(buffer_bytes(&candidate->key), candidate->row->key);
}

/* What can be done once the customizer has answered, if there is one. */
static int go_on(struct pass *pass, struct candidate *candidate,
		 struct error *err)
{
	bool is_done = false;
	int rc = build_key(pass, candidate, &is_done, err);
	bool is_new = rc == 0 && !is_done && has_new_key(candidate);

	/* its content may be known, but not as that object */
	if (is_new && candidate->decision == DECISION_TOUCHED)
		candidate->decision = DECISION_CHANGED;
	if (rc == 0 && !is_done && is_new)
		rc = find_collision(pass, candidate, &is_done, err);
	if (rc == 0 && is_done && candidate->reason[0])
		rc = fail_file(pass, candidate, candidate->reason, err);
	if (rc == 0 && !is_done && candidate->decision == DECISION_NEW &&
	    !pass->options->recheck)
		rc = adopt(pass, candidate, &is_done, err);
	if (rc || is_done)
		return rc;
	if (!pass->options->dry_run)
		return begin_or_wait(pass, candidate, err);
	char reason[256];
	tell(pass, EVENT_WOULD_UPLOAD, candidate,
	     decide_reason(&candidate->question, candidate->decision, reason,
			   sizeof(reason)));
	return 0;
}

static int ask(struct pass *pass, const struct candidate *candidate,
	       struct error *err)
{
	struct candidate_kept *kept = candidate_keep(candidate);
	struct bytes filename =
	    key_filename(pass->policy->input_remove_prefix, candidate->name);

	if (!kept)
		return error_set_memory(err);
	int rc = customizer_ask(pass->customizer, filename, kept, err);
	if (rc) {
		candidate_kept_free(kept);
		return rc;
	}
	*pass->asked_last = kept;
	pass->asked_last = &kept->next;
	return 0;
}

/* The file has to be looked at closer, or sent. */
static int take_up(struct pass *pass, struct candidate *candidate,
		   struct error *err)
{
	return pass->customizer && !candidate->keeps_key
		   ? ask(pass, candidate, err)
		   : go_on(pass, candidate, err);
}

/* One that is to be removed and has no proof yet is compared by content. */
static int handle_unchanged(struct pass *pass, struct candidate *candidate,
			    struct error *err)
{
	bool is_proven = candidate->row->proof == LEDGER_PROOF_CHECKSUM;

	candidate->keeps_key = true;
	if (pass->options->dry_run) {
		tell(pass, EVENT_UNCHANGED, candidate, NULL);
		return 0;
	}
	if (pass->options->recheck)
		return take_up(pass, candidate, err);
	if (policy_removes(pass->policy) && !is_proven) {
		candidate->decision = DECISION_NEW;
		return take_up(pass, candidate, err);
	}
	tell(pass, EVENT_UNCHANGED, candidate, NULL);
	return plan_removal(pass, candidate, err);
}

static int handle_file(struct pass *pass, struct candidate *candidate,
		       struct error *err)
{
	char reason[256];
	int rc = find_first_sight(pass, candidate, err);

	if (rc)
		return rc;
	candidate->decision = decide(&candidate->question);
	/* what the row says may have been replaced: the bucket is asked */
	if (pass->was_cut_off && candidate->decision == DECISION_TOUCHED &&
	    !pass->options->dry_run)
		candidate->decision = DECISION_NEW;
	switch (candidate->decision) {
	case DECISION_UNCHANGED:
		return handle_unchanged(pass, candidate, err);
	case DECISION_IGNORED:
		tell(pass, EVENT_IGNORED, candidate, NULL);
		return 0;
	case DECISION_DELAYED:
		(void)decide_reason(&candidate->question, DECISION_DELAYED,
				    reason, sizeof(reason));
		tell(pass, EVENT_DELAYED, candidate, reason);
		return note_pending(pass, candidate, LEDGER_DELAYED, reason,
				    err);
	case DECISION_REHASH:
		candidate->keeps_key = true;
		return take_up(pass, candidate, err);
	default:
		return take_up(pass, candidate, err);
	}
}

/* ---- the customizer's answers ---- */

/* Written down, so that it is not asked again. */
static int ignore_file(struct pass *pass, const struct candidate *candidate,
		       struct error *err)
{
	const struct file_facts *facts = &candidate->file->facts;
	const struct ledger_row row = {
	    .name = candidate->name,
	    .state = LEDGER_IGNORED,
	    .size_bytes = facts->size_bytes,
	    .mtime_ns = facts->mtime_ns,
	    .ctime_ns = facts->ctime_ns,
	    .file_id = facts->file_id,
	    .at_ms = candidate->question.now_ns / NS_PER_MS,
	};

	tell(pass, EVENT_IGNORED, candidate, NULL);
	if (pass->options->dry_run)
		return 0;
	return ledger_record(pass->context->ledger, pass->policy_id, &row, err);
}

static int handle_answer(struct pass *pass,
			 const struct customizer_answer *answer,
			 struct error *err)
{
	struct candidate_kept *kept = answer->context;
	int rc = 0;

	/* they come in order: it is the first */
	pass->asked = kept->next;
	if (!pass->asked)
		pass->asked_last = &pass->asked;
	switch (answer->says) {
	case CUSTOMIZER_KEY:
		kept->candidate.answer = answer->key;
		rc = go_on(pass, &kept->candidate, err);
		break;
	case CUSTOMIZER_IGNORES:
		rc = ignore_file(pass, &kept->candidate, err);
		break;
	case CUSTOMIZER_FAILED:
		rc = fail_file(pass, &kept->candidate, answer->reason, err);
		break;
	}
	candidate_kept_free(kept);
	return rc;
}

/* ---- the bucket's answers ---- */

/* Whether more comes from the walk or the customizer. */
static bool goes_on(const struct pass *pass)
{
	return (!pass->is_read || pass->asked) && !pass->bucket->is_halted &&
	       !pass_problem(pass);
}

static int begin_checked(struct pass *pass, size_t limit, struct error *err)
{
	bool halted = pass->bucket->is_halted;
	struct candidate_kept *kept = NULL;
	int rc = 0;

	while (rc == 0 && (pass->active_count < limit || halted) &&
	       (kept = bucket_check_next(pass->check)) != NULL) {
		if (halted)
			rc = note_failed(pass, &kept->candidate,
					 pass->bucket->halt_text, err);
		else
			rc = begin_upload(
			    pass, &kept->candidate,
			    kept->is_listed ? &kept->listed : NULL, err);
		candidate_kept_free(kept);
		pass_sweep(pass); /* what was found to be there has ended */
	}
	return rc;
}

int pass_collect(struct pass *pass, size_t limit, struct error *err)
{
	struct customizer_answer answer;
	int rc = 0;

	while (rc == 0 && pass->customizer && pass->active_count < limit &&
	       bucket_check_has_room(pass->check) &&
	       customizer_collect(pass->customizer, &answer))
		rc = handle_answer(pass, &answer, err);
	if (rc == 0)
		rc = begin_checked(pass, limit, err);
	bucket_check_turn(pass->check, !goes_on(pass));
	return rc ? rc : begin_checked(pass, limit, err);
}

const char *pass_problem(const struct pass *pass)
{
	return pass->customizer ? customizer_has_given_up(pass->customizer)
				: NULL;
}

bool pass_is_waiting(const struct pass *pass)
{
	return pass->asked && !pass_problem(pass);
}

bool pass_is_asking(const struct pass *pass)
{
	return bucket_check_is_asking(pass->check);
}

bool pass_has_more(const struct pass *pass)
{
	return goes_on(pass) || bucket_check_count(pass->check) > 0;
}

bool pass_may_pull(const struct pass *pass)
{
	if (pass->is_read || !goes_on(pass) ||
	    !bucket_check_has_room(pass->check))
		return false;
	return !pass->customizer ||
	       customizer_waiting(pass->customizer) < CUSTOMIZER_QUESTIONS;
}

static int handle_failed(struct pass *pass, const struct merge_item *item)
{
	const struct tally_file file = {
	    .name = item->name,
	    .reason = item->file->reason,
	};

	pass->is_partial = true;
	if (scan_is_missing(pass->scan)) {
		event_detail(pass->options->events, "%.*s: %s",
			     (int)item->name.size, item->name.data,
			     item->file->reason);
		return 0;
	}
	pass->context->tally->result->has_local_failure = true;
	tally_file(pass->context->tally, EVENT_FAILED, &file);
	return 0;
}

static int handle_disorder(struct pass *pass, struct candidate *candidate,
			   struct error *err)
{
	const char *reason = "the folder changed while it was listed";

	pass->is_partial = true;
	tell(pass, EVENT_DELAYED, candidate, reason);
	return note_pending(pass, candidate, LEDGER_DELAYED, reason, err);
}

int pass_settle(struct pass *pass, struct error *err)
{
	bool saw_all = pass->is_read && !pass->is_partial && !pass->asked &&
		       bucket_check_count(pass->check) == 0 &&
		       !pass->bucket->is_halted && !pass_problem(pass) &&
		       !pass->context->is_stopping;

	if (!saw_all || pass->options->dry_run)
		return 0;
	return gone_settle_pending(
	    &pass->gone, count_put_off(pass) == pass->put_off_before, err);
}

int pass_pull(struct pass *pass, struct error *err)
{
	struct merge_item item;
	int rc = merge_next(pass->merge, &item, err);
	struct candidate candidate = {
	    .name = item.name,
	    .file = item.file,
	    .row = item.row,
	};

	if (rc)
		return rc;
	pass->is_read = item.kind == MERGE_END;
	if (item.kind == MERGE_GONE)
		return gone_note(&pass->gone, item.row, err);
	if (item.kind == MERGE_END)
		return 0;
	candidate.question = (struct decide_case){
	    .facts = &item.file->facts,
	    .row = item.row,
	    .policy = pass->policy,
	    .now_ns = clock_real_ns(),
	};
	switch (item.kind) {
	case MERGE_KNOWN:
		rc = gone_note_back(&pass->gone, item.row, err);
		if (rc == 0)
			rc = handle_file(pass, &candidate, err);
		break;
	case MERGE_NEW:
		rc = handle_file(pass, &candidate, err);
		break;
	case MERGE_FAILED:
		rc = handle_failed(pass, &item);
		break;
	case MERGE_DISORDER:
		rc = handle_disorder(pass, &candidate, err);
		break;
	default:
		break;
	}
	buffer_clear(&candidate.key);
	return rc;
}

#include "ingest/pass_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/bucket_check.h"
#include "ingest/candidate.h"
#include "ingest/customizer.h"
#include "ingest/key.h"
#include "ingest/key_owner.h"
#include "ingest/pass_state.h"
#include "ingest/policy.h"
#include "ingest/removal.h"
#include "ingest/tally.h"
#include "ingest/upload.h"

#define NS_PER_MS 1000000

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

int pass_file_put_off(struct pass *pass, const struct candidate *candidate,
		      const char *reason, struct error *err)
{
	tell(pass, EVENT_DELAYED, candidate, reason);
	return note_pending(pass, candidate, LEDGER_DELAYED, reason, err);
}

int pass_file_note_failed(struct pass *pass, const struct candidate *candidate,
			  const char *reason, struct error *err)
{
	tell(pass, EVENT_FAILED, candidate, reason);
	return note_pending(pass, candidate, LEDGER_FAILED, reason, err);
}

int pass_file_fail(struct pass *pass, const struct candidate *candidate,
		   const char *reason, struct error *err)
{
	pass->context->tally->result->has_other_failure = true;
	return pass_file_note_failed(pass, candidate, reason, err);
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

int pass_file_upload(struct pass *pass, const struct candidate *candidate,
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
		return pass_file_upload(pass, candidate, NULL, err);
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
		return pass_file_fail(pass, candidate, own.text, err);
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
int pass_file_go_on(struct pass *pass, struct candidate *candidate,
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
		rc = pass_file_fail(pass, candidate, candidate->reason, err);
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
		   : pass_file_go_on(pass, candidate, err);
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

int pass_file_decide(struct pass *pass, struct candidate *candidate,
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
		return pass_file_put_off(pass, candidate, reason, err);
	case DECISION_REHASH:
		candidate->keeps_key = true;
		return take_up(pass, candidate, err);
	default:
		return take_up(pass, candidate, err);
	}
}

int pass_file_ignore(struct pass *pass, const struct candidate *candidate,
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

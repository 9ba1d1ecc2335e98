#include "ingest/pass.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/bucket_check.h"
#include "ingest/candidate.h"
#include "ingest/customizer.h"
#include "ingest/key.h"
#include "ingest/key_owner.h"
#include "ingest/merge.h"
#include "ingest/pass_file.h"
#include "ingest/pass_state.h"
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
	buffer_clear(&pass->row_key);
	scan_free(pass->scan);
	pattern_free(pass->pattern);
}

/* ---- the customizer's answers ---- */

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
		rc = pass_file_go_on(pass, &kept->candidate, err);
		break;
	case CUSTOMIZER_IGNORES:
		rc = pass_file_ignore(pass, &kept->candidate, err);
		break;
	case CUSTOMIZER_FAILED:
		rc =
		    pass_file_fail(pass, &kept->candidate, answer->reason, err);
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
			rc =
			    pass_file_note_failed(pass, &kept->candidate,
						  pass->bucket->halt_text, err);
		else
			rc = pass_file_upload(
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

/* All of a row; NULL: it was forgotten since it was read. */
static int find_row(struct pass *pass, struct bytes name,
		    const struct ledger_row **row, struct error *err)
{
	bool found = false;
	int rc = ledger_find(pass->context->ledger, pass->policy_id, name,
			     &pass->row, &found, err);

	*row = NULL;
	if (rc || !found)
		return rc;
	/* the found row's bytes end with the next ledger call */
	buffer_reset(&pass->row_key);
	if (buffer_append(&pass->row_key, pass->row.key.data,
			  pass->row.key.size))
		return error_set_memory(err);
	pass->row.name = name;
	pass->row.key = buffer_bytes(&pass->row_key);
	*row = &pass->row;
	return 0;
}

/* The run that was cut off may have replaced its object before it went. */
static int handle_gone(struct pass *pass, const struct ledger_facts *known,
		       struct error *err)
{
	const struct ledger_row *row = NULL;
	int rc = 0;

	if (pass->was_cut_off)
		rc = find_row(pass, known->name, &row, err);
	if (rc == 0 && row && row->has_sha256)
		rc = ledger_doubt_key(pass->context->ledger, row->key, NULL,
				      err);
	return rc ? rc : gone_note(&pass->gone, known, err);
}

/* Nearly all files end here: each call is felt. */
static bool is_unchanged(const struct pass *pass, const struct merge_item *item)
{
	return item->kind == MERGE_KNOWN && !pass->options->recheck &&
	       !policy_removes(pass->policy) &&
	       decide_is_unchanged(&item->file->facts, item->row, pass->policy);
}

static int handle_unchanged(struct pass *pass, const struct merge_item *item,
			    struct error *err)
{
	tally_file(pass->context->tally, EVENT_UNCHANGED,
		   &(struct tally_file){
		       .name = item->name,
		       .size_bytes = item->file->facts.size_bytes,
		   });
	return gone_note_back(&pass->gone, item->row, err);
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
	return pass_file_put_off(pass, candidate, reason, err);
}

static int handle_known(struct pass *pass, const struct ledger_facts *known,
			struct candidate *candidate, struct error *err)
{
	int rc = gone_note_back(&pass->gone, known, err);

	if (rc == 0)
		rc = find_row(pass, known->name, &candidate->row, err);
	candidate->question.row = candidate->row;
	return rc ? rc : pass_file_decide(pass, candidate, err);
}

static int handle_file(struct pass *pass, const struct merge_item *item,
		       int64_t now_ns, struct error *err)
{
	struct candidate candidate = {
	    .name = item->name,
	    .file = item->file,
	    .question =
		{
		    .facts = &item->file->facts,
		    .policy = pass->policy,
		    .now_ns = now_ns,
		},
	};
	int rc = 0;

	if (item->kind == MERGE_DISORDER)
		rc = handle_disorder(pass, &candidate, err);
	else if (item->kind == MERGE_KNOWN)
		rc = handle_known(pass, item->row, &candidate, err);
	else
		rc = pass_file_decide(pass, &candidate, err);
	buffer_clear(&candidate.key);
	return rc;
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

int pass_pull(struct pass *pass, int64_t now_ns, struct error *err)
{
	struct merge_item item;
	int rc = merge_next(pass->merge, &item, err);

	if (rc)
		return rc;
	if (is_unchanged(pass, &item))
		return handle_unchanged(pass, &item, err);
	switch (item.kind) {
	case MERGE_END:
		pass->is_read = true;
		return 0;
	case MERGE_GONE:
		return handle_gone(pass, item.row, err);
	case MERGE_FAILED:
		return handle_failed(pass, &item);
	default:
		return handle_file(pass, &item, now_ns, err);
	}
}

#include "ingest/removal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/key.h"
#include "ingest/ledger.h"
#include "ingest/pattern.h"
#include "ingest/policy.h"
#include "ingest/removal_act.h"
#include "ingest/tally.h"
#include "platform/clock.h"

#define MS_PER_S  ((int64_t)1000)
#define NS_PER_MS 1000000

enum { COMMIT_RECORDS = 256 };

/* ---- planning ---- */

/* false: at the end of this run; true: at the end of the next one. */
static int64_t delay_ms(const struct policy *policy)
{
	if (policy->delay_removal < 0)
		return 0;
	return policy->delay_removal == 0 ? 1
					  : policy->delay_removal * MS_PER_S;
}

int removal_plan(struct ledger *ledger, const struct removal_file *file,
		 struct error *err)
{
	const struct ledger_removal removal = {
	    .name = file->name,
	    .due_ms = file->started_ms + delay_ms(file->policy),
	    .literal_bytes = file->literal_bytes,
	};

	int code = 0;

	if (!policy_removes(file->policy))
		return 0;
	if (file->was_sent)
		code = ledger_removal_forget(ledger, file->policy_id,
					     file->name, err);
	return code ? code
		    : ledger_removal_plan(ledger, file->policy_id, &removal,
					  err);
}

/* ---- whether others need the file ---- */

struct run {
	const struct removal_options *options;
	struct pattern **patterns; /* of each policy; NULL: not an upload */
	bool is_begun;		   /* the ledger says that files stand aside */
	bool has_failed;	   /* one may stand aside still */
};

static int compile_patterns(struct run *run, struct error *err)
{
	const struct removal_options *options = run->options;

	if (run->patterns)
		return 0;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers */
	run->patterns = calloc(options->policy_count, sizeof(*run->patterns));
	if (!run->patterns)
		return error_set_memory(err);
	for (size_t i = 0; i < options->policy_count; i++) {
		const struct policy *policy = &options->policies[i];
		struct error own = {0};

		if (strcmp(policy->handler, "upload") != 0)
			continue;
		/* one that is no pattern matches nothing */
		run->patterns[i] =
		    pattern_new(policy->input_file_pattern, &own);
		if (!run->patterns[i] && own.code == ERROR_LOCAL)
			return error_set(err, own.code, "%s", own.text);
	}
	return 0;
}

static void run_clear(struct run *run)
{
	for (size_t i = 0; run->patterns && i < run->options->policy_count; i++)
		pattern_free(run->patterns[i]);
	free(run->patterns);
}

/* The same file as another pattern may form its name. */
static bool claims(const struct pattern *pattern, struct bytes name)
{
	bool has_dot = name.size > 2 && memcmp(name.data, "./", 2) == 0;
	bool is_relative = name.size > 0 && name.data[0] != '/';
	struct buffer dotted = {0};

	if (pattern_match(pattern, name))
		return true;
	if (has_dot)
		return pattern_match(
		    pattern, (struct bytes){name.data + 2, name.size - 2});
	if (!is_relative)
		return false;
	/* without memory the file stays: nobody knows who needs it */
	bool claimed = buffer_append_text(&dotted, "./") != 0 ||
		       buffer_append(&dotted, name.data, name.size) != 0 ||
		       pattern_match(pattern, buffer_bytes(&dotted));
	buffer_clear(&dotted);
	return claimed;
}

static bool is_proven(const struct ledger_row *row)
{
	return row->state == LEDGER_IGNORED ||
	       row->proof == LEDGER_PROOF_CHECKSUM;
}

static bool is_same_state(const struct ledger_row *row,
			  const struct file_facts *facts)
{
	return row->size_bytes == facts->size_bytes &&
	       row->mtime_ns == facts->mtime_ns &&
	       row->ctime_ns == facts->ctime_ns;
}

/* Whether every other policy that matches has the file in the same state. */
static int find_consent(struct run *run, int64_t own_id, struct bytes name,
			const struct file_facts *facts, bool *consent,
			struct error *err)
{
	const struct removal_options *options = run->options;
	int code = compile_patterns(run, err);

	*consent = true;
	for (size_t i = 0; code == 0 && *consent && i < options->policy_count;
	     i++) {
		struct ledger_row row;
		bool found = false;
		int64_t id = options->policy_ids[i];

		if (!run->patterns[i] || id == own_id ||
		    !claims(run->patterns[i], name))
			continue;
		if (id)
			code = ledger_find(options->ledger, id, name, &row,
					   &found, err);
		*consent =
		    found && is_proven(&row) && is_same_state(&row, facts);
	}
	return code;
}

/* ---- the act ---- */

/* One planned removal, its texts our own. */
struct job {
	const struct policy *policy;
	int64_t policy_id;
	char *name;
	size_t name_size;
	size_t literal_bytes;
	struct file_facts facts;
};

static struct bytes name_of(const struct job *job)
{
	return (struct bytes){job->name, job->name_size};
}

/* Segments that lead somewhere else have no place in a target. */
static int append_clean(struct buffer *target, struct bytes name)
{
	const char *end = name.data + name.size;
	bool needs_slash = false;
	int code = 0;

	for (const char *at = name.data; code == 0 && at < end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t size = (size_t)((slash ? slash : end) - at);
		bool is_step = (size == 1 && at[0] == '.') ||
			       (size == 2 && at[0] == '.' && at[1] == '.');

		if (size > 0 && !is_step) {
			if (needs_slash)
				code = buffer_append(target, "/", 1);
			if (code == 0)
				code = buffer_append(target, at, size);
			needs_slash = true;
		}
		at += size + 1;
	}
	return code;
}

static int make_target(const struct job *job, struct buffer *target)
{
	const char *folder = job->policy->move_after_upload;
	struct bytes rest =
	    key_filename(job->policy->input_remove_prefix, name_of(job));
	size_t size = strlen(folder);
	bool needs_slash =
	    !job->policy->moves_by_prefix && folder[size - 1] != '/';
	int code = buffer_append(target, folder, size);

	if (code == 0 && needs_slash)
		code = buffer_append(target, "/", 1);
	return code ? code : append_clean(target, rest);
}

static enum removal_outcome act_on(const struct run *run, const struct job *job,
				   char **moved_to, struct error *err)
{
	const struct removal_act act = {
	    .home = run->options->home,
	    .name = job->name,
	    .facts = &job->facts,
	};
	struct buffer target = {0};

	*moved_to = NULL;
	if (!job->policy->move_after_upload)
		return removal_delete(&act, job->literal_bytes, err);
	enum removal_outcome outcome = REMOVAL_FAILED;
	if (make_target(job, &target) != 0)
		(void)error_set_memory(err);
	else
		outcome = removal_move(&act, target.data, moved_to, err);
	buffer_clear(&target);
	return outcome;
}

static void tell(const struct run *run, const struct job *job,
		 enum removal_outcome outcome, const char *moved_to,
		 const struct error *problem)
{
	struct tally *tally = run->options->tally;
	const struct tally_file file = {
	    .name = name_of(job),
	    .size_bytes = job->facts.size_bytes,
	    .reason = moved_to,
	};

	if (outcome == REMOVAL_DONE) {
		tally_file(tally,
			   job->policy->move_after_upload ? EVENT_MOVED
							  : EVENT_DELETED,
			   &file);
	} else if (outcome == REMOVAL_FAILED) {
		tally->result->has_local_failure = true;
		tally_error(tally, "%s: %s: %s", job->name,
			    job->policy->move_after_upload
				? "move_after_upload"
				: "delete_after_upload",
			    problem->text);
	} else if (outcome == REMOVAL_CHANGED || outcome == REMOVAL_BUSY) {
		event_detail(tally->events, "%s: stays: %s", job->name,
			     outcome == REMOVAL_BUSY
				 ? "open for writing"
				 : "it is not the file that was uploaded");
	}
}

/* What is changed is planned anew when it was uploaded; what is busy, or
 * could not be removed, is tried again. */
static bool is_settled(enum removal_outcome outcome)
{
	return outcome == REMOVAL_DONE || outcome == REMOVAL_GONE ||
	       outcome == REMOVAL_CHANGED;
}

static int perform(struct run *run, const struct job *job, struct error *err)
{
	struct ledger *ledger = run->options->ledger;
	struct error problem = {0};
	char *moved_to = NULL;

	if (!run->is_begun && ledger_removing_begin(ledger, err) != 0)
		return err->code;
	run->is_begun = true;
	enum removal_outcome outcome = act_on(run, job, &moved_to, &problem);
	run->has_failed = run->has_failed || outcome == REMOVAL_FAILED;
	tell(run, job, outcome, moved_to, &problem);
	free(moved_to);
	if (!is_settled(outcome))
		return 0;
	int code =
	    ledger_removal_forget(ledger, job->policy_id, name_of(job), err);
	if (code == 0 && outcome == REMOVAL_DONE)
		code = ledger_gone_set(
		    ledger, job->policy_id, name_of(job),
		    &(struct ledger_gone){clock_real_ns() / NS_PER_MS, true},
		    err);
	if (code == 0 && ledger_batch_size(ledger) >= COMMIT_RECORDS)
		code = ledger_commit(ledger, err);
	return code;
}

/* ---- one planned removal after the other ---- */

/* The row that proves it; *ready false: not now. Without proof nothing is
 * planned any more: it is planned anew once there is one. */
static int prepare(struct run *run, struct job *job, bool *ready,
		   struct error *err)
{
	struct ledger *ledger = run->options->ledger;
	struct ledger_row row;
	bool found = false;
	int code = ledger_find(ledger, job->policy_id, name_of(job), &row,
			       &found, err);

	*ready = false;
	if (code)
		return code;
	if (!found || row.state == LEDGER_IGNORED || !is_proven(&row))
		return ledger_removal_forget(ledger, job->policy_id,
					     name_of(job), err);
	/* the next run compares what may have changed in the same tick */
	*ready = !row.is_racy;
	job->facts = (struct file_facts){
	    .size_bytes = row.size_bytes,
	    .mtime_ns = row.mtime_ns,
	    .ctime_ns = row.ctime_ns,
	    .file_id = row.file_id,
	};
	return *ready ? find_consent(run, job->policy_id, name_of(job),
				     &job->facts, ready, err)
		      : 0;
}

/* A time further off than the delay was set by a clock that ran ahead: the
 * delay counts from now on, for the file may neither go early nor stay for
 * years. */
static int plan_anew(const struct run *run, const struct job *job,
		     int64_t due_ms, struct error *err)
{
	const struct ledger_removal removal = {
	    .name = name_of(job),
	    .due_ms = due_ms,
	    .literal_bytes = job->literal_bytes,
	};
	struct ledger *ledger = run->options->ledger;
	int code =
	    ledger_removal_forget(ledger, job->policy_id, removal.name, err);

	return code
		   ? code
		   : ledger_removal_plan(ledger, job->policy_id, &removal, err);
}

static int work_off(struct run *run, size_t index, struct error *err)
{
	const struct removal_options *options = run->options;
	struct job job = {
	    .policy = &options->policies[index],
	    .policy_id = options->policy_ids[index],
	};
	int64_t latest_ms = options->started_ms + delay_ms(job.policy);
	struct buffer after = {0};
	bool found = true;
	int code = 0;

	while (code == 0 && found && !stop_requested()) {
		struct ledger_removal removal;
		bool ready = false;

		code = ledger_removal_next(options->ledger, job.policy_id,
					   buffer_bytes(&after), &removal,
					   &found, err);
		if (code || !found)
			break;
		buffer_reset(&after);
		if (buffer_append(&after, removal.name.data,
				  removal.name.size) != 0) {
			code = error_set_memory(err);
			break;
		}
		job.name = after.data;
		job.name_size = after.size;
		job.literal_bytes = removal.literal_bytes;
		int64_t due_ms = removal.due_ms;
		if (due_ms > latest_ms) {
			due_ms = latest_ms;
			code = plan_anew(run, &job, due_ms, err);
		}
		if (code == 0 && due_ms <= options->started_ms)
			code = prepare(run, &job, &ready, err);
		if (code == 0 && ready)
			code = perform(run, &job, err);
	}
	buffer_clear(&after);
	return code;
}

int removal_run(const struct removal_options *options, struct error *err)
{
	struct run run = {.options = options};
	/* what proves the uploads is durable before a file goes */
	int code = ledger_commit(options->ledger, err);

	for (size_t i = 0; code == 0 && i < options->policy_count; i++)
		if (options->policy_ids[i] &&
		    policy_removes(&options->policies[i]))
			code = work_off(&run, i, err);
	if (code == 0 && run.is_begun && !run.has_failed)
		code = ledger_removing_end(options->ledger, err);
	run_clear(&run);
	return code;
}

#include "ingest/download.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/tree.h"
#include "ingest/bucket.h"
#include "ingest/fetch.h"
#include "ingest/ledger.h"
#include "ingest/policy.h"
#include "ingest/tally.h"
#include "platform/clock.h"
#include "platform/folder.h"

#define NS_PER_S ((int64_t)1000000000)

static const char TEMPORARY[] = ".s3-ingestor-download";

struct download {
	const struct download_options *options;
	struct fetch *fetch;
	struct folder *target;
};

/* ---- the folder, and whether it is ours ---- */

static char *note_name(const struct policy *policy)
{
	return text_format("made %s", policy->target_directory);
}

/* A folder of another inode under the same name is not the one we made. */
static int note_made(struct download *download, struct error *err)
{
	struct file_facts facts;
	char text[32];
	char *name = note_name(download->options->policy);
	int code = name ? 0 : error_set_memory(err);
	int system_code = folder_stat_self(download->target, &facts);

	if (code == 0 && system_code)
		code = error_set_system(err, system_code, "target_directory");
	if (code == 0) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, facts.file_id);
		code =
		    ledger_note_set(download->options->ledger, name, text, err);
	}
	free(name);
	return code;
}

static int was_made(const struct download *download, bool *made,
		    struct error *err)
{
	struct file_facts facts;
	char *text = NULL;
	char *name = note_name(download->options->policy);
	int code =
	    name ? ledger_note_get(download->options->ledger, name, &text, err)
		 : error_set_memory(err);

	*made = code == 0 && text &&
		folder_stat_self(download->target, &facts) == 0 &&
		strtoull(text, NULL, 10) == facts.file_id;
	free(name);
	free(text);
	return code;
}

static int open_target(struct download *download, struct error *err)
{
	const struct folder *home = download->options->home;
	const char *path = download->options->policy->target_directory;
	bool is_new = false;
	int code = tree_make(home, path, &is_new);

	if (code == 0)
		code = folder_open(home, path, FOLDER_FOLLOW_ALL,
				   &download->target);
	if (code)
		return error_set_system(err, code, "target_directory %s", path);
	return is_new ? note_made(download, err) : 0;
}

/* ---- one file ---- */

struct job {
	const char *key;
	const char *name;
	struct s3_object_facts remote;
	bool existed;
};

static bool is_there(const struct download *download, struct job *job)
{
	struct file_facts facts;
	int code = folder_stat(download->target, job->name, FOLDER_FOLLOW_NONE,
			       &facts);

	job->existed = code == 0;
	return code == 0 && facts.type == FILE_REGULAR &&
	       facts.size_bytes == job->remote.size_bytes &&
	       facts.mtime_ns / NS_PER_S == job->remote.modified_s;
}

static int write_beside(struct download *download, const struct job *job,
			struct error *err)
{
	struct file *file = NULL;

	/* of a run that was cut off */
	(void)folder_remove_file(download->target, TEMPORARY);
	int system_code =
	    folder_create_file(download->target, TEMPORARY, &file);
	if (system_code)
		return error_set_system(err, system_code, "create it");
	int code = fetch_object(download->fetch, bytes_of_text(job->key),
				&job->remote, file, err);
	if (code == 0)
		system_code =
		    file_set_modified(file, job->remote.modified_s * NS_PER_S);
	if (code == 0 && system_code == 0)
		system_code = file_sync(file);
	file_close(file);
	return system_code ? error_set_system(err, system_code, "write it")
			   : code;
}

static int bring(struct download *download, const struct job *job,
		 struct error *err)
{
	int code = write_beside(download, job, err);

	if (code == 0) {
		int system_code =
		    folder_rename(download->target, TEMPORARY, job->name);
		if (system_code == 0)
			system_code = folder_sync(download->target);
		if (system_code)
			code = error_set_system(err, system_code, "replace it");
	}
	if (code)
		(void)folder_remove_file(download->target, TEMPORARY);
	return code;
}

static void tell(const struct download *download, enum event_what what,
		 const struct job *job, const char *reason)
{
	const struct download_options *options = download->options;
	char *name = files_join(options->policy->target_directory, job->name);
	const struct tally_file file = {
	    .name = bytes_of_text(name ? name : job->name),
	    .key = bytes_of_text(job->key),
	    .bucket = options->bucket->place.bucket,
	    .size_bytes = job->remote.size_bytes,
	    .reason = reason,
	};

	tally_file(options->tally, what, &file);
	free(name);
}

static void note_failure(const struct download_options *options, int code)
{
	struct tally *tally = options->tally;
	struct ingest_result *result = tally->result;

	if (code == ERROR_REFUSED)
		result->is_refused = true;
	else if (code == ERROR_UNREACHABLE)
		result->is_unreachable = true;
	else if (code == ERROR_LOCAL)
		result->has_local_failure = true;
	else
		result->has_other_failure = true;
}

static void run_job(struct download *download, struct job *job)
{
	struct tally *tally = download->options->tally;
	struct error problem = {0};
	int code = fetch_head(download->fetch, bytes_of_text(job->key),
			      &job->remote, &problem);

	if (code == 0 && is_there(download, job)) {
		tell(download, EVENT_UNCHANGED, job, NULL);
		return;
	}
	if (code == 0)
		code = bring(download, job, &problem);
	if (code == ERROR_STOPPED) {
		tally->result->is_stopped = true;
		return;
	}
	if (code) {
		note_failure(download->options, code);
		tell(download, EVENT_FAILED, job, problem.text);
		return;
	}
	tell(download, job->existed ? EVENT_UPDATED : EVENT_ADDED, job, NULL);
}

/* ---- what is left over ---- */

/* Whether any policy that brings files into this folder names it. */
static bool is_wanted(const struct download_options *options, const char *name)
{
	for (size_t i = 0; i < options->policy_count; i++) {
		const struct policy *policy = &options->policies[i];

		if (!policy_is_download(policy) ||
		    strcmp(policy->target_directory,
			   options->policy->target_directory) != 0)
			continue;
		const char *key;

		for (size_t k = 0; (key = policy_file_key(policy, k)); k++)
			if (strcmp(policy_file_name(key), name) == 0)
				return true;
	}
	return false;
}

static void delete_one(struct download *download, const char *name)
{
	const struct job job = {.key = "", .name = name};
	int code = folder_remove_file(download->target, name);

	if (code == 0) {
		tell(download, EVENT_DELETED, &job, NULL);
		return;
	}
	struct error problem = {0};
	(void)error_set_system(&problem, code, "delete_leftovers");
	download->options->tally->result->has_local_failure = true;
	tally_error(download->options->tally, "%s/%s: %s",
		    download->options->policy->target_directory, name,
		    problem.text);
}

static int delete_leftovers(struct download *download, struct error *err)
{
	struct folder_listing listing = {0};
	bool made = false;
	int code = was_made(download, &made, err);

	if (code || !made)
		return code;
	int system_code = folder_list(download->target, 0, &listing);
	for (size_t i = 0; system_code == 0 && i < listing.count; i++) {
		const struct folder_entry *entry = &listing.entries[i];
		struct file_facts facts = {.type = entry->type};

		if (entry->type == FILE_UNKNOWN)
			(void)folder_stat(download->target, entry->name,
					  FOLDER_FOLLOW_NONE, &facts);
		if (facts.type == FILE_REGULAR &&
		    !is_wanted(download->options, entry->name))
			delete_one(download, entry->name);
	}
	folder_listing_clear(&listing);
	return system_code ? error_set_system(
				 err, system_code, "target_directory %s",
				 download->options->policy->target_directory)
			   : 0;
}

/* ---- the policy ---- */

static int run(struct download *download, struct error *err)
{
	const struct download_options *options = download->options;
	const char *key;
	const struct fetch_options fetch = {
	    .route = options->route,
	    .keys = options->keys,
	    .bucket = options->bucket,
	};
	int code = open_target(download, err);

	if (code)
		return code;
	download->fetch = fetch_new(&fetch, err);
	if (!download->fetch)
		return ERROR_LOCAL;
	for (size_t i = 0;
	     !stop_requested() && (key = policy_file_key(options->policy, i));
	     i++) {
		struct job job = {.key = key, .name = policy_file_name(key)};

		run_job(download, &job);
	}
	if (options->policy->delete_leftovers && !stop_requested())
		code = delete_leftovers(download, err);
	return code;
}

bool download_run(const struct download_options *options,
		  struct file_facts *target)
{
	struct download download = {.options = options};
	struct error problem = {0};
	int code = run(&download, &problem);

	if (code) {
		note_failure(options, code);
		tally_error(options->tally, "policies[%d]: %s",
			    options->policy->position, problem.text);
	}
	bool has_target =
	    download.target && folder_stat_self(download.target, target) == 0;
	fetch_free(download.fetch);
	folder_close(download.target);
	return has_target;
}

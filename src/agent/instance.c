#include "agent/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/document.h"
#include "agent/trial.h"
#include "base/event.h"
#include "base/files.h"
#include "base/json.h"
#include "ingest/ledger.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"

#define NS_PER_MS 1000000

#define DAY_NS ((int64_t)24 * 3600 * 1000 * 1000 * 1000)

/* A mothership gets a sentence, not a book. */
enum { OWED_CEILING_BYTES = 2000 };

static const char NOTE_GOOD_CONFIG[] = "last_good_config";
static const char NOTE_OWED[] = "owed_error";
static const char NOTE_TRIAL[] = "connection_trial";

/* ---- opening and closing ---- */

static int make_home(const char *home, struct error *err)
{
	int system_code = file_make_folder(home);

	if (system_code == 0 || system_code == EEXIST)
		return 0;
	return error_set_system(err, system_code, "%s", home);
}

static int refuse_lock(const char *path, struct error *err)
{
	int64_t taken_ns = 0;
	bool is_old = lock_taken_ns(path, &taken_ns) == 0 &&
		      clock_real_ns() - taken_ns > DAY_NS;

	return error_set(err, ERROR_LATER, "another run holds %s%s", path,
			 is_old ? ", for over a day" : "");
}

static int take_lock(struct instance *instance, int64_t wait_ms,
		     struct error *err)
{
	const char *path = instance->paths.lock;
	int system_code = lock_take(path, wait_ms, &instance->lock);

	if (system_code == EWOULDBLOCK)
		return refuse_lock(path, err);
	if (system_code != 0) {
		(void)error_set_system(err, system_code, "%s", path);
		return ERROR_LOCAL;
	}
	return 0;
}

static int open_ledger(struct instance *instance, bool read_only,
		       struct error *err)
{
	bool was_corrupt = false;
	const char *path = instance->paths.ledger;
	int code =
	    ledger_open(path, read_only, &instance->ledger, &was_corrupt, err);

	if (code == 0 && was_corrupt)
		event_problem(instance->events,
			      "%s was damaged: it is kept as %s.bad, and the "
			      "files are compared with the bucket again",
			      path, path);
	return code;
}

int instance_open(struct instance *instance,
		  const struct instance_options *options, struct error *err)
{
	*instance = (struct instance){.events = options->events};
	int code =
	    paths_init(&instance->paths, options->home, options->prefix, err);
	if (code == 0 && !options->read_only)
		code = make_home(options->home, err);
	if (code == 0 && !options->read_only)
		code = take_lock(instance, options->wait_ms, err);
	instance->started_ms = clock_real_ns() / NS_PER_MS;
	if (code == 0)
		code = open_ledger(instance, options->read_only, err);
	if (code == 0)
		code = ledger_note_get(instance->ledger, NOTE_OWED,
				       &instance->owed_error, err);
	instance->owed_is_noted = instance->owed_error != NULL;
	return code;
}

int instance_close(struct instance *instance, struct error *err)
{
	int code = 0;

	if (instance->lock && instance->ledger &&
	    (instance->owed_error || instance->owed_is_noted))
		code = ledger_note_set(instance->ledger, NOTE_OWED,
				       instance->owed_error, err);
	int closed = ledger_close(instance->ledger, err);
	lock_release(instance->lock);
	json_decref(instance->config);
	settings_clear(&instance->settings);
	context_clear(&instance->context);
	free(instance->owed_error);
	paths_clear(&instance->paths);
	*instance = (struct instance){0};
	return code ? code : closed;
}

/* ---- config and context ---- */

bool instance_config_is_broken(const struct instance *instance)
{
	return instance->config_problem.code != ERROR_NONE;
}

/* Put a config into force; it must be good. Takes the reference. */
static int use_config_take(struct instance *instance, json_t *config,
			   struct error *err)
{
	struct settings settings = {0};
	int code =
	    settings_load(config, instance->paths.prefix, &settings, err);

	if (code != 0) {
		settings_clear(&settings);
		json_decref(config);
		return code;
	}
	settings_clear(&instance->settings);
	json_decref(instance->config);
	instance->settings = settings;
	instance->config = config;
	return 0;
}

static int note_good_config(struct instance *instance, struct error *err)
{
	struct buffer text = {0};

	if (!instance->lock) /* read only */
		return 0;
	int code = json_append(instance->config, false, &text, err);
	if (code == 0)
		code = ledger_note_set(instance->ledger, NOTE_GOOD_CONFIG,
				       text.data, err);
	buffer_wipe(&text); /* it may hold a token */
	return code;
}

static int use_last_good_config(struct instance *instance, struct error *err)
{
	char *text = NULL;
	int code =
	    ledger_note_get(instance->ledger, NOTE_GOOD_CONFIG, &text, err);
	json_t *config =
	    text ? json_parse_object(bytes_of_text(text), NULL) : NULL;

	free(text);
	if (code != 0)
		return code;
	if (!config || use_config_take(instance, config, NULL) != 0)
		return error_set(err, ERROR_CONFIG, "%s",
				 instance->config_problem.text);
	return 0;
}

static int load_config(struct instance *instance, struct error *err)
{
	struct error problem = {0};
	const char *path = instance->paths.config;
	json_t *config = NULL;
	int code = document_load(path, &config, &problem);

	if (code == ERROR_MISSING) {
		error_clear(&problem);
		config = json_object();
		code = config ? 0 : error_set_memory(&problem);
	}
	if (code == 0) {
		code = use_config_take(instance, config, &problem);
		(void)error_prefix(&problem, "%s", path);
	}
	if (code == 0)
		return note_good_config(instance, err);
	if (code != ERROR_INVALID && code != ERROR_CONFIG)
		return error_set(err, problem.code, "%s", problem.text);
	instance->config_problem = problem;
	instance->config_problem.code = ERROR_CONFIG;
	return use_last_good_config(instance, err);
}

int instance_load(struct instance *instance, struct error *err)
{
	struct error reason = {0};
	int code = load_config(instance, err);

	if (code == 0)
		code = context_load(instance->paths.context, &instance->context,
				    &reason, err);
	if (code == 0 && instance->context.is_broken) {
		event_problem(instance->events, "%s", reason.text);
		code = instance_owe_error(instance, reason.text, err);
	}
	return code;
}

/* ---- connection settings on trial ---- */

static int get_trial(struct instance *instance, json_t **trial,
		     struct error *err)
{
	char *text = NULL;
	int code = ledger_note_get(instance->ledger, NOTE_TRIAL, &text, err);

	*trial = text ? json_parse_object(bytes_of_text(text), NULL) : NULL;
	free(text);
	return code;
}

static int set_trial(struct instance *instance, const json_t *trial,
		     struct error *err)
{
	struct buffer text = {0};
	int code = trial ? json_append(trial, false, &text, err) : 0;

	if (code == 0)
		code = ledger_note_set(instance->ledger, NOTE_TRIAL, text.data,
				       err);
	buffer_wipe(&text); /* a proxy may have a password */
	return code;
}

/* The proven settings must be durable before the file loses them. */
static int begin_trial(struct instance *instance, const json_t *changed,
		       struct error *err)
{
	json_t *running = NULL;
	struct error problem = {0};
	int code = get_trial(instance, &running, err);
	json_t *trial = NULL;

	if (code == 0) {
		trial =
		    trial_begin(running, instance->config, changed, &problem);
		code = (int)problem.code;
	}
	if (code == 0 && (trial || running)) {
		bool is_same = running && trial &&
			       json_equal(json_object_get(running, "new"),
					  json_object_get(trial, "new")) == 1;
		if (!is_same)
			code = set_trial(instance, trial, err);
		if (code == 0 && !is_same)
			code = ledger_commit(instance->ledger, err);
	}
	if (problem.code)
		code = error_set(err, problem.code, "%s", problem.text);
	json_decref(running);
	json_decref(trial);
	return code;
}

static int put_config_take(struct instance *instance, json_t *config,
			   struct error *err)
{
	int code = document_save(instance->paths.config, config, err);

	if (code != 0) {
		json_decref(config);
		return code;
	}
	instance->config_generation++;
	code = use_config_take(instance, config, err);
	return code ? code : note_good_config(instance, err);
}

int instance_change_config_take(struct instance *instance, json_t *config,
				struct error *err)
{
	int code = begin_trial(instance, config, err);

	if (code != 0) {
		json_decref(config);
		return code;
	}
	return put_config_take(instance, config, err);
}

static int restore_proven(struct instance *instance, const json_t *trial,
			  struct error *err)
{
	json_t *config = trial_restore(trial, instance->config, err);

	if (!config)
		return ERROR_LOCAL;
	int code = put_config_take(instance, config, err);
	if (code == 0)
		code = set_trial(instance, NULL, err);
	if (code == 0)
		code = instance_owe_error(
		    instance,
		    "the connection settings that came last got no good "
		    "reply in 3 runs: the ones before are restored",
		    err);
	return code;
}

int instance_trial_begin_run(struct instance *instance, struct error *err)
{
	json_t *trial = NULL;
	int code = get_trial(instance, &trial, err);

	if (code != 0 || !trial || instance_config_is_broken(instance))
		goto cleanup;
	if (!trial_is_about(trial, instance->config)) {
		code = set_trial(instance, NULL, err);
	} else if (trial_runs(trial) >= TRIAL_RUNS) {
		code = restore_proven(instance, trial, err);
	} else {
		(void)trial_count_run(trial); /* it is in the note */
		code = set_trial(instance, trial, err);
	}
cleanup:
	json_decref(trial);
	return code;
}

int instance_trial_failed(struct instance *instance, struct error *err)
{
	json_t *trial = NULL;
	int code = get_trial(instance, &trial, err);

	if (code == 0 && trial && !instance_config_is_broken(instance) &&
	    trial_runs(trial) >= TRIAL_RUNS)
		code = restore_proven(instance, trial, err);
	json_decref(trial);
	return code;
}

int instance_trial_passed(struct instance *instance, struct error *err)
{
	return set_trial(instance, NULL, err);
}

/* ---- errors owed ---- */

int instance_owe_error(struct instance *instance, const char *text,
		       struct error *err)
{
	const char *before = instance->owed_error;

	if (before && strstr(before, text))
		return 0;
	char *joined =
	    before ? text_format("%s; %s", before, text) : text_dup(text);
	if (!joined)
		return error_set_memory(err);
	if (strlen(joined) > OWED_CEILING_BYTES)
		joined[OWED_CEILING_BYTES] = '\0';
	free(instance->owed_error);
	instance->owed_error = joined;
	return 0;
}

void instance_forget_owed(struct instance *instance)
{
	free(instance->owed_error);
	instance->owed_error = NULL;
}

#include "agent/apply.h"

#include <stdlib.h>
#include <string.h>

#include "agent/document.h"
#include "agent/instance.h"
#include "agent/keys.h"
#include "agent/reply.h"
#include "agent/settings_merge.h"
#include "base/event.h"
#include "base/files.h"
#include "base/json.h"
#include "platform/clock.h"

/* What a reply will do, worked out before anything is written. */
struct plan {
	struct reply reply;
	struct settings_merged merged;
	bool changes_config;
	bool changes_keys;
	char *keys_path;
};

static void plan_clear(struct plan *plan)
{
	reply_clear(&plan->reply);
	settings_merged_clear(&plan->merged);
	free(plan->keys_path);
}

/* ---- config ---- */

/* Keys would be written over it. */
static int check_keys_file(const struct instance *instance,
			   const char *keys_path, struct error *err)
{
	const struct paths *paths = &instance->paths;
	const char *const taken[] = {paths->config, paths->context,
				     paths->reply, paths->ledger, paths->lock};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(taken[i], keys_path) == 0)
			return error_set(err, ERROR_CONFIG,
					 "aws_keys_file: %s has another use",
					 keys_path);
	return 0;
}

static char *keys_path_of(const struct instance *instance, const json_t *config)
{
	const char *name = json_member_text(config, "aws_keys_file");

	if (!name || name[0] == '\0')
		name = NULL;
	while (name && strncmp(name, "./", 2) == 0)
		name += 2;
	if (name)
		return paths_in_home(&instance->paths, name);
	char *standard = text_format("%s-keys.json", instance->paths.prefix);
	char *path =
	    standard ? paths_in_home(&instance->paths, standard) : NULL;
	free(standard);
	return path;
}

static int merge_config(const struct instance *instance, struct plan *plan,
			struct error *err)
{
	const struct settings_patch patch = {
	    .config = instance->config,
	    .patch = plan->reply.config,
	    .prefix = instance->paths.prefix,
	};

	int code = settings_merge(&patch, &plan->merged, err);
	if (code != 0)
		return code;
	char *keys_path = keys_path_of(instance, plan->merged.config);
	if (!keys_path)
		return error_set_memory(err);
	code = check_keys_file(instance, keys_path, err);
	free(keys_path);
	return code;
}

/* A config that would not work is noted, and the rest of the reply goes on. */
static int plan_config(const struct instance *instance, struct plan *plan,
		       struct applied *applied, struct error *err)
{
	struct error problem = {0};

	/* a file that cannot be used is left as it is; the first POST says so
	 */
	if (!plan->reply.config || instance_config_is_broken(instance))
		return 0;
	int code = merge_config(instance, plan, &problem);
	if (code == ERROR_CONFIG) {
		applied->config_problem = problem;
		settings_merged_clear(&plan->merged);
		return 0;
	}
	if (code != 0)
		return error_set(err, problem.code, "%s", problem.text);
	plan->changes_config =
	    json_equal(plan->merged.config, instance->config) != 1;
	return 0;
}

/* ---- keys ---- */

static int plan_keys(const struct instance *instance, struct plan *plan,
		     struct applied *applied, struct error *err)
{
	const json_t *config =
	    plan->merged.config ? plan->merged.config : instance->config;

	if (!plan->reply.keys)
		return 0;
	if (keys_check(plan->reply.keys, &applied->keys_problem) != 0) {
		(void)error_prefix(&applied->keys_problem, "aws_keys");
		return 0;
	}
	plan->keys_path = keys_path_of(instance, config);
	if (!plan->keys_path)
		return error_set_memory(err);
	plan->changes_keys =
	    keys_would_change(plan->keys_path, plan->reply.keys);
	return 0;
}

/* ---- the commit ---- */

static bool changes_anything(const struct instance *instance,
			     const struct plan *plan)
{
	return plan->changes_config || plan->changes_keys ||
	       json_equal(plan->reply.context, instance->context.stored) != 1;
}

static int owe_left_out(struct instance *instance, const struct plan *plan,
			struct error *err)
{
	struct buffer text = {0};
	const json_t *names = plan->merged.left_out;
	int code = 0;

	if (json_array_size(names) == 0)
		return 0;
	code = buffer_append_text(&text, "settings left out:");
	for (size_t i = 0; code == 0 && i < json_array_size(names); i++)
		code = buffer_append_format(
		    &text, "%s %s", i ? "," : "",
		    json_string_value(json_array_get(names, i)));
	if (code == 0)
		code = instance_owe_error(instance, text.data, err);
	else
		code = error_set_memory(err);
	buffer_clear(&text);
	return code;
}

static int put_keys(struct instance *instance, const struct plan *plan,
		    struct error *err)
{
	bool changed = false;

	if (!plan->changes_keys)
		return 0;
	int code = keys_save(plan->keys_path, plan->reply.keys, &changed, err);
	if (code == 0) {
		instance->keys_generation++;
		instance->keys_came_ns = clock_steady_ns();
	}
	return code;
}

static int put_all(struct instance *instance, const struct plan *plan,
		   struct error *err)
{
	int code = put_keys(instance, plan, err);

	if (code == 0 && plan->changes_config)
		code = instance_change_config_take(
		    instance, json_incref(plan->merged.config), err);
	if (code == 0)
		code = context_save_take(instance->paths.context,
					 &instance->context,
					 json_incref(plan->reply.context), err);
	return code;
}

static int commit(struct instance *instance, const json_t *object,
		  const struct plan *plan, struct error *err)
{
	const char *path = instance->paths.reply;
	int code = 0;

	if (!changes_anything(instance, plan))
		return put_all(instance, plan, err);
	code = document_save(path, object, err);
	if (code == 0)
		code = put_all(instance, plan, err);
	if (code == 0)
		code = files_remove(path, err);
	return code;
}

int apply_reply(struct instance *instance, const json_t *object,
		struct applied *applied, struct error *err)
{
	struct plan plan = {0};
	const struct reply_rules rules = {
	    .protocol = (enum protocol)instance->settings.protocol,
	    .old_state = context_state(&instance->context),
	};

	*applied = (struct applied){0};
	int code = reply_take(object, &rules, &plan.reply, err);
	if (code == 0)
		code = plan_config(instance, &plan, applied, err);
	if (code == 0)
		code = plan_keys(instance, &plan, applied, err);
	if (code == 0)
		code = commit(instance, object, &plan, err);
	if (code == 0)
		code = owe_left_out(instance, &plan, err);
	applied->actions = json_incref(plan.reply.actions);
	plan_clear(&plan);
	return code;
}

void applied_clear(struct applied *applied)
{
	json_decref(applied->actions);
	*applied = (struct applied){0};
}

/* ---- after a run that was cut off ---- */

static int owe_problems(struct instance *instance, struct applied *applied,
			struct error *err)
{
	struct error *config = &applied->config_problem;
	int code = 0;

	if (config->code) {
		(void)error_prefix(config, "config");
		code = instance_owe_error(instance, config->text, err);
	}
	if (code == 0 && applied->keys_problem.code)
		code = instance_owe_error(instance, applied->keys_problem.text,
					  err);
	return code;
}

int apply_left_reply(struct instance *instance, struct error *err)
{
	struct error problem = {0};
	struct applied applied = {0};
	json_t *object = NULL;
	int code = document_load(instance->paths.reply, &object, &problem);

	if (code == ERROR_MISSING)
		return 0;
	if (code == ERROR_INVALID) {
		event_problem(instance->events, "%s", problem.text);
		return files_set_aside(instance->paths.reply, err);
	}
	if (code != 0)
		return error_set(err, problem.code, "%s", problem.text);
	code = apply_reply(instance, object, &applied, err);
	/* it was saved, so it may stay only as long as it is needed */
	if (code == 0)
		code = files_remove(instance->paths.reply, err);
	if (code == 0)
		code = owe_problems(instance, &applied, err);
	applied_clear(&applied);
	json_decref(object);
	return code;
}

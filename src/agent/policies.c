#include "agent/policies.h"

#include <stdlib.h>

#include "agent/instance.h"
#include "agent/keys.h"
#include "agent/own_files.h"
#include "agent/route.h"
#include "ingest/customizer_files.h"
#include "ingest/policy.h"
#include "platform/folder.h"

#define NS_PER_S INT64_C(1000000000)

/* All that one run of the policies borrows. */
struct parts {
	struct policy *policies;
	size_t count;
	struct keys keys;
	struct own_files own;
	struct folder *home;
	struct file_facts home_facts;
	struct route route;
	char *customizers;
};

static void parts_clear(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		policy_clear(&parts->policies[i]);
	free(parts->policies);
	keys_clear(&parts->keys);
	own_files_clear(&parts->own);
	folder_close(parts->home);
	route_clear(&parts->route);
	free(parts->customizers);
}

static int load_policies(const struct instance *instance, struct parts *parts,
			 struct error *err)
{
	const json_t *list = instance->settings.policies;
	const struct policy_defaults defaults =
	    settings_policy_defaults(&instance->settings);
	size_t count = json_array_size(list);
	int code = 0;

	if (count == 0)
		return 0;
	parts->policies = calloc(count, sizeof(*parts->policies));
	if (!parts->policies)
		return error_set_memory(err);
	while (code == 0 && parts->count < count) {
		size_t i = parts->count++;
		code = policy_load(json_array_get(list, i), (int)i, &defaults,
				   &parts->policies[i], err);
	}
	return code;
}

/* ---- what customizers are told ---- */

/* All settings with the policy's on top, without secrets, on one line. */
static char *make_settings(const json_t *report, const json_t *policy)
{
	/* the library asks for no const here, and changes nothing of it */
	json_t *settings = json_copy((json_t *)(uintptr_t)report);
	char *text = NULL;

	if (settings &&
	    json_object_update(settings, (json_t *)(uintptr_t)policy) == 0)
		text = json_dumps(settings, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(settings);
	return text;
}

static bool has_customizer(const struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->policies[i].customizer)
			return true;
	return false;
}

static int add_customizers(const struct instance *instance, struct parts *parts,
			   struct error *err)
{
	const struct settings *settings = &instance->settings;
	char digest[HASH_HEX_BYTES];

	if (!has_customizer(parts))
		return 0;
	parts->customizers =
	    paths_in_home(&instance->paths, settings->customizers_path);
	if (!parts->customizers)
		return error_set_memory(err);
	int code = customizer_files_digest(parts->customizers, digest, err);
	if (code != 0)
		return error_prefix(err, "customizers");
	json_t *report = settings_report(settings, err);
	if (!report)
		return err->code;
	for (size_t i = 0; code == 0 && i < parts->count; i++)
		if (parts->policies[i].customizer)
			code = policy_add_customizer_take(
			    &parts->policies[i],
			    make_settings(
				report, json_array_get(settings->policies, i)),
			    digest, err);
	json_decref(report);
	return code;
}

static int check_bucket(const struct instance *instance,
			const struct parts *parts, struct error *err)
{
	for (size_t i = 0; i < parts->count; i++)
		if (parts->policies[i].s3_bucket)
			return 0;
	if (parts->count == 0)
		return 0;
	return error_set(err, ERROR_CONFIG, "s3_bucket is not set in %s",
			 instance->paths.config);
}

static int load_keys(const struct instance *instance, struct parts *parts,
		     struct error *err)
{
	char *path =
	    paths_in_home(&instance->paths, instance->settings.aws_keys_file);

	if (!path)
		return error_set_memory(err);
	int code = keys_load(path, &parts->keys, err);
	free(path);
	return code;
}

static int open_home(const struct instance *instance, struct parts *parts,
		     struct error *err)
{
	const char *home = instance->paths.home;
	int system_code =
	    folder_open(NULL, home, FOLDER_FOLLOW_ALL, &parts->home);

	if (system_code == 0)
		system_code = folder_stat_self(parts->home, &parts->home_facts);
	if (system_code != 0)
		return error_set_system(err, system_code, "%s", home);
	return own_files_find(&instance->paths, &instance->settings,
			      parts->home, &parts->own, err);
}

static int64_t patient_until_ns(const struct instance *instance)
{
	if (instance->keys_came_ns == 0)
		return 0;
	return instance->keys_came_ns +
	       instance->settings.iam_reset_period_s * NS_PER_S;
}

static int run(struct instance *instance,
	       const struct policies_options *options, struct parts *parts,
	       struct ingest_result *result, struct error *err)
{
	const struct s3_key_source keys = keys_source(&parts->keys);
	const struct ingest_options ingest = {
	    .policies = parts->policies,
	    .policy_count = parts->count,
	    .keys = options->dry_run ? NULL : &keys,
	    .route = &parts->route.http,
	    .ledger = instance->ledger,
	    .home = parts->home,
	    .own_files = parts->own.files,
	    .own_file_count = parts->own.file_count,
	    .closed_folders = parts->own.folders,
	    .closed_folder_count = parts->own.folder_count,
	    .home_identity = {parts->home_facts.device,
			      parts->home_facts.file_id},
	    .is_own = paths_is_own,
	    .customizers = parts->customizers,
	    .patient_until_ns = patient_until_ns(instance),
	    .concurrency = (int)instance->settings.s3_concurrency,
	    .started_ms = instance->started_ms,
	    .dry_run = options->dry_run,
	    .recheck = options->recheck,
	    .events = instance->events,
	};

	return ingest_run(&ingest, result, err);
}

int policies_run(struct instance *instance,
		 const struct policies_options *options,
		 struct ingest_result *result, bool *ran, struct error *err)
{
	struct parts parts = {0};

	*result = (struct ingest_result){0};
	*ran = false;
	int code = load_policies(instance, &parts, err);
	if (code == 0)
		code = add_customizers(instance, &parts, err);
	if (code == 0)
		code = check_bucket(instance, &parts, err);
	if (code == 0 && !options->dry_run && parts.count > 0)
		code = load_keys(instance, &parts, err);
	if (code == 0)
		code = open_home(instance, &parts, err);
	if (code == 0)
		code = route_init_s3(&parts.route, instance, err);
	if (code == 0) {
		*ran = true;
		code = run(instance, options, &parts, result, err);
	}
	parts_clear(&parts);
	return code;
}

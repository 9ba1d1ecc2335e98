#include "agent/settings_merge.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "agent/settings.h"
#include "base/json.h"

/* The library has no way to walk a const object; nothing is changed. */
static json_t *walkable(const json_t *value)
{
	return (json_t *)(uintptr_t)value;
}

bool settings_path_is_inside(const char *path)
{
	if (path[0] == '\0' || strchr("/\\", path[0]) ||
	    (isalpha((unsigned char)path[0]) && path[1] == ':'))
		return false;
	while (*path) {
		size_t length = strcspn(path, "/\\");
		if (length == 2 && path[0] == '.' && path[1] == '.')
			return false;
		path += length;
		path += strspn(path, "/\\");
	}
	return true;
}

static bool is_locked(const json_t *config, const char *key)
{
	const json_t *locked = json_object_get(config, "locked_settings");

	for (size_t i = 0; i < json_array_size(locked); i++) {
		const char *name = json_string_value(json_array_get(locked, i));
		if (name && strcmp(name, key) == 0)
			return true;
	}
	return false;
}

/* Why a key is not taken from outside; NULL if it is. */
static const char *why_left_out(const json_t *config, const char *key)
{
	const struct field *field = settings_find(key);

	if (field && (field->flags & SETTING_LOCAL))
		return "local only";
	return is_locked(config, key) ? "locked" : NULL;
}

/* Whether a value says what holds without it. */
static bool holds_anyway(const struct settings_patch *patch, const char *key,
			 const json_t *value)
{
	const struct field *field = settings_find(key);
	const json_t *stored = json_object_get(patch->config, key);
	const struct settings_scope scope =
	    settings_scope_of(patch->config, patch->prefix);

	if (stored)
		return json_equal(stored, value) == 1;
	return json_is_null(value) ||
	       (field && settings_is_default(field, value, &scope));
}

static int leave_out(struct settings_merged *merged, const char *key,
		     const char *why, struct error *err)
{
	json_t *text = json_sprintf("%s (%s)", key, why);

	if (json_array_append_new(merged->left_out, text) != 0)
		return error_set_memory(err);
	return 0;
}

static int check_path(const char *name, const json_t *value, struct error *err)
{
	const char *path = json_string_value(value);

	if (!path || path[0] == '\0' || settings_path_is_inside(path))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "%s: set from outside it must lie in the home folder",
			 name);
}

/* A policy has a target folder of its own. */
static int check_policy_paths(const json_t *policies, struct error *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < json_array_size(policies); i++) {
		const json_t *policy = json_array_get(policies, i);
		code = check_path("target_directory",
				  json_object_get(policy, "target_directory"),
				  err);
		if (code != 0)
			(void)error_prefix(err, "policies[%zu]", i);
	}
	return code;
}

static int check_paths(const char *key, const json_t *value, struct error *err)
{
	const struct field *field = settings_find(key);

	if (strcmp(key, "policies") == 0)
		return check_policy_paths(value, err);
	if (field && (field->flags & SETTING_HOME_PATH))
		return check_path(key, value, err);
	return 0;
}

static int merge_key(const struct settings_patch *patch, const char *key,
		     json_t *value, struct settings_merged *merged,
		     struct error *err)
{
	const char *why = why_left_out(patch->config, key);

	if (why && holds_anyway(patch, key, value))
		return 0;
	if (why)
		return leave_out(merged, key, why, err);
	int code = check_paths(key, value, err);
	if (code != 0)
		return code;
	if (json_is_null(value)) {
		/* fails only if it is not there */
		(void)json_object_del(merged->config, key);
		return 0;
	}
	return json_set_take(merged->config, key, json_deep_copy(value), err);
}

/* Last, since what is a default depends on the other settings. */
static void remove_defaults(const struct settings_patch *patch, json_t *merged)
{
	const struct settings_scope scope =
	    settings_scope_of(merged, patch->prefix);
	const char *key;
	json_t *value;

	json_object_foreach (walkable(patch->patch), key, value) {
		const struct field *field = settings_find(key);
		const json_t *now = json_object_get(merged, key);
		if (field && now && !why_left_out(patch->config, key) &&
		    settings_is_default(field, now, &scope))
			(void)json_object_del(merged, key); /* it is there */
	}
}

static int check_outcome(const struct settings_patch *patch,
			 const json_t *config, struct error *err)
{
	struct settings settings = {0};
	int code = settings_load(config, patch->prefix, &settings, err);

	settings_clear(&settings);
	return code;
}

int settings_merge(const struct settings_patch *patch,
		   struct settings_merged *merged, struct error *err)
{
	const char *key;
	json_t *value;
	int code = 0;

	*merged = (struct settings_merged){0};
	if (!json_is_object(patch->patch))
		return error_set(err, ERROR_CONFIG,
				 "config: it is not an object");
	merged->config = json_deep_copy(patch->config);
	merged->left_out = json_array();
	if (!merged->config || !merged->left_out)
		return error_set_memory(err);

	json_object_foreach (walkable(patch->patch), key, value) {
		code = merge_key(patch, key, value, merged, err);
		if (code != 0)
			return code;
	}
	code = check_outcome(patch, merged->config, err);
	if (code == 0)
		remove_defaults(patch, merged->config);
	return code;
}

void settings_merged_clear(struct settings_merged *merged)
{
	json_decref(merged->config);
	json_decref(merged->left_out);
	*merged = (struct settings_merged){0};
}

#include "agent/keys.h"

#include <stdint.h>
#include <string.h>

#include "agent/document.h"
#include "base/files.h"
#include "base/json.h"
#include "platform/system.h"

/* The fields that belong to one set of keys and go with it. */
static const char *const fields[] = {"access_key_id", "secret_access_key",
				     "session_token", "expiration"};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]), REQUIRED_COUNT = 2 };

/* A header is made of them, and a signature. */
static bool is_usable(const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || text[0] == '\0' ||
	    strlen(text) != json_string_length(value))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

int keys_check(const json_t *object, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, ERROR_INVALID, "it is not an object");
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const json_t *value = json_object_get(object, fields[i]);
		if (i >= REQUIRED_COUNT && (!value || json_is_null(value)))
			continue;
		/* "" for no token is common */
		if (i >= REQUIRED_COUNT && json_is_string(value) &&
		    json_string_length(value) == 0)
			continue;
		if (!value)
			return error_set(err, ERROR_INVALID, "%s is missing",
					 fields[i]);
		if (!is_usable(value))
			return error_set(err, ERROR_INVALID,
					 "%s is not a usable text", fields[i]);
	}
	return 0;
}

static json_t *from_environment(void)
{
	const char *id = system_environment("AWS_ACCESS_KEY_ID");
	const char *secret = system_environment("AWS_SECRET_ACCESS_KEY");
	const char *token = system_environment("AWS_SESSION_TOKEN");

	if (!id || !secret)
		return NULL;
	return json_pack("{s:s,s:s,s:s*}", "access_key_id", id,
			 "secret_access_key", secret, "session_token", token);
}

static int refuse_file(const char *path, const struct error *problem,
		       struct error *err)
{
	if (problem->code == ERROR_LOCAL)
		return error_set(err, ERROR_LOCAL, "%s", problem->text);
	if (problem->code == ERROR_MISSING)
		return error_set(err, ERROR_REFUSED,
				 "no S3 credentials: there is no %s, and "
				 "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
				 "are not set",
				 path);
	return error_set(err, ERROR_REFUSED, "S3 credentials: %s",
			 problem->text);
}

int keys_load(const char *path, struct keys *keys, struct error *err)
{
	struct error problem = {0};

	*keys = (struct keys){0};
	int code = document_load(path, &keys->stored, &problem);
	if (code == ERROR_MISSING) {
		keys->stored = from_environment();
		if (keys->stored)
			return 0;
	} else if (code == 0 && keys_check(keys->stored, &problem) != 0) {
		(void)error_prefix(&problem, "%s", path);
		keys_clear(keys);
	}
	return keys->stored ? 0 : refuse_file(path, &problem, err);
}

/* The library gives no other way to its memory. */
static void wipe_text(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text)
		system_wipe((void *)(uintptr_t)text, json_string_length(value));
}

static void free_wiped(json_t *object)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		wipe_text(json_object_get(object, fields[i]));
	json_decref(object);
}

void keys_clear(struct keys *keys)
{
	free_wiped(keys->stored);
	*keys = (struct keys){0};
}

struct s3_keys keys_view(const struct keys *keys)
{
	return (struct s3_keys){
	    .access_key_id = json_member_text(keys->stored, fields[0]),
	    .secret_access_key = json_member_text(keys->stored, fields[1]),
	    .session_token = json_member_text(keys->stored, fields[2]),
	};
}

/* What the file will hold; *old is what it holds, NULL if that is nothing
 * that could be kept. */
static json_t *merged_with_file(const char *path, const json_t *object,
				json_t **old, struct error *problem)
{
	json_t *merged = NULL;

	if (document_load(path, old, problem) == 0)
		merged = json_deep_copy(*old);
	else
		merged = json_object();
	for (size_t i = 0; i < FIELD_COUNT; i++)
		/* fails only if it is not there */
		(void)json_object_del(merged, fields[i]);
	json_t *fresh = json_deep_copy(object);
	int failed = json_object_update(merged, fresh);
	json_decref(fresh); /* its texts live on in merged */
	if (!failed)
		return merged;
	free_wiped(merged);
	return NULL;
}

int keys_save(const char *path, const json_t *object, bool *changed,
	      struct error *err)
{
	struct error problem = {0};
	json_t *old = NULL;
	json_t *merged = merged_with_file(path, object, &old, &problem);
	int code = merged ? 0 : error_set_memory(err);

	*changed = false;
	if (code == 0 && (!old || json_equal(old, merged) != 1)) {
		*changed = true;
		if (problem.code == ERROR_INVALID)
			code = files_set_aside(path, err);
		if (code == 0)
			code = document_save(path, merged, err);
	}
	free_wiped(old);
	free_wiped(merged);
	return code;
}

bool keys_would_change(const char *path, const json_t *object)
{
	json_t *old = NULL;
	json_t *merged = merged_with_file(path, object, &old, NULL);
	bool same = old && merged && json_equal(old, merged) == 1;

	free_wiped(old);
	free_wiped(merged);
	return !same;
}

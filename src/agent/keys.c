#include "agent/keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/document.h"
#include "base/files.h"
#include "base/json.h"
#include "platform/clock.h"
#include "platform/system.h"
#include "s3/s3_credentials_find.h"
#include "s3/s3_time.h"

#define NS_PER_S INT64_C(1000000000)

/* The fields that belong to one set of keys and go with it. */
static const char *const fields[] = {"access_key_id", "secret_access_key",
				     "session_token", "expiration"};

/* Keys that end within SOON_S are looked for again, each PATIENCE_S. */
enum { SOON_S = 5 * 60, PATIENCE_S = 60 };

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

static int refuse_file(const struct error *problem, struct error *err)
{
	if (problem->code == ERROR_LOCAL)
		return error_set(err, ERROR_LOCAL, "%s", problem->text);
	return error_set(err, ERROR_REFUSED, "S3 credentials: %s",
			 problem->text);
}

static int look_around(struct keys *keys, struct error *err)
{
	struct error problem = {0};
	int code = s3_credentials_find(&keys->found, &problem);

	if (code == ERROR_MISSING)
		return error_set(err, ERROR_REFUSED,
				 "no S3 credentials: there is no %s; %s",
				 keys->path, problem.text);
	if (code)
		return error_set(err, problem.code, "%s", problem.text);
	keys->view = s3_credentials_view(&keys->found);
	return 0;
}

/* Into keys that hold nothing but their path. */
static int load(struct keys *keys, struct error *err)
{
	struct error problem = {0};
	int code = document_load(keys->path, &keys->stored, &problem);

	keys->looked_ns = clock_steady_ns();
	if (code == ERROR_MISSING)
		return look_around(keys, err);
	if (code == 0 && keys_check(keys->stored, &problem) != 0) {
		(void)error_prefix(&problem, "%s", keys->path);
		code = problem.code;
	}
	if (code)
		return refuse_file(&problem, err);
	keys->view = (struct s3_keys){
	    .access_key_id = json_member_text(keys->stored, fields[0]),
	    .secret_access_key = json_member_text(keys->stored, fields[1]),
	    .session_token = json_member_text(keys->stored, fields[2]),
	};
	return 0;
}

int keys_load(const char *path, struct keys *keys, struct error *err)
{
	*keys = (struct keys){.path = text_dup(path)};
	return keys->path ? load(keys, err) : error_set_memory(err);
}

void keys_clear(struct keys *keys)
{
	free(keys->path);
	free_wiped(keys->stored);
	s3_credentials_clear(&keys->found);
	*keys = (struct keys){0};
}

/* ---- keys that end ---- */

static bool ends_soon(const struct keys *keys)
{
	int64_t expires_s = keys->found.expires_s;
	const char *text = json_member_text(keys->stored, fields[3]);

	if (keys->stored && (!text || !s3_time_parse(text, &expires_s)))
		return false;
	return expires_s > 0 && expires_s - clock_real_ns() / NS_PER_S < SOON_S;
}

static const struct s3_keys *get(void *context)
{
	struct keys *keys = context;
	struct keys fresh;
	struct error ignored = {0};

	if (!ends_soon(keys) ||
	    clock_steady_ns() - keys->looked_ns < PATIENCE_S * NS_PER_S)
		return &keys->view;
	keys->looked_ns = clock_steady_ns();
	if (keys_load(keys->path, &fresh, &ignored) != 0) {
		/* S3 decides how long the old ones do */
		keys_clear(&fresh);
		return &keys->view;
	}
	keys_clear(keys);
	*keys = fresh;
	return &keys->view;
}

struct s3_key_source keys_source(struct keys *keys)
{
	return (struct s3_key_source){.get = get, .context = keys};
}

/* ---- the file ---- */

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

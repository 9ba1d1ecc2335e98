#include "agent/trial.h"

#include "agent/settings.h"
#include "base/json.h"

/* The settings on trial as they stand in a config; absent ones are null. */
static json_t *connection_of(const json_t *config, struct error *err)
{
	size_t count;
	const struct field *table = settings_table(&count);
	json_t *values = json_object();

	for (size_t i = 0; values && i < count; i++) {
		if (!(table[i].flags & SETTING_CONNECTION))
			continue;
		json_t *value = json_object_get(config, table[i].name);
		value = value ? json_deep_copy(value) : json_null();
		if (json_set_take(values, table[i].name, value, NULL) == 0)
			continue;
		json_decref(values);
		values = NULL;
	}
	if (!values)
		(void)error_set_memory(err); /* NULL is the answer */
	return values;
}

json_t *trial_begin(const json_t *running, const json_t *config,
		    const json_t *changed, struct error *err)
{
	json_t *old = running ? json_deep_copy(json_object_get(running, "old"))
			      : connection_of(config, err);
	json_t *new = connection_of(changed, err);
	json_t *trial = NULL;

	if (old && new && !json_equal(old, new)) {
		trial = json_pack("{s:O,s:O,s:i}", "old", old, "new", new,
				  "runs", 0);
		if (!trial)
			(void)error_set_memory(err); /* NULL is the answer */
	}
	json_decref(old);
	json_decref(new);
	return trial;
}

bool trial_is_about(const json_t *trial, const json_t *config)
{
	json_t *now = connection_of(config, NULL);
	bool same = now && json_equal(now, json_object_get(trial, "new")) == 1;

	json_decref(now);
	return same;
}

int trial_runs(const json_t *trial)
{
	return (int)json_integer_value(json_object_get(trial, "runs"));
}

int trial_count_run(json_t *trial)
{
	int runs = trial_runs(trial) + 1;

	/* fails only if it is not there */
	(void)json_integer_set(json_object_get(trial, "runs"), runs);
	return runs;
}

json_t *trial_restore(const json_t *trial, const json_t *config,
		      struct error *err)
{
	json_t *restored = json_deep_copy(config);
	int code = restored ? 0 : error_set_memory(err);
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(trial, "old"), key, value) {
		if (code != 0)
			break;
		if (json_is_null(value))
			/* fails only if it is not there */
			(void)json_object_del(restored, key);
		else
			code = json_set_take(restored, key,
					     json_deep_copy(value), err);
	}
	if (code == 0)
		return restored;
	json_decref(restored);
	return NULL;
}

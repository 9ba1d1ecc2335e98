#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "agent/keys.h"
#include "agent/reply.h"
#include "agent/settings.h"
#include "agent/settings_merge.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* What was taken into the stored config must work when it is loaded. */
static void load_merged(const struct settings_merged *merged)
{
	struct settings settings;
	struct error err = {0};

	require(settings_load(merged->config, "fuzz", &settings, &err) == 0);
	json_t *report = settings_report(&settings, &err);
	require(report != NULL);
	require(!json_object_get(report, "api_token"));
	json_decref(report);
	settings_clear(&settings);
}

static void merge(const json_t *config)
{
	json_t *stored = json_pack("{s:s,s:[s]}", "s3_bucket", "b",
				   "locked_settings", "s3_region");
	const struct settings_patch patch = {
	    .config = stored,
	    .patch = config,
	    .prefix = "fuzz",
	};
	struct settings_merged merged = {0};
	struct error err = {0};
	int code = settings_merge(&patch, &merged, &err);

	require(code == (int)err.code);
	if (code == 0) {
		require(!json_object_get(merged.config, "s3_region"));
		require(!json_object_get(merged.config, "allow_executables"));
		load_merged(&merged);
	}
	settings_merged_clear(&merged);
	json_decref(stored);
}

static void take(const json_t *object, enum protocol protocol)
{
	const struct reply_rules rules = {
	    .protocol = protocol,
	    .old_state = "configured",
	};
	struct reply reply = {0};
	struct error err = {0};

	require(reply_take(object, &rules, &reply, &err) == 0);
	require(json_is_array(reply.actions));
	for (size_t i = 0; i < json_array_size(reply.actions); i++)
		require(json_is_string(json_array_get(reply.actions, i)));
	if (reply.config)
		merge(reply.config);
	if (reply.keys)
		(void)keys_check(reply.keys, &err); /* it only judges */
	reply_clear(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	json_t *object =
	    json_parse_object((struct bytes){(const char *)data, size}, &err);

	if (!object)
		return 0;
	take(object, PROTOCOL_DOCUMENTED);
	take(object, PROTOCOL_NODE);
	json_decref(object);
	return 0;
}

#include "check.h"

#include "agent/settings_merge.h"
#include "base/json.h"

static json_t *parse(const char *text)
{
	json_t *value = json_parse(bytes_of_text(text), NULL);
	CHECK(value != NULL);
	return value;
}

static void check_json(const json_t *value, const char *wanted)
{
	struct buffer text = {0};

	if (value)
		CHECK_INT(json_append(value, false, &text, NULL), 0);
	CHECK_TEXT(text.data, wanted);
	buffer_clear(&text);
}

struct merge_case {
	const char *config;
	const char *patch;
	const char *merged;   /* NULL: refused */
	const char *left_out; /* or how the text of the refusal begins */
};

static void check_case(const struct merge_case *c)
{
	json_t *config = parse(c->config);
	json_t *patch = parse(c->patch);
	const struct settings_patch input = {config, patch, "P"};
	struct settings_merged merged;
	struct error err = {0};
	int code = settings_merge(&input, &merged, &err);

	if (c->merged) {
		if (!CHECK_INT(code, 0))
			(void)printf("# %s\n", err.text);
		check_json(merged.config, c->merged);
		check_json(merged.left_out, c->left_out);
	} else {
		CHECK_INT(code, ERROR_CONFIG);
		if (!CHECK(strncmp(err.text, c->left_out,
				   strlen(c->left_out)) == 0))
			(void)printf("# %s\n", err.text);
	}
	check_json(config, c->config); /* neither is changed */
	check_json(patch, c->patch);
	settings_merged_clear(&merged);
	json_decref(config);
	json_decref(patch);
}

#define CHECK_CASES(cases)                                                     \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++)        \
	check_case(&(cases)[i])

static void values_are_stored_removed_and_kept_in_order(void)
{
	static const struct merge_case cases[] = {
	    {"{}", "{}", "{}", "[]"},
	    {"{\"host_dns\":\"m\"}", "{\"s3_bucket\":\"b\"}",
	     "{\"host_dns\":\"m\",\"s3_bucket\":\"b\"}", "[]"},
	    {"{\"s3_bucket\":\"a\",\"host_dns\":\"m\"}",
	     "{\"s3_bucket\":\"b\"}",
	     "{\"s3_bucket\":\"b\",\"host_dns\":\"m\"}", "[]"},
	    {"{\"s3_bucket\":\"a\",\"host_dns\":\"m\"}", "{\"s3_bucket\":null}",
	     "{\"host_dns\":\"m\"}", "[]"},
	    {"{\"s3_region\":\"x\",\"debug\":true}",
	     "{\"s3_region\":\"us-east-1\",\"debug\":false}", "{}", "[]"},
	    {"{}", "{\"s3_timeout\":300000.0}", "{}", "[]"},
	    {"{\"mine\":1}", "{\"theirs\":[1]}", "{\"mine\":1,\"theirs\":[1]}",
	     "[]"},
	    {"{\"mine\":1}", "{\"mine\":null,\"nothing\":null}", "{}", "[]"},
	    {"{}", "{\"aws_keys_file\":\"P-keys.json\"}", "{}", "[]"},
	    {"{\"policies\":[{\"delay_upload\":5}]}", "{\"policies\":[{}]}",
	     "{}", "[]"},
	    {"{\"policies\":[{\"delay_upload\":5}]}", "{\"policies\":[]}",
	     "{\"policies\":[]}", "[]"},
	    {"{\"policies\":[{\"delay_upload\":5},{}]}",
	     "{\"policies\":[{\"delay_upload\":6}]}",
	     "{\"policies\":[{\"delay_upload\":6}]}", "[]"},
	};
	CHECK_CASES(cases);
}

static void the_default_port_follows_the_service(void)
{
	static const struct merge_case cases[] = {
	    {"{}", "{\"host_port\":443}", "{}", "[]"},
	    {"{}", "{\"host_port\":80}", "{\"host_port\":80}", "[]"},
	    {"{\"host_service\":\"http\"}", "{\"host_port\":80}",
	     "{\"host_service\":\"http\"}", "[]"},
	    {"{}", "{\"host_port\":443,\"host_service\":\"http\"}",
	     "{\"host_port\":443,\"host_service\":\"http\"}", "[]"},
	};
	CHECK_CASES(cases);
}

static void a_config_that_would_not_work_is_refused_whole(void)
{
	static const struct merge_case cases[] = {
	    {"{}", "[]", NULL, "config"},
	    {"{}", "\"x\"", NULL, "config"},
	    {"{}", "{\"s3_bucket\":\"b\",\"s3_timeout\":\"x\"}", NULL,
	     "s3_timeout"},
	    {"{}", "{\"heartbeat_period\":-1}", NULL, "heartbeat_period"},
	    {"{}", "{\"policies\":[{\"force_upload\":\"x\"}]}", NULL,
	     "policies[0].force_upload"},
	    {"{}", "{\"aws_keys_file\":\"/etc/k\"}", NULL, "aws_keys_file"},
	    {"{}", "{\"aws_keys_file\":\"../k\"}", NULL, "aws_keys_file"},
	    {"{}", "{\"customizers_path\":\"a/../../b\"}", NULL,
	     "customizers_path"},
	    {"{}", "{\"target_directory\":\"..\"}", NULL, "target_directory"},
	    {"{}", "{\"metrics_file\":\"/m\"}", NULL, "metrics_file"},
	    {"{}", "{\"policies\":[{\"target_directory\":\"/etc\"}]}", NULL,
	     "policies[0]: target_directory"},
	};
	CHECK_CASES(cases);
}

static void locked_and_local_keys_are_left_out_and_listed(void)
{
	static const struct merge_case cases[] = {
	    {"{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\"}",
	     "{\"s3_bucket\":\"b\",\"debug\":true}",
	     "{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\","
	     "\"debug\":true}",
	     "[\"s3_bucket (locked)\"]"},
	    {"{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\"}",
	     "{\"s3_bucket\":null}",
	     "{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\"}",
	     "[\"s3_bucket (locked)\"]"},
	    {"{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\"}",
	     "{\"s3_bucket\":\"a\"}",
	     "{\"locked_settings\":[\"s3_bucket\"],\"s3_bucket\":\"a\"}", "[]"},
	    {"{}",
	     "{\"locked_settings\":[],\"allow_executables\":true,"
	     "\"allow_plain_http\":false}",
	     "{}", "[\"allow_executables (local only)\"]"},
	    /* a left out value is not looked at */
	    {"{}", "{\"allow_plain_http\":\"x\"}", "{}",
	     "[\"allow_plain_http (local only)\"]"},
	};
	CHECK_CASES(cases);
}

static void a_path_is_inside_or_not(void)
{
	static const struct {
		const char *path;
		bool is_inside;
	} cases[] = {
	    {"a", true},     {"a/b", true},	 {"a/", true},
	    {"./a", true},   {"..a", true},	 {"a..", true},
	    {"a/...", true}, {"", false},	 {"/", false},
	    {"/a", false},   {"..", false},	 {"../a", false},
	    {"a/..", false}, {"a//../b", false}, {"a\\..\\b", false},
	    {"\\a", false},  {"C:\\a", false},	 {"c:a", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(settings_path_is_inside(cases[i].path) ==
			   cases[i].is_inside))
			(void)printf("# %s\n", cases[i].path);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(values_are_stored_removed_and_kept_in_order),
	    CHECK_TEST(the_default_port_follows_the_service),
	    CHECK_TEST(a_config_that_would_not_work_is_refused_whole),
	    CHECK_TEST(locked_and_local_keys_are_left_out_and_listed),
	    CHECK_TEST(a_path_is_inside_or_not),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdlib.h>

#include "agent/settings.h"
#include "base/json.h"

static int load(const char *text, struct settings *settings, struct error *err)
{
	json_t *config = json_parse(bytes_of_text(text), NULL);
	CHECK(config != NULL);
	int code = settings_load(config, "P", settings, err);
	json_decref(config);
	return code;
}

static void an_empty_config_is_all_defaults(void)
{
	struct settings s = {0};

	CHECK_INT(load("{}", &s, NULL), 0);
	CHECK_TEXT(s.api_host, "127.0.0.1");
	CHECK_INT(s.api_port, 4567);
	CHECK_INT(s.host_service, SETTINGS_HTTPS);
	CHECK_TEXT(s.host_dns, NULL);
	CHECK_TEXT(s.host_uri, "/ingestor");
	CHECK_INT(s.host_port, 443);
	CHECK_INT(s.host_timeout_s, 30);
	CHECK_INT(s.heartbeat_period_s, 3600);
	CHECK_TEXT(s.aws_keys_file, "P-keys.json");
	CHECK_INT(s.iam_reset_period_s, 20);
	CHECK_TEXT(s.s3_region, "us-east-1");
	CHECK_INT(s.s3_timeout_ms, 300000);
	CHECK_INT(s.s3_concurrency, 0);
	CHECK_INT(s.s3_part_size_bytes, 8 * 1024 * 1024);
	CHECK_TEXT(s.s3_customizers_prefix, "code/P/customizers/");
	CHECK_TEXT(s.customizers_path, "customizers/");
	CHECK_TEXT(s.default_policy_handler, "upload");
	CHECK_TEXT(s.target_directory, "downloads");
	CHECK(!settings_policy_defaults(&s).moves_by_prefix);
	CHECK_INT(s.protocol, PROTOCOL_DOCUMENTED);
	CHECK_INT(json_array_size(s.policies), 1);
	CHECK_INT(json_array_size(s.locked_settings), 0);
	settings_clear(&s);
}

static void some_defaults_depend_on_other_settings(void)
{
	struct settings s = {0};

	CHECK_INT(
	    load("{\"host_service\":\"http\",\"protocol\":\"node\"}", &s, NULL),
	    0);
	CHECK_INT(s.host_port, 80);
	CHECK_INT(json_array_size(s.policies), 0);
	CHECK(settings_policy_defaults(&s).moves_by_prefix);
	settings_clear(&s);
}

static void what_cannot_work_is_refused_by_its_name(void)
{
	static const struct {
		const char *config;
		const char *name;
	} cases[] = {
	    {"{\"debug\":1}", "debug"},
	    {"{\"host_service\":\"ftp\"}", "host_service"},
	    {"{\"host_dns\":5}", "host_dns"},
	    {"{\"host_dns\":\"a/b\"}", "host_dns"},
	    {"{\"host_dns\":\"a b\"}", "host_dns"},
	    {"{\"host_dns\":\"u@a\"}", "host_dns"},
	    {"{\"host_uri\":\"\"}", "host_uri"},
	    {"{\"host_uri\":\"x\"}", "host_uri"},
	    {"{\"host_uri\":\"/a\\n\"}", "host_uri"},
	    {"{\"host_port\":0}", "host_port"},
	    {"{\"host_port\":65536}", "host_port"},
	    {"{\"host_timeout\":\"30\"}", "host_timeout"},
	    {"{\"heartbeat_period\":0}", "heartbeat_period"},
	    {"{\"s3_concurrency\":257}", "s3_concurrency"},
	    {"{\"s3_concurrency\":\"many\"}", "s3_concurrency"},
	    {"{\"s3_part_size\":5242879}", "s3_part_size"},
	    {"{\"s3_addressing\":\"dns\"}", "s3_addressing"},
	    {"{\"compare\":\"md5\"}", "compare"},
	    {"{\"protocol\":\"x\"}", "protocol"},
	    {"{\"policies\":{}}", "policies"},
	    {"{\"policies\":[1]}", "policies"},
	    {"{\"policies\":[{},{\"delay_upload\":\"x\"}]}",
	     "policies[1].delay_upload"},
	    {"{\"locked_settings\":[1]}", "locked_settings"},
	    {"{\"bandwidth_limit\":0}", "bandwidth_limit"},
	    {"{\"bandwidth_limit\":-1}", "bandwidth_limit"},
	    {"{\"bandwidth_limit\":1.5}", "bandwidth_limit"},
	    {"{\"bandwidth_limit\":\"fast\"}", "bandwidth_limit"},
	    {"{\"metrics_file\":\"m\"}", "metrics_file"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings s = {0};
		struct error err = {0};
		bool good =
		    CHECK_INT(load(cases[i].config, &s, &err), ERROR_CONFIG);
		good &= CHECK(strncmp(err.text, cases[i].name,
				      strlen(cases[i].name)) == 0);
		if (!good)
			(void)printf("# %s: %s\n", cases[i].config, err.text);
		settings_clear(&s);
	}
}

static void null_and_an_empty_text_are_none(void)
{
	struct settings s = {0};

	CHECK_INT(load("{\"s3_endpoint\":\"\",\"s3_bucket\":null,"
		       "\"aws_keys_file\":\"\",\"bandwidth_limit\":null}",
		       &s, NULL),
		  0);
	CHECK_TEXT(s.s3_endpoint, NULL);
	CHECK_TEXT(s.s3_bucket, NULL);
	CHECK_TEXT(s.aws_keys_file, "P-keys.json");
	settings_clear(&s);
}

static void a_bandwidth_limit_is_a_number_and_reported(void)
{
	struct settings s = {0};

	CHECK_INT(load("{\"bandwidth_limit\":104857600}", &s, NULL), 0);
	CHECK_INT(s.bandwidth_limit_bytes_per_s, 104857600);
	json_t *report = settings_report(&s, NULL);
	CHECK_INT(
	    json_integer_value(json_object_get(report, "bandwidth_limit")),
	    104857600);
	json_decref(report);
	settings_clear(&s);
}

static void the_url_of_the_mothership_has_all_its_parts(void)
{
	static const struct {
		const char *config;
		const char *url;
		bool is_plain;
	} cases[] = {
	    {"{\"host_dns\":\"m.example\"}", "https://m.example:443/ingestor",
	     false},
	    {"{\"host_dns\":\"m\",\"host_service\":\"http\",\"host_uri\":"
	     "\"/a?b=c\"}",
	     "http://m:80/a?b=c", true},
	    {"{\"host_dns\":\"::1\",\"host_service\":\"http\",\"host_port\":"
	     "8080}",
	     "http://[::1]:8080/ingestor", false},
	    {"{\"host_dns\":\"127.0.0.1\",\"host_service\":\"http\"}",
	     "http://127.0.0.1:80/ingestor", false},
	    {"{\"host_dns\":\"localhost\",\"host_service\":\"http\"}",
	     "http://localhost:80/ingestor", false},
	    {"{\"host_dns\":\"127.0.0.1.example.org\",\"host_service\":"
	     "\"http\"}",
	     "http://127.0.0.1.example.org:80/ingestor", true},
	    {"{\"host_dns\":\"10.0.0.1\",\"host_service\":\"http\"}",
	     "http://10.0.0.1:80/ingestor", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings s = {0};
		CHECK_INT(load(cases[i].config, &s, NULL), 0);
		char *url = settings_mothership_url(&s);
		CHECK_TEXT(url, cases[i].url);
		CHECK_INT(settings_is_plain(&s), cases[i].is_plain);
		free(url);
		settings_clear(&s);
	}
}

static void a_report_holds_every_setting_and_no_secret(void)
{
	struct settings s = {0};
	size_t count;
	const struct field *table = settings_table(&count);

	CHECK_INT(load("{\"api_token\":\"s3cret\",\"proxy\":"
		       "\"http://u:s3cret@p:3128/\",\"s3_endpoint\":"
		       "\"https://e/a@b\"}",
		       &s, NULL),
		  0);
	json_t *report = settings_report(&s, NULL);
	struct buffer text = {0};
	CHECK_INT(json_append(report, false, &text, NULL), 0);
	CHECK(strstr(text.data, "s3cret") == NULL);
	CHECK_TEXT(json_member_text(report, "proxy"), "http://p:3128/");
	CHECK_TEXT(json_member_text(report, "s3_endpoint"), "https://e/a@b");
	CHECK(json_is_null(json_object_get(report, "bandwidth_limit")));
	CHECK_INT(json_object_size(report), count - 1);
	CHECK(table[0].name != NULL);
	buffer_clear(&text);
	json_decref(report);
	settings_clear(&s);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(an_empty_config_is_all_defaults),
	    CHECK_TEST(some_defaults_depend_on_other_settings),
	    CHECK_TEST(what_cannot_work_is_refused_by_its_name),
	    CHECK_TEST(null_and_an_empty_text_are_none),
	    CHECK_TEST(a_bandwidth_limit_is_a_number_and_reported),
	    CHECK_TEST(the_url_of_the_mothership_has_all_its_parts),
	    CHECK_TEST(a_report_holds_every_setting_and_no_secret),
	};
	return CHECK_RUN(tests);
}

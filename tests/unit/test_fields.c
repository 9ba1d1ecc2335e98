#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/fields.h"
#include "base/json.h"

struct sample {
	bool debug;
	int64_t host_port;
	char *host_dns;
	char *host_uri;
	int addressing;
	int64_t concurrency;
	int64_t delay_removal;
	int64_t delay_upload;
	int follow;
	json_t *locked;
	json_t *labels;
	json_t *policies;
	int untouched;
};

static const char *const addressings[] = {"auto", "path", "virtual", NULL};

static const struct field table[] = {
    {"debug", FIELD_BOOL, offsetof(struct sample, debug), 0, 0, NULL, "true",
     0},
    {"host_port", FIELD_INTEGER, offsetof(struct sample, host_port), 1, 65535,
     NULL, "443", 0},
    {"host_dns", FIELD_TEXT, offsetof(struct sample, host_dns), 0, 0, NULL,
     NULL, 0},
    {"host_uri", FIELD_TEXT, offsetof(struct sample, host_uri), 0, 0, NULL,
     "\"/ingestor\"", 0},
    {"addressing", FIELD_CHOICE, offsetof(struct sample, addressing), 0, 0,
     addressings, "\"path\"", 0},
    {"concurrency", FIELD_NUMBER_OR_AUTO, offsetof(struct sample, concurrency),
     1, 256, NULL, "\"auto\"", 0},
    {"delay_removal", FIELD_BOOL_OR_NUMBER,
     offsetof(struct sample, delay_removal), 1, 100, NULL, "false", 0},
    {"delay_upload", FIELD_BOOL_OR_NUMBER,
     offsetof(struct sample, delay_upload), 1, 100, NULL, NULL, 0},
    {"follow", FIELD_FOLLOW, offsetof(struct sample, follow), 0, 0, NULL,
     "\"inside\"", 0},
    {"locked", FIELD_TEXT_LIST, offsetof(struct sample, locked), 0, 0, NULL,
     "[]", 0},
    {"labels", FIELD_TEXT_MAP, offsetof(struct sample, labels), 0, 0, NULL,
     NULL, 0},
    {"policies", FIELD_OBJECT_LIST, offsetof(struct sample, policies), 0, 0,
     NULL, "[{}]", 0},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

static json_t *parse(const char *text)
{
	json_t *value = json_parse(bytes_of_text(text), NULL);
	CHECK(value != NULL);
	return value;
}

static int load(const char *text, struct sample *sample, struct error *err)
{
	json_t *object = parse(text);
	int code = fields_load(table, ROWS, object, sample, err);
	json_decref(object);
	return code;
}

static void stored_as(const struct sample *sample, const char *expected)
{
	struct buffer out = {0};
	json_t *object = fields_store(table, ROWS, sample);
	CHECK_INT(json_append(object, false, &out, NULL), 0);
	CHECK_TEXT(out.data, expected);
	json_decref(object);
	buffer_clear(&out);
}

static void defaults_fill_what_is_not_set(void)
{
	struct sample sample;
	memset(&sample, 0x55, sizeof(sample));
	struct error err = {0};
	CHECK_INT(load("{\"unknown\":1,\"host_port\":null}", &sample, &err), 0);
	CHECK(sample.debug);
	CHECK_INT(sample.host_port, 443);
	CHECK(sample.host_dns == NULL);
	CHECK_TEXT(sample.host_uri, "/ingestor");
	CHECK_INT(sample.addressing, 1);
	CHECK_INT(sample.concurrency, 0);
	CHECK_INT(sample.delay_removal, -1);
	CHECK_INT(sample.delay_upload, -1);
	CHECK_INT(sample.follow, 1);
	CHECK_INT(json_array_size(sample.locked), 0);
	CHECK(sample.labels == NULL);
	CHECK_INT(json_array_size(sample.policies), 1);
	CHECK_INT(sample.untouched, 0x55555555);
	stored_as(&sample,
		  "{\"debug\":true,\"host_port\":443,\"host_dns\":null,"
		  "\"host_uri\":\"/ingestor\",\"addressing\":\"path\","
		  "\"concurrency\":\"auto\",\"delay_removal\":false,"
		  "\"delay_upload\":false,\"follow\":\"inside\","
		  "\"locked\":[],\"labels\":null,\"policies\":[{}]}");
	fields_clear(table, ROWS, &sample);
	CHECK(sample.host_uri == NULL && sample.policies == NULL);
	CHECK_INT(sample.host_port, 0);
	fields_clear(table, ROWS, &sample);
}

static void values_arrive_and_come_back(void)
{
	struct sample sample;
	struct error err = {0};
	const char *text =
	    "{\"debug\":false,\"host_port\":80,\"host_dns\":\"h\","
	    "\"host_uri\":\"/x\",\"addressing\":\"virtual\","
	    "\"concurrency\":256,\"delay_removal\":true,"
	    "\"delay_upload\":100,\"follow\":true,\"locked\":[\"a\"],"
	    "\"labels\":{\"k\":\"v\"},\"policies\":[{\"a\":1},{}]}";
	CHECK_INT(load(text, &sample, &err), 0);
	CHECK_INT(sample.delay_removal, 0);
	CHECK_INT(sample.delay_upload, 100);
	CHECK_INT(sample.follow, 2);
	stored_as(&sample, text);
	fields_clear(table, ROWS, &sample);
	CHECK_INT(
	    load("{\"host_port\":8080.0,\"follow\":false}", &sample, &err), 0);
	CHECK_INT(sample.host_port, 8080);
	CHECK_INT(sample.follow, 0);
	fields_clear(table, ROWS, &sample);
}

static void refused(const char *text, const char *expected)
{
	struct sample sample;
	struct error err = {0};
	CHECK_INT(load(text, &sample, &err), ERROR_CONFIG);
	CHECK_INT(err.code, ERROR_CONFIG);
	CHECK_TEXT(err.text, expected);
	fields_clear(table, ROWS, &sample);
}

static void a_refusal_says_what_it_is_and_must_be(void)
{
	refused("{\"debug\":\"yes\"}", "debug: \"yes\" is not true or false");
	refused("{\"host_port\":\"abc\"}",
		"host_port: \"abc\" is not a whole number from 1 to 65535");
	refused("{\"host_port\":0}",
		"host_port: 0 is not a whole number from 1 to 65535");
	refused("{\"host_port\":65536}",
		"host_port: 65536 is not a whole number from 1 to 65535");
	refused("{\"host_port\":1.5}",
		"host_port: 1.5 is not a whole number from 1 to 65535");
	refused("{\"host_port\":1e300}",
		"host_port: 1.0000000000000001e300 is not a whole number from "
		"1 to 65535");
	refused("{\"host_port\":[1]}",
		"host_port: a list is not a whole number from 1 to 65535");
	refused("{\"host_dns\":12}", "host_dns: a number is not a text of at "
				     "most 4,096 bytes without NUL");
	refused("{\"host_dns\":\"a\\u0000b\"}",
		"host_dns: a text with a NUL is not a text of at most 4,096 "
		"bytes without NUL");
	refused("{\"addressing\":\"ring\"}", "addressing: \"ring\" is not one "
					     "of \"auto\", \"path\", "
					     "\"virtual\"");
	refused("{\"addressing\":1}", "addressing: 1 is not one of \"auto\", "
				      "\"path\", \"virtual\"");
	refused("{\"concurrency\":0}", "concurrency: 0 is not \"auto\" or a "
				       "whole number from 1 to 256");
	refused("{\"delay_removal\":\"x\"}",
		"delay_removal: \"x\" is not true, false or a whole number "
		"from 1 to 100");
	refused("{\"follow\":\"outside\"}",
		"follow: \"outside\" is not true, false or \"inside\"");
	refused("{\"locked\":\"a\"}", "locked: \"a\" is not a list of texts");
	refused("{\"locked\":[\"a\",1]}", "locked: a list with a number in it "
					  "is not a list of texts");
	refused("{\"labels\":{\"a\":null}}",
		"labels: an object with null in it is not an object of texts");
	refused("{\"policies\":[[]]}", "policies: a list with a list in it is "
				       "not a list of objects");
	refused("{\"policies\":{}}",
		"policies: an object is not a list of objects");
}

static void text_of_size(size_t size, int expected)
{
	struct error err = {0};
	struct buffer text = {0};
	for (size_t i = 0; i < size; i++)
		CHECK_INT(buffer_append_text(&text, "x"), 0);
	json_t *value = json_stringn(text.data, text.size);
	const struct field *field = fields_find(table, ROWS, "host_dns");
	CHECK_INT(fields_check(field, value, &err), expected);
	json_decref(value);
	buffer_clear(&text);
}

static void texts_have_a_ceiling(void)
{
	text_of_size(4096, 0);
	text_of_size(4097, ERROR_CONFIG);
}

static void a_long_value_is_cut_between_letters(void)
{
	struct error err = {0};
	json_t *value = json_string("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
				    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4");
	CHECK_INT(fields_check(fields_find(table, ROWS, "debug"), value, &err),
		  ERROR_CONFIG);
	CHECK(text_is_utf8(bytes_of_text(err.text)));
	CHECK(strstr(err.text, "... is not true or false") != NULL);
	json_decref(value);
}

static void is_default(const char *name, const char *text, bool expected)
{
	json_t *value = parse(text);
	CHECK_INT(fields_is_default(fields_find(table, ROWS, name), value),
		  expected);
	json_decref(value);
}

static void defaults_are_known_by_value(void)
{
	is_default("host_port", "443", true);
	is_default("host_port", "443.0", true);
	is_default("host_port", "444", false);
	is_default("host_port", "\"443\"", false);
	is_default("host_dns", "\"\"", false);
	is_default("host_dns", "null", true);
	is_default("host_uri", "\"/ingestor\"", true);
	is_default("policies", "[{}]", true);
	is_default("policies", "[{\"a\":1}]", false);
	is_default("concurrency", "\"auto\"", true);
	CHECK(fields_find(table, ROWS, "nothing") == NULL);
}

static void a_bad_table_is_a_bug(void)
{
	struct sample sample;
	struct error err = {0};
	struct field row = table[1];
	row.default_json = "0";
	CHECK_INT(fields_load(&row, 1, NULL, &sample, &err), ERROR_CONFIG);
	CHECK_TEXT(err.text, "default of host_port: host_port: 0 is not a "
			     "whole number from 1 to 65535");
	error_clear(&err);
	row.default_json = "{";
	CHECK_INT(fields_load(&row, 1, NULL, &sample, &err), ERROR_BUG);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(defaults_fill_what_is_not_set),
	    CHECK_TEST(values_arrive_and_come_back),
	    CHECK_TEST(a_refusal_says_what_it_is_and_must_be),
	    CHECK_TEST(texts_have_a_ceiling),
	    CHECK_TEST(a_long_value_is_cut_between_letters),
	    CHECK_TEST(defaults_are_known_by_value),
	    CHECK_TEST(a_bad_table_is_a_bug),
	};
	return CHECK_RUN(tests);
}

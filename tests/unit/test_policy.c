#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "ingest/policy.h"
#include "platform/folder.h"
#include "s3/s3_uri.h"

static const struct policy_defaults defaults = {
    .handler = "upload",
    .s3_bucket = "global",
    .s3_endpoint = "http://127.0.0.1:9000",
    .s3_region = "eu-central-1",
    .s3_addressing = S3_ADDRESS_PATH,
    .s3_storage_class = "STANDARD_IA",
    .s3_part_size_bytes = 8388608,
    .compare_checksum = true,
};

static int load(const char *text, const struct policy_defaults *from,
		struct policy *policy, struct error *err)
{
	json_t *object = json_parse(bytes_of_text(text), NULL);
	CHECK(object != NULL);
	int code = policy_load(object, 2, from, policy, err);
	json_decref(object);
	return code;
}

static void an_empty_policy_is_all_defaults(void)
{
	struct policy policy;
	CHECK_INT(load("{}", &defaults, &policy, NULL), 0);
	CHECK_TEXT(policy.input_file_pattern, "**/*");
	CHECK_TEXT(policy.input_remove_prefix, NULL);
	CHECK_TEXT(policy.handler, "upload");
	CHECK_TEXT(policy.s3_bucket, "global");
	CHECK_TEXT(policy.s3_endpoint, "http://127.0.0.1:9000");
	CHECK_TEXT(policy.s3_region, "eu-central-1");
	CHECK_TEXT(policy.s3_storage_class, "STANDARD_IA");
	CHECK_TEXT(policy.s3_acl, NULL);
	CHECK_INT(policy.s3_addressing, S3_ADDRESS_PATH);
	CHECK_INT(policy.s3_part_size_bytes, 8388608);
	CHECK_INT(policy.compare, 1);
	CHECK_INT(policy.follow_symlinks, FOLDER_FOLLOW_INSIDE);
	CHECK_INT(policy.delay_removal, -1);
	CHECK_INT(json_object_size(policy.metadata), 0);
	CHECK_INT(policy.position, 2);
	CHECK_INT(strlen(policy.fingerprint), 64);
	char text[128];
	CHECK_TEXT(policy_refusal(&policy, text, sizeof(text)), NULL);
	policy_clear(&policy);
}

static void move_after_upload_is_a_folder_or_a_prefix(void)
{
	const struct policy_defaults node = {.moves_by_prefix = true};
	struct policy policy;

	CHECK_INT(
	    load("{\"move_after_upload\":\"sent-\"}", &defaults, &policy, NULL),
	    0);
	CHECK(!policy.moves_by_prefix);
	policy_clear(&policy);
	CHECK_INT(
	    load("{\"move_after_upload\":\"sent-\"}", &node, &policy, NULL), 0);
	CHECK(policy.moves_by_prefix);
	policy_clear(&policy);
}

static void a_policy_overrides_what_is_global(void)
{
	struct policy policy;
	CHECK_INT(load("{\"s3_bucket\":\"own\",\"s3_endpoint\":\"http://h\","
		       "\"s3_region\":\"r\",\"s3_addressing\":\"virtual\","
		       "\"s3_storage_class\":\"GLACIER\",\"s3_sse\":\"AES256\","
		       "\"s3_acl\":\"private\",\"s3_part_size\":5242880,"
		       "\"compare\":\"size\",\"follow_symlinks\":true,"
		       "\"delay_upload\":5,\"force_upload\":true,"
		       "\"content_type\":\"text/x\","
		       "\"metadata\":{\"a\":\"b\"},\"what\":1}",
		       &defaults, &policy, NULL),
		  0);
	CHECK_TEXT(policy.s3_bucket, "own");
	CHECK_TEXT(policy.s3_endpoint, "http://h");
	CHECK_TEXT(policy.s3_region, "r");
	CHECK_INT(policy.s3_addressing, S3_ADDRESS_VIRTUAL);
	CHECK_TEXT(policy.s3_storage_class, "GLACIER");
	CHECK_TEXT(policy.s3_sse, "AES256");
	CHECK_TEXT(policy.s3_acl, "private");
	CHECK_INT(policy.s3_part_size_bytes, 5242880);
	CHECK_INT(policy.compare, 0);
	CHECK_INT(policy.follow_symlinks, FOLDER_FOLLOW_ALL);
	CHECK_INT(policy.delay_upload_s, 5);
	CHECK(policy.force_upload);
	CHECK_TEXT(policy.content_type, "text/x");
	CHECK_TEXT(json_member_text(policy.metadata, "a"), "b");
	policy_clear(&policy);
}

static void an_empty_text_is_none(void)
{
	struct policy policy;
	struct policy_defaults none = {0};
	CHECK_INT(load("{\"s3_bucket\":\"\",\"customizer\":\"\","
		       "\"handler\":null,\"input_file_pattern\":\"\","
		       "\"s3_acl\":\"\"}",
		       &none, &policy, NULL),
		  0);
	CHECK_TEXT(policy.s3_bucket, NULL);
	CHECK_TEXT(policy.customizer, NULL);
	CHECK_TEXT(policy.handler, "upload");
	CHECK_TEXT(policy.input_file_pattern, "**/*");
	CHECK_TEXT(policy.s3_acl, NULL);
	policy_clear(&policy);
}

static void a_refused_field_is_named(void)
{
	static const struct {
		const char *policy;
		const char *text;
	} rows[] = {
	    {"[]", "policies[2]: is not an object"},
	    {"{\"delay_upload\":-1}",
	     "policies[2].delay_upload: -1 is not a whole number from 0 to "
	     "1000000000"},
	    {"{\"delay_upload\":\"5\"}", "policies[2].delay_upload: \"5\" is"},
	    {"{\"input_file_pattern\":5}", "policies[2].input_file_pattern: "},
	    {"{\"delete_after_upload\":1}",
	     "policies[2].delete_after_upload: "},
	    {"{\"s3_part_size\":5242879}", "policies[2].s3_part_size: "},
	    {"{\"s3_addressing\":\"dns\"}", "policies[2].s3_addressing: "},
	    {"{\"compare\":true}", "policies[2].compare: "},
	    {"{\"handler\":1}", "policies[2].handler: "},
	    {"{\"metadata\":[]}", "policies[2].metadata: "},
	    {"{\"metadata\":{\"a\":1}}", "policies[2].metadata: "},
	    {"{\"metadata\":{\"a b\":\"\"}}",
	     "policies[2].metadata: \"a b\" is no name of a header"},
	    {"{\"metadata\":{\"\":\"\"}}",
	     "policies[2].metadata: \"\" is no name of a header"},
	    {"{\"metadata\":{\"a\":\"x\\r\\ny\"}}",
	     "policies[2].metadata: \"a\" has control characters"},
	    {"{\"s3_acl\":\"a\\nb\"}",
	     "policies[2].s3_acl: has control characters"},
	    {"{\"s3_bucket\":\"a/b\"}", "policies[2].s3_bucket: has a '/'"},
	    {"{\"file_keys\":[1]}", "policies[2].file_keys: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		json_t *object =
		    json_parse(bytes_of_text(rows[i].policy), NULL);
		CHECK_INT(policy_check(object, 2, &err), ERROR_CONFIG);
		if (!CHECK(strncmp(err.text, rows[i].text,
				   strlen(rows[i].text)) == 0))
			(void)printf("# %s\n", err.text);

		struct policy policy;
		CHECK_INT(policy_load(object, 2, &defaults, &policy, NULL),
			  ERROR_CONFIG);
		policy_clear(&policy);
		json_decref(object);
	}
}

static void an_unknown_handler_is_no_error_of_the_config(void)
{
	json_t *object =
	    json_parse(bytes_of_text("{\"handler\":\"x\",\"new\":[1]}"), NULL);
	CHECK_INT(policy_check(object, 0, NULL), 0);
	json_decref(object);
}

static void what_cannot_be_done_is_refused_by_name(void)
{
	static const struct {
		const char *policy;
		const char *text;
	} rows[] = {
	    {"{\"handler\":\"x\"}", "handler \"x\" is not known"},
	    {"{\"handler\":\"download\"}", "s3_bucket is not set"},
	    {"{\"s3_bucket\":\"b\",\"customizer\":\"c\"}", NULL},
	    {"{}", "s3_bucket is not set"},
	    {"{\"s3_bucket\":\"b\"}", NULL},
	    {"{\"s3_bucket\":\"b\",\"delete_after_upload\":false,"
	     "\"delay_removal\":false,\"file_keys\":[\"a\"]}",
	     NULL},
	};

	struct policy_defaults none = {0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy policy;
		char text[128];
		CHECK_INT(load(rows[i].policy, &none, &policy, NULL), 0);
		CHECK_TEXT(policy_refusal(&policy, text, sizeof(text)),
			   rows[i].text);
		policy_clear(&policy);
	}
}

static void fingerprint_of(const char *text, char fingerprint[65])
{
	struct policy policy;
	CHECK_INT(load(text, &defaults, &policy, NULL), 0);
	memcpy(fingerprint, policy.fingerprint, sizeof(policy.fingerprint));
	policy_clear(&policy);
}

static void a_fingerprint_follows_what_selects_files_or_shapes_keys(void)
{
	static const char *const others[] = {
	    "{\"input_file_pattern\":\"*\"}", "{\"input_remove_prefix\":\"a\"}",
	    "{\"output_key_prefix\":\"a\"}",  "{\"handler\":\"a\"}",
	    "{\"follow_symlinks\":true}",     "{\"follow_symlinks\":false}",
	    "{\"s3_endpoint\":\"a\"}",	      "{\"s3_bucket\":\"a\"}",
	    "{\"customizer\":\"a\"}",
	};
	static const char *const same[] = {
	    "{\"input_file_pattern\":\"**/*\"}",
	    "{\"s3_bucket\":\"global\"}",
	    "{\"follow_symlinks\":\"inside\"}",
	    "{\"s3_storage_class\":\"X\",\"metadata\":{\"a\":\"b\"}}",
	    "{\"force_upload\":true,\"delay_upload\":4}",
	    "{\"delete_after_upload\":true,\"compare\":\"size\"}",
	    "{\"s3_region\":\"x\",\"s3_part_size\":5242880}",
	};
	enum { OTHERS = sizeof(others) / sizeof(others[0]) };
	char plain[65];
	char seen[OTHERS][65];
	fingerprint_of("{}", plain);
	for (size_t i = 0; i < OTHERS; i++) {
		fingerprint_of(others[i], seen[i]);
		CHECK(strcmp(seen[i], plain) != 0);
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(seen[i], seen[j]) != 0);
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		char fingerprint[65];
		fingerprint_of(same[i], fingerprint);
		CHECK_TEXT(fingerprint, plain);
	}
}

/* Ledgers out there hold it: if this fails, everybody uploads again. */
static void the_fingerprint_of_a_policy_never_changes(void)
{
	char fingerprint[65];
	fingerprint_of("{}", fingerprint);
	CHECK_TEXT(
	    fingerprint,
	    "41e9a8aa28e4d8117468ac06d61c7021221e355ad8f66f7be949f39dfd24b5a4");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(an_empty_policy_is_all_defaults),
	    CHECK_TEST(move_after_upload_is_a_folder_or_a_prefix),
	    CHECK_TEST(a_policy_overrides_what_is_global),
	    CHECK_TEST(an_empty_text_is_none),
	    CHECK_TEST(a_refused_field_is_named),
	    CHECK_TEST(an_unknown_handler_is_no_error_of_the_config),
	    CHECK_TEST(what_cannot_be_done_is_refused_by_name),
	    CHECK_TEST(a_fingerprint_follows_what_selects_files_or_shapes_keys),
	    CHECK_TEST(the_fingerprint_of_a_policy_never_changes),
	};
	return CHECK_RUN(tests);
}

#include "ingest/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/fields.h"
#include "base/hash.h"
#include "ingest/customizer.h"

#define MIB	      ((int64_t)1024 * 1024)
#define PLACE(member) offsetof(struct policy, member)

enum {
	SECONDS_CEILING = 1000000000, /* in nanoseconds it still fits */
	BUCKET_CEILING_BYTES = 255,
	REGION_CEILING_BYTES = 63,
	ENDPOINT_CEILING_BYTES = 511,
	HEADER_CEILING_BYTES = 2048
};

/* What the text of a field may be, beyond its type. */
enum {
	TEXT_IS_NAME = 1,   /* no control bytes, no '/': bucket, region */
	TEXT_IS_HEADER = 2, /* the value of a header */
};

static const char *const addressings[] = {"auto", "path", "virtual", NULL};
static const char *const compares[] = {"size", "checksum", NULL};

static const struct field fields[] = {
    {"input_file_pattern", FIELD_TEXT, PLACE(input_file_pattern), 0, 0, NULL,
     "\"**/*\"", 0},
    {"input_remove_prefix", FIELD_TEXT, PLACE(input_remove_prefix), 0, 0, NULL,
     NULL, 0},
    {"output_key_prefix", FIELD_TEXT, PLACE(output_key_prefix), 0, 0, NULL,
     NULL, 0},
    {"customizer", FIELD_TEXT, PLACE(customizer), 0, 0, NULL, NULL, 0},
    {"handler", FIELD_TEXT, PLACE(handler), 0, 0, NULL, NULL, 0},
    {"delete_after_upload", FIELD_BOOL, PLACE(delete_after_upload), 0, 0, NULL,
     "false", 0},
    {"move_after_upload", FIELD_TEXT, PLACE(move_after_upload), 0, 0, NULL,
     NULL, 0},
    {"delay_upload", FIELD_INTEGER, PLACE(delay_upload_s), 0, SECONDS_CEILING,
     NULL, "0", 0},
    {"delay_removal", FIELD_BOOL_OR_NUMBER, PLACE(delay_removal), 0,
     SECONDS_CEILING, NULL, "false", 0},
    {"force_upload", FIELD_BOOL, PLACE(force_upload), 0, 0, NULL, "false", 0},
    {"follow_symlinks", FIELD_FOLLOW, PLACE(follow_symlinks), 0, 0, NULL,
     "\"inside\"", 0},
    {"s3_bucket", FIELD_TEXT, PLACE(s3_bucket), 0, BUCKET_CEILING_BYTES, NULL,
     NULL, TEXT_IS_NAME},
    {"s3_endpoint", FIELD_TEXT, PLACE(s3_endpoint), 0, ENDPOINT_CEILING_BYTES,
     NULL, NULL, TEXT_IS_HEADER},
    {"s3_region", FIELD_TEXT, PLACE(s3_region), 0, REGION_CEILING_BYTES, NULL,
     NULL, TEXT_IS_NAME},
    {"s3_addressing", FIELD_CHOICE, PLACE(s3_addressing), 0, 0, addressings,
     NULL, 0},
    {"s3_storage_class", FIELD_TEXT, PLACE(s3_storage_class), 0,
     HEADER_CEILING_BYTES, NULL, NULL, TEXT_IS_HEADER},
    {"s3_sse", FIELD_TEXT, PLACE(s3_sse), 0, HEADER_CEILING_BYTES, NULL, NULL,
     TEXT_IS_HEADER},
    {"s3_acl", FIELD_TEXT, PLACE(s3_acl), 0, HEADER_CEILING_BYTES, NULL, NULL,
     TEXT_IS_HEADER},
    {"s3_part_size", FIELD_INTEGER, PLACE(s3_part_size_bytes), 5 * MIB,
     5 * 1024 * MIB, NULL, NULL, 0},
    {"compare", FIELD_CHOICE, PLACE(compare), 0, 0, compares, NULL, 0},
    {"metadata", FIELD_TEXT_MAP, PLACE(metadata), 0, 0, NULL, "{}", 0},
    {"content_type", FIELD_TEXT, PLACE(content_type), 0, HEADER_CEILING_BYTES,
     NULL, NULL, TEXT_IS_HEADER},
    {"file_keys", FIELD_TEXT_LIST, PLACE(file_keys), 0, 0, NULL, "[]", 0},
    {"target_directory", FIELD_TEXT, PLACE(target_directory), 0, 0, NULL, NULL,
     0},
    {"delete_leftovers", FIELD_BOOL, PLACE(delete_leftovers), 0, 0, NULL,
     "false", 0},
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

const struct field *policy_table(size_t *count)
{
	*count = FIELD_COUNT;
	return fields;
}

/* ------------------------------------------------ checks beyond the type */

static bool has_controls(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return true;
	return false;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	for (const char *c = text; *c; c++) {
		bool is_letter =
		    (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
		bool is_digit = *c >= '0' && *c <= '9';
		if (!is_letter && !is_digit && !strchr(marks, *c))
			return false;
	}
	return *text != '\0';
}

static int check_text(const struct field *field, const json_t *value,
		      struct error *err)
{
	const char *text = json_string_value(value);
	if (!text || field->flags == 0)
		return 0;
	if (strlen(text) > (size_t)field->maximum)
		return error_set(err, ERROR_CONFIG,
				 "%s: longer than %" PRId64 " bytes",
				 field->name, field->maximum);
	if (has_controls(text))
		return error_set(err, ERROR_CONFIG,
				 "%s: has control characters", field->name);
	if ((field->flags & TEXT_IS_NAME) && strchr(text, '/'))
		return error_set(err, ERROR_CONFIG, "%s: has a '/' in it",
				 field->name);
	return 0;
}

static int check_metadata(const json_t *object, struct error *err)
{
	const char *name;
	json_t *value;
	/* the library has no way to walk a const object */
	json_t *metadata = json_object_get(object, "metadata");
	json_object_foreach (metadata, name, value) {
		const char *text = json_string_value(value);
		if (!is_token(name))
			return error_set(err, ERROR_CONFIG,
					 "metadata: \"%s\" is no name of a "
					 "header",
					 name);
		if (text && has_controls(text))
			return error_set(err, ERROR_CONFIG,
					 "metadata: \"%s\" has control "
					 "characters",
					 name);
	}
	return 0;
}

static int check_customizer(const json_t *object, struct error *err)
{
	const char *name =
	    json_string_value(json_object_get(object, "customizer"));

	if (!name || *name == '\0' || customizer_is_name(name))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "customizer: \"%s\" is no name of a file in "
			 "customizers/",
			 name);
}

/* Two of one name would take turns in one file. */
static int check_file_keys(const json_t *object, struct error *err)
{
	const json_t *keys = json_object_get(object, "file_keys");

	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *key = json_string_value(json_array_get(keys, i));
		const char *name = policy_file_name(key);

		if (*name == '\0' || strcmp(name, ".") == 0 ||
		    strcmp(name, "..") == 0)
			return error_set(err, ERROR_CONFIG,
					 "file_keys: \"%s\" has no name at its "
					 "end to save it under",
					 key);
		for (size_t k = 0; k < i; k++) {
			const char *other =
			    json_string_value(json_array_get(keys, k));

			if (strcmp(policy_file_name(other), name) == 0)
				return error_set(
				    err, ERROR_CONFIG,
				    "file_keys: \"%s\" and \"%s\" would be "
				    "saved under the same name",
				    other, key);
		}
	}
	return 0;
}

static int check_fields(const json_t *object, struct error *err)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const json_t *value = json_object_get(object, fields[i].name);
		int code = fields_check(&fields[i], value, err);
		if (code == 0)
			code = check_text(&fields[i], value, err);
		if (code != 0)
			return code;
	}
	int code = check_customizer(object, err);
	if (code == 0)
		code = check_metadata(object, err);
	return code ? code : check_file_keys(object, err);
}

int policy_check(const json_t *object, int position, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, ERROR_CONFIG,
				 "policies[%d]: is not an object", position);
	struct error cause = {0};
	int code = check_fields(object, &cause);
	if (code == 0)
		return 0;
	return error_set(err, cause.code, "policies[%d].%s", position,
			 cause.text);
}

/* ------------------------------------------------ the effective policy */

/* An empty text is none; none becomes the default. */
static int settle(char **text, const char *otherwise)
{
	if (*text && **text != '\0')
		return 0;
	free(*text);
	*text = NULL;
	if (!otherwise || *otherwise == '\0')
		return 0;
	*text = text_dup(otherwise);
	return *text ? 0 : ERROR_LOCAL;
}

static int settle_texts(struct policy *policy,
			const struct policy_defaults *defaults)
{
	const struct {
		char **text;
		const char *otherwise;
	} texts[] = {
	    {&policy->input_file_pattern, "**/*"},
	    {&policy->input_remove_prefix, NULL},
	    {&policy->output_key_prefix, NULL},
	    {&policy->customizer, NULL},
	    {&policy->handler, defaults->handler},
	    {&policy->handler, "upload"},
	    {&policy->move_after_upload, NULL},
	    {&policy->s3_bucket, defaults->s3_bucket},
	    {&policy->s3_endpoint, defaults->s3_endpoint},
	    {&policy->s3_region, defaults->s3_region},
	    {&policy->s3_storage_class, defaults->s3_storage_class},
	    {&policy->s3_sse, defaults->s3_sse},
	    {&policy->s3_acl, defaults->s3_acl},
	    {&policy->content_type, NULL},
	    {&policy->target_directory, defaults->target_directory},
	};

	int code = 0;
	for (size_t i = 0; code == 0 && i < sizeof(texts) / sizeof(texts[0]);
	     i++)
		code = settle(texts[i].text, texts[i].otherwise);
	return code;
}

static bool is_set(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return value && !json_is_null(value);
}

static int append_field(struct buffer *text, const char *value)
{
	/* what is not set differs from what is empty */
	if (!value)
		return buffer_append_text(text, "-,");
	int code = buffer_append_format(text, "%zu:", strlen(value));
	if (code == 0)
		code = buffer_append_text(text, value);
	return code ? code : buffer_append_text(text, ",");
}

/* SHA-256 of all that selects files or shapes keys, each with its length in
 * front, so that no two policies serialise alike. The order is frozen: a
 * change makes every file of every ledger new to its policy. */
static int make_fingerprint(struct policy *policy)
{
	char follow[2] = {(char)('0' + policy->follow_symlinks), '\0'};
	const char *const values[] = {
	    policy->input_file_pattern,
	    policy->input_remove_prefix,
	    policy->output_key_prefix,
	    policy->handler,
	    follow,
	    policy->s3_endpoint,
	    policy->s3_bucket,
	    policy->customizer,
	};
	struct buffer text = {0};
	unsigned char digest[HASH_SHA256_BYTES];
	int code = 0;
	for (size_t i = 0; code == 0 && i < sizeof(values) / sizeof(values[0]);
	     i++)
		code = append_field(&text, values[i]);
	if (code == 0)
		code = hash_sha256(buffer_bytes(&text), digest);
	if (code == 0)
		hash_hex(digest, sizeof(digest), policy->fingerprint);
	buffer_clear(&text);
	return code;
}

int policy_load(const json_t *object, int position,
		const struct policy_defaults *defaults, struct policy *policy,
		struct error *err)
{
	*policy = (struct policy){0};
	int code = policy_check(object, position, err);
	if (code != 0)
		return code;
	struct error cause = {0};
	code = fields_load(fields, FIELD_COUNT, object, policy, &cause);
	if (code != 0)
		return error_set(err, cause.code, "policies[%d].%s", position,
				 cause.text);

	policy->position = position;
	policy->moves_by_prefix = defaults->moves_by_prefix;
	if (!is_set(object, "s3_addressing"))
		policy->s3_addressing = defaults->s3_addressing;
	if (!is_set(object, "s3_part_size"))
		policy->s3_part_size_bytes = defaults->s3_part_size_bytes;
	if (!is_set(object, "compare"))
		policy->compare = defaults->compare_checksum ? 1 : 0;
	code = settle_texts(policy, defaults);
	if (code == 0)
		code = make_fingerprint(policy);
	if (code != 0)
		return error_set_memory(err);
	return 0;
}

void policy_clear(struct policy *policy)
{
	fields_clear(fields, FIELD_COUNT, policy);
	free(policy->customizer_settings);
	*policy = (struct policy){0};
}

/* What is without a customizer keeps the fingerprint that it had. */
int policy_add_customizer_take(struct policy *policy, char *settings,
			       const char *digest, struct error *err)
{
	struct buffer text = {0};
	unsigned char sha256[HASH_SHA256_BYTES];
	int code = settings ? 0 : ERROR_LOCAL;

	free(policy->customizer_settings);
	policy->customizer_settings = settings;
	if (code == 0)
		code = append_field(&text, policy->fingerprint);
	if (code == 0)
		code = append_field(&text, digest);
	if (code == 0)
		code = append_field(&text, settings);
	if (code == 0)
		code = hash_sha256(buffer_bytes(&text), sha256);
	if (code == 0)
		hash_hex(sha256, sizeof(sha256), policy->fingerprint);
	buffer_clear(&text);
	return code ? error_set_memory(err) : 0;
}

bool policy_is_download(const struct policy *policy)
{
	return strcmp(policy->handler, "download") == 0;
}

const char *policy_file_key(const struct policy *policy, size_t index)
{
	return json_string_value(json_array_get(policy->file_keys, index));
}

const char *policy_file_name(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

bool policy_removes(const struct policy *policy)
{
	return policy->delete_after_upload || policy->move_after_upload;
}

const char *policy_refusal(const struct policy *policy, char *text, size_t size)
{
	if (!policy_is_download(policy) &&
	    strcmp(policy->handler, "upload") != 0) {
		(void)snprintf(text, size, "handler \"%s\" is not known",
			       policy->handler);
		return text;
	}
	if (policy->s3_bucket)
		return NULL;
	(void)snprintf(text, size, "s3_bucket is not set");
	return text;
}

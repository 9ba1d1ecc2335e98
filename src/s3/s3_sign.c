#include "s3/s3_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/system.h"
#include "s3/s3_time.h"
#include "s3/s3_uri.h"

#define NS_PER_S  1000000000
#define ALGORITHM "AWS4-HMAC-SHA256"

enum { DATE_BYTES = 8, SCOPE_BYTES = 128 };

/* A list that is sorted before it is written. */
struct list {
	struct s3_pair *pairs;
	size_t count;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct s3_pair *left = a;
	const struct s3_pair *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : strcmp(left->value, right->value);
}

static void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->pairs[i].name);
		free(list->pairs[i].value);
	}
	free(list->pairs);
}

static int list_init(struct list *list, size_t capacity)
{
	*list = (struct list){0};
	list->pairs = calloc(capacity + 1, sizeof(*list->pairs));
	return list->pairs ? 0 : ERROR_LOCAL;
}

/* Takes both texts; NULL is a failure before. */
static int list_add_take(struct list *list, char *name, char *value)
{
	if (!name || !value) {
		free(name);
		free(value);
		return ERROR_LOCAL;
	}
	list->pairs[list->count++] = (struct s3_pair){name, value};
	return 0;
}

static char *encoded(const char *text)
{
	struct buffer out = {0};

	if (s3_uri_encode(bytes_of_text(text ? text : ""), false, &out)) {
		buffer_clear(&out);
		return NULL;
	}
	return buffer_steal(&out);
}

static int write_query(const struct s3_sign_input *input, struct buffer *text)
{
	struct list list;
	int rc = list_init(&list, input->query_count);

	for (size_t i = 0; rc == 0 && i < input->query_count; i++)
		rc = list_add_take(&list, encoded(input->query[i].name),
				   encoded(input->query[i].value));
	if (rc == 0)
		qsort(list.pairs, list.count, sizeof(*list.pairs),
		      compare_pairs);
	for (size_t i = 0; rc == 0 && i < list.count; i++)
		rc =
		    buffer_append_texts(text, i ? "&" : "", list.pairs[i].name,
					"=", list.pairs[i].value, (char *)NULL);
	list_clear(&list);
	return rc ? rc : buffer_append_text(text, "\n");
}

/* Spaces at the ends go, a run of them inside is one. */
static char *folded(const char *value)
{
	char *text = text_dup(value ? value : "");
	size_t size = 0;

	for (const char *c = text; c && *c; c++) {
		bool is_blank = *c == ' ' || *c == '\t';

		if (is_blank && (size == 0 || text[size - 1] == ' '))
			continue;
		text[size++] = is_blank ? ' ' : *c;
	}
	while (size > 0 && text[size - 1] == ' ')
		size--;
	if (text)
		text[size] = '\0';
	return text;
}

/* A name that is there already gets one more value (RFC 9110 5.3). */
static int add_header(struct list *list, const char *name, const char *value)
{
	char *text = folded(value);

	for (size_t i = 0; text && i < list->count; i++) {
		struct s3_pair *pair = &list->pairs[i];

		if (strcmp(pair->name, name) != 0)
			continue;
		char *both = text_join(pair->value, ",", text, (char *)NULL);
		free(text);
		if (!both)
			return ERROR_LOCAL;
		free(pair->value);
		pair->value = both;
		return 0;
	}
	return list_add_take(list, text_dup(name), text);
}

static bool has_control(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static int collect_headers(const struct s3_sign_input *input,
			   const struct s3_keys *keys, const char *amz_date,
			   struct list *list, struct error *err)
{
	for (size_t i = 0; i < input->header_count; i++) {
		const struct s3_pair *header = &input->headers[i];

		if (has_control(header->value))
			return error_set(err, ERROR_INVALID,
					 "header %s: control byte in its value",
					 header->name);
		if (add_header(list, header->name, header->value))
			return error_set_memory(err);
	}
	int rc = list_add_take(list, text_dup("x-amz-content-sha256"),
			       text_dup(input->payload_sha256));
	if (rc == 0)
		rc = list_add_take(list, text_dup("x-amz-date"),
				   text_dup(amz_date));
	if (rc == 0 && keys->session_token && keys->session_token[0])
		rc = list_add_take(list, text_dup("x-amz-security-token"),
				   folded(keys->session_token));
	return rc ? error_set_memory(err) : 0;
}

static int write_signed_names(const struct list *headers, struct buffer *text)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < headers->count; i++)
		rc = buffer_append_texts(text, i ? ";" : "",
					 headers->pairs[i].name, (char *)NULL);
	return rc;
}

static int write_canonical(const struct s3_sign_input *input,
			   const struct list *headers, struct buffer *text)
{
	const char *path = input->path[0] ? input->path : "/";
	int rc = buffer_append_texts(text, input->method, "\n", path, "\n",
				     (char *)NULL);

	if (rc == 0)
		rc = write_query(input, text);
	for (size_t i = 0; rc == 0 && i < headers->count; i++)
		rc = buffer_append_texts(text, headers->pairs[i].name, ":",
					 headers->pairs[i].value, "\n",
					 (char *)NULL);
	if (rc == 0)
		rc = buffer_append_text(text, "\n");
	if (rc == 0)
		rc = write_signed_names(headers, text);
	if (rc == 0)
		rc = buffer_append_texts(text, "\n", input->payload_sha256,
					 (char *)NULL);
	return rc;
}

/* ---- the signing key ---- */

void s3_signing_key_clear(struct s3_signing_key *kept)
{
	if (kept->secret)
		system_wipe(kept->secret, strlen(kept->secret));
	free(kept->secret);
	system_wipe(kept, sizeof(*kept));
	*kept = (struct s3_signing_key){0};
}

/* kSecret -> kDate -> kRegion -> kService -> kSigning */
static int derive_key(const char *secret, const char *date, const char *region,
		      unsigned char key[HASH_SHA256_BYTES])
{
	const struct bytes steps[] = {
	    {date, DATE_BYTES},
	    bytes_of_text(region),
	    bytes_of_text("s3"),
	    bytes_of_text("aws4_request"),
	};
	struct buffer first = {0};
	int rc = buffer_append_texts(&first, "AWS4", secret, (char *)NULL);

	if (rc == 0)
		rc = hash_hmac_sha256(buffer_bytes(&first), steps[0], key);
	for (size_t i = 1; rc == 0 && i < sizeof(steps) / sizeof(steps[0]);
	     i++) {
		unsigned char previous[HASH_SHA256_BYTES];

		memcpy(previous, key, sizeof(previous));
		rc = hash_hmac_sha256(
		    (struct bytes){(const char *)previous, sizeof(previous)},
		    steps[i], key);
		system_wipe(previous, sizeof(previous));
	}
	buffer_wipe(&first);
	return rc;
}

static bool is_kept(const struct s3_signing_key *kept, const char *secret,
		    const char *date, const char *region)
{
	return kept->secret && strcmp(kept->secret, secret) == 0 &&
	       strncmp(kept->date, date, DATE_BYTES) == 0 &&
	       strcmp(kept->region, region) == 0;
}

static void keep_key(struct s3_signing_key *kept, const char *secret,
		     const char *date, const char *region)
{
	s3_signing_key_clear(kept);
	/* without memory, or with a strange region, it is derived each time */
	if (strlen(region) >= sizeof(kept->region))
		return;
	kept->secret = text_dup(secret);
	memcpy(kept->date, date, DATE_BYTES);
	memcpy(kept->region, region, strlen(region) + 1);
}

static int find_key(const struct s3_keys *keys, const struct s3_scope *scope,
		    const char *date, unsigned char key[HASH_SHA256_BYTES])
{
	const char *secret = keys->secret_access_key;
	struct s3_signing_key *kept = scope->kept;

	if (kept && is_kept(kept, secret, date, scope->region)) {
		memcpy(key, kept->key, sizeof(kept->key));
		return 0;
	}
	int rc = derive_key(secret, date, scope->region, key);
	if (rc == 0 && kept) {
		keep_key(kept, secret, date, scope->region);
		memcpy(kept->key, key, sizeof(kept->key));
	}
	return rc;
}

/* ---- the signature ---- */

static int sign_text(const struct s3_keys *keys, const struct s3_scope *scope,
		     const struct s3_signed *out, char hex[HASH_HEX_BYTES])
{
	unsigned char key[HASH_SHA256_BYTES];
	unsigned char signature[HASH_SHA256_BYTES];
	int rc = find_key(keys, scope, out->amz_date, key);

	if (rc == 0)
		rc = hash_hmac_sha256(
		    (struct bytes){(const char *)key, sizeof(key)},
		    bytes_of_text(out->string_to_sign), signature);
	system_wipe(key, sizeof(key));
	if (rc == 0)
		hash_hex(signature, sizeof(signature), hex);
	return rc;
}

static int finish(const struct s3_keys *keys, const struct s3_scope *scope,
		  const struct list *headers, struct s3_signed *out)
{
	unsigned char digest[HASH_SHA256_BYTES];
	char hex[HASH_HEX_BYTES];
	char credential_scope[SCOPE_BYTES];
	struct buffer text = {0};
	int rc = hash_sha256(bytes_of_text(out->canonical_request), digest);

	if (rc)
		return rc;
	hash_hex(digest, sizeof(digest), hex);
	(void)snprintf(credential_scope, sizeof(credential_scope),
		       "%.8s/%s/s3/aws4_request", out->amz_date, scope->region);
	out->string_to_sign =
	    text_join(ALGORITHM "\n", out->amz_date, "\n", credential_scope,
		      "\n", hex, (char *)NULL);
	if (!out->string_to_sign)
		return ERROR_LOCAL;
	rc = sign_text(keys, scope, out, hex);
	if (rc == 0)
		rc = buffer_append_texts(
		    &text, ALGORITHM " Credential=", keys->access_key_id, "/",
		    credential_scope, ",SignedHeaders=", (char *)NULL);
	if (rc == 0)
		rc = write_signed_names(headers, &text);
	if (rc == 0)
		rc = buffer_append_texts(&text, ",Signature=", hex,
					 (char *)NULL);
	out->authorization = buffer_steal(&text);
	return rc;
}

int s3_sign(const struct s3_sign_input *input, const struct s3_keys *keys,
	    const struct s3_scope *scope, struct s3_signed *out,
	    struct error *err)
{
	struct list headers;
	struct buffer canonical = {0};
	int64_t seconds = scope->now_ns / NS_PER_S;

	*out = (struct s3_signed){0};
	if (has_control(keys->access_key_id) ||
	    has_control(keys->session_token))
		return error_set(err, ERROR_REFUSED,
				 "control byte in the S3 credentials");
	s3_time_format(seconds, out->amz_date);
	int rc = list_init(&headers, input->header_count + 3);
	if (rc == 0)
		rc = collect_headers(input, keys, out->amz_date, &headers, err);
	if (rc == 0) {
		qsort(headers.pairs, headers.count, sizeof(*headers.pairs),
		      compare_pairs);
		rc = write_canonical(input, &headers, &canonical);
	}
	out->canonical_request = buffer_steal(&canonical);
	if (rc == 0)
		rc = finish(keys, scope, &headers, out);
	list_clear(&headers);
	if (rc) {
		(void)error_set(err, ERROR_LOCAL, "cannot sign the request");
		s3_signed_clear(out);
	}
	return rc;
}

void s3_signed_clear(struct s3_signed *out)
{
	if (out->canonical_request)
		/* a session token may be in it */
		system_wipe(out->canonical_request,
			    strlen(out->canonical_request));
	free(out->authorization);
	free(out->canonical_request);
	free(out->string_to_sign);
	*out = (struct s3_signed){0};
}

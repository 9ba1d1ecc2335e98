/*
 * sign <REQUESTS: for each line, a JSON object, the URL that is called and the
 * Authorization header, with a tab between. All members are text but now_s:
 *
 *	method, bucket, region, endpoint (absent: AWS), addressing (auto, path,
 *	virtual), key (its bytes in hexadecimal digits), query and headers
 *	(arrays of [name, value]), payload_sha256, access_key_id,
 *	secret_access_key, session_token (absent: none), now_s
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "s3/s3.h"

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_member_text(object, name);

	return text ? text : "";
}

/* The texts stay those of the document. */
static struct s3_pair *read_pairs(const json_t *array, size_t *count)
{
	struct s3_pair *pairs =
	    calloc(json_array_size(array) + 1, sizeof(*pairs));

	for (*count = 0; pairs && *count < json_array_size(array); ++*count) {
		const json_t *pair = json_array_get(array, *count);

		pairs[*count].name =
		    (char *)json_string_value(json_array_get(pair, 0));
		pairs[*count].value =
		    (char *)json_string_value(json_array_get(pair, 1));
	}
	return pairs;
}

static int read_key(const char *digits, struct buffer *key)
{
	unsigned byte;
	int rc = buffer_append(key, "", 0);

	for (; rc == 0 && sscanf(digits, "%2x", &byte) == 1; digits += 2)
		rc = buffer_append(key, &(char){(char)byte}, 1);
	return rc;
}

static int read_place(const json_t *object, struct s3_place *place,
		      struct error *err)
{
	const char *addressing = member(object, "addressing");
	struct s3_place_options options = {
	    .endpoint = json_member_text(object, "endpoint"),
	    .region = member(object, "region"),
	    .bucket = member(object, "bucket"),
	};

	if (strcmp(addressing, "path") == 0)
		options.addressing = S3_ADDRESS_PATH;
	if (strcmp(addressing, "virtual") == 0)
		options.addressing = S3_ADDRESS_VIRTUAL;
	return s3_place_init(place, &options, err);
}

static int show(const json_t *object, const struct s3_request *request,
		struct error *err)
{
	const struct s3_keys keys = {
	    member(object, "access_key_id"),
	    member(object, "secret_access_key"),
	    json_member_text(object, "session_token"),
	};
	int64_t now_s = json_integer_value(json_object_get(object, "now_s"));
	/* as in a run, so that what was kept is held against the peer too */
	static struct s3_signing_key kept;
	struct s3_place place;
	struct s3_prepared prepared = {0};
	int rc = read_place(object, &place, err);

	if (rc == 0)
		rc = s3_prepare(
		    request, &place,
		    &(struct s3_signer){&keys, now_s * 1000000000, &kept},
		    &prepared, err);
	for (char **header = prepared.headers; rc == 0 && *header; header++)
		if (strncmp(*header, "authorization: ", 15) == 0)
			(void)printf("%s\t%s\n", prepared.url, *header + 15);
	s3_prepared_clear(&prepared);
	return rc;
}

static int sign_line(const char *line, struct error *err)
{
	json_t *object = json_parse_object(bytes_of_text(line), err);
	struct s3_request request = {.method = member(object, "method")};
	int rc = object ? 0 : ERROR_INVALID;

	if (rc)
		return rc;
	(void)snprintf(request.payload_sha256, sizeof(request.payload_sha256),
		       "%s", member(object, "payload_sha256"));
	request.query =
	    read_pairs(json_object_get(object, "query"), &request.query_count);
	request.headers = read_pairs(json_object_get(object, "headers"),
				     &request.header_count);
	if (!request.query || !request.headers)
		rc = error_set_memory(err);
	if (rc == 0)
		rc = read_key(member(object, "key"), &request.key);
	if (rc == 0)
		rc = show(object, &request, err);
	free(request.query);
	free(request.headers);
	buffer_clear(&request.key);
	json_decref(object);
	return rc;
}

int main(void)
{
	static char line[256 * 1024];
	struct error err = {0};

	while (fgets(line, sizeof(line), stdin)) {
		if (sign_line(line, &err) == 0)
			continue;
		(void)fprintf(stderr, "sign: %s\n", err.text);
		return 1;
	}
	return 0;
}

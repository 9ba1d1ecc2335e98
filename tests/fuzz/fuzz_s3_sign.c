#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/s3.h"
#include "s3/s3_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LINES = 12, FIRST_PAIR = 7, MOST_PAIRS = MOST_LINES };

/* The lines of the input; what is missing is "". */
struct input {
	char *lines[MOST_LINES];
	char *memory;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool input_init(struct input *input, const uint8_t *data, size_t size)
{
	input->memory = text_dup_bytes((const char *)data, size);
	if (!input->memory)
		return false;
	char *at = input->memory;
	for (int i = 0; i < MOST_LINES; i++) {
		char *end = at + strcspn(at, "\n");

		input->lines[i] = at;
		at = *end ? end + 1 : end;
		*end = '\0';
	}
	return true;
}

static void code_and_decode(struct bytes raw)
{
	struct buffer text = {0};
	struct buffer back = {0};

	if (s3_uri_encode(raw, false, &text) == 0 &&
	    s3_uri_decode(buffer_bytes(&text), &back) == 0)
		require(bytes_equal(buffer_bytes(&back), raw));
	buffer_reset(&back);
	/* what is no code must do no harm */
	if (s3_uri_decode(raw, &back) == 0)
		require(back.size <= raw.size);
	buffer_clear(&text);
	buffer_clear(&back);
}

static void parse_time(const char *text)
{
	int64_t seconds = 0;
	char basic[17];

	if (!s3_time_parse(text, &seconds))
		return;
	s3_time_format(seconds, basic);
	require(strlen(basic) == 16 && basic[8] == 'T' && basic[15] == 'Z');
}

static void require_visible(const char *text)
{
	for (; *text; text++)
		require(*text > 0x20 && *text < 0x7f);
}

/* Nothing that a user or a mothership writes may break a line of HTTP. */
static void require_prepared(const struct s3_prepared *prepared)
{
	require_visible(prepared->url);
	require(prepared->headers && prepared->headers[0]);
	for (char **header = prepared->headers; *header; header++) {
		require(strstr(*header, ": ") != NULL);
		for (const char *c = *header; *c; c++)
			require((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

/* Lines in pairs: name and value of a query, then value of a header. */
static void fill_request(const struct input *input, struct s3_request *request,
			 struct s3_pair *query, struct s3_pair *headers)
{
	static char name[] = "x-amz-meta-a";

	request->query = query;
	request->headers = headers;
	for (int i = FIRST_PAIR; i + 2 < MOST_LINES; i += 3) {
		query[request->query_count++] =
		    (struct s3_pair){input->lines[i], input->lines[i + 1]};
		headers[request->header_count++] =
		    (struct s3_pair){name, input->lines[i + 2]};
	}
}

static void prepare(const struct input *input, int addressing)
{
	char *const *lines = input->lines;
	struct s3_pair query[MOST_PAIRS];
	struct s3_pair headers[MOST_PAIRS];
	struct s3_request request = {.method = "PUT", .payload_sha256 = "0"};
	const struct s3_place_options options = {
	    .endpoint = lines[0][0] ? lines[0] : NULL,
	    .region = lines[1],
	    .bucket = lines[2],
	    .addressing = (enum s3_addressing)addressing,
	};
	const struct s3_keys keys = {lines[3], lines[4], lines[5]};
	const struct s3_signer signer = {.keys = &keys};
	struct s3_place place;
	struct s3_prepared prepared;
	struct error err = {0};

	int rc = s3_place_init(&place, &options, &err);
	require(rc == (int)err.code && (rc == 0 || rc == ERROR_CONFIG));
	if (rc)
		return;
	request.key.data = lines[6];
	request.key.size = strlen(lines[6]);
	fill_request(input, &request, query, headers);
	rc = s3_prepare(&request, &place, &signer, &prepared, &err);
	require(rc == (int)err.code);
	if (rc == 0)
		require_prepared(&prepared);
	else
		require(!prepared.url && !prepared.headers);
	s3_prepared_clear(&prepared);
	(void)s3_place_move(&place, lines[7], NULL);
	require_visible(place.host);
}

/* A line each: endpoint (empty: AWS), region, bucket, access key id, secret,
 * token, key, then twice at most a query's name, its value, and a header's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;

	code_and_decode((struct bytes){(const char *)data, size});
	if (!input_init(&input, data, size))
		return 0;
	parse_time(input.lines[0]);
	for (int i = S3_ADDRESS_AUTO; i <= S3_ADDRESS_VIRTUAL; i++)
		prepare(&input, i);
	free(input.memory);
	return 0;
}

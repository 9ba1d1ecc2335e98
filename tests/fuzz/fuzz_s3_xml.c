#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "s3/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Who refuses says why, with the code it returns. */
static void require_reason(int rc, const struct error *err)
{
	require(rc == (int)err->code && (rc == 0) == (err->text[0] == '\0'));
}

static void read_listing(const struct http_reply *reply)
{
	struct s3_listing listing;
	struct error err = {0};
	size_t total = 0;

	require_reason(s3_read_listing(reply, &listing, &err), &err);
	for (size_t i = 0; i < listing.count; i++) {
		const struct s3_listed *object = &listing.objects[i];

		require(object->key.size > 0 && object->size_bytes >= -1);
		require(memchr(object->etag, '\0', sizeof(object->etag)));
		total += object->key.size;
	}
	require(total <= listing.memory.size);
	require(!listing.is_truncated || listing.next_token);
	s3_listing_clear(&listing);
}

static void read_parts(const struct http_reply *reply)
{
	struct s3_parts parts;
	struct error err = {0};

	require_reason(s3_read_parts(reply, &parts, &err), &err);
	for (size_t i = 0; i < parts.count; i++)
		require(parts.parts[i].number >= 0 &&
			parts.parts[i].number <= 10000 &&
			parts.parts[i].size_bytes >= -1);
	require(parts.next_number >= 0 && parts.next_number <= 10000);
	s3_parts_clear(&parts);
}

static void read_uploads(const struct http_reply *reply)
{
	struct s3_upload_listing listing;
	struct error err = {0};

	require_reason(s3_read_uploads(reply, &listing, &err), &err);
	for (size_t i = 0; i < listing.count; i++)
		require(listing.uploads[i].key && listing.uploads[i].upload_id);
	require(!listing.is_truncated || listing.next_key_marker);
	s3_upload_listing_clear(&listing);
}

static void read_texts(const struct http_reply *reply)
{
	struct s3_object_facts facts;
	struct error err = {0};
	char upload_id[32];

	require_reason(
	    s3_read_upload_id(reply, upload_id, sizeof(upload_id), &err), &err);
	require(err.code || upload_id[0]);
	error_clear(&err);
	require_reason(s3_read_completed(reply, &facts, &err), &err);
	error_clear(&err);
	require_reason(s3_read_object(reply, &facts, &err), &err);
	require(facts.size_bytes >= -1);
}

/* Whatever comes, the words can be shown and the verdict is one. */
static void judge(const struct http_reply *reply, const char *method)
{
	struct s3_request request = {.method = method, .body.size = 1};
	struct s3_verdict verdict;

	s3_judge(&request, reply, &verdict);
	require(verdict.outcome <= S3_FAILED && verdict.text[0]);
	require(verdict.retry <= RETRY_AT_ONCE && verdict.retry_after_ms >= -1);
	for (const char *c = verdict.text; *c; c++)
		require(*c >= 0x20 && *c < 0x7f);
	for (const char *c = verdict.region; *c; c++)
		require(*c >= 0x20 && *c < 0x7f);
}

/* Two bytes that make a status, lines of headers up to an empty one, and the
 * body, in memory of its own, so that a byte too much is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_reply reply = {0};

	if (size < 2)
		return 0;
	reply.status = 100 + (data[0] * 256 + data[1]) % 500;
	const char *text = (const char *)data + 2;
	size -= 2;
	const char *gap = memmem(text, size, "\n\n", 2);
	size_t head_size = gap ? (size_t)(gap - text) + 1 : 0;
	size_t skipped = gap ? head_size + 1 : 0;
	reply.body.size = size - skipped;
	reply.body.data = malloc(reply.body.size ? reply.body.size : 1);
	reply.headers.data = text_dup_bytes(text, head_size);
	if (reply.body.data && reply.headers.data) {
		memcpy(reply.body.data, text + skipped, reply.body.size);
		reply.headers.size = strlen(reply.headers.data);
		read_listing(&reply);
		read_parts(&reply);
		read_uploads(&reply);
		read_texts(&reply);
		judge(&reply, "HEAD");
		judge(&reply, "PUT");
	}
	free(reply.headers.data);
	free(reply.body.data);
	return 0;
}

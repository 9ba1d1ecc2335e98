#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc64.h"
#include "s3/s3.h"

#define EMPTY_SHA256                                                           \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { PAGE_KEYS = 1000, MD5_TEXT_BYTES = 25, KMS_PREFIX_BYTES = 8 };

void s3_request_clear(struct s3_request *request)
{
	for (size_t i = 0; i < request->query_count; i++) {
		free(request->query[i].name);
		free(request->query[i].value);
	}
	for (size_t i = 0; i < request->header_count; i++) {
		free(request->headers[i].name);
		free(request->headers[i].value);
	}
	free(request->query);
	free(request->headers);
	buffer_clear(&request->key);
	buffer_clear(&request->body);
	*request = (struct s3_request){0};
}

static int begin(struct s3_request *request, const char *method,
		 struct bytes key)
{
	*request = (struct s3_request){.method = method};
	memcpy(request->payload_sha256, EMPTY_SHA256, HASH_HEX_BYTES);
	return buffer_append(&request->key, key.data, key.size);
}

static int add_take(struct s3_pair **pairs, size_t *count, const char *name,
		    char *value)
{
	struct s3_pair *more = realloc(*pairs, (*count + 1) * sizeof(*more));
	char *own_name = text_dup(name);

	if (more)
		*pairs = more;
	if (!more || !own_name || !value) {
		free(own_name);
		free(value);
		return ERROR_LOCAL;
	}
	more[(*count)++] = (struct s3_pair){own_name, value};
	return 0;
}

static int add_query(struct s3_request *request, const char *name,
		     const char *value)
{
	return add_take(&request->query, &request->query_count, name,
			text_dup(value));
}

/* A value of NULL or "" is not sent. */
static int add_header(struct s3_request *request, const char *name,
		      const char *value)
{
	if (!value || value[0] == '\0')
		return 0;
	return add_take(&request->headers, &request->header_count, name,
			text_dup(value));
}

/* ---- what goes with a body ---- */

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* RFC 2047, as S3 wants metadata beyond US-ASCII
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html). */
static char *metadata_value(const char *text)
{
	size_t size = strlen(text);
	char *base64;
	char *value;

	if (is_ascii(text))
		return text_dup(text);
	base64 = malloc(4 * ((size + 2) / 3) + 1);
	if (!base64)
		return NULL;
	hash_base64((const unsigned char *)text, size, base64);
	value = text_format("=?UTF-8?B?%s?=", base64);
	free(base64);
	return value;
}

static int add_metadata(struct s3_request *request,
			const struct s3_object *object)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < object->metadata_count; i++) {
		char *name =
		    text_format("x-amz-meta-%s", object->metadata[i].name);

		for (char *c = name; c && *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + 'a' - 'A');
		rc = name ? add_take(&request->headers, &request->header_count,
				     name,
				     metadata_value(object->metadata[i].value))
			  : ERROR_LOCAL;
		free(name);
	}
	return rc;
}

static int add_sse(struct s3_request *request, const char *sse)
{
	if (!sse || strncmp(sse, "aws:kms:", KMS_PREFIX_BYTES) != 0)
		return add_header(request, "x-amz-server-side-encryption", sse);
	int rc = add_header(request, "x-amz-server-side-encryption", "aws:kms");
	return rc ? rc
		  : add_header(request,
			       "x-amz-server-side-encryption-aws-kms-key-id",
			       sse + KMS_PREFIX_BYTES);
}

static int add_object(struct s3_request *request,
		      const struct s3_object *object)
{
	int rc = add_header(request, "content-type", object->content_type);

	if (rc == 0)
		rc = add_header(request, "x-amz-storage-class",
				object->storage_class);
	if (rc == 0)
		rc = add_sse(request, object->sse);
	if (rc == 0)
		rc = add_header(request, "x-amz-acl", object->acl);
	return rc ? rc : add_metadata(request, object);
}

static int add_guard(struct s3_request *request, const struct s3_guard *guard)
{
	char crc64[13];
	char md5[MD5_TEXT_BYTES];
	int rc = 0;

	hash_hex(guard->sha256, HASH_SHA256_BYTES, request->payload_sha256);
	if (guard->has_crc64) {
		crc64_text(guard->crc64, crc64);
		rc = add_header(request, "x-amz-checksum-crc64nvme", crc64);
	}
	if (rc == 0 && guard->md5) {
		hash_base64(guard->md5, HASH_MD5_BYTES, md5);
		rc = add_header(request, "content-md5", md5);
	}
	return rc;
}

/* ---- objects ---- */

int s3_head_object(struct s3_request *request, struct bytes key)
{
	return begin(request, "HEAD", key);
}

int s3_head_object_checksum(struct s3_request *request, struct bytes key)
{
	int rc = begin(request, "HEAD", key);

	return rc ? rc : add_header(request, "x-amz-checksum-mode", "ENABLED");
}

/* RFC 9110 section 14.2: both ends are counted in. */
int s3_get_range(struct s3_request *request, struct bytes key, const char *etag,
		 int64_t offset, int64_t size_bytes)
{
	char range[64];
	int rc = begin(request, "GET", key);

	(void)snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64,
		       offset, offset + size_bytes - 1);
	if (rc == 0)
		rc = add_header(request, "range", range);
	if (rc == 0 && etag[0] != '\0')
		rc = add_header(request, "if-match", etag);
	return rc;
}

int s3_put_object(struct s3_request *request, struct bytes key,
		  const struct s3_object *object, const struct s3_guard *guard,
		  bool if_none_match)
{
	int rc = begin(request, "PUT", key);

	if (rc == 0)
		rc = add_object(request, object);
	if (rc == 0)
		rc = add_guard(request, guard);
	if (rc == 0 && if_none_match)
		rc = add_header(request, "if-none-match", "*");
	return rc;
}

/* ---- listings ---- */

static int add_query_bytes(struct s3_request *request, const char *name,
			   struct bytes value)
{
	if (value.size == 0)
		return 0;
	return add_take(&request->query, &request->query_count, name,
			text_dup_bytes(value.data, value.size));
}

int s3_list_objects(struct s3_request *request, const struct s3_list *list)
{
	char max_keys[16];
	int rc = begin(request, "GET", (struct bytes){0});

	(void)snprintf(max_keys, sizeof(max_keys), "%d",
		       list->max_keys ? list->max_keys : PAGE_KEYS);
	if (rc == 0)
		rc = add_query(request, "list-type", "2");
	if (rc == 0)
		rc = add_query(request, "encoding-type", "url");
	if (rc == 0)
		rc = add_query(request, "max-keys", max_keys);
	if (rc == 0)
		rc = add_query_bytes(request, "prefix", list->prefix);
	if (rc == 0 && list->token)
		return add_query(request, "continuation-token", list->token);
	return rc ? rc
		  : add_query_bytes(request, "start-after", list->start_after);
}

/* ---- multipart ---- */

int s3_create_upload(struct s3_request *request, struct bytes key,
		     const struct s3_object *object, bool with_crc64)
{
	int rc = begin(request, "POST", key);

	if (rc == 0)
		rc = add_query(request, "uploads", "");
	if (rc == 0)
		rc = add_object(request, object);
	if (rc == 0 && with_crc64)
		rc = add_header(request, "x-amz-checksum-algorithm",
				"CRC64NVME");
	if (rc == 0 && with_crc64)
		rc = add_header(request, "x-amz-checksum-type", "FULL_OBJECT");
	return rc;
}

int s3_put_part(struct s3_request *request, struct bytes key,
		const char *upload_id, int number, const struct s3_guard *guard)
{
	char text[16];
	int rc = begin(request, "PUT", key);

	(void)snprintf(text, sizeof(text), "%d", number);
	if (rc == 0)
		rc = add_query(request, "partNumber", text);
	if (rc == 0)
		rc = add_query(request, "uploadId", upload_id);
	return rc ? rc : add_guard(request, guard);
}

/* An ETag is quoted text that came from outside: into XML with care. */
static int append_xml_text(struct buffer *xml, const char *text)
{
	int rc = 0;

	for (; rc == 0 && *text; text++) {
		if (*text == '"')
			rc = buffer_append_text(xml, "&quot;");
		else if (*text == '&')
			rc = buffer_append_text(xml, "&amp;");
		else if (*text == '<')
			rc = buffer_append_text(xml, "&lt;");
		else if (*text == '>')
			rc = buffer_append_text(xml, "&gt;");
		else
			rc = buffer_append(xml, text, 1);
	}
	return rc;
}

static int append_part(struct buffer *xml, const struct s3_part *part)
{
	char crc64[13];
	int rc = buffer_append_text(xml, "<Part>");

	if (rc == 0 && part->has_crc64) {
		crc64_text(part->crc64, crc64);
		rc = buffer_append_format(
		    xml, "<ChecksumCRC64NVME>%s</ChecksumCRC64NVME>", crc64);
	}
	if (rc == 0)
		rc = buffer_append_text(xml, "<ETag>");
	if (rc == 0)
		rc = append_xml_text(xml, part->etag);
	if (rc == 0)
		rc = buffer_append_format(
		    xml, "</ETag><PartNumber>%d</PartNumber></Part>",
		    part->number);
	return rc;
}

static int write_complete(struct s3_request *request,
			  const struct s3_part *parts, size_t count)
{
	unsigned char digest[HASH_SHA256_BYTES];
	struct buffer *xml = &request->body;
	int rc = buffer_append_text(
	    xml, "<CompleteMultipartUpload "
		 "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = append_part(xml, &parts[i]);
	if (rc == 0)
		rc = buffer_append_text(xml, "</CompleteMultipartUpload>");
	if (rc == 0)
		rc = hash_sha256(buffer_bytes(xml), digest);
	if (rc == 0)
		hash_hex(digest, sizeof(digest), request->payload_sha256);
	return rc;
}

int s3_complete_upload(struct s3_request *request, struct bytes key,
		       const char *upload_id, const struct s3_part *parts,
		       size_t count, const uint64_t *crc64)
{
	char text[13];
	int rc = begin(request, "POST", key);

	if (rc == 0)
		rc = add_query(request, "uploadId", upload_id);
	if (rc == 0)
		rc = add_header(request, "content-type", "application/xml");
	if (rc == 0 && crc64) {
		crc64_text(*crc64, text);
		rc = add_header(request, "x-amz-checksum-crc64nvme", text);
		if (rc == 0)
			rc = add_header(request, "x-amz-checksum-type",
					"FULL_OBJECT");
	}
	return rc ? rc : write_complete(request, parts, count);
}

int s3_abort_upload(struct s3_request *request, struct bytes key,
		    const char *upload_id)
{
	int rc = begin(request, "DELETE", key);

	return rc ? rc : add_query(request, "uploadId", upload_id);
}

int s3_list_parts(struct s3_request *request, struct bytes key,
		  const char *upload_id, int after)
{
	char text[16];
	int rc = begin(request, "GET", key);

	(void)snprintf(text, sizeof(text), "%d", after);
	if (rc == 0)
		rc = add_query(request, "uploadId", upload_id);
	if (rc == 0 && after > 0)
		rc = add_query(request, "part-number-marker", text);
	return rc;
}

int s3_list_uploads(struct s3_request *request, struct bytes prefix,
		    const char *key_marker, const char *upload_id_marker)
{
	int rc = begin(request, "GET", (struct bytes){0});

	if (rc == 0)
		rc = add_query(request, "uploads", "");
	if (rc == 0)
		rc = add_query(request, "encoding-type", "url");
	if (rc == 0)
		rc = add_query_bytes(request, "prefix", prefix);
	if (rc == 0 && key_marker)
		rc = add_query(request, "key-marker", key_marker);
	if (rc == 0 && upload_id_marker)
		rc = add_query(request, "upload-id-marker", upload_id_marker);
	return rc;
}

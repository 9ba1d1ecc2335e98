#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "s3/s3.h"
#include "s3/s3_value.h"
#include "s3/s3_xml.h"

enum {
	RESULTS_CEILING = 100000 /* of what a page may list; S3 sends 1,000 */
};

/* ---- headers ---- */

static void read_checksums(const struct http_reply *reply,
			   struct s3_object_facts *facts)
{
	char value[128];

	if (http_header(reply, "x-amz-checksum-type", value, sizeof(value)) &&
	    strcmp(value, "FULL_OBJECT") != 0)
		return;
	if (http_header(reply, "x-amz-checksum-crc64nvme", value,
			sizeof(value)))
		facts->has_crc64 = s3_value_crc64(value, &facts->crc64);
	if (http_header(reply, "x-amz-checksum-sha256", value, sizeof(value)))
		facts->has_sha256 = s3_value_sha256(value, facts->sha256);
}

int s3_read_object(const struct http_reply *reply,
		   struct s3_object_facts *facts, struct error *err)
{
	char value[256];

	(void)err;
	*facts = (struct s3_object_facts){.size_bytes = -1};
	if (http_header(reply, "content-length", value, sizeof(value)))
		facts->size_bytes = s3_value_number(bytes_of_text(value));
	if (http_header(reply, "last-modified", value, sizeof(value)))
		facts->modified_s = s3_value_time(bytes_of_text(value));
	if (http_header(reply, "etag", value, sizeof(value)))
		s3_value_copy(bytes_of_text(value), facts->etag,
			      sizeof(facts->etag));
	read_checksums(reply, facts);
	return 0;
}

/* ---- documents ---- */

/* A reply is read only if its root is the one of the operation: a page of a
 * proxy may be sound XML and must not pass for an empty list. */
struct document {
	const char *root;
	bool has_root;
	struct s3_xml_handler inner;
};

static int document_element(void *context, const char *path, struct bytes text)
{
	struct document *document = context;

	if (strchr(path, '/'))
		return document->inner.element(document->inner.context, path,
					       text);
	document->has_root = strcmp(path, document->root) == 0;
	return 0;
}

static int read_document(const struct http_reply *reply, const char *root,
			 const struct s3_xml_handler *inner, struct error *err)
{
	struct document document = {.root = root, .inner = *inner};
	const struct s3_xml_handler handler = {document_element, &document};
	int rc = s3_xml_parse(buffer_bytes(&reply->body), &handler, err);

	if (rc == 0 && !document.has_root)
		rc = error_set(err, ERROR_INVALID, "the reply is no %s", root);
	/* a text that is there already stays */
	return rc ? error_set(err, rc, "cannot keep what %s holds", root) : 0;
}

/* ---- ListObjectsV2 ---- */

static bool path_is(const char *path, const char *wanted)
{
	return strcmp(path, wanted) == 0;
}

/* The items with room for one more, wherever they are now. NULL: they are where
 * they were; no memory, or more than any page holds. */
static void *grow(void *items, size_t count, size_t item_size)
{
	if (count >= RESULTS_CEILING)
		return NULL;
	return realloc(items, (count + 1) * item_size);
}

struct listing_parse {
	struct s3_listing *listing;
	struct s3_listed current;
	size_t key_offset;
	size_t key_size;
	size_t *offsets; /* of the keys, while the memory may still move */
};

static int keep_key(struct listing_parse *parse, struct bytes text)
{
	struct buffer *memory = &parse->listing->memory;

	parse->key_offset = memory->size;
	int rc = s3_uri_decode(text, memory);
	parse->key_size = memory->size - parse->key_offset;
	return rc ? rc : buffer_append(memory, "", 1);
}

static int keep_object(struct listing_parse *parse)
{
	struct s3_listing *listing = parse->listing;

	if (parse->key_size == 0)
		return ERROR_INVALID; /* there is no object without a name */
	struct s3_listed *objects =
	    grow(listing->objects, listing->count, sizeof(*objects));
	if (!objects)
		return ERROR_LOCAL;
	listing->objects = objects;
	size_t *offsets =
	    grow(parse->offsets, listing->count, sizeof(*offsets));
	if (!offsets) /* -fanalyzer: the listing has the objects */
		return ERROR_LOCAL;
	parse->offsets = offsets;
	offsets[listing->count] = parse->key_offset;
	parse->current.key.size = parse->key_size;
	objects[listing->count++] = parse->current;
	parse->current = (struct s3_listed){.size_bytes = -1};
	parse->key_size = 0;
	return 0;
}

static int listing_element(void *context, const char *path, struct bytes text)
{
	struct listing_parse *parse = context;

	if (path_is(path, "ListBucketResult/Contents/Key"))
		return keep_key(parse, text);
	if (path_is(path, "ListBucketResult/Contents/Size"))
		parse->current.size_bytes = s3_value_number(text);
	else if (path_is(path, "ListBucketResult/Contents/LastModified"))
		parse->current.modified_s = s3_value_time(text);
	else if (path_is(path, "ListBucketResult/Contents/ETag"))
		s3_value_copy(text, parse->current.etag,
			      sizeof(parse->current.etag));
	else if (path_is(path, "ListBucketResult/Contents"))
		return keep_object(parse);
	else if (path_is(path, "ListBucketResult/IsTruncated"))
		parse->listing->is_truncated =
		    bytes_equal(text, bytes_of_text("true"));
	else if (path_is(path, "ListBucketResult/NextContinuationToken") &&
		 !parse->listing->next_token)
		parse->listing->next_token =
		    text_dup_bytes(text.data, text.size);
	return 0;
}

int s3_read_listing(const struct http_reply *reply, struct s3_listing *listing,
		    struct error *err)
{
	struct listing_parse parse = {.listing = listing,
				      .current.size_bytes = -1};
	const struct s3_xml_handler handler = {listing_element, &parse};

	*listing = (struct s3_listing){0};
	int rc = read_document(reply, "ListBucketResult", &handler, err);
	for (size_t i = 0; rc == 0 && i < listing->count; i++)
		listing->objects[i].key.data =
		    listing->memory.data + parse.offsets[i];
	if (rc == 0 && listing->is_truncated && !listing->next_token)
		rc = error_set(err, ERROR_INVALID,
			       "the listing goes on, but does not say where");
	free(parse.offsets);
	if (rc)
		s3_listing_clear(listing);
	return rc;
}

void s3_listing_clear(struct s3_listing *listing)
{
	free(listing->objects);
	free(listing->next_token);
	buffer_clear(&listing->memory);
	*listing = (struct s3_listing){0};
}

/* ---- multipart ---- */

struct text_parse {
	const char *path;
	char *out;
	size_t size;
};

static int text_element(void *context, const char *path, struct bytes text)
{
	const struct text_parse *parse = context;

	if (!path_is(path, parse->path))
		return 0;
	if (text.size == 0 || text.size >= parse->size)
		return ERROR_INVALID;
	s3_value_copy(text, parse->out, parse->size);
	return 0;
}

int s3_read_upload_id(const struct http_reply *reply, char *upload_id,
		      size_t size, struct error *err)
{
	struct text_parse parse = {"InitiateMultipartUploadResult/UploadId",
				   upload_id, size};
	const struct s3_xml_handler handler = {text_element, &parse};

	upload_id[0] = '\0';
	int rc = read_document(reply, "InitiateMultipartUploadResult", &handler,
			       err);
	if (rc == 0 && upload_id[0] == '\0')
		rc = error_set(err, ERROR_INVALID, "the reply has no UploadId");
	return rc;
}

struct completed_parse {
	struct s3_object_facts *facts;
	bool is_composite;
};

static int completed_element(void *context, const char *path, struct bytes text)
{
	struct completed_parse *parse = context;
	char value[64];

	s3_value_copy(text, value, sizeof(value));
	if (path_is(path, "CompleteMultipartUploadResult/ETag"))
		s3_value_copy(text, parse->facts->etag,
			      sizeof(parse->facts->etag));
	else if (path_is(path,
			 "CompleteMultipartUploadResult/ChecksumCRC64NVME"))
		parse->facts->has_crc64 =
		    s3_value_crc64(value, &parse->facts->crc64);
	else if (path_is(path, "CompleteMultipartUploadResult/ChecksumType"))
		parse->is_composite = strcmp(value, "FULL_OBJECT") != 0;
	return 0;
}

int s3_read_completed(const struct http_reply *reply,
		      struct s3_object_facts *facts, struct error *err)
{
	struct completed_parse parse = {.facts = facts};
	const struct s3_xml_handler handler = {completed_element, &parse};

	*facts = (struct s3_object_facts){0};
	int rc = read_document(reply, "CompleteMultipartUploadResult", &handler,
			       err);
	if (parse.is_composite)
		facts->has_crc64 = false;
	return rc;
}

struct parts_parse {
	struct s3_parts *parts;
	struct s3_part current;
};

static int parts_element(void *context, const char *path, struct bytes text)
{
	struct parts_parse *parse = context;
	char value[64];

	s3_value_copy(text, value, sizeof(value));
	if (path_is(path, "ListPartsResult/Part/PartNumber")) {
		parse->current.number = s3_value_part_number(text);
	} else if (path_is(path, "ListPartsResult/Part/ETag")) {
		s3_value_copy(text, parse->current.etag,
			      sizeof(parse->current.etag));
	} else if (path_is(path, "ListPartsResult/Part/Size")) {
		parse->current.size_bytes = s3_value_number(text);
	} else if (path_is(path, "ListPartsResult/Part/ChecksumCRC64NVME")) {
		parse->current.has_crc64 =
		    s3_value_crc64(value, &parse->current.crc64);
	} else if (path_is(path, "ListPartsResult/Part")) {
		struct s3_parts *parts = parse->parts;
		struct s3_part *more =
		    grow(parts->parts, parts->count, sizeof(*more));

		if (!more)
			return ERROR_LOCAL;
		parts->parts = more;
		more[parts->count++] = parse->current;
		parse->current = (struct s3_part){.size_bytes = -1};
	} else if (path_is(path, "ListPartsResult/IsTruncated")) {
		parse->parts->is_truncated = strcmp(value, "true") == 0;
	} else if (path_is(path, "ListPartsResult/NextPartNumberMarker")) {
		parse->parts->next_number = s3_value_part_number(text);
	}
	return 0;
}

int s3_read_parts(const struct http_reply *reply, struct s3_parts *parts,
		  struct error *err)
{
	struct parts_parse parse = {.parts = parts, .current.size_bytes = -1};
	const struct s3_xml_handler handler = {parts_element, &parse};

	*parts = (struct s3_parts){0};
	int rc = read_document(reply, "ListPartsResult", &handler, err);
	if (rc)
		s3_parts_clear(parts);
	return rc;
}

void s3_parts_clear(struct s3_parts *parts)
{
	free(parts->parts);
	*parts = (struct s3_parts){0};
}

struct uploads_parse {
	struct s3_upload_listing *listing;
	struct s3_upload_listed current;
};

static int set_text(char **out, struct bytes text, bool is_encoded)
{
	struct buffer raw = {0};
	int rc = is_encoded ? s3_uri_decode(text, &raw)
			    : buffer_append(&raw, text.data, text.size);

	free(*out);
	*out = buffer_steal(&raw);
	return rc;
}

static int keep_upload(struct uploads_parse *parse)
{
	if (!parse->current.key || !parse->current.upload_id)
		return ERROR_INVALID;
	struct s3_upload_listing *listing = parse->listing;
	struct s3_upload_listed *uploads =
	    grow(listing->uploads, listing->count, sizeof(*uploads));

	if (!uploads)
		return ERROR_LOCAL;
	listing->uploads = uploads;
	uploads[listing->count++] = parse->current;
	parse->current = (struct s3_upload_listed){0};
	return 0;
}

static int uploads_element(void *context, const char *path, struct bytes text)
{
	static const char root[] = "ListMultipartUploadsResult/";
	struct uploads_parse *parse = context;
	struct s3_upload_listing *listing = parse->listing;

	if (strncmp(path, root, sizeof(root) - 1) != 0)
		return 0;
	path += sizeof(root) - 1;
	if (path_is(path, "Upload/Key"))
		return set_text(&parse->current.key, text, true);
	if (path_is(path, "Upload/UploadId"))
		return set_text(&parse->current.upload_id, text, false);
	if (path_is(path, "NextKeyMarker"))
		return set_text(&listing->next_key_marker, text, true);
	if (path_is(path, "NextUploadIdMarker"))
		return set_text(&listing->next_upload_id_marker, text, false);
	if (path_is(path, "Upload"))
		return keep_upload(parse);
	if (path_is(path, "Upload/Initiated"))
		parse->current.initiated_s = s3_value_time(text);
	else if (path_is(path, "IsTruncated"))
		listing->is_truncated =
		    bytes_equal(text, bytes_of_text("true"));
	return 0;
}

int s3_read_uploads(const struct http_reply *reply,
		    struct s3_upload_listing *listing, struct error *err)
{
	struct uploads_parse parse = {.listing = listing};
	const struct s3_xml_handler handler = {uploads_element, &parse};

	*listing = (struct s3_upload_listing){0};
	int rc =
	    read_document(reply, "ListMultipartUploadsResult", &handler, err);
	free(parse.current.key);
	free(parse.current.upload_id);
	if (rc == 0 && listing->is_truncated && !listing->next_key_marker)
		rc = error_set(err, ERROR_INVALID,
			       "the listing goes on, but does not say where");
	if (rc)
		s3_upload_listing_clear(listing);
	return rc;
}

void s3_upload_listing_clear(struct s3_upload_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->uploads[i].key);
		free(listing->uploads[i].upload_id);
	}
	free(listing->uploads);
	free(listing->next_key_marker);
	free(listing->next_upload_id_marker);
	*listing = (struct s3_upload_listing){0};
}

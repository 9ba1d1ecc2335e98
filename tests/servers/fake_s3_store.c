#include "fake_s3_store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- meta files ---- */

void meta_write(const char *path, const struct meta *meta)
{
	char beside[PATH_BYTES + 8];
	char key[3 * KEY_BYTES + 1];
	FILE *file;

	snprintf(beside, sizeof(beside), "%s.new", path);
	url_encode(meta->key, true, key, sizeof(key));
	file = fopen(beside, "w");
	if (!file)
		abort();
	fprintf(file, "%s\n%s\n%lu %lld\n%s\n%s", key, meta->etag, meta->size,
		meta->modified, meta->crc64, meta->headers);
	fclose(file);
	rename(beside, path);
}

static bool read_line(FILE *file, char *out, size_t size)
{
	if (!fgets(out, (int)size, file))
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

bool meta_read(const char *path, struct meta *meta)
{
	char key[3 * KEY_BYTES + 2];
	char numbers[64];
	FILE *file = fopen(path, "r");
	bool read = false;

	memset(meta, 0, sizeof(*meta));
	if (!file)
		return false;
	if (read_line(file, key, sizeof(key)) &&
	    read_line(file, meta->etag, sizeof(meta->etag)) &&
	    read_line(file, numbers, sizeof(numbers)) &&
	    read_line(file, meta->crc64, sizeof(meta->crc64))) {
		size_t got =
		    fread(meta->headers, 1, sizeof(meta->headers) - 1, file);

		meta->headers[got] = '\0';
		url_decode(key, strlen(key), meta->key, sizeof(meta->key));
		read = sscanf(numbers, "%lu %lld", &meta->size,
			      &meta->modified) == 2;
	}
	fclose(file);
	return read;
}

/* What of the request is kept with the object. */
static void keep_headers(const struct request *request, struct meta *meta)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name;
		size_t length = strlen(meta->headers);

		if (strcmp(name, "content-type") == 0 ||
		    strncmp(name, "x-amz-meta-", 11) == 0 ||
		    strcmp(name, "x-amz-storage-class") == 0 ||
		    strcmp(name, "x-amz-acl") == 0 ||
		    strncmp(name, "x-amz-server-side", 17) == 0)
			snprintf(meta->headers + length,
				 sizeof(meta->headers) - length, "%s: %s\n",
				 name, request->headers[i].value);
	}
}

static void tell_headers(struct request *request, const struct meta *meta)
{
	char copy[sizeof(meta->headers)];
	char *save = NULL;

	memcpy(copy, meta->headers, sizeof(copy));
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(line, ": ");

		if (!colon || strncmp(line, "x-amz-acl", 9) == 0)
			continue;
		*colon = '\0';
		reply_header(request, line, "%s", colon + 2);
	}
}

/* ---- places ---- */

void store_make_bucket(struct server *server, const char *bucket)
{
	static const char *const below[] = {"", "/objects", "/uploads"};
	char path[PATH_BYTES];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", server->root, bucket,
			 below[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			perror(path);
	}
}

static bool has_bucket(const struct request *request)
{
	char path[PATH_BYTES];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s/objects", request->server->root,
		 request->bucket);
	return stat(path, &status) == 0;
}

void store_object_path(const struct request *request, char *path,
		       const char *suffix)
{
	unsigned char digest[32];
	char hex[HEX_SHA256];

	EVP_Digest(request->key, strlen(request->key), digest, NULL,
		   EVP_sha256(), NULL);
	hex_of(digest, sizeof(digest), hex);
	snprintf(path, PATH_BYTES, "%s/%s/objects/%s%s", request->server->root,
		 request->bucket, hex, suffix);
}

void store_date_text(long long seconds, char *out, size_t size, bool iso)
{
	time_t time = (time_t)seconds;
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(out, size,
		 iso ? "%Y-%m-%dT%H:%M:%S.000Z" : "%a, %d %b %Y %H:%M:%S GMT",
		 &tm);
}

/* ---- what came ---- */

/* A sum that is not checked here must not be taken for a good one. */
static bool knows_sums(const struct request *request)
{
	static const char *const known[] = {"crc64nvme", "sha256", "algorithm",
					    "mode", "type"};

	for (size_t i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name;
		bool is_known = strncmp(name, "x-amz-checksum-", 15) != 0;

		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
			is_known = is_known || strcmp(name + 15, known[k]) == 0;
		if (!is_known)
			return false;
	}
	return true;
}

bool store_body_is_sound(struct request *request)
{
	const char *sha256 = request_header(request, "x-amz-content-sha256");
	const char *length = request_header(request, "content-length");
	const char *md5 = request_header(request, "content-md5");
	const char *crc64 = request_header(request, "x-amz-checksum-crc64nvme");
	const char *sum = request_header(request, "x-amz-checksum-sha256");
	char text[64];

	if (length && strtoull(length, NULL, 10) != request->body_bytes) {
		reply_error(request, 400, "IncompleteBody");
		return false;
	}
	if (!knows_sums(request)) {
		reply_error(request, 501, "NotImplemented");
		return false;
	}
	if (sha256 && strcmp(sha256, "UNSIGNED-PAYLOAD") != 0 &&
	    strcmp(sha256, request->sha256_hex) != 0) {
		reply_error(request, 400, "XAmzContentSHA256Mismatch");
		return false;
	}
	base64_of(request->md5_raw, 16, text);
	if (md5 && strcmp(md5, text) != 0) {
		reply_error(request, 400, "BadDigest");
		return false;
	}
	base64_of(request->sha256_raw, 32, text);
	if (sum && strcmp(sum, text) != 0) {
		reply_error(request, 400, "BadDigest");
		return false;
	}
	crc64_base64(request->crc64, text);
	if (crc64 && strcmp(crc64, text) != 0 &&
	    strcmp(request->method, "PUT") == 0) {
		reply_error(request, 400, "BadDigest");
		return false;
	}
	return true;
}

void meta_fill(const struct request *request, struct meta *meta)
{
	*meta =
	    (struct meta){.size = request->body_bytes, .modified = fault_now()};
	snprintf(meta->key, sizeof(meta->key), "%s", request->key);
	snprintf(meta->etag, sizeof(meta->etag), "\"%s\"", request->md5_hex);
	if (request_header(request, "x-amz-checksum-crc64nvme"))
		crc64_base64(request->crc64, meta->crc64);
	keep_headers(request, meta);
}

void store_keep_body(struct request *request, const char *path)
{
	if (request->body < 0) {
		/* an empty body has no file yet */
		int empty = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

		if (empty >= 0)
			close(empty);
		return;
	}
	rename(request->body_path, path);
	request->body_path[0] = '\0';
}

/* ---- objects ---- */

static void put_object(struct request *request)
{
	const char *condition = request_header(request, "if-none-match");
	char path[PATH_BYTES];
	char meta_path[PATH_BYTES];
	struct meta meta;

	if (!store_body_is_sound(request))
		return;
	store_object_path(request, path, "");
	store_object_path(request, meta_path, ".meta");
	if (condition && !fault_ignores_condition() &&
	    meta_read(meta_path, &meta)) {
		reply_error(request, 412, "PreconditionFailed");
		return;
	}
	meta_fill(request, &meta);
	store_keep_body(request, path);
	meta_write(meta_path, &meta);
	request->status = 200;
	reply_header(request, "etag", "%s", meta.etag);
	if (meta.crc64[0]) {
		reply_header(request, "x-amz-checksum-crc64nvme", "%s",
			     meta.crc64);
		reply_header(request, "x-amz-checksum-type", "FULL_OBJECT");
	}
}

/* RFC 9110 section 14.2, one range of the form bytes=a-b. */
static void take_range(struct request *request, const struct meta *meta)
{
	const char *range = request_header(request, "range");
	unsigned long long size = meta->size;
	unsigned long long first = 0;
	unsigned long long last = 0;

	if (!range || sscanf(range, "bytes=%llu-%llu", &first, &last) != 2)
		return;
	if (first >= size || last < first) {
		reply_error(request, 416, "InvalidRange");
		request->file[0] = '\0';
		return;
	}
	if (last >= size)
		last = size - 1;
	request->status = 206;
	request->is_range = true;
	request->range_start = first;
	request->range_size = last - first + 1;
	reply_header(request, "content-range", "bytes %llu-%llu/%llu", first,
		     last, size);
}

static void get_object(struct request *request)
{
	const char *mode = request_header(request, "x-amz-checksum-mode");
	const char *match = request_header(request, "if-match");
	char path[PATH_BYTES];
	char date[64];
	struct meta meta;

	store_object_path(request, path, ".meta");
	if (!meta_read(path, &meta)) {
		reply_error(request, 404, "NoSuchKey");
		return;
	}
	if (match && strcmp(match, meta.etag) != 0) {
		reply_error(request, 412, "PreconditionFailed");
		return;
	}
	store_object_path(request, request->file, "");
	store_date_text(meta.modified, date, sizeof(date), false);
	request->status = 200;
	reply_header(request, "last-modified", "%s", date);
	reply_header(request, "etag", "%s", meta.etag);
	reply_header(request, "accept-ranges", "bytes");
	tell_headers(request, &meta);
	if (mode && meta.crc64[0]) {
		reply_header(request, "x-amz-checksum-crc64nvme", "%s",
			     meta.crc64);
		reply_header(request, "x-amz-checksum-type", "FULL_OBJECT");
	}
	take_range(request, &meta);
}

static void delete_object(struct request *request)
{
	char path[PATH_BYTES];

	store_object_path(request, path, ".meta");
	unlink(path);
	store_object_path(request, path, "");
	unlink(path);
	request->status = 204;
}

/* ---- which is it? ---- */

static void serve_bucket(struct request *request)
{
	const char *method = request->method;

	if (strcmp(method, "PUT") == 0) {
		store_make_bucket(request->server, request->bucket);
		request->status = 200;
	} else if (!has_bucket(request)) {
		reply_error(request, 404, "NoSuchBucket");
	} else if (strcmp(method, "HEAD") == 0) {
		request->status = 200;
	} else if (strcmp(method, "GET") == 0 &&
		   request_query(request, "uploads")) {
		list_uploads(request);
	} else if (strcmp(method, "GET") == 0 &&
		   request_query(request, "location")) {
		reply_xml(request,
			  "<LocationConstraint>%s</LocationConstraint>",
			  request->server->region);
	} else if (strcmp(method, "GET") == 0) {
		list_objects(request);
	} else {
		reply_error(request, 405, "MethodNotAllowed");
	}
}

/* Nothing is asked for but what is done here: ?acl is no PUT of an object. */
static bool is_done_here(const struct request *request)
{
	static const char *const known[] = {
	    "list-type",   "encoding-type", "max-keys",	  "prefix",
	    "delimiter",   "start-after",   "key-marker", "continuation-token",
	    "fetch-owner", "location",	    "uploads",	  "upload-id-marker",
	    "uploadId",	   "partNumber",    "max-parts",  "part-number-marker",
	    "marker",	   "x-id",
	};

	for (size_t i = 0; i < request->query_count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
			is_known = is_known || strcmp(request->query[i].name,
						      known[k]) == 0;
		if (!is_known)
			return false;
	}
	return !request_header(request, "x-amz-copy-source");
}

void store_serve(struct request *request)
{
	static const struct {
		const char *method;
		const char *query; /* NULL: none of the others */
		void (*serve)(struct request *request);
	} table[] = {
	    {"PUT", "partNumber", parts_put},
	    {"POST", "uploads", parts_create},
	    {"POST", "uploadId", parts_complete},
	    {"GET", "uploadId", parts_list},
	    {"DELETE", "uploadId", NULL},
	    {"PUT", NULL, put_object},
	    {"GET", NULL, get_object},
	    {"HEAD", NULL, get_object},
	    {"DELETE", NULL, delete_object},
	};

	if (!is_done_here(request)) {
		reply_error(request, 501, "NotImplemented");
		return;
	}
	if (strlen(request->key) >= KEY_BYTES) {
		reply_error(request, 400, "KeyTooLongError");
		return;
	}
	if (request->key[0] == '\0') {
		serve_bucket(request);
		return;
	}
	if (!has_bucket(request)) {
		reply_error(request, 404, "NoSuchBucket");
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(request->method, table[i].method) != 0 ||
		    (table[i].query && !request_query(request, table[i].query)))
			continue;
		if (table[i].serve) {
			table[i].serve(request);
		} else {
			parts_remove(request);
			if (request->status == 0)
				request->status = 204;
		}
		return;
	}
	reply_error(request, 405, "MethodNotAllowed");
}

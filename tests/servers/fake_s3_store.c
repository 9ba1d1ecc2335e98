#include "fake_s3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * ROOT/BUCKET/objects/HASH holds an object's bytes, HASH.meta what is known of
 * it; ROOT/BUCKET/uploads/ID/ holds the parts N, N.meta of an upload and its
 * own .meta. HASH is the SHA-256 of the key.
 */
enum {
	PARTS_MOST = 10000,
	PAGE_MOST = 1000,
	PART_LEAST_BYTES = 5 * 1024 * 1024
};

struct meta {
	char key[KEY_BYTES + 1];
	char etag[80];
	uint64_t size;
	long long modified;
	char crc64[16];	    /* "": the client sent none */
	char headers[8192]; /* lines "name: value" of what was stored along */
};

/* ---- meta files ---- */

static void write_meta(const char *path, const struct meta *meta)
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

static bool read_meta(const char *path, struct meta *meta)
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

static void object_path(const struct request *request, char *path,
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

static bool upload_path(struct request *request, char *path, const char *suffix)
{
	const char *id = request_query(request, "uploadId");
	char folder[PATH_BYTES];
	struct meta meta;

	if (id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32) {
		snprintf(folder, sizeof(folder), "%s/%s/uploads/%s/.meta",
			 request->server->root, request->bucket, id);
		if (read_meta(folder, &meta) &&
		    strcmp(meta.key, request->key) == 0) {
			snprintf(path, PATH_BYTES, "%s/%s/uploads/%s/%s",
				 request->server->root, request->bucket, id,
				 suffix);
			return true;
		}
	}
	reply_error(request, 404, "NoSuchUpload");
	return false;
}

static void date_text(long long seconds, char *out, size_t size, bool iso)
{
	time_t time = (time_t)seconds;
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(out, size,
		 iso ? "%Y-%m-%dT%H:%M:%S.000Z" : "%a, %d %b %Y %H:%M:%S GMT",
		 &tm);
}

/* ---- what came ---- */

/* The body must be what its headers say. */
static bool body_is_sound(struct request *request)
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

static void fill_meta(const struct request *request, struct meta *meta)
{
	*meta =
	    (struct meta){.size = request->body_bytes, .modified = fault_now()};
	snprintf(meta->key, sizeof(meta->key), "%s", request->key);
	snprintf(meta->etag, sizeof(meta->etag), "\"%s\"", request->md5_hex);
	if (request_header(request, "x-amz-checksum-crc64nvme"))
		crc64_base64(request->crc64, meta->crc64);
	keep_headers(request, meta);
}

static void keep_body(struct request *request, const char *path)
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

	if (!body_is_sound(request))
		return;
	object_path(request, path, "");
	object_path(request, meta_path, ".meta");
	if (condition && read_meta(meta_path, &meta)) {
		reply_error(request, 412, "PreconditionFailed");
		return;
	}
	fill_meta(request, &meta);
	keep_body(request, path);
	write_meta(meta_path, &meta);
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

	object_path(request, path, ".meta");
	if (!read_meta(path, &meta)) {
		reply_error(request, 404, "NoSuchKey");
		return;
	}
	if (match && strcmp(match, meta.etag) != 0) {
		reply_error(request, 412, "PreconditionFailed");
		return;
	}
	object_path(request, request->file, "");
	date_text(meta.modified, date, sizeof(date), false);
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

	object_path(request, path, ".meta");
	unlink(path);
	object_path(request, path, "");
	unlink(path);
	request->status = 204;
}

/* ---- listings ---- */

struct listing {
	struct meta *objects;
	size_t count;
	size_t capacity;
};

static int compare_meta(const void *a, const void *b)
{
	return strcmp(((const struct meta *)a)->key,
		      ((const struct meta *)b)->key);
}

static void list_all(const struct request *request, const char *prefix,
		     struct listing *listing)
{
	char folder[PATH_BYTES];
	char path[2 * PATH_BYTES];
	DIR *stream;
	const struct dirent *entry;

	*listing = (struct listing){0};
	snprintf(folder, sizeof(folder), "%s/%s/objects", request->server->root,
		 request->bucket);
	stream = opendir(folder);
	while (stream && (entry = readdir(stream))) {
		struct meta meta;
		size_t size = strlen(entry->d_name);

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (size < 5 ||
		    strcmp(entry->d_name + size - 5, ".meta") != 0 ||
		    !read_meta(path, &meta) ||
		    strncmp(meta.key, prefix, strlen(prefix)) != 0)
			continue;
		if (listing->count == listing->capacity) {
			listing->capacity = 2 * listing->capacity + 64;
			listing->objects = realloc(
			    listing->objects, listing->capacity * sizeof(meta));
		}
		listing->objects[listing->count++] = meta;
	}
	if (stream)
		closedir(stream);
	if (listing->count > 1)
		qsort(listing->objects, listing->count, sizeof(struct meta),
		      compare_meta);
}

static void xml_text(const char *text, char *out, size_t size)
{
	size_t length = 0;

	for (; *text && length + 8 < size; text++) {
		const char *entity = *text == '&'   ? "&amp;"
				     : *text == '<' ? "&lt;"
				     : *text == '>' ? "&gt;"
						    : NULL;

		if (entity)
			length += (size_t)sprintf(out + length, "%s", entity);
		else
			out[length++] = *text;
	}
	out[length] = '\0';
}

static void print_object(FILE *out, const struct meta *meta, bool encode)
{
	char key[5 * KEY_BYTES];
	char date[64];

	if (encode)
		url_encode(meta->key, true, key, sizeof(key));
	else
		xml_text(meta->key, key, sizeof(key));
	date_text(meta->modified, date, sizeof(date), true);
	fprintf(out,
		"<Contents><Key>%s</Key><LastModified>%s</LastModified>"
		"<ETag>&quot;%.*s&quot;</ETag><Size>%lu</Size>"
		"<StorageClass>STANDARD</StorageClass></Contents>",
		key, date, (int)strlen(meta->etag) - 2, meta->etag + 1,
		meta->size);
}

static void list_objects(struct request *request)
{
	const char *prefix = request_query(request, "prefix");
	const char *after = request_query(request, "continuation-token");
	const char *max = request_query(request, "max-keys");
	bool encode = request_query(request, "encoding-type") != NULL;
	size_t most = max ? (size_t)atoi(max) : PAGE_MOST;
	size_t told = 0;
	struct listing listing;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *last = "";
	bool more = false;

	if (!after)
		after = request_query(request, "start-after");
	list_all(request, prefix ? prefix : "", &listing);
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/"
		     "2006-03-01/\">");
	for (size_t i = 0; i < listing.count; i++) {
		if (after && strcmp(listing.objects[i].key, after) <= 0)
			continue;
		if (told == most || told == PAGE_MOST) {
			more = true;
			break;
		}
		print_object(out, &listing.objects[i], encode);
		last = listing.objects[i].key;
		told++;
	}
	fprintf(out, "<KeyCount>%zu</KeyCount><IsTruncated>%s</IsTruncated>",
		told, more ? "true" : "false");
	if (more) {
		char token[5 * KEY_BYTES];

		xml_text(last, token, sizeof(token));
		fprintf(out,
			"<NextContinuationToken>%s</NextContinuationToken>",
			token);
	}
	fprintf(out, "</ListBucketResult>");
	fclose(out);
	free(listing.objects);
	free(request->reply);
	request->reply = text;
	request->reply_size = size;
	request->status = 200;
}

/* ---- uploads in parts ---- */

static void create_upload(struct request *request)
{
	unsigned char raw[16];
	char id[33];
	char path[PATH_BYTES];
	struct meta meta;
	FILE *random = fopen("/dev/urandom", "r");

	if (!random || fread(raw, 1, sizeof(raw), random) != sizeof(raw))
		abort();
	fclose(random);
	hex_of(raw, sizeof(raw), id);
	fill_meta(request, &meta);
	if (request_header(request, "x-amz-checksum-algorithm"))
		snprintf(meta.crc64, sizeof(meta.crc64), "yes");
	snprintf(path, sizeof(path), "%s/%s/uploads/%s", request->server->root,
		 request->bucket, id);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/uploads/%s/.meta",
		 request->server->root, request->bucket, id);
	write_meta(path, &meta);
	reply_xml(request,
		  "<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
		  "</InitiateMultipartUploadResult>",
		  id);
}

static void put_part(struct request *request)
{
	int number = atoi(request_query(request, "partNumber"));
	char name[32];
	char path[PATH_BYTES];
	struct meta meta;

	if (number < 1 || number > PARTS_MOST) {
		reply_error(request, 400, "InvalidArgument");
		return;
	}
	if (!body_is_sound(request))
		return;
	snprintf(name, sizeof(name), "%d.meta", number);
	if (!upload_path(request, path, name))
		return;
	fill_meta(request, &meta);
	write_meta(path, &meta);
	snprintf(name, sizeof(name), "%d", number);
	(void)upload_path(request, path, name);
	keep_body(request, path);
	request->status = 200;
	reply_header(request, "etag", "%s", meta.etag);
	if (meta.crc64[0])
		reply_header(request, "x-amz-checksum-crc64nvme", "%s",
			     meta.crc64);
}

static bool read_part(struct request *request, int number, struct meta *meta)
{
	char name[32];
	char path[PATH_BYTES];

	snprintf(name, sizeof(name), "%d.meta", number);
	return upload_path(request, path, name) && read_meta(path, meta);
}

static void list_parts(struct request *request)
{
	const char *marker = request_query(request, "part-number-marker");
	int after = marker ? atoi(marker) : 0;
	int told = 0;
	int last = 0;
	bool more = false;
	char *text = NULL;
	size_t size = 0;
	char path[PATH_BYTES];
	struct meta meta;

	if (!upload_path(request, path, ".meta"))
		return;
	FILE *out = open_memstream(&text, &size);
	for (int n = after + 1; n <= PARTS_MOST; n++) {
		if (!read_part(request, n, &meta))
			continue;
		if (told == PAGE_MOST) {
			more = true;
			break;
		}
		fprintf(out,
			"<Part><PartNumber>%d</PartNumber>"
			"<ETag>&quot;%.32s&quot;</ETag><Size>%lu</Size>"
			"</Part>",
			n, meta.etag + 1, meta.size);
		last = n;
		told++;
	}
	fclose(out);
	reply_xml(request,
		  "<ListPartsResult><IsTruncated>%s</IsTruncated>"
		  "<NextPartNumberMarker>%d</NextPartNumberMarker>%s"
		  "</ListPartsResult>",
		  more ? "true" : "false", last, text);
	free(text);
}

/* What the client lists in Complete. */
struct listed_part {
	int number;
	char etag[64];
};

static char *read_body(const struct request *request)
{
	char *text = calloc(1, request->body_bytes + 1);

	if (request->body >= 0 &&
	    pread(request->body, text, request->body_bytes, 0) < 0)
		text[0] = '\0';
	return text;
}

static size_t parse_parts(const char *xml, struct listed_part *parts)
{
	size_t count = 0;

	for (const char *at = strstr(xml, "<Part>"); at && count < PARTS_MOST;
	     at = strstr(at + 1, "<Part>")) {
		const char *number = strstr(at, "<PartNumber>");
		const char *etag = strstr(at, "<ETag>");

		if (!number || !etag)
			break;
		parts[count].number = atoi(number + 12);
		etag += 6;
		if (strncmp(etag, "&quot;", 6) == 0)
			etag += 6;
		else if (*etag == '"')
			etag++;
		snprintf(parts[count].etag, sizeof(parts[count].etag),
			 "\"%.32s\"", etag);
		count++;
	}
	return count;
}

static const char *check_parts(struct request *request,
			       const struct listed_part *parts, size_t count)
{
	struct meta meta;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && parts[i].number <= parts[i - 1].number)
			return "InvalidPartOrder";
		if (!read_part(request, parts[i].number, &meta) ||
		    strcmp(meta.etag, parts[i].etag) != 0)
			return "InvalidPart";
		if (i + 1 < count && meta.size < PART_LEAST_BYTES)
			return "EntityTooSmall";
	}
	return count ? NULL : "MalformedXML";
}

/* Append one part to the object; its MD5 goes into the ETag of the whole. */
static void join_part(struct request *request, int number, int out,
		      struct meta *whole)
{
	static const size_t chunk = 1 << 20;
	char name[32];
	char path[PATH_BYTES];
	char *data = malloc(chunk);
	ssize_t got;

	snprintf(name, sizeof(name), "%d", number);
	(void)upload_path(request, path, name);
	int in = open(path, O_RDONLY);
	while ((got = read(in, data, chunk)) > 0) {
		if (write(out, data, (size_t)got) != got)
			abort();
		request->crc64 = crc64_nvme(request->crc64, data, (size_t)got);
		whole->size += (uint64_t)got;
	}
	close(in);
	free(data);
}

static void remove_upload(struct request *request)
{
	char path[PATH_BYTES];
	char file[2 * PATH_BYTES];
	const struct dirent *entry;

	if (!upload_path(request, path, ""))
		return;
	DIR *stream = opendir(path);
	while (stream && (entry = readdir(stream))) {
		snprintf(file, sizeof(file), "%s%s", path, entry->d_name);
		unlink(file);
	}
	if (stream)
		closedir(stream);
	rmdir(path);
}

static void make_whole(struct request *request, const struct listed_part *parts,
		       size_t count, struct meta *whole)
{
	char path[PATH_BYTES];
	char beside[PATH_BYTES];
	int out;

	object_path(request, path, "");
	object_path(request, beside, ".joining");
	out = open(beside, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	request->crc64 = 0;
	whole->size = 0;
	for (size_t i = 0; i < count; i++)
		join_part(request, parts[i].number, out, whole);
	close(out);
	snprintf(whole->etag, sizeof(whole->etag), "\"%.32s-%zu\"",
		 parts[0].etag + 1, count);
	rename(beside, path);
}

static void complete(struct request *request, const struct listed_part *parts,
		     size_t count)
{
	const char *sum = request_header(request, "x-amz-checksum-crc64nvme");
	char path[PATH_BYTES];
	char crc64[16];
	struct meta whole;

	(void)upload_path(request, path, ".meta");
	(void)read_meta(path, &whole);
	bool with_crc64 = whole.crc64[0] != '\0';
	make_whole(request, parts, count, &whole);
	crc64_base64(request->crc64, crc64);
	if (sum && strcmp(sum, crc64) != 0) {
		reply_error(request, 400, "BadDigest");
		return;
	}
	snprintf(whole.crc64, sizeof(whole.crc64), "%s",
		 with_crc64 ? crc64 : "");
	whole.modified = fault_now();
	object_path(request, path, ".meta");
	write_meta(path, &whole);
	remove_upload(request);
	reply_xml(request,
		  "<CompleteMultipartUploadResult><ETag>&quot;%.*s&quot;"
		  "</ETag>%s%s%s</CompleteMultipartUploadResult>",
		  (int)strlen(whole.etag) - 2, whole.etag + 1,
		  with_crc64 ? "<ChecksumCRC64NVME>" : "",
		  with_crc64 ? crc64 : "",
		  with_crc64 ? "</ChecksumCRC64NVME>"
			       "<ChecksumType>FULL_OBJECT</ChecksumType>"
			     : "");
}

static void complete_upload(struct request *request)
{
	struct listed_part *parts = calloc(PARTS_MOST, sizeof(*parts));
	char path[PATH_BYTES];
	char *xml = NULL;

	if (body_is_sound(request) && upload_path(request, path, ".meta")) {
		xml = read_body(request);
		size_t count = parse_parts(xml, parts);
		const char *code = check_parts(request, parts, count);

		if (code)
			reply_error(request, 400, code);
		else
			complete(request, parts, count);
	}
	free(xml);
	free(parts);
}

static void list_uploads(struct request *request)
{
	const char *prefix = request_query(request, "prefix");
	char folder[PATH_BYTES];
	char path[2 * PATH_BYTES];
	char *text = NULL;
	size_t size = 0;
	const struct dirent *entry;
	struct meta meta;

	snprintf(folder, sizeof(folder), "%s/%s/uploads", request->server->root,
		 request->bucket);
	FILE *out = open_memstream(&text, &size);
	DIR *stream = opendir(folder);
	while (stream && (entry = readdir(stream))) {
		char key[3 * KEY_BYTES + 1];
		char date[64];

		snprintf(path, sizeof(path), "%s/%s/.meta", folder,
			 entry->d_name);
		if (!read_meta(path, &meta) ||
		    (prefix && strncmp(meta.key, prefix, strlen(prefix)) != 0))
			continue;
		url_encode(meta.key, true, key, sizeof(key));
		date_text(meta.modified, date, sizeof(date), true);
		fprintf(out,
			"<Upload><Key>%s</Key><UploadId>%s</UploadId>"
			"<Initiated>%s</Initiated></Upload>",
			key, entry->d_name, date);
	}
	if (stream)
		closedir(stream);
	fclose(out);
	reply_xml(request,
		  "<ListMultipartUploadsResult><IsTruncated>false"
		  "</IsTruncated>%s</ListMultipartUploadsResult>",
		  text);
	free(text);
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

void store_serve(struct request *request)
{
	static const struct {
		const char *method;
		const char *query; /* NULL: none of the others */
		void (*serve)(struct request *request);
	} table[] = {
	    {"PUT", "partNumber", put_part},
	    {"POST", "uploads", create_upload},
	    {"POST", "uploadId", complete_upload},
	    {"GET", "uploadId", list_parts},
	    {"DELETE", "uploadId", NULL},
	    {"PUT", NULL, put_object},
	    {"GET", NULL, get_object},
	    {"HEAD", NULL, get_object},
	    {"DELETE", NULL, delete_object},
	};

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
			remove_upload(request);
			if (request->status == 0)
				request->status = 204;
		}
		return;
	}
	reply_error(request, 405, "MethodNotAllowed");
}

#include "fake_s3_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Uploads in parts, up to the object that they become. */
enum { PARTS_MOST = 10000, PART_LEAST_BYTES = 5 * 1024 * 1024 };

static bool upload_path(struct request *request, char *path, const char *suffix)
{
	const char *id = request_query(request, "uploadId");
	char folder[PATH_BYTES];
	struct meta meta;

	if (id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32) {
		snprintf(folder, sizeof(folder), "%s/%s/uploads/%s/.meta",
			 request->server->root, request->bucket, id);
		if (meta_read(folder, &meta) &&
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
	meta_fill(request, &meta);
	if (request_header(request, "x-amz-checksum-algorithm"))
		snprintf(meta.crc64, sizeof(meta.crc64), "yes");
	snprintf(path, sizeof(path), "%s/%s/uploads/%s", request->server->root,
		 request->bucket, id);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/uploads/%s/.meta",
		 request->server->root, request->bucket, id);
	meta_write(path, &meta);
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
	if (!store_body_is_sound(request))
		return;
	snprintf(name, sizeof(name), "%d.meta", number);
	if (!upload_path(request, path, name))
		return;
	meta_fill(request, &meta);
	meta_write(path, &meta);
	snprintf(name, sizeof(name), "%d", number);
	(void)upload_path(request, path, name);
	store_keep_body(request, path);
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
	return upload_path(request, path, name) && meta_read(path, meta);
}

static void list_parts(struct request *request)
{
	const char *marker = request_query(request, "part-number-marker");
	const char *max = request_query(request, "max-parts");
	int after = marker ? atoi(marker) : 0;
	int most = max && atoi(max) < PAGE_MOST ? atoi(max) : PAGE_MOST;
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
		if (told == most) {
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

/* Append one part to the object. */
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

/* The MD5 of the MD5s of the parts. */
static void whole_etag(const struct listed_part *parts, size_t count,
		       struct meta *whole)
{
	EVP_MD_CTX *md5 = EVP_MD_CTX_new();
	unsigned char digest[16];
	char hex[33];

	EVP_DigestInit_ex(md5, EVP_md5(), NULL);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(digest); k++)
			sscanf(parts[i].etag + 1 + 2 * k, "%2hhx", &digest[k]);
		EVP_DigestUpdate(md5, digest, sizeof(digest));
	}
	EVP_DigestFinal_ex(md5, digest, NULL);
	EVP_MD_CTX_free(md5);
	hex_of(digest, sizeof(digest), hex);
	snprintf(whole->etag, sizeof(whole->etag), "\"%s-%zu\"", hex, count);
}

/* The parts go into a file beside the object, which is as it was. */
static void join_parts(struct request *request, const struct listed_part *parts,
		       size_t count, const char *beside, struct meta *whole)
{
	int out = open(beside, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	request->crc64 = 0;
	whole->size = 0;
	for (size_t i = 0; i < count; i++)
		join_part(request, parts[i].number, out, whole);
	close(out);
	whole_etag(parts, count, whole);
}

static void complete(struct request *request, const struct listed_part *parts,
		     size_t count)
{
	const char *sum = request_header(request, "x-amz-checksum-crc64nvme");
	char path[PATH_BYTES];
	char beside[PATH_BYTES];
	char crc64[16];
	struct meta whole;

	(void)upload_path(request, path, ".meta");
	(void)meta_read(path, &whole);
	bool with_crc64 = whole.crc64[0] != '\0';
	store_object_path(request, beside, ".joining");
	join_parts(request, parts, count, beside, &whole);
	crc64_base64(request->crc64, crc64);
	if (sum && strcmp(sum, crc64) != 0) {
		unlink(beside);
		reply_error(request, 400, "BadDigest");
		return;
	}
	snprintf(whole.crc64, sizeof(whole.crc64), "%s",
		 with_crc64 ? crc64 : "");
	whole.modified = fault_now();
	store_object_path(request, path, "");
	rename(beside, path);
	store_object_path(request, path, ".meta");
	meta_write(path, &whole);
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

	if (store_body_is_sound(request) &&
	    upload_path(request, path, ".meta")) {
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

/* ---- one at a time: nobody sees an upload half gone ---- */

static void alone(void (*serve)(struct request *request),
		  struct request *request)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	serve(request);
	pthread_mutex_unlock(&lock);
}

void parts_create(struct request *request)
{
	alone(create_upload, request);
}

void parts_put(struct request *request)
{
	alone(put_part, request);
}

void parts_list(struct request *request)
{
	alone(list_parts, request);
}

void parts_complete(struct request *request)
{
	alone(complete_upload, request);
}

void parts_remove(struct request *request)
{
	alone(remove_upload, request);
}

#include "fake_s3_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		    !meta_read(path, &meta) ||
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
		bool is_plain = *text == (char)0x7f ||
				(*text != '&' && *text != '<' && *text != '>' &&
				 (unsigned char)*text >= 0x20);

		if (is_plain)
			out[length++] = *text;
		else
			length += (size_t)sprintf(out + length, "&#x%x;",
						  (unsigned char)*text);
	}
	out[length] = '\0';
}

static void print_name(FILE *out, const char *name, bool encode)
{
	char text[6 * KEY_BYTES + 8];

	if (encode)
		url_encode(name, true, text, sizeof(text));
	else
		xml_text(name, text, sizeof(text));
	fputs(text, out);
}

static const char *encoding_told(bool encode)
{
	return encode ? "<EncodingType>url</EncodingType>" : "";
}

static void print_object(FILE *out, const struct meta *meta, bool encode)
{
	char date[64];

	fputs("<Contents><Key>", out);
	print_name(out, meta->key, encode);
	store_date_text(meta->modified, date, sizeof(date), true);
	fprintf(out,
		"</Key><LastModified>%s</LastModified>"
		"<ETag>&quot;%.*s&quot;</ETag><Size>%lu</Size>"
		"<StorageClass>STANDARD</StorageClass></Contents>",
		date, (int)strlen(meta->etag) - 2, meta->etag + 1, meta->size);
}

static void print_folder(FILE *out, const char *folder, bool encode)
{
	fputs("<CommonPrefixes><Prefix>", out);
	print_name(out, folder, encode);
	fputs("</Prefix></CommonPrefixes>", out);
}

/* One page of a listing: what was asked for, and how far it is. */
struct page {
	const char *prefix;
	const char *delimiter; /* NULL: everything flat */
	const char *start_after;
	bool is_old; /* ListObjects, which goes on from a marker */
	bool encode;
	size_t most;
	char last[KEY_BYTES + 1]; /* key or folder, here or the page before */
	size_t told;
	bool has_more;
};

static void ask_page(const struct request *request, struct page *page)
{
	const char *max = request_query(request, "max-keys");
	const char *token = request_query(request, "continuation-token");
	const char *marker = request_query(request, "marker");

	*page = (struct page){
	    .prefix = request_query(request, "prefix"),
	    .delimiter = request_query(request, "delimiter"),
	    .start_after = request_query(request, "start-after"),
	    .is_old = !request_query(request, "list-type"),
	    .encode = request_query(request, "encoding-type") != NULL,
	    .most = PAGE_MOST,
	};
	if (!page->prefix)
		page->prefix = "";
	if (page->delimiter && page->delimiter[0] == '\0')
		page->delimiter = NULL;
	if (max && strtoul(max, NULL, 10) < PAGE_MOST)
		page->most = strtoul(max, NULL, 10);
	if (page->is_old) {
		snprintf(page->last, sizeof(page->last), "%s",
			 marker ? marker : "");
	} else if (token) {
		url_decode(token, strlen(token), page->last,
			   sizeof(page->last));
		page->start_after = NULL;
	}
}

/* The folder below the prefix that a key is in, "" if it is in none. */
static void folder_of(const struct page *page, const char *key,
		      char folder[KEY_BYTES + 1])
{
	const char *below = key + strlen(page->prefix);
	const char *end =
	    page->delimiter ? strstr(below, page->delimiter) : NULL;
	size_t size = end ? (size_t)(end - key) + strlen(page->delimiter) : 0;

	snprintf(folder, KEY_BYTES + 1, "%.*s", (int)size, key);
}

static void print_page(FILE *out, const struct listing *listing,
		       struct page *page)
{
	char folder[KEY_BYTES + 1];

	for (size_t i = 0; i < listing->count && page->most > 0; i++) {
		const struct meta *object = &listing->objects[i];

		folder_of(page, object->key, folder);
		if (strcmp(object->key, page->last) <= 0 ||
		    (folder[0] && strcmp(folder, page->last) == 0) ||
		    (page->start_after &&
		     strcmp(object->key, page->start_after) <= 0))
			continue;
		if (page->told == page->most) {
			page->has_more = true;
			return;
		}
		if (folder[0])
			print_folder(out, folder, page->encode);
		else
			print_object(out, object, page->encode);
		snprintf(page->last, sizeof(page->last), "%s",
			 folder[0] ? folder : object->key);
		page->told++;
	}
}

/* A flat page that breaks the order S3 promises. */
static void print_reversed(FILE *out, const struct listing *listing,
			   struct page *page)
{
	const char *after = page->start_after ? page->start_after : page->last;
	size_t first = 0;

	while (first < listing->count &&
	       strcmp(listing->objects[first].key, after) <= 0)
		first++;
	page->told = listing->count - first;
	page->has_more = page->told > page->most;
	if (page->has_more)
		page->told = page->most;
	for (size_t i = page->told; i > 0; i--)
		print_object(out, &listing->objects[first + i - 1],
			     page->encode);
	if (page->told > 0)
		snprintf(page->last, sizeof(page->last), "%s",
			 listing->objects[first + page->told - 1].key);
}

/* Where the next page begins: a token of ours, or a name. */
static void print_next(FILE *out, const struct page *page)
{
	char token[3 * KEY_BYTES + 8];

	if (page->is_old && page->delimiter) {
		fputs("<NextMarker>", out);
		print_name(out, page->last, page->encode);
		fputs("</NextMarker>", out);
	} else if (!page->is_old) {
		url_encode(page->last, false, token, sizeof(token));
		fprintf(out,
			"<NextContinuationToken>%s</NextContinuationToken>",
			token);
	}
}

void list_objects(struct request *request)
{
	struct listing listing;
	struct page page;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ask_page(request, &page);
	list_all(request, page.prefix, &listing);
	if (fault_reverses_listings())
		print_reversed(out, &listing, &page);
	else
		print_page(out, &listing, &page);
	free(listing.objects);
	if (page.has_more)
		print_next(out, &page);
	if (!page.is_old)
		fprintf(out, "<KeyCount>%zu</KeyCount>", page.told);
	fclose(out);
	reply_xml(request,
		  "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/"
		  "2006-03-01/\">%s<IsTruncated>%s</IsTruncated>%s"
		  "</ListBucketResult>",
		  encoding_told(page.encode), page.has_more ? "true" : "false",
		  text);
	free(text);
}

void list_uploads(struct request *request)
{
	const char *prefix = request_query(request, "prefix");
	bool encode = request_query(request, "encoding-type") != NULL;
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
		char date[64];

		snprintf(path, sizeof(path), "%s/%s/.meta", folder,
			 entry->d_name);
		if (!meta_read(path, &meta) ||
		    (prefix && strncmp(meta.key, prefix, strlen(prefix)) != 0))
			continue;
		store_date_text(meta.modified, date, sizeof(date), true);
		fputs("<Upload><Key>", out);
		print_name(out, meta.key, encode);
		fprintf(out,
			"</Key><UploadId>%s</UploadId>"
			"<Initiated>%s</Initiated></Upload>",
			entry->d_name, date);
	}
	if (stream)
		closedir(stream);
	fclose(out);
	reply_xml(request,
		  "<ListMultipartUploadsResult>%s<IsTruncated>false"
		  "</IsTruncated>%s</ListMultipartUploadsResult>",
		  encoding_told(encode), text);
	free(text);
}

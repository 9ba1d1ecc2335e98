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
	store_date_text(meta->modified, date, sizeof(date), true);
	fprintf(out,
		"<Contents><Key>%s</Key><LastModified>%s</LastModified>"
		"<ETag>&quot;%.*s&quot;</ETag><Size>%lu</Size>"
		"<StorageClass>STANDARD</StorageClass></Contents>",
		key, date, (int)strlen(meta->etag) - 2, meta->etag + 1,
		meta->size);
}

void list_objects(struct request *request)
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

void list_uploads(struct request *request)
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
		if (!meta_read(path, &meta) ||
		    (prefix && strncmp(meta.key, prefix, strlen(prefix)) != 0))
			continue;
		url_encode(meta.key, true, key, sizeof(key));
		store_date_text(meta.modified, date, sizeof(date), true);
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

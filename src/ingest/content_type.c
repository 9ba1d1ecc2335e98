#include "ingest/content_type.h"

#include <stdlib.h>
#include <string.h>

/* sorted by ending, for bsearch */
static const struct known_type {
	const char *ending;
	const char *type;
} known_types[] = {
    {"7z", "application/x-7z-compressed"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"md", "text/markdown"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"ndjson", "application/x-ndjson"},
    {"ogg", "audio/ogg"},
    {"parquet", "application/vnd.apache.parquet"},
    {"pcap", "application/vnd.tcpdump.pcap"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"txt", "text/plain"},
    {"wav", "audio/x-wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static int compare_ending(const void *ending, const void *row)
{
	return strcmp(ending, ((const struct known_type *)row)->ending);
}

const char *content_type_of(struct bytes name)
{
	char ending[9];
	size_t length = 0;

	while (length < name.size && length < sizeof(ending) &&
	       name.data[name.size - 1 - length] != '.' &&
	       name.data[name.size - 1 - length] != '/')
		length++;
	if (length == 0 || length >= sizeof(ending) || length >= name.size ||
	    name.data[name.size - 1 - length] != '.')
		return "application/octet-stream";
	for (size_t i = 0; i < length; i++) {
		char c = name.data[name.size - length + i];
		ending[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	ending[length] = '\0';
	const struct known_type *row = bsearch(
	    ending, known_types, sizeof(known_types) / sizeof(known_types[0]),
	    sizeof(known_types[0]), compare_ending);
	return row ? row->type : "application/octet-stream";
}

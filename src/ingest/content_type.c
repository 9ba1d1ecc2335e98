#include "ingest/content_type.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"

/* ---- our own: sorted by ending, for bsearch ---- */

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

/* ---- of the system ---- */

enum { FILE_CEILING_BYTES = 1024 * 1024, ENDING_BYTES = 17 };

struct pair {
	const char *ending;
	const char *type;
	size_t line; /* the first one counts */
};

struct content_types {
	char *text; /* cut into words */
	struct pair *pairs;
	size_t count;
	size_t capacity;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *one = a;
	const struct pair *other = b;
	int order = strcmp(one->ending, other->ending);

	if (order != 0)
		return order;
	return one->line < other->line ? -1 : one->line > other->line;
}

static int add_pair(struct content_types *types, const struct pair *pair)
{
	if (types->count == types->capacity) {
		size_t capacity = types->capacity ? 2 * types->capacity : 256;
		struct pair *pairs =
		    realloc(types->pairs, capacity * sizeof(*pairs));

		if (!pairs)
			return ERROR_LOCAL;
		types->pairs = pairs;
		types->capacity = capacity;
	}
	types->pairs[types->count++] = *pair;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line, cut off by a NUL; NULL at its end. */
static char *take_word(char **at)
{
	while (is_space(**at))
		(*at)++;
	char *word = *at;
	while (**at != '\0' && !is_space(**at))
		(*at)++;
	if (**at != '\0')
		*(*at)++ = '\0';
	return *word == '\0' ? NULL : word;
}

static int add_line(struct content_types *types, char *line, size_t number)
{
	const char *type = take_word(&line);
	int code = 0;

	/* RFC 6838 section 4.2: there is a slash in each */
	if (!type || type[0] == '#' || !strchr(type, '/'))
		return 0;
	for (const char *ending = take_word(&line); code == 0 && ending;
	     ending = take_word(&line))
		code = add_pair(types, &(struct pair){ending, type, number});
	return code;
}

static int add_lines(struct content_types *types)
{
	int code = 0;
	size_t number = 0;

	for (char *line = types->text; code == 0 && line;) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		code = add_line(types, line, number++);
		line = end ? end + 1 : NULL;
	}
	return code;
}

struct content_types *content_types_new(struct bytes text)
{
	struct content_types *types = calloc(1, sizeof(*types));

	if (types)
		types->text = text_dup_bytes(text.data, text.size);
	if (!types || !types->text || add_lines(types) != 0) {
		content_types_free(types);
		return NULL;
	}
	if (types->count > 0)
		qsort(types->pairs, types->count, sizeof(*types->pairs),
		      compare_pairs);
	return types;
}

void content_types_free(struct content_types *types)
{
	if (!types)
		return;
	free(types->pairs);
	free(types->text);
	free(types);
}

struct content_types *content_types_load(struct error *err)
{
	static const char *const paths[] = {
	    "/etc/mime.types",
	    "/usr/local/etc/mime.types",
	    "/etc/apache2/mime.types",
	};
	struct buffer text = {0};
	struct error ignored = {0};
	bool is_read = false;

	for (size_t i = 0; !is_read && i < sizeof(paths) / sizeof(paths[0]);
	     i++)
		is_read = files_read(paths[i], FILE_CEILING_BYTES, &text,
				     &ignored) == 0;
	struct content_types *types = content_types_new(buffer_bytes(&text));
	buffer_clear(&text);
	if (!types)
		(void)error_set_memory(err);
	return types;
}

/* Index of the first pair whose ending is not less. */
static size_t find_pair(const struct content_types *types, const char *ending)
{
	size_t low = 0;
	size_t high = types->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(types->pairs[middle].ending, ending) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *type_of_system(const struct content_types *types,
				  const char *ending)
{
	if (!types)
		return NULL;
	size_t index = find_pair(types, ending);
	bool found = index < types->count &&
		     strcmp(types->pairs[index].ending, ending) == 0;
	return found ? types->pairs[index].type : NULL;
}

/* ---- by name ---- */

/* What is behind the last dot of the last segment, in small letters. */
static bool read_ending(struct bytes name, char ending[ENDING_BYTES])
{
	size_t length = 0;

	while (length < name.size && length < ENDING_BYTES &&
	       name.data[name.size - 1 - length] != '.' &&
	       name.data[name.size - 1 - length] != '/')
		length++;
	if (length == 0 || length >= ENDING_BYTES || length >= name.size ||
	    name.data[name.size - 1 - length] != '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name.data[name.size - length + i];
		ending[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	ending[length] = '\0';
	return true;
}

const char *content_type_of(const struct content_types *types,
			    struct bytes name)
{
	char ending[ENDING_BYTES];

	if (!read_ending(name, ending))
		return "application/octet-stream";
	const char *type = type_of_system(types, ending);
	if (type)
		return type;
	const struct known_type *row = bsearch(
	    ending, known_types, sizeof(known_types) / sizeof(known_types[0]),
	    sizeof(known_types[0]), compare_ending);
	return row ? row->type : "application/octet-stream";
}

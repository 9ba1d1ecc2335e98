#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { SEQUENCE_BYTES = 4 };

/* Where a scan of the text stands, for messages. */
struct place {
	int line;
	int column;
};

static bool is_newline(struct place *place, char c)
{
	place->column++;
	if (c != '\n')
		return false;
	place->line++;
	place->column = 0;
	return true;
}

/* Looks at brackets outside strings only, so that the parser, which calls
 * itself for every level, never sees a text that is too deep for the stack. */
static int check_depth(struct bytes text, struct error *err)
{
	struct place place = {1, 0};
	int depth = 0;
	bool in_string = false;
	bool escaped = false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (is_newline(&place, c))
			continue;
		if (in_string) {
			if (!escaped && c == '"')
				in_string = false;
			escaped = !escaped && c == '\\';
			continue;
		}
		if (c == '"')
			in_string = true;
		else if (c == '[' || c == '{')
			depth++;
		else if (c == ']' || c == '}')
			depth--;
		if (depth > JSON_CEILING_DEPTH)
			return error_set(err, ERROR_INVALID,
					 "line %d, column %d: more than %d "
					 "levels",
					 place.line, place.column,
					 JSON_CEILING_DEPTH);
	}
	return 0;
}

static void note_parse_error(const json_error_t *problem, struct error *err)
{
	if (json_error_code(problem) == json_error_out_of_memory) {
		(void)error_set_memory(err); /* the caller returns NULL */
		return;
	}
	/* The library quotes the text at the place; in a file of keys that is
	 * a secret. Line and column find it as well. */
	const char *quote = strstr(problem->text, " near '");
	size_t length =
	    quote ? (size_t)(quote - problem->text) : strlen(problem->text);
	(void)error_set(err, ERROR_INVALID, "line %d, column %d: %.*s",
			problem->line, problem->column, (int)length,
			problem->text);
}

json_t *json_parse(struct bytes text, struct error *err)
{
	if (text.size > JSON_CEILING_BYTES) {
		(void)error_set(err, ERROR_INVALID,
				"JSON text of more than %d bytes",
				(int)JSON_CEILING_BYTES);
		return NULL;
	}
	if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
		text.data += 3;
		text.size -= 3;
	}
	if (check_depth(text, err) != 0)
		return NULL;

	json_error_t problem;
	json_t *value = json_loadb(text.size ? text.data : "", text.size,
				   JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	if (!value)
		note_parse_error(&problem, err);
	return value;
}

json_t *json_parse_object(struct bytes text, struct error *err)
{
	json_t *value = json_parse(text, err);
	if (!value || json_is_object(value))
		return value;
	json_decref(value);
	(void)error_set(err, ERROR_INVALID,
			"line 1, column 1: not a JSON object");
	return NULL;
}

struct appending {
	struct buffer *text;
	int code;
};

static int append_piece(const char *piece, size_t size, void *context)
{
	struct appending *appending = context;
	appending->code = buffer_append(appending->text, piece, size);
	return appending->code == 0 ? 0 : -1;
}

int json_append(const json_t *value, bool pretty, struct buffer *text,
		struct error *err)
{
	struct appending appending = {text, 0};
	size_t size_before = text->size;
	size_t flags = JSON_ENCODE_ANY | JSON_PRESERVE_ORDER;
	flags |= pretty ? JSON_INDENT(2) : JSON_COMPACT;

	int failed = json_dump_callback(value, append_piece, &appending, flags);
	if (!failed && pretty)
		failed = append_piece("\n", 1, &appending);
	if (!failed)
		return 0;

	text->size = size_before;
	if (text->data)
		text->data[size_before] = '\0';
	if (appending.code == ERROR_INVALID)
		return error_set(err, ERROR_INVALID,
				 "JSON text of more than %zu bytes",
				 text->ceiling_bytes);
	return error_set_memory(err);
}

const char *json_member_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);
	/* one with a NUL inside would be read as less than it is */
	if (!text || strlen(text) != json_string_length(value))
		return NULL;
	return text;
}

/* Bytes of the well-formed UTF-8 sequence at the start, 0 if there is none. */
static size_t sequence_length(struct bytes text)
{
	for (size_t size = 1; size <= SEQUENCE_BYTES && size <= text.size;
	     size++)
		if (text_is_utf8((struct bytes){text.data, size}))
			return size;
	return 0;
}

static int append_readable(struct buffer *out, struct bytes text)
{
	int code = buffer_reserve(out, text.size);
	while (code == 0 && text.size > 0) {
		size_t size = sequence_length(text);
		if (size > 0) {
			code = buffer_append(out, text.data, size);
		} else {
			code = buffer_append_format(
			    out, "%%%02X", (unsigned)(unsigned char)*text.data);
			size = 1;
		}
		text.data += size;
		text.size -= size;
	}
	return code;
}

json_t *json_text_of_bytes(struct bytes text)
{
	if (text_is_utf8(text))
		return json_stringn(text.size ? text.data : "", text.size);

	struct buffer readable = {0};
	json_t *value = NULL;
	if (append_readable(&readable, text) == 0)
		value = json_stringn(readable.data, readable.size);
	buffer_clear(&readable);
	return value;
}

int json_set_take(json_t *object, const char *key, json_t *value,
		  struct error *err)
{
	if (json_object_set_new(object, key, value) != 0)
		return error_set_memory(err);
	return 0;
}

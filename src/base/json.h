#ifndef S3I_BASE_JSON_H
#define S3I_BASE_JSON_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"

enum { JSON_CEILING_BYTES = 16 * 1024 * 1024, JSON_CEILING_DEPTH = 64 };

/* Parse a whole text (RFC 8259; at most 16 MiB and 64 levels; duplicate keys:
 * the last one counts; a leading UTF-8 byte order mark is skipped). NULL and
 * ERROR_INVALID with line and column on failure. New reference. */
json_t *json_parse(struct bytes text, struct error *err);

/* The same, but the value must be an object. */
json_t *json_parse_object(struct bytes text, struct error *err);

/* Append the value; key order is kept. pretty: two spaces and a final newline
 * (for files); else one line without newline. 0 or an error code. */
int json_append(const json_t *value, bool pretty, struct buffer *text,
		struct error *err);

/* A string member without NUL in it, else NULL. Borrowed. */
const char *json_member_text(const json_t *object, const char *key);

/* New reference to a string of any bytes: bytes that are not UTF-8 become
 * %XX. NULL when there is no memory. */
json_t *json_text_of_bytes(struct bytes text);

/* Set a member; a new key goes behind all others, a known one keeps its place.
 * 0 or ERROR_LOCAL (no memory, also when value is NULL); the reference of
 * value is taken even on failure. */
int json_set_take(json_t *object, const char *key, json_t *value,
		  struct error *err);

#endif

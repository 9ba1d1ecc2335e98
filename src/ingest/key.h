#ifndef S3I_INGEST_KEY_H
#define S3I_INGEST_KEY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

enum { KEY_CEILING_BYTES = 1024 };

/* Key of a file: prefix + (name without remove_prefix, if it starts with it |
 * answer). Bytes that are not UTF-8 become %XX (*was_escaped says so).
 * prefix, remove_prefix may be NULL; answer.data NULL: no customizer.
 * ERROR_INVALID: longer than 1,024 bytes, or empty. Pure. */
struct key_parts {
	const char *prefix;
	const char *remove_prefix;
	struct bytes answer;
};
int key_build(const struct key_parts *parts, struct bytes name,
	      struct buffer *key, bool *was_escaped, struct error *err);

/* What is left of a name after remove_prefix. */
struct bytes key_filename(const char *remove_prefix, struct bytes name);

#endif

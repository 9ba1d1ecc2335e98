#ifndef S3I_INGEST_PATTERN_BRACE_H
#define S3I_INGEST_PATTERN_BRACE_H

#include <stddef.h>

#include "base/error.h"

/* Texts without braces that have a meaning; what was escaped still is. */
struct pattern_texts {
	char **items;
	size_t count;
	size_t capacity;
};

/* All that the braces of a pattern stand for: {a,b}, {1..9}, {01..10..2},
 * {a..z}, nested. Others ("{a}", "{}", "${a,b}", unclosed ones) are literal.
 * ERROR_CONFIG if there are more than PATTERN_CEILING_ALTERNATIVES. Clear
 * texts after a failure too. */
int pattern_brace_expand(const char *text, struct pattern_texts *texts,
			 struct error *err);
void pattern_texts_clear(struct pattern_texts *texts);

#endif

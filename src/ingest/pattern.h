#ifndef S3I_INGEST_PATTERN_H
#define S3I_INGEST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * A file pattern (node-glob 7, on bytes), compiled once: braces are expanded to
 * alternatives, each a list of segments. Folders are walked with a set of live
 * states, so that one walk serves all alternatives. Matching takes at most
 * polynomial time in pattern and name.
 */
struct pattern;

enum { PATTERN_CEILING_BYTES = 4096, PATTERN_CEILING_ALTERNATIVES = 1024 };

/* NULL and ERROR_CONFIG that says what is wrong with the pattern. */
struct pattern *pattern_new(const char *text, struct error *err);
void pattern_free(struct pattern *pattern);

/* Whether a whole name, in the form that the pattern gives it, matches
 * (without looking at the disk: used to ask which policies claim a file). */
bool pattern_match(const struct pattern *pattern, struct bytes name);

#endif

#ifndef S3I_INGEST_PATTERN_SEGMENT_H
#define S3I_INGEST_PATTERN_SEGMENT_H

#include "base/buffer.h"
#include "base/error.h"

struct pattern;
struct pattern_node;

/* Compile one segment (no '/', no braces) into node: its kind, parts and
 * text, which are added to the pattern's. ERROR_CONFIG where groups lie more
 * than 16 deep or the pattern grows too large. */
int pattern_segment_compile(struct pattern *pattern, struct bytes text,
			    struct pattern_node *node, struct error *err);

#endif

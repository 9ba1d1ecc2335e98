#ifndef S3I_INGEST_CUSTOMIZER_LINE_H
#define S3I_INGEST_CUSTOMIZER_LINE_H

#include <stdbool.h>

#include "base/buffer.h"

/* An answer, or what is logged, on its line. */
enum { CUSTOMIZER_LINE_BYTES = 16 * 1024 };

/*
 * Append a text of a script as a JSON string of ASCII. Scripts count in UTF-16,
 * so a character beyond U+FFFF may come as two surrogates of three bytes each
 * (CESU-8). What is no character becomes U+FFFD, and *is_whole false. 0, or an
 * error of the buffer. Pure.
 */
int customizer_line_append(struct buffer *line, struct bytes text,
			   bool *is_whole);

#endif

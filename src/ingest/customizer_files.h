#ifndef S3I_INGEST_CUSTOMIZER_FILES_H
#define S3I_INGEST_CUSTOMIZER_FILES_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"

struct folder;

/*
 * All files of the customizers' folder, in order of their names. Links to
 * folders are not followed, links to files as long as they stay within it.
 */

/* SHA-256 of all names and contents as hex. Without the folder: that of
 * nothing. What cannot be read counts as such, and is no error. */
int customizer_files_digest(const char *path, char digest[HASH_HEX_BYTES],
			    struct error *err);

/* The *.js and *.json as one JSON object of name and source, ASCII only. What
 * cannot be read is left out; more than 8 MiB are an error. */
int customizer_files_modules(const char *path, struct buffer *object,
			     struct error *err);

#endif

#ifndef S3I_BASE_FILES_H
#define S3I_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Read a whole regular file of at most ceiling_bytes. ERROR_MISSING if there
 * is none; ERROR_LOCAL when it is a folder, a fifo, cannot be read;
 * ERROR_INVALID above the ceiling. */
int files_read(const char *path, size_t ceiling_bytes, struct buffer *text,
	       struct error *err);

/* Put text at path: written beside (0600), synced, renamed, folder synced. A
 * file that has these bytes already is left alone; *written says which (may
 * be NULL). ERROR_LOCAL: the old file is intact and nothing is left beside. */
int files_write(const char *path, struct bytes text, bool *written,
		struct error *err);

/* Keep a bad file beside itself as PATH.bad (over an older one); the new name
 * goes into the event of the caller. */
int files_set_aside(const char *path, struct error *err);

/* Remove a file and sync its folder; one that is not there is no error. */
int files_remove(const char *path, struct error *err);

/* "folder/name", or name when it is absolute. Caller frees; NULL: no memory. */
char *files_join(const char *folder, const char *name);

#endif

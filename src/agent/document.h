#ifndef S3I_AGENT_DOCUMENT_H
#define S3I_AGENT_DOCUMENT_H

#include <jansson.h>

#include "base/error.h"

/* Files that hold one JSON object. */

/* ERROR_MISSING: there is none; ERROR_INVALID: it is no JSON object, with
 * path, line and column; ERROR_LOCAL: it cannot be read. New reference. */
int document_load(const char *path, json_t **document, struct error *err);

/* Written for people, beside and renamed; the same bytes are not written. */
int document_save(const char *path, const json_t *document, struct error *err);

#endif

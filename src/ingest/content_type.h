#ifndef S3I_INGEST_CONTENT_TYPE_H
#define S3I_INGEST_CONTENT_TYPE_H

#include "base/buffer.h"
#include "base/error.h"

/* Media types (RFC 6838) of a system, by the end of a file's name. */
struct content_types;

/* Of a file in the form of /etc/mime.types: on a line a type, then its endings;
 * of two lines with one ending the first counts. NULL: no memory. */
struct content_types *content_types_new(struct bytes text);
void content_types_free(struct content_types *types);

/* The same, of the first such file that the system has; none is none. */
struct content_types *content_types_load(struct error *err);

/* By the system's types, else by a small table of our own; letters of any
 * case; application/octet-stream where it is not known. Never NULL; valid as
 * long as types, which may be NULL. */
const char *content_type_of(const struct content_types *types,
			    struct bytes name);

#endif

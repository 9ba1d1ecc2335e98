#ifndef S3I_INGEST_CONTENT_TYPE_H
#define S3I_INGEST_CONTENT_TYPE_H

#include "base/buffer.h"

/* Media type (RFC 6838) by the end of a file's name, letters of any case;
 * application/octet-stream where it is not known. Never NULL. */
const char *content_type_of(struct bytes name);

#endif

#ifndef S3I_S3_S3_XML_H
#define S3I_S3_S3_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
	S3_XML_CEILING_BYTES = 16 * 1024 * 1024,
	S3_XML_CEILING_DEPTH = 64,
	S3_XML_PATH_BYTES = 256
};

/* Told for each element that ends: path is the names of the open elements from
 * the root ("ListBucketResult/Contents/Key"), text what stood in it directly.
 * A return other than 0 ends the parse with that code. */
struct s3_xml_handler {
	int (*element)(void *context, const char *path, struct bytes text);
	void *context;
};

/* Parse a whole document: at most 16 MiB and 64 levels; white space before it
 * is passed over; a document type declaration is refused (no entities).
 * 0 or ERROR_INVALID. */
int s3_xml_parse(struct bytes text, const struct s3_xml_handler *handler,
		 struct error *err);

#endif

#ifndef S3I_S3_S3_URI_H
#define S3I_S3_S3_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum s3_addressing { S3_ADDRESS_AUTO, S3_ADDRESS_PATH, S3_ADDRESS_VIRTUAL };

/* Where a bucket is: caller's storage, plain data. */
struct s3_place {
	char scheme[8];	     /* "http" or "https" */
	char host[512];	     /* as in the Host header: with a port that is not
				the scheme's own, and the bucket in front where
				addressing is virtual */
	char base_path[256]; /* of the endpoint, without a final '/' */
	char bucket[256];
	char region[64];
	bool is_virtual;
	bool is_aws;
	char endpoint[512]; /* as configured, without a final '/', for people
			       and the ledger; https://s3.amazonaws.com for AWS
			     */
};

/* endpoint NULL: AWS in that region (dual names of cn- regions too). auto:
 * virtual at AWS for buckets that are DNS labels, else path. ERROR_CONFIG
 * naming s3_endpoint or s3_bucket. */
struct s3_place_options {
	const char *endpoint;
	const char *region;
	const char *bucket;
	enum s3_addressing addressing;
};
int s3_place_init(struct s3_place *place,
		  const struct s3_place_options *options, struct error *err);

/* Move a place to another region (AWS: another host too). */
int s3_place_move(struct s3_place *place, const char *region,
		  struct error *err);

/* RFC 3986 encoding as S3 wants it: A-Z a-z 0-9 - . _ ~ stay, the rest is %XX
 * upper-case; '/' stays if keep_slash. Appends to text. */
int s3_uri_encode(struct bytes raw, bool keep_slash, struct buffer *text);

/* Undo %XX (encoding-type=url of listings); '+' is a space there. */
int s3_uri_decode(struct bytes text, struct buffer *raw);

#endif

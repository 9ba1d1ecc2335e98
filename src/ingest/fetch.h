#ifndef S3I_INGEST_FETCH_H
#define S3I_INGEST_FETCH_H

#include "base/buffer.h"
#include "base/error.h"
#include "s3/s3.h"

struct bucket;
struct file;
struct http_route;

/*
 * Asking a bucket, one request after the other, each retried by the same
 * rule as uploads. All block; a stop signal ends them. Errors: ERROR_MISSING
 * (no such key), ERROR_REFUSED (keys, rights), ERROR_UNREACHABLE,
 * ERROR_STOPPED, ERROR_LOCAL, ERROR_LATER for everything else, with the
 * request and S3's words.
 */
struct fetch;

/* All borrowed. */
struct fetch_options {
	const struct http_route *route;
	const struct s3_key_source *keys;
	struct bucket *bucket;
};
struct fetch *fetch_new(const struct fetch_options *options, struct error *err);
void fetch_free(struct fetch *fetch);

int fetch_head(struct fetch *fetch, struct bytes key,
	       struct s3_object_facts *facts, struct error *err);

/* One page of a prefix; token NULL at first. s3_listing_clear is due. */
int fetch_list(struct fetch *fetch, struct bytes prefix, const char *token,
	       struct s3_listing *listing, struct error *err);

/* One page of the uploads in progress whose key begins with prefix; markers
 * NULL at first. s3_upload_listing_clear is due. */
int fetch_uploads(struct fetch *fetch, struct bytes prefix,
		  const char *key_marker, const char *upload_id_marker,
		  struct s3_upload_listing *listing, struct error *err);

/* End an upload in progress; one that is not there is no error. */
int fetch_abort(struct fetch *fetch, struct bytes key, const char *upload_id,
		struct error *err);

/* Append the whole object, as fetch_head told it, to a file that is empty.
 * Compared with its checksum where S3 keeps one; an object that changes
 * meanwhile is ERROR_LATER. Holds one piece of 8 MiB in memory. */
int fetch_object(struct fetch *fetch, struct bytes key,
		 const struct s3_object_facts *facts, struct file *file,
		 struct error *err);

#endif

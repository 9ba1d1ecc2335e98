#ifndef S3I_TESTS_FAKE_S3_STORE_H
#define S3I_TESTS_FAKE_S3_STORE_H

#include "fake_s3.h"

/*
 * ROOT/BUCKET/objects/HASH holds an object's bytes, HASH.meta what is known of
 * it; ROOT/BUCKET/uploads/ID/ holds the parts N, N.meta of an upload and its
 * own .meta. HASH is the SHA-256 of the key.
 */
enum { PAGE_MOST = 1000 };

struct meta {
	char key[KEY_BYTES + 1];
	char etag[80];
	uint64_t size;
	long long modified;
	char crc64[16];	    /* "": the client sent none */
	char headers[8192]; /* lines "name: value" of what was stored along */
};

/* fake_s3_store.c: what objects and parts have in common. */
void meta_write(const char *path, const struct meta *meta);
bool meta_read(const char *path, struct meta *meta);
/* From the request and its body. */
void meta_fill(const struct request *request, struct meta *meta);
/* path has room for PATH_BYTES. */
void store_object_path(const struct request *request, char *path,
		       const char *suffix);
void store_date_text(long long seconds, char *out, size_t size, bool iso);
/* The body is what its headers say, else an error was replied. */
bool store_body_is_sound(struct request *request);
/* The body becomes the file of that path. */
void store_keep_body(struct request *request, const char *path);

/* fake_s3_parts.c: each replies. */
void parts_create(struct request *request);
void parts_put(struct request *request);
void parts_list(struct request *request);
void parts_complete(struct request *request);
void parts_remove(struct request *request);

/* fake_s3_list.c: each replies. */
void list_objects(struct request *request);
void list_uploads(struct request *request);

#endif

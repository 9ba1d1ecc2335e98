#ifndef S3I_S3_S3_H
#define S3I_S3_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/retry.h"
#include "s3/s3_sign.h"
#include "s3/s3_uri.h"

struct http_reply;

/*
 * One S3 request as a description; nothing is sent here. It is made by one of
 * the functions below, then prepared (signed) anew for each attempt, sent by
 * the owner with http_start, and its reply judged by s3_judge.
 */
struct s3_request {
	const char *method;
	struct buffer key; /* raw bytes; empty: the bucket itself */
	struct s3_pair *query;
	size_t query_count;
	struct s3_pair *headers;
	size_t header_count;
	char payload_sha256[HASH_HEX_BYTES]; /* of the empty body by default */
	struct buffer body;		     /* XML of Complete; else empty */
};

void s3_request_clear(struct s3_request *request);

/* All of these begin a request in caller's storage ({0}); 0 or ERROR_LOCAL,
 * and after a failure _clear is still due. */

/* What an object is stored with; NULL: not said. */
struct s3_object {
	const char *content_type;
	const char *storage_class; /* x-amz-storage-class */
	const char *sse;	   /* x-amz-server-side-encryption, AES256 or
				      aws:kms; "aws:kms:KEY" names the key */
	const char *acl;	   /* x-amz-acl */
	const struct s3_pair *metadata; /* x-amz-meta-NAME */
	size_t metadata_count;
};

/* How the body is guarded; payload_sha256 is always signed. */
struct s3_guard {
	const unsigned char *sha256; /* 32 bytes */
	bool has_crc64;
	uint64_t crc64;		  /* x-amz-checksum-crc64nvme */
	const unsigned char *md5; /* Content-MD5; NULL: none */
};

int s3_head_object(struct s3_request *request, struct bytes key);
/* with x-amz-checksum-mode: ENABLED */
int s3_head_object_checksum(struct s3_request *request, struct bytes key);
/* A piece of an object as long as it has that ETag (S3_EXISTS, 412, else). */
int s3_get_range(struct s3_request *request, struct bytes key, const char *etag,
		 int64_t offset, int64_t size_bytes);
/* if_none_match: only if the key is new (412 else). */
int s3_put_object(struct s3_request *request, struct bytes key,
		  const struct s3_object *object, const struct s3_guard *guard,
		  bool if_none_match);
/* One page; start_after or token, the other NULL; at most 1,000 keys,
 * encoding-type=url. */
struct s3_list {
	struct bytes prefix;
	struct bytes start_after;
	const char *token;
	int max_keys; /* 0: 1,000 */
};
int s3_list_objects(struct s3_request *request, const struct s3_list *list);
/* with_crc64: x-amz-checksum-algorithm CRC64NVME, type FULL_OBJECT. */
int s3_create_upload(struct s3_request *request, struct bytes key,
		     const struct s3_object *object, bool with_crc64);
int s3_put_part(struct s3_request *request, struct bytes key,
		const char *upload_id, int number,
		const struct s3_guard *guard);
struct s3_part {
	int number;
	char etag[256]; /* with its quotes, as it came */
	int64_t size_bytes;
	bool has_crc64;
	uint64_t crc64;
};
/* crc64: of the whole object, NULL if the upload was created without. */
int s3_complete_upload(struct s3_request *request, struct bytes key,
		       const char *upload_id, const struct s3_part *parts,
		       size_t count, const uint64_t *crc64);
int s3_abort_upload(struct s3_request *request, struct bytes key,
		    const char *upload_id);
/* after: the last part number seen, 0 at first. */
int s3_list_parts(struct s3_request *request, struct bytes key,
		  const char *upload_id, int after);
/* Uploads in progress whose key begins with prefix; markers NULL at first. */
int s3_list_uploads(struct s3_request *request, struct bytes prefix,
		    const char *key_marker, const char *upload_id_marker);

/* A request made ready for one attempt: signed, for http_start. */
struct s3_prepared {
	char *url;
	char **headers; /* "name: value", NULL-terminated */
};
struct s3_signer {
	const struct s3_keys *keys;
	int64_t now_ns; /* real time, corrected by the endpoint's skew */
	struct s3_signing_key *kept; /* over many requests; NULL: not */
};
int s3_prepare(const struct s3_request *request, const struct s3_place *place,
	       const struct s3_signer *signer, struct s3_prepared *prepared,
	       struct error *err);
/* Wipes, since a session token may be in it. */
void s3_prepared_clear(struct s3_prepared *prepared);

/* ---- replies ---- */

enum s3_outcome {
	S3_DONE,
	S3_MISSING,	   /* 404 NoSuchKey, or HEAD 404 */
	S3_EXISTS,	   /* 412 to If-None-Match */
	S3_NO_UPLOAD,	   /* NoSuchUpload */
	S3_NO_BUCKET,	   /* NoSuchBucket */
	S3_WRONG_REGION,   /* region says where, "" if it was not told */
	S3_WRONG_CLOCK,	   /* RequestTimeTooSkewed; server_ms says the time */
	S3_DENIED,	   /* AccessDenied: rights for this request */
	S3_BAD_KEYS,	   /* InvalidAccessKeyId, SignatureDoesNotMatch,
			      ExpiredToken, InvalidToken ...: credentials */
	S3_GUARD_REFUSED,  /* 501, 400 or InvalidPart to a request that carried
			      a checksum: may work without */
	S3_GUARD_MISMATCH, /* BadDigest, XAmzContentSHA256Mismatch: the bytes
			      were damaged or changed on the way */
	S3_UNKNOWN,	   /* a HEAD that was answered 400 or 403 */
	S3_TRY_AGAIN,	   /* transient or throttle: see retry */
	S3_UNREACHABLE,	   /* no connection, TLS */
	S3_LOCAL,	   /* our file or memory */
	S3_FAILED	   /* everything else: permanent for this request */
};

struct s3_verdict {
	enum s3_outcome outcome;
	enum retry_class retry;
	int status;
	char code[64];		/* S3's Code, "" if none */
	char region[64];	/* x-amz-bucket-region or <Region> */
	int64_t server_ms;	/* Date of the reply, 0 if none */
	int64_t retry_after_ms; /* -1 if none */
	char text[320];		/* "403 AccessDenied: message", for people */
};

/* Read a reply. carried_guard: the request had CRC64NVME. A 200 to Complete
 * with an <Error> body is judged by that error. Pure. */
void s3_judge(const struct s3_request *request, const struct http_reply *reply,
	      struct s3_verdict *verdict);

/* ---- what replies hold ---- */

/* These return 0, ERROR_LOCAL, or ERROR_INVALID for a body that is not the
 * document of the operation. */

struct s3_object_facts {
	int64_t size_bytes; /* -1: not told, here and in the lists */
	int64_t modified_s; /* LastModified, seconds since 1970 */
	char etag[256];	    /* with quotes */
	bool has_crc64;	    /* full-object CRC64NVME */
	uint64_t crc64;
	bool has_sha256; /* full-object */
	unsigned char sha256[HASH_SHA256_BYTES];
};
/* From the headers of a HEAD, PUT or Complete reply. */
int s3_read_object(const struct http_reply *reply,
		   struct s3_object_facts *facts, struct error *err);

struct s3_listed {
	struct bytes key; /* decoded */
	int64_t size_bytes;
	int64_t modified_s;
	char etag[256];
};
struct s3_listing {
	struct s3_listed *objects;
	size_t count;
	bool is_truncated;
	char *next_token;
	struct buffer memory; /* of the keys */
};
int s3_read_listing(const struct http_reply *reply, struct s3_listing *listing,
		    struct error *err);
void s3_listing_clear(struct s3_listing *listing);

int s3_read_upload_id(const struct http_reply *reply, char *upload_id,
		      size_t size, struct error *err);
/* ETag and checksum of a Complete; the ETag may be "". */
int s3_read_completed(const struct http_reply *reply,
		      struct s3_object_facts *facts, struct error *err);

struct s3_parts {
	struct s3_part *parts;
	size_t count;
	bool is_truncated;
	int next_number;
};
int s3_read_parts(const struct http_reply *reply, struct s3_parts *parts,
		  struct error *err);
void s3_parts_clear(struct s3_parts *parts);

struct s3_upload_listed {
	char *key;
	char *upload_id;
	int64_t initiated_s;
};
struct s3_upload_listing {
	struct s3_upload_listed *uploads;
	size_t count;
	bool is_truncated;
	char *next_key_marker;
	char *next_upload_id_marker;
};
int s3_read_uploads(const struct http_reply *reply,
		    struct s3_upload_listing *listing, struct error *err);
void s3_upload_listing_clear(struct s3_upload_listing *listing);

#endif

#ifndef S3I_S3_S3_SIGN_H
#define S3I_S3_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"

/* Credentials; session_token NULL or "" if none. Borrowed. */
struct s3_keys {
	const char *access_key_id;
	const char *secret_access_key;
	const char *session_token;
};

/* Where keys come from while a run goes on: asked for each request, so that
 * keys that end are replaced in time. get returns what is borrowed until its
 * next call, and never NULL. */
struct s3_key_source {
	const struct s3_keys *(*get)(void *context);
	void *context;
};

/* The signing key of a secret, a day and a region: kept by who signs many
 * requests, for deriving it takes four of five HMACs. {0} at first; _clear
 * wipes it. */
struct s3_signing_key {
	char *secret;
	char date[9]; /* YYYYMMDD */
	char region[64];
	unsigned char key[HASH_SHA256_BYTES];
};
void s3_signing_key_clear(struct s3_signing_key *kept);

struct s3_scope {
	const char *region;
	int64_t now_ns; /* real time, corrected by the endpoint's skew */
	struct s3_signing_key *kept; /* NULL: derived anew */
};

/* Names of headers are lower-case; a value of NULL is the empty one. */
struct s3_pair {
	char *name;
	char *value;
};

/* What is signed: path is encoded already, query pairs are not (raw names and
 * values), headers hold host and all that must be signed but the date, the
 * payload hash and the token, which s3_sign adds. */
struct s3_sign_input {
	const char *method;
	const char *path;
	const struct s3_pair *query;
	size_t query_count;
	const struct s3_pair *headers;
	size_t header_count;
	const char *payload_sha256; /* hex, or UNSIGNED-PAYLOAD */
};

struct s3_signed {
	char amz_date[17];	 /* 20130524T000000Z */
	char *authorization;	 /* value of the header */
	char *canonical_request; /* for tests and -v; holds no secret but a
				    session token, which is redacted never
				    logged */
	char *string_to_sign;
};

/*
 * AWS Signature Version 4 for S3, in the Authorization header
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 * Every header given is signed: S3 asks for host, content-type and x-amz-*.
 * Pure: the clock is in the scope. 0 or ERROR_LOCAL; ERROR_REFUSED,
 * ERROR_INVALID for a control byte in the credentials or in a header.
 */
int s3_sign(const struct s3_sign_input *input, const struct s3_keys *keys,
	    const struct s3_scope *scope, struct s3_signed *out,
	    struct error *err);
void s3_signed_clear(struct s3_signed *out);

#endif

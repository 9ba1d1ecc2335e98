#ifndef S3I_S3_S3_CREDENTIALS_H
#define S3I_S3_S3_CREDENTIALS_H

#include <stdint.h>

#include "s3/s3_sign.h"

/* Keys that lie around on a machine. Caller's storage; never in a text. */
struct s3_credentials {
	char *access_key_id;
	char *secret_access_key;
	char *session_token; /* NULL: none */
	int64_t expires_s;   /* seconds since 1970; 0: never */
};

/* Wipes. */
void s3_credentials_clear(struct s3_credentials *credentials);
struct s3_keys s3_credentials_view(const struct s3_credentials *credentials);

#endif

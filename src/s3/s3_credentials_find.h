#ifndef S3I_S3_S3_CREDENTIALS_FIND_H
#define S3I_S3_S3_CREDENTIALS_FIND_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

struct s3_credentials;

/*
 * The first there are, where the AWS tools look: AWS_ACCESS_KEY_ID and its
 * sisters; AWS_PROFILE in AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials);
 * the container's endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI);
 * the instance's metadata (IMDSv2), unless AWS_EC2_METADATA_DISABLED is true.
 * ERROR_MISSING with every place that was looked at; ERROR_REFUSED when a place
 * that is named cannot be used, and why.
 */
int s3_credentials_find(struct s3_credentials *credentials, struct error *err);

/* Keys of a profile in a shared credentials file; *found. Pure. ERROR_INVALID
 * with the line. */
int s3_credentials_parse(struct bytes text, const char *profile,
			 struct s3_credentials *credentials, bool *found,
			 struct error *err);

#endif

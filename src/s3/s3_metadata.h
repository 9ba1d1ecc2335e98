#ifndef S3I_S3_S3_METADATA_H
#define S3I_S3_S3_METADATA_H

#include <stdbool.h>

#include "base/error.h"

struct s3_credentials;

/*
 * Keys that end, from a service beside the machine; asked without a proxy,
 * with a second to connect and of silence.
 */

/* ECS and EKS: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or _TOKEN. Not found where neither is
 * set; ERROR_REFUSED when it is and gives none, or may not be asked: over
 * plain http only loopback and the services' own addresses are. */
int s3_metadata_of_container(struct s3_credentials *credentials, bool *found,
			     struct error *err);

/* EC2, IMDSv2, at AWS_EC2_METADATA_SERVICE_ENDPOINT or its own address. Not
 * found where nobody answers, or the instance has no role. */
int s3_metadata_of_instance(struct s3_credentials *credentials, bool *found,
			    struct error *err);

/* Whether a full URI of a container may be asked. Pure. */
bool s3_metadata_is_allowed(const char *url);

#endif

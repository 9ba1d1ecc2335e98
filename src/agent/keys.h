#ifndef S3I_AGENT_KEYS_H
#define S3I_AGENT_KEYS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "s3/s3_sign.h"

/* The S3 credentials: a file {access_key_id, secret_access_key,
 * session_token?, expiration?, ...}, or the environment. Never in a text. */
struct keys {
	json_t *stored; /* NULL: none */
};

/* Load the file; where there is none, AWS_ACCESS_KEY_ID and its sisters.
 * ERROR_REFUSED naming file and field when there are none that could work. */
int keys_load(const char *path, struct keys *keys, struct error *err);

/* Wipes. */
void keys_clear(struct keys *keys);

/* As the signer takes them; borrowed. */
struct s3_keys keys_view(const struct keys *keys);

/* Whether aws_keys of a reply can serve; ERROR_INVALID naming the field. */
int keys_check(const json_t *object, struct error *err);

/* Put keys from outside into the file: other fields of the file are kept, an
 * old session token is not. *changed says whether anything is new. */
int keys_save(const char *path, const json_t *object, bool *changed,
	      struct error *err);

/* Whether keys_save would change anything. */
bool keys_would_change(const char *path, const json_t *object);

#endif

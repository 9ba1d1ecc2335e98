#ifndef S3I_AGENT_KEYS_H
#define S3I_AGENT_KEYS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "s3/s3_credentials.h"
#include "s3/s3_sign.h"

/* The S3 credentials: a file {access_key_id, secret_access_key,
 * session_token?, expiration?, ...}, or what lies around on the machine (see
 * s3_credentials_find.h). Never in a text. */
struct keys {
	char *path;	/* of the file */
	json_t *stored; /* NULL: there is no file */
	struct s3_credentials found;
	struct s3_keys view;
	int64_t looked_ns; /* steady time when they were loaded last */
};

/* Load the file; where there is none, look around. ERROR_REFUSED naming file
 * and field, or all places, when there are none that could work. */
int keys_load(const char *path, struct keys *keys, struct error *err);

/* Wipes. */
void keys_clear(struct keys *keys);

/* As requests take them: loaded anew, once a minute, when they end within five
 * minutes; those that are there stay if that fails. Borrows keys. */
struct s3_key_source keys_source(struct keys *keys);

/* Whether aws_keys of a reply can serve; ERROR_INVALID naming the field. */
int keys_check(const json_t *object, struct error *err);

/* Put keys from outside into the file: other fields of the file are kept, an
 * old session token is not. *changed says whether anything is new. */
int keys_save(const char *path, const json_t *object, bool *changed,
	      struct error *err);

/* Whether keys_save would change anything. */
bool keys_would_change(const char *path, const json_t *object);

#endif

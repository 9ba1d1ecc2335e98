#ifndef S3I_INGEST_POLICY_H
#define S3I_INGEST_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct field;

/* What a policy takes from the settings where it says nothing itself; texts
 * are borrowed, NULL: none. */
struct policy_defaults {
	const char *handler; /* default_policy_handler */
	const char *s3_bucket;
	const char *s3_endpoint; /* NULL: AWS */
	const char *s3_region;
	int s3_addressing; /* enum s3_addressing */
	const char *s3_storage_class;
	const char *s3_sse;
	const char *s3_acl;
	int64_t s3_part_size_bytes;
	const char *target_directory;
	bool compare_checksum;
	bool moves_by_prefix; /* move_after_upload is put in front of the name
				 as it is, not a folder */
};

/* One policy, effective. Texts are its own. */
struct policy {
	char *input_file_pattern;
	char *input_remove_prefix;
	char *output_key_prefix;
	char *customizer;
	char *customizer_settings; /* see policy_add_customizer */
	char *handler; /* "upload", "download"; others fail the policy */
	bool delete_after_upload;
	char *move_after_upload;
	int64_t delay_upload_s;
	int64_t delay_removal; /* -1 false, 0 true, else seconds */
	bool force_upload;
	int follow_symlinks; /* enum folder_follow */
	char *s3_bucket;
	char *s3_endpoint;
	char *s3_region;
	int s3_addressing;
	char *s3_storage_class;
	char *s3_sse;
	char *s3_acl;
	int64_t s3_part_size_bytes;
	int compare;	    /* 0 size, 1 checksum */
	json_t *metadata;   /* object of strings */
	char *content_type; /* NULL: by the name */
	json_t *file_keys;
	char *target_directory;
	bool delete_leftovers;
	bool moves_by_prefix;
	int position; /* in the config, from 0 */
	char fingerprint[65];
};

/* The table: every key that a policy may have. */
const struct field *policy_table(size_t *count);

/* Check one policy object as the config holds it: types and ranges of all
 * known fields. ERROR_CONFIG: "policies[2].delay_upload: ...". */
int policy_check(const json_t *object, int position, struct error *err);

/* Make the effective policy. Unknown handlers and fields whose work this
 * version cannot do are no error here: see policy_refusal. */
int policy_load(const json_t *object, int position,
		const struct policy_defaults *defaults, struct policy *policy,
		struct error *err);
void policy_clear(struct policy *policy);

/* Give a policy that has a customizer what shapes its keys besides: the
 * settings that it is told, and a digest of all customizers. The text is the
 * policy's from now on, also after a failure. */
int policy_add_customizer_take(struct policy *policy, char *settings,
			       const char *digest, struct error *err);

/* Whether it brings files instead of sending them. */
bool policy_is_download(const struct policy *policy);

/* The index-th of file_keys; NULL behind the last. */
const char *policy_file_key(const struct policy *policy, size_t index);

/* The name that a key is saved under: what is behind its last '/'. */
const char *policy_file_name(const char *key);

/* Whether it takes local files away once they are safe in the bucket. */
bool policy_removes(const struct policy *policy);

/* Why this policy cannot be run at all (unknown handler, no bucket, a field
 * that needs work which is not there), as text for people; NULL if it can. */
const char *policy_refusal(const struct policy *policy, char *text,
			   size_t size);

#endif

#ifndef S3I_AGENT_SETTINGS_H
#define S3I_AGENT_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/protocol.h"
#include "base/error.h"
#include "base/fields.h"
#include "ingest/policy.h"

/* What a row of the table of settings says besides its type. */
enum settings_flag {
	SETTING_LOCAL = 1,	/* only the local file may set it */
	SETTING_SECRET = 2,	/* in no report */
	SETTING_HOME_PATH = 4,	/* from outside: beneath the home folder */
	SETTING_CONNECTION = 8, /* how the mothership is reached: on trial */
	SETTING_URL = 16,	/* its user part is a secret */
	SETTING_LATER = 32	/* this version cannot do it: refused */
};

enum settings_service { SETTINGS_HTTPS, SETTINGS_HTTP };

/* The effective settings: the file over the defaults. NULL: none. */
struct settings {
	bool debug;
	char *api_host;
	int64_t api_port;
	char *api_token;
	int host_service; /* enum settings_service */
	char *host_dns;
	char *host_uri;
	int64_t host_port;
	int64_t host_timeout_s;
	int64_t heartbeat_period_s;
	char *aws_keys_file;
	int64_t iam_reset_period_s;
	char *s3_bucket;
	char *s3_endpoint;
	char *s3_region;
	int s3_addressing;
	int64_t s3_timeout_ms;
	int64_t s3_concurrency; /* 0: auto */
	int64_t s3_part_size_bytes;
	char *s3_storage_class;
	char *s3_sse;
	char *s3_acl;
	char *s3_customizers_prefix;
	char *customizers_path;
	char *default_policy_handler;
	int64_t bandwidth_limit_bytes_per_s; /* 0: none */
	char *proxy;
	char *ca_file;
	char *client_cert;
	char *client_key;
	char *hostname_override;
	char *upgrade_command;
	char *reboot_command;
	char *target_directory;
	char *metrics_file;
	char *ping_url;
	int compare;  /* 0 size, 1 checksum */
	int protocol; /* enum protocol */
	json_t *policies;
	json_t *locked_settings;
	bool allow_executables;
	bool allow_plain_http;
};

/* The table: every key there is. */
const struct field *settings_table(size_t *count);
const struct field *settings_find(const char *name);

/* What some defaults depend on. */
struct settings_scope {
	const char *prefix; /* name of the instance */
	bool is_http;
	enum protocol protocol;
};

/* The scope that a config (an object, not checked) makes; borrows prefix. */
struct settings_scope settings_scope_of(const json_t *config,
					const char *prefix);

/* Whether a value of a known setting is what it would be without it. */
bool settings_is_default(const struct field *field, const json_t *value,
			 const struct settings_scope *scope);

/* Load a config (an object) and check it as a whole, policies included;
 * prefix is the name of the instance. ERROR_CONFIG names the key. After a
 * failure the struct must still be cleared. */
int settings_load(const json_t *config, const char *prefix,
		  struct settings *settings, struct error *err);
void settings_clear(struct settings *settings);

/* All effective settings but secrets, for `report`. New reference. */
json_t *settings_report(const struct settings *settings, struct error *err);

/* What policies take from the settings; borrows. */
struct policy_defaults settings_policy_defaults(
    const struct settings *settings);

/* http://host:443/ingestor; the caller frees it, NULL: no memory. host_dns
 * must be set. */
char *settings_mothership_url(const struct settings *settings);

/* Whether the mothership is spoken to in the clear over a network. */
bool settings_is_plain(const struct settings *settings);

#endif

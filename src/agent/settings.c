#include "agent/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"

#define MIB    ((int64_t)1024 * 1024)
#define GIB    (1024 * MIB)
#define YEAR_S ((int64_t)365 * 24 * 3600)
#define DAY_MS ((int64_t)24 * 3600 * 1000)

enum { PORT_HTTP = 80, PORT_HTTPS = 443, PORT_LAST = 65535 };

static const char *const services[] = {"https", "http", NULL};
/* in the order of enum s3_addressing */
static const char *const addressings[] = {"auto", "path", "virtual", NULL};
static const char *const comparisons[] = {"size", "checksum", NULL};
/* in the order of enum protocol */
static const char *const protocols[] = {"documented", "node", NULL};

/* The columns: name, member, default, flags; numbers have a range too. */
#define TEXT(key, member, standard, bits)                                      \
	{                                                                      \
		.name = (key), .type = FIELD_TEXT,                             \
		.offset = offsetof(struct settings, member),                   \
		.default_json = (standard), .flags = (bits)                    \
	}
#define FLAG(key, member, bits)                                                \
	{                                                                      \
		.name = (key), .type = FIELD_BOOL,                             \
		.offset = offsetof(struct settings, member),                   \
		.default_json = "false", .flags = (bits)                       \
	}
#define WORD(key, member, words, standard, bits)                               \
	{                                                                      \
		.name = (key), .type = FIELD_CHOICE,                           \
		.offset = offsetof(struct settings, member),                   \
		.choices = (words), .default_json = (standard),                \
		.flags = (bits)                                                \
	}
#define RANGE(key, member, least, most, standard, bits)                        \
	{                                                                      \
		.name = (key), .type = FIELD_INTEGER,                          \
		.offset = offsetof(struct settings, member),                   \
		.minimum = (least), .maximum = (most),                         \
		.default_json = (standard), .flags = (bits)                    \
	}

/* Without a default here: none at all, or one that depends on the prefix or
 * on another setting (see fill_dependent). */
static const struct field table[] = {
    FLAG("debug", debug, 0),
    TEXT("api_host", api_host, "\"127.0.0.1\"", 0),
    RANGE("api_port", api_port, 0, PORT_LAST, "4567", 0),
    TEXT("api_token", api_token, NULL, SETTING_SECRET),
    WORD("host_service", host_service, services, "\"https\"",
	 SETTING_CONNECTION),
    TEXT("host_dns", host_dns, NULL, SETTING_CONNECTION),
    TEXT("host_uri", host_uri, "\"/ingestor\"", SETTING_CONNECTION),
    RANGE("host_port", host_port, 1, PORT_LAST, NULL, SETTING_CONNECTION),
    RANGE("host_timeout", host_timeout_s, 1, 86400, "30", SETTING_CONNECTION),
    RANGE("heartbeat_period", heartbeat_period_s, 1, YEAR_S, "3600", 0),
    TEXT("aws_keys_file", aws_keys_file, NULL, SETTING_HOME_PATH),
    RANGE("iam_reset_period", iam_reset_period_s, 0, 3600, "20", 0),
    TEXT("s3_bucket", s3_bucket, NULL, 0),
    TEXT("s3_endpoint", s3_endpoint, NULL, SETTING_URL),
    TEXT("s3_region", s3_region, "\"us-east-1\"", 0),
    WORD("s3_addressing", s3_addressing, addressings, "\"auto\"", 0),
    RANGE("s3_timeout", s3_timeout_ms, 1, DAY_MS, "300000", 0),
    {.name = "s3_concurrency",
     .type = FIELD_NUMBER_OR_AUTO,
     .offset = offsetof(struct settings, s3_concurrency),
     .minimum = 1,
     .maximum = 256,
     .default_json = "\"auto\""},
    RANGE("s3_part_size", s3_part_size_bytes, 5 * MIB, 5 * GIB, "8388608", 0),
    TEXT("s3_storage_class", s3_storage_class, NULL, 0),
    TEXT("s3_sse", s3_sse, NULL, 0),
    TEXT("s3_acl", s3_acl, NULL, 0),
    TEXT("s3_customizers_prefix", s3_customizers_prefix, NULL, 0),
    TEXT("customizers_path", customizers_path, "\"customizers/\"",
	 SETTING_HOME_PATH),
    TEXT("default_policy_handler", default_policy_handler, "\"upload\"", 0),
    RANGE("bandwidth_limit", bandwidth_limit_bytes_per_s, 1, INT64_MAX, NULL,
	  0),
    TEXT("proxy", proxy, NULL, SETTING_CONNECTION | SETTING_URL),
    TEXT("ca_file", ca_file, NULL, SETTING_CONNECTION),
    TEXT("client_cert", client_cert, NULL, SETTING_CONNECTION),
    TEXT("client_key", client_key, NULL, SETTING_CONNECTION),
    TEXT("hostname_override", hostname_override, NULL, 0),
    TEXT("upgrade_command", upgrade_command, NULL, 0),
    TEXT("reboot_command", reboot_command, NULL, 0),
    TEXT("target_directory", target_directory, "\"downloads\"",
	 SETTING_HOME_PATH),
    TEXT("metrics_file", metrics_file, NULL, SETTING_HOME_PATH | SETTING_LATER),
    TEXT("ping_url", ping_url, NULL, SETTING_URL | SETTING_LATER),
    WORD("compare", compare, comparisons, "\"size\"", 0),
    WORD("protocol", protocol, protocols, "\"documented\"", 0),
    {.name = "policies",
     .type = FIELD_OBJECT_LIST,
     .offset = offsetof(struct settings, policies)},
    {.name = "locked_settings",
     .type = FIELD_TEXT_LIST,
     .offset = offsetof(struct settings, locked_settings),
     .default_json = "[]",
     .flags = SETTING_LOCAL},
    FLAG("allow_executables", allow_executables, SETTING_LOCAL),
    FLAG("allow_plain_http", allow_plain_http, SETTING_LOCAL),
};

enum { TABLE_COUNT = sizeof(table) / sizeof(table[0]) };

const struct field *settings_table(size_t *count)
{
	*count = TABLE_COUNT;
	return table;
}

const struct field *settings_find(const char *name)
{
	return fields_find(table, TABLE_COUNT, name);
}

/* ------------------------------------------- defaults that depend */

static char *default_text(const char *name, const char *prefix)
{
	if (strcmp(name, "aws_keys_file") == 0)
		return text_format("%s-keys.json", prefix);
	return text_format("code/%s/customizers/", prefix);
}

static bool is_default_text(const char *name, const json_t *value,
			    const char *prefix)
{
	char *standard = default_text(name, prefix);
	const char *text = json_string_value(value);
	bool same = standard && text && strcmp(standard, text) == 0;

	free(standard);
	return same;
}

/* The documented dialect has one policy with all defaults; the other none. */
static json_t *default_policies(enum protocol protocol)
{
	return protocol == PROTOCOL_NODE ? json_array() : json_pack("[{}]");
}

static bool is_default_policies(const json_t *value, enum protocol protocol)
{
	json_t *standard = default_policies(protocol);
	bool same = standard && json_equal(standard, value) == 1;

	json_decref(standard);
	return same;
}

struct settings_scope settings_scope_of(const json_t *config,
					const char *prefix)
{
	const char *service = json_member_text(config, "host_service");
	const char *protocol = json_member_text(config, "protocol");

	return (struct settings_scope){
	    .prefix = prefix,
	    .is_http = service && strcmp(service, "http") == 0,
	    .protocol = protocol && strcmp(protocol, "node") == 0
			    ? PROTOCOL_NODE
			    : PROTOCOL_DOCUMENTED,
	};
}

bool settings_is_default(const struct field *field, const json_t *value,
			 const struct settings_scope *scope)
{
	if (!value || json_is_null(value))
		return true;
	if (strcmp(field->name, "host_port") == 0)
		return json_is_number(value) &&
		       json_number_value(value) ==
			   (scope->is_http ? PORT_HTTP : PORT_HTTPS);
	if (strcmp(field->name, "aws_keys_file") == 0 ||
	    strcmp(field->name, "s3_customizers_prefix") == 0)
		return is_default_text(field->name, value, scope->prefix);
	if (strcmp(field->name, "policies") == 0)
		return is_default_policies(value, scope->protocol);
	return fields_is_default(field, value);
}

static int fill_dependent(struct settings *settings, const char *prefix,
			  struct error *err)
{
	if (settings->host_port == 0)
		settings->host_port = settings->host_service == SETTINGS_HTTP
					  ? PORT_HTTP
					  : PORT_HTTPS;
	if (!settings->aws_keys_file)
		settings->aws_keys_file = default_text("aws_keys_file", prefix);
	if (!settings->s3_customizers_prefix)
		settings->s3_customizers_prefix =
		    default_text("s3_customizers_prefix", prefix);
	if (!settings->policies)
		settings->policies =
		    default_policies((enum protocol)settings->protocol);
	if (!settings->aws_keys_file || !settings->s3_customizers_prefix ||
	    !settings->policies)
		return error_set_memory(err);
	return 0;
}

/* ------------------------------------------- checks beyond the types */

/* A URL is put together from these, so nothing may end its part early. */
static bool is_clean(const char *text, const char *forbidden)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f ||
		    strchr(forbidden, *text))
			return false;
	return true;
}

static int check_mothership(const struct settings *settings, struct error *err)
{
	if (settings->host_dns && (settings->host_dns[0] == '\0' ||
				   !is_clean(settings->host_dns, "/?#@\\")))
		return error_set(err, ERROR_CONFIG,
				 "host_dns: this is not the name of a host");
	if (settings->host_uri[0] != '/' || !is_clean(settings->host_uri, "#"))
		return error_set(err, ERROR_CONFIG,
				 "host_uri: a path that begins with / is "
				 "wanted, with no space and no #");
	return 0;
}

static int check_supported(const json_t *config, struct error *err)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const json_t *value = json_object_get(config, table[i].name);
		if (value && !json_is_null(value) &&
		    (table[i].flags & SETTING_LATER))
			return error_set(err, ERROR_CONFIG,
					 "%s: not supported by this version",
					 table[i].name);
	}
	return 0;
}

/* An empty text is none; where there is a default it would be a name of
 * nothing, and is refused. */
static int settle_empty_texts(struct settings *settings, struct error *err)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (table[i].type != FIELD_TEXT)
			continue;
		void *place = (char *)settings + table[i].offset;
		char **text = place;
		if (!*text || (*text)[0] != '\0')
			continue;
		if (table[i].default_json)
			return error_set(err, ERROR_CONFIG,
					 "%s: the text is empty",
					 table[i].name);
		free(*text);
		*text = NULL;
	}
	return 0;
}

static int check_policies(const struct settings *settings, struct error *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < json_array_size(settings->policies);
	     i++)
		code = policy_check(json_array_get(settings->policies, i),
				    (int)i, err);
	return code;
}

int settings_load(const json_t *config, const char *prefix,
		  struct settings *settings, struct error *err)
{
	int code = fields_load(table, TABLE_COUNT, config, settings, err);

	if (code == 0)
		code = check_supported(config, err);
	if (code == 0)
		code = settle_empty_texts(settings, err);
	if (code == 0)
		code = fill_dependent(settings, prefix, err);
	if (code == 0)
		code = check_mothership(settings, err);
	if (code == 0)
		code = check_policies(settings, err);
	return code;
}

void settings_clear(struct settings *settings)
{
	fields_clear(table, TABLE_COUNT, settings);
}

/* ------------------------------------------- what others ask for */

/* scheme://user:password@host -> scheme://host; new reference */
static json_t *without_user(const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + strlen("://") : url;
	const char *end = host + strcspn(host, "/?#");
	const char *at = NULL;
	for (const char *c = host; c < end; c++)
		if (*c == '@')
			at = c;
	if (!at)
		return json_string(url);
	return json_sprintf("%.*s%s", (int)(host - url), url, at + 1);
}

json_t *settings_report(const struct settings *settings, struct error *err)
{
	json_t *report = fields_store(table, TABLE_COUNT, settings);
	int code = report ? 0 : error_set_memory(err);

	for (size_t i = 0; code == 0 && i < TABLE_COUNT; i++) {
		const char *name = table[i].name;
		const char *text = json_member_text(report, name);
		if (table[i].flags & SETTING_SECRET)
			(void)json_object_del(report, name); /* it is there */
		else if (text && (table[i].flags & SETTING_URL))
			code = json_set_take(report, name, without_user(text),
					     err);
	}
	if (code == 0 && settings->bandwidth_limit_bytes_per_s == 0)
		code =
		    json_set_take(report, "bandwidth_limit", json_null(), err);
	if (code == 0)
		return report;
	json_decref(report);
	return NULL;
}

struct policy_defaults settings_policy_defaults(const struct settings *settings)
{
	return (struct policy_defaults){
	    .handler = settings->default_policy_handler,
	    .s3_bucket = settings->s3_bucket,
	    .s3_endpoint = settings->s3_endpoint,
	    .s3_region = settings->s3_region,
	    .s3_addressing = settings->s3_addressing,
	    .s3_storage_class = settings->s3_storage_class,
	    .s3_sse = settings->s3_sse,
	    .s3_acl = settings->s3_acl,
	    .s3_part_size_bytes = settings->s3_part_size_bytes,
	    .compare_checksum = settings->compare == 1,
	    .target_directory = settings->target_directory,
	    .moves_by_prefix = settings->protocol == PROTOCOL_NODE,
	};
}

char *settings_mothership_url(const struct settings *settings)
{
	const char *host = settings->host_dns;
	/* an address of IPv6 stands in brackets (RFC 3986, 3.2.2) */
	bool needs_brackets = strchr(host, ':') && host[0] != '[';

	return text_format("%s://%s%s%s:%d%s", services[settings->host_service],
			   needs_brackets ? "[" : "", host,
			   needs_brackets ? "]" : "", (int)settings->host_port,
			   settings->host_uri);
}

/* 127.a.b.c with nothing else in it; "127.0.0.1.example.org" is no address. */
static bool is_loopback_ipv4(const char *host)
{
	int dots = 0;

	if (strncmp(host, "127.", 4) != 0)
		return false;
	for (const char *c = host; *c; c++) {
		if (*c == '.')
			dots++;
		else if (!isdigit((unsigned char)*c))
			return false;
	}
	return dots == 3;
}

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "[::1]") == 0 || is_loopback_ipv4(host);
}

bool settings_is_plain(const struct settings *settings)
{
	return settings->host_service == SETTINGS_HTTP && settings->host_dns &&
	       !is_loopback(settings->host_dns);
}

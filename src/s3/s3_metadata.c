#include "s3/s3_metadata.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/files.h"
#include "base/http.h"
#include "base/json.h"
#include "platform/system.h"
#include "s3/s3_credentials.h"
#include "s3/s3_time.h"

#define CONTAINER_ADDRESS "http://169.254.170.2"
#define INSTANCE_ADDRESS  "http://169.254.169.254"
#define ROLE_PATH	  "/latest/meta-data/iam/security-credentials/"

enum {
	WAIT_MS = 1000,
	REPLY_CEILING_BYTES = 64 * 1024,
	TOKEN_CEILING_BYTES = 16 * 1024,
	HEADERS_MOST = 3
};

static const struct http_route route = {
    .proxy = "",
    .connect_ms = WAIT_MS,
    .silence_ms = WAIT_MS,
};

/* ---- one request ---- */

struct question {
	const char *method;
	const char *url;
	const char *headers[HEADERS_MOST]; /* ends with NULL */
};

/* The body of a 200 as text into *text, which the caller wipes and frees; NULL
 * for anything else, with why in *problem. */
static int ask(const struct question *question, char **text,
	       struct error *problem)
{
	const struct http_request request = {
	    .method = question->method,
	    .url = question->url,
	    .headers = question->headers,
	    .has_body = strcmp(question->method, "PUT") == 0,
	    .reply_ceiling_bytes = REPLY_CEILING_BYTES,
	};
	struct http_reply reply = {0};
	int code = http_call(&route, &request, &reply, problem);

	*text = NULL;
	if (code == 0 && reply.failure != HTTP_OK)
		code = error_set(problem, ERROR_UNREACHABLE, "%s",
				 reply.failure_text);
	else if (code == 0 && reply.status != 200)
		code = error_set(problem, ERROR_UNREACHABLE, "status %d",
				 reply.status);
	if (code == 0) {
		*text = text_dup_bytes(reply.body.data, reply.body.size);
		code = *text ? 0 : error_set_memory(problem);
	}
	buffer_wipe(&reply.body);
	http_reply_clear(&reply);
	return code;
}

static void free_wiped(char *text)
{
	if (text)
		system_wipe(text, strlen(text));
	free(text);
}

/* ---- what comes ---- */

static int dup_member(const json_t *object, const char *name, char **out)
{
	const char *text = json_member_text(object, name);

	*out = text && *text ? text_dup(text) : NULL;
	return text && *text && !*out ? ERROR_LOCAL : 0;
}

/* The library gives no other way to its memory. */
static void free_object(json_t *object)
{
	static const char *const secrets[] = {"SecretAccessKey", "Token"};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *text = json_member_text(object, secrets[i]);

		if (text)
			system_wipe((void *)(uintptr_t)text, strlen(text));
	}
	json_decref(object);
}

static int read_keys(const char *text, struct s3_credentials *credentials,
		     struct error *problem)
{
	json_t *object = json_parse_object(bytes_of_text(text), problem);

	if (!object)
		return problem->code;
	const char *expiration = json_member_text(object, "Expiration");
	int code =
	    dup_member(object, "AccessKeyId", &credentials->access_key_id);
	if (code == 0)
		code = dup_member(object, "SecretAccessKey",
				  &credentials->secret_access_key);
	if (code == 0)
		code = dup_member(object, "Token", &credentials->session_token);
	/* keys of an unknown end are asked for again with the next run */
	if (expiration && !s3_time_parse(expiration, &credentials->expires_s))
		credentials->expires_s = 0;
	free_object(object);
	if (code)
		return error_set_memory(problem);
	if (!credentials->access_key_id || !credentials->secret_access_key)
		return error_set(problem, ERROR_INVALID,
				 "the reply has no keys");
	return 0;
}

static int ask_keys(const struct question *question,
		    struct s3_credentials *credentials, struct error *problem)
{
	char *text = NULL;
	int code = ask(question, &text, problem);

	if (code == 0)
		code = read_keys(text, credentials, problem);
	free_wiped(text);
	return code;
}

/* ---- containers ---- */

bool s3_metadata_is_allowed(const char *url)
{
	static const char *const hosts[] = {
	    "localhost",     "127.0.0.1",      "[::1]",
	    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
	};

	if (strncmp(url, "https://", 8) == 0)
		return true;
	if (strncmp(url, "http://", 7) != 0)
		return false;
	url += 7;
	size_t authority = strcspn(url, "/?#");
	/* a user in front would hide the host */
	if (memchr(url, '@', authority))
		return false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t size = strlen(hosts[i]);

		if (strncmp(url, hosts[i], size) == 0 &&
		    (size == authority || url[size] == ':'))
			return true;
	}
	return false;
}

/* A header with the token of the environment; NULL: there is none. */
static int make_authorization(char **header, struct error *problem)
{
	const char *path =
	    system_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token =
	    system_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct buffer text = {0};
	int code = 0;

	*header = NULL;
	if (path)
		code = files_read(path, TOKEN_CEILING_BYTES, &text, problem);
	if (code == 0 && path) {
		token = text.data;
		text.data[strcspn(text.data, "\r\n")] = '\0';
	}
	if (code == 0 && token) {
		*header = text_format("Authorization: %s", token);
		code = *header ? 0 : error_set_memory(problem);
	}
	buffer_wipe(&text);
	buffer_clear(&text);
	return code;
}

static int ask_container(const char *url, struct s3_credentials *credentials,
			 struct error *problem)
{
	char *authorization = NULL;
	int code = s3_metadata_is_allowed(url)
		       ? make_authorization(&authorization, problem)
		       : error_set(problem, ERROR_REFUSED,
				   "plain http is for loopback and the "
				   "containers' own addresses");
	const struct question question = {
	    .method = "GET",
	    .url = url,
	    .headers = {authorization},
	};

	if (code == 0)
		code = ask_keys(&question, credentials, problem);
	free_wiped(authorization);
	return code;
}

int s3_metadata_of_container(struct s3_credentials *credentials, bool *found,
			     struct error *err)
{
	const char *relative =
	    system_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full =
	    system_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct error problem = {0};

	*found = false;
	if (!relative && !full)
		return 0;
	char *url = relative ? text_format(CONTAINER_ADDRESS "%s", relative)
			     : text_dup(full);
	if (!url)
		return error_set_memory(err);
	int code = ask_container(url, credentials, &problem);
	*found = code == 0;
	if (code)
		code = error_set(err, ERROR_REFUSED,
				 "S3 credentials: the container's %s: %s", url,
				 problem.text);
	free(url);
	return code;
}

/* ---- instances ---- */

static char *instance_url(const char *path, const char *name)
{
	const char *endpoint =
	    system_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	size_t size;

	if (!endpoint)
		endpoint = INSTANCE_ADDRESS;
	size = strlen(endpoint);
	while (size > 0 && endpoint[size - 1] == '/')
		size--;
	return text_format("%.*s%s%s", (int)size, endpoint, path, name);
}

/* GET with the session's token. */
static int get(const char *path, const char *name, const char *token,
	       char **text, struct error *problem)
{
	char *url = instance_url(path, name);
	char *header = text_format("X-aws-ec2-metadata-token: %s", token);
	int code = url && header ? 0 : error_set_memory(problem);
	const struct question question = {
	    .method = "GET",
	    .url = url,
	    .headers = {header},
	};

	*text = NULL;
	if (code == 0)
		code = ask(&question, text, problem);
	free(url);
	free_wiped(header);
	return code;
}

static int open_session(char **token, struct error *problem)
{
	char *url = instance_url("/latest/api/token", "");
	const struct question question = {
	    .method = "PUT",
	    .url = url,
	    .headers = {"X-aws-ec2-metadata-token-ttl-seconds: 300"},
	};

	*token = NULL;
	int code =
	    url ? ask(&question, token, problem) : error_set_memory(problem);
	free(url);
	if (code == 0)
		(*token)[strcspn(*token, "\r\n")] = '\0';
	return code;
}

/* A role's name goes into a path. */
static bool is_role(const char *name)
{
	return *name != '\0' && !strpbrk(name, "/?#% \t\r\n\"<>");
}

int s3_metadata_of_instance(struct s3_credentials *credentials, bool *found,
			    struct error *err)
{
	const char *disabled = system_environment("AWS_EC2_METADATA_DISABLED");
	struct error problem = {0};
	char *token = NULL;
	char *role = NULL;
	char *text = NULL;

	*found = false;
	if (disabled && strcmp(disabled, "true") == 0)
		return 0;
	int code = open_session(&token, &problem);
	if (code == 0)
		code = get(ROLE_PATH, "", token, &role, &problem);
	if (code == 0)
		role[strcspn(role, "\r\n")] = '\0';
	if (code == 0 && is_role(role))
		code = get(ROLE_PATH, role, token, &text, &problem);
	if (code == 0 && text)
		code = read_keys(text, credentials, &problem);
	*found = code == 0 && text;
	free_wiped(text);
	free(role);
	free_wiped(token);
	/* nobody there, or no role: not this machine's way */
	return code == ERROR_LOCAL ? error_set(err, code, "%s", problem.text)
				   : 0;
}

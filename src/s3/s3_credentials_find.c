#include "s3/s3_credentials_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "platform/system.h"
#include "s3/s3_credentials.h"
#include "s3/s3_metadata.h"

enum { FILE_CEILING_BYTES = 256 * 1024 };

/* ---- the environment ---- */

static int dup_into(const char *text, char **out)
{
	*out = text ? text_dup(text) : NULL;
	return text && !*out ? ERROR_LOCAL : 0;
}

static int find_in_environment(struct s3_credentials *credentials, bool *found,
			       struct error *err)
{
	const char *id = system_environment("AWS_ACCESS_KEY_ID");
	const char *secret = system_environment("AWS_SECRET_ACCESS_KEY");

	*found = id && secret;
	if (!*found)
		return 0;
	if (dup_into(id, &credentials->access_key_id) != 0 ||
	    dup_into(secret, &credentials->secret_access_key) != 0 ||
	    dup_into(system_environment("AWS_SESSION_TOKEN"),
		     &credentials->session_token) != 0)
		return error_set_memory(err);
	return 0;
}

/* ---- the shared file: an INI of the AWS tools ---- */

static struct bytes trimmed(struct bytes text)
{
	while (text.size > 0 && strchr(" \t\r", text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && strchr(" \t\r", text.data[text.size - 1]))
		text.size--;
	return text;
}

static bool is_text(struct bytes text, const char *wanted)
{
	return bytes_equal(text, bytes_of_text(wanted));
}

static int take_pair(struct bytes name, struct bytes value,
		     struct s3_credentials *credentials)
{
	char **place = NULL;

	if (is_text(name, "aws_access_key_id"))
		place = &credentials->access_key_id;
	else if (is_text(name, "aws_secret_access_key"))
		place = &credentials->secret_access_key;
	else if (is_text(name, "aws_session_token"))
		place = &credentials->session_token;
	if (!place || value.size == 0)
		return 0;
	if (*place)
		system_wipe(*place, strlen(*place));
	free(*place);
	*place = text_dup_bytes(value.data, value.size);
	return *place ? 0 : ERROR_LOCAL;
}

/* Where a line belongs to. */
struct section {
	const char *wanted;
	bool is_wanted;
	bool was_found;
};

static int take_line(struct bytes line, struct section *section,
		     struct s3_credentials *credentials)
{
	line = trimmed(line);
	if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
		return 0;
	if (line.data[0] == '[') {
		const char *end = memchr(line.data, ']', line.size);

		if (!end)
			return ERROR_INVALID;
		const struct bytes name = {line.data + 1,
					   (size_t)(end - line.data) - 1};
		section->is_wanted = is_text(trimmed(name), section->wanted);
		section->was_found = section->was_found || section->is_wanted;
		return 0;
	}
	const char *equals = memchr(line.data, '=', line.size);
	if (!equals)
		return ERROR_INVALID;
	if (!section->is_wanted)
		return 0;
	const struct bytes name = {line.data, (size_t)(equals - line.data)};
	const struct bytes value = {
	    equals + 1, (size_t)(line.data + line.size - equals) - 1};
	return take_pair(trimmed(name), trimmed(value), credentials);
}

int s3_credentials_parse(struct bytes text, const char *profile,
			 struct s3_credentials *credentials, bool *found,
			 struct error *err)
{
	struct section section = {.wanted = profile};
	int number = 0;
	int code = 0;

	while (code == 0 && text.size > 0) {
		const char *end = memchr(text.data, '\n', text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;

		number++;
		code = take_line((struct bytes){text.data, size}, &section,
				 credentials);
		size += end ? 1 : 0;
		text.data += size;
		text.size -= size;
	}
	if (code == ERROR_INVALID)
		return error_set(err, ERROR_INVALID,
				 "line %d is no [profile], no name = value",
				 number);
	if (code)
		return error_set_memory(err);
	*found = section.was_found && credentials->access_key_id &&
		 credentials->secret_access_key;
	return 0;
}

/* NULL: there is no place for it. */
static char *shared_file_path(void)
{
	const char *path = system_environment("AWS_SHARED_CREDENTIALS_FILE");
	const char *home = system_environment("HOME");

	if (path)
		return text_dup(path);
	return home ? text_format("%s/.aws/credentials", home) : NULL;
}

/* Somebody who names a profile means it. */
static int judge_profile(const char *path, const char *profile, bool found,
			 struct error *err)
{
	if (found || !profile)
		return 0;
	return error_set(err, ERROR_REFUSED,
			 "S3 credentials: AWS_PROFILE %s has no keys in %s",
			 profile, path);
}

static int find_in_shared_file(struct s3_credentials *credentials, bool *found,
			       struct error *err)
{
	const char *profile = system_environment("AWS_PROFILE");
	struct buffer text = {0};
	struct error problem = {0};
	char *path = shared_file_path();
	int code = path ? files_read(path, FILE_CEILING_BYTES, &text, &problem)
			: ERROR_MISSING;

	*found = false;
	if (code == 0)
		code = s3_credentials_parse(buffer_bytes(&text),
					    profile ? profile : "default",
					    credentials, found, &problem);
	buffer_wipe(&text);
	buffer_clear(&text);
	if (code && code != ERROR_MISSING)
		code = error_set(err, ERROR_REFUSED, "S3 credentials: %s: %s",
				 path, problem.text);
	else
		code = judge_profile(path ? path : "~/.aws/credentials",
				     profile, *found, err);
	free(path);
	return code;
}

/* ---- all of them ---- */

int s3_credentials_find(struct s3_credentials *credentials, struct error *err)
{
	static int (*const places[])(struct s3_credentials *, bool *,
				     struct error *) = {
	    find_in_environment,
	    find_in_shared_file,
	    s3_metadata_of_container,
	    s3_metadata_of_instance,
	};
	bool found = false;
	int code = 0;

	*credentials = (struct s3_credentials){0};
	for (size_t i = 0;
	     code == 0 && !found && i < sizeof(places) / sizeof(places[0]);
	     i++) {
		s3_credentials_clear(credentials);
		code = places[i](credentials, &found, err);
	}
	if (code == 0 && !found)
		code = error_set(
		    err, ERROR_MISSING,
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, "
		    "the shared credentials file has no keys, and neither a "
		    "container's nor an instance's metadata service gives any");
	if (code)
		s3_credentials_clear(credentials);
	return code;
}

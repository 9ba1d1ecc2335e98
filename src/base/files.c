#include "base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/file.h"
#include "platform/system.h"

enum { REASON_BYTES = 256 };

/* ---- reading ---- */

static int check_readable(const char *path, const struct file_facts *facts,
			  size_t ceiling_bytes, struct error *err)
{
	if (facts->type == FILE_FOLDER)
		return error_set(err, ERROR_LOCAL, "%s: is a folder", path);
	if (facts->type != FILE_REGULAR)
		return error_set(err, ERROR_LOCAL, "%s: is no regular file",
				 path);
	if ((uint64_t)facts->size_bytes > ceiling_bytes)
		return error_set(err, ERROR_INVALID,
				 "%s: larger than %zu bytes", path,
				 ceiling_bytes);
	return 0;
}

static int read_whole(const char *path, const struct file *file,
		      const struct file_facts *facts, struct buffer *text,
		      struct error *err)
{
	size_t size = (size_t)facts->size_bytes;
	size_t got = 0;
	char *data = malloc(size + 1);

	if (!data)
		return error_set_memory(err);
	int code = file_read_at(file, 0, data, size, &got);
	int rc = 0;
	if (code)
		rc = error_set_system(err, code, "read %s", path);
	else if (buffer_append(text, data, got))
		rc = error_set_memory(err);
	free(data);
	return rc;
}

int files_read(const char *path, size_t ceiling_bytes, struct buffer *text,
	       struct error *err)
{
	struct file *file = NULL;
	struct file_facts facts;
	int rc;

	buffer_reset(text);
	/* a device may act when it is opened: look first */
	int code = file_stat_path(path, &facts);
	if (code)
		return error_set_system(err, code, "open %s", path);
	rc = check_readable(path, &facts, ceiling_bytes, err);
	if (rc)
		return rc;
	code = file_open(path, &file);
	if (code == 0)
		code = file_stat(file, &facts);
	if (code)
		rc = error_set_system(err, code, "open %s", path);
	else
		rc = check_readable(path, &facts, ceiling_bytes, err);
	if (rc == 0)
		rc = read_whole(path, file, &facts, text, err);
	file_close(file);
	return rc;
}

/* ---- writing ---- */

static bool has_bytes(const char *path, struct bytes text)
{
	struct buffer old = {0};
	bool same = files_read(path, text.size, &old, NULL) == 0 &&
		    bytes_equal(buffer_bytes(&old), text);

	/* it may be a secret */
	buffer_wipe(&old);
	return same;
}

/* A folder that is not there is a local matter when writing. */
static int set_unwritten(struct error *err, int code, const char *path)
{
	char reason[REASON_BYTES];

	return error_set(err, ERROR_LOCAL, "write %s: %s", path,
			 system_error_text(code, reason, sizeof(reason)));
}

static int write_beside(const char *beside, struct bytes text,
			struct error *err)
{
	struct file *file = NULL;
	int code = file_create_private(beside, &file);

	if (code == EEXIST) {
		/* left by a run that was killed */
		code = file_remove(beside);
		if (code == 0)
			code = file_create_private(beside, &file);
	}
	if (code == 0)
		code = file_write(file, text.data, text.size);
	if (code == 0)
		code = file_sync(file);
	file_close(file);
	return code ? set_unwritten(err, code, beside) : 0;
}

int files_write(const char *path, struct bytes text, bool *written,
		struct error *err)
{
	char *beside;
	int rc;

	if (written)
		*written = false;
	if (has_bytes(path, text))
		return 0;
	beside = text_format("%s.tmp", path);
	if (!beside)
		return error_set_memory(err);
	rc = write_beside(beside, text, err);
	if (rc == 0) {
		int code = file_replace(beside, path);

		if (code == 0)
			code = file_sync_folder_of(path);
		if (code)
			rc = set_unwritten(err, code, path);
	}
	if (rc)
		/* it may not even be there */
		(void)file_remove(beside);
	else if (written)
		*written = true;
	free(beside);
	return rc;
}

int files_set_aside(const char *path, struct error *err)
{
	char *aside = text_format("%s.bad", path);

	if (!aside)
		return error_set_memory(err);
	int code = file_replace(path, aside);
	if (code == 0)
		code = file_sync_folder_of(path);
	free(aside);
	return code ? error_set_system(err, code, "set aside %s", path) : 0;
}

int files_remove(const char *path, struct error *err)
{
	int code = file_remove(path);

	if (code == ENOENT)
		return 0;
	if (code == 0)
		code = file_sync_folder_of(path);
	return code ? error_set_system(err, code, "remove %s", path) : 0;
}

char *files_join(const char *folder, const char *name)
{
	size_t length = strlen(folder);

	if (name[0] == '/' || length == 0)
		return text_dup(name);
	return text_format("%s%s%s", folder,
			   folder[length - 1] == '/' ? "" : "/", name);
}

#include "base/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "platform/folder.h"

/* Deeper than anybody means it; a path that long could not be made either. */
enum { DEPTH_CEILING = 256 };

static int remove_entry(const struct folder *folder, const char *name,
			int depth);

static int remove_entries(const struct folder *folder, int depth)
{
	struct folder_listing listing = {0};
	int code = folder_list(folder, 0, &listing);

	for (size_t i = 0; code == 0 && i < listing.count; i++)
		code = remove_entry(folder, listing.entries[i].name, depth);
	folder_listing_clear(&listing);
	return code;
}

/* Recursion, held by the ceiling. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static int remove_entry(const struct folder *folder, const char *name,
			int depth)
{
	struct folder *inner = NULL;
	int code = folder_remove_file(folder, name);

	/* POSIX says EPERM for a folder, Linux EISDIR */
	if (code != EISDIR && code != EPERM)
		return code == ENOENT ? 0 : code;
	if (depth >= DEPTH_CEILING)
		return ELOOP;
	code = folder_open(folder, name, FOLDER_FOLLOW_NONE, &inner);
	if (code)
		return code;
	code = remove_entries(inner, depth + 1);
	folder_close(inner);
	return code ? code : folder_remove_folder(folder, name);
}

int tree_remove(const struct folder *folder, const char *name)
{
	return remove_entry(folder, name, 0);
}

/* path up to size bytes: its last segment is made in the folder before it. */
static int make_one(const struct folder *folder, char *path, size_t size)
{
	struct folder *parent = NULL;
	char kept = path[size];

	path[size] = '\0';
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *above = slash == path ? "/" : slash ? path : ".";
	if (slash && slash != path)
		*slash = '\0';
	int code = folder_open(folder, above, FOLDER_FOLLOW_ALL, &parent);
	if (code == 0 && *name != '\0')
		code = folder_make_folder(parent, name);
	folder_close(parent);
	if (slash)
		*slash = '/';
	path[size] = kept;
	return code;
}

int tree_make(const struct folder *folder, const char *path, bool *made)
{
	char *copy = text_dup(path);
	size_t size = copy ? strlen(copy) : 0;
	int code = copy ? 0 : ENOMEM;
	int last = EEXIST;

	while (size > 1 && copy[size - 1] == '/')
		copy[--size] = '\0';
	for (size_t i = 1; code == 0 && i <= size; i++) {
		if (i < size && copy[i] != '/')
			continue;
		last = make_one(folder, copy, i);
		code = last == EEXIST ? 0 : last;
	}
	free(copy);
	if (made)
		*made = last == 0;
	return code;
}

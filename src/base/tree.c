#include "base/tree.h"

#include <errno.h>

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

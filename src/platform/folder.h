#ifndef S3I_PLATFORM_FOLDER_H
#define S3I_PLATFORM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/file.h"

struct folder;

enum folder_follow {
	FOLDER_FOLLOW_NONE,   /* no link in any segment of the name */
	FOLDER_FOLLOW_INSIDE, /* links, as long as all stays beneath the folder
				 (openat2 RESOLVE_BENEATH where there is one) */
	FOLDER_FOLLOW_ALL
};

struct folder_entry {
	const char *name; /* never "." or ".."; any bytes but NUL and '/' */
	enum file_type type;
};

/* All entries of a folder, unsorted, in one piece of memory. */
struct folder_listing {
	struct folder_entry *entries;
	size_t count;
	void *memory;
};

/* Open a folder by name beneath a parent, by the rule for links. With a
 * parent of NULL the name is a path from the working folder or absolute.
 * name may have several segments. ENOTDIR if it is something else. */
int folder_open(const struct folder *parent, const char *name,
		enum folder_follow follow, struct folder **folder);

/* NULL is allowed. */
void folder_close(struct folder *folder);

/* Device and inode of the folder itself (loops, own files, reopening). */
int folder_stat_self(const struct folder *folder, struct file_facts *facts);

/* Whether inode numbers of this file system outlive a remount (not on vfat,
 * FUSE, NFS, CIFS ...): where false, file_id counts as 0 for identity. */
bool folder_has_stable_ids(const struct folder *folder);

/* Read all entries. _clear frees what _list gave; it may be called after a
 * failure too. At most limit entries, else EOVERFLOW (0: no limit). */
int folder_list(const struct folder *folder, size_t limit,
		struct folder_listing *listing);
void folder_listing_clear(struct folder_listing *listing);

/* Facts of a name beneath the folder: of the link itself (NONE), or of what
 * it leads to. ELOOP or EXDEV where INSIDE forbids it. With NONE a link as
 * the last segment is not an error: its own facts are given. */
int folder_stat(const struct folder *folder, const char *name,
		enum folder_follow follow, struct file_facts *facts);

/* Open a file for reading beneath the folder, by the rule for links; never
 * blocks. With NONE a link as the last segment is ELOOP. */
int folder_open_file(const struct folder *folder, const char *name,
		     enum folder_follow follow, struct file **file);

/* What follows takes names of one segment and follows no link. */

/* Rename only if nothing has the new name: EEXIST else; EXDEV: the folders lie
 * in different file systems. */
int folder_rename_no_replace(const struct folder *from, const char *name,
			     const struct folder *to, const char *new_name);

/* Rename over what has the new name, if anything (atomic). */
int folder_rename(const struct folder *folder, const char *name,
		  const char *new_name);

/* Remove a file or a link; an empty folder (ENOTEMPTY else). */
int folder_remove_file(const struct folder *folder, const char *name);
int folder_remove_folder(const struct folder *folder, const char *name);

/* Make a folder, 0700; EEXIST if there is something of that name. */
int folder_make_folder(const struct folder *folder, const char *name);

/* Create a new file, 0600, for writing; EEXIST if there is one. */
int folder_create_file(const struct folder *folder, const char *name,
		       struct file **file);

/* Exchange what two names in it stand for, in one step; ENOSYS, EINVAL where
 * the system cannot. */
int folder_exchange(const struct folder *folder, const char *name,
		    const char *other);

/* Make its entries durable. */
int folder_sync(const struct folder *folder);

/* Whether another process has the file open for writing. "Cannot tell" where
 * the system does not let us see it. */
enum file_writer { FILE_WRITER_NO, FILE_WRITER_YES, FILE_WRITER_UNKNOWN };
enum file_writer file_find_writer(const struct file *file);

/* The same, and NO stays true: who opens it for writing waits until the file
 * is closed, so close it soon. file_is_held: nobody waits yet; false also if
 * it was never held. */
enum file_writer file_hold(const struct file *file);
bool file_is_held(const struct file *file);

#endif

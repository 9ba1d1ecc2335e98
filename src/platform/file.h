#ifndef S3I_PLATFORM_FILE_H
#define S3I_PLATFORM_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;

enum file_type {
	FILE_REGULAR,
	FILE_FOLDER,
	FILE_LINK,
	FILE_OTHER,
	FILE_UNKNOWN /* the listing did not say: ask folder_stat */
};

/* What the system knows of a file. Times are nanoseconds since 1970. */
struct file_facts {
	int64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t file_id; /* inode; see folder_has_stable_ids */
	uint64_t device;  /* only to compare within one run */
	enum file_type type;
	uint32_t links;
};

/* Whether two facts describe the same state of the same file: size, both
 * times and file id; never the device. */
bool file_facts_equal(const struct file_facts *a, const struct file_facts *b);

/* Open for reading by path (relative to the working folder or absolute),
 * following links; never blocks (a fifo opens, read its type from
 * file_stat), never denies a writer, is not inherited. 0 or errno. */
int file_open(const char *path, struct file **file);

/* Create a new file, 0600, for reading and writing; EEXIST if there is one. */
int file_create_private(const char *path, struct file **file);

int file_stat(const struct file *file, struct file_facts *facts);

/* Facts of a path, following links (file_stat_path) or not. 0 or errno. */
int file_stat_path(const char *path, struct file_facts *facts);
int file_lstat_path(const char *path, struct file_facts *facts);

/* Read at most size bytes at an offset; *got is less only at the end of the
 * file. Interrupted calls are resumed. May be called by several threads. */
int file_read_at(const struct file *file, int64_t offset, void *data,
		 size_t size, size_t *got);

/* Write all of data at the end of what was written. */
int file_write(struct file *file, const void *data, size_t size);

/* Give a file the mode and the time of modification of another one. */
int file_copy_facts(const struct file *from, struct file *to);

/* Let its owner run it. */
int file_make_executable(struct file *file);

/* Set its time of modification. */
int file_set_modified(struct file *file, int64_t mtime_ns);

/* Make what was written durable. */
int file_sync(struct file *file);

/* NULL is allowed. */
void file_close(struct file *file);

/* Rename over what is there (atomic), remove one name, and make the folder
 * that holds a path durable. */
int file_replace(const char *from, const char *to);
int file_remove(const char *path);
int file_sync_folder_of(const char *path);

/* Rename only if nothing has the new name: EEXIST else. */
int file_rename_no_replace(const char *from, const char *to);

/* Make a folder, 0700; EEXIST if there is something of that name. */
int file_make_folder(const char *path);

/* Absolute form of a path, links resolved; the caller frees *resolved. */
int file_resolve(const char *path, char **resolved);

/* Make path the working folder. */
int file_change_folder(const char *path);

#endif

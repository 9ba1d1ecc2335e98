#ifndef S3I_INGEST_SCAN_H
#define S3I_INGEST_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "platform/folder.h"

struct pattern;
struct scan;

enum scan_kind {
	SCAN_FILE,   /* name and facts of a regular file that matches */
	SCAN_FAILED, /* name: a file or folder (ends in '/') that could not be
			looked at; reason. Rows at and beneath it are kept */
	SCAN_END
};

/* Valid until the next scan_next. Names come in strictly ascending order of
 * their bytes (a folder sorts as if its name ended in '/'). */
struct scan_item {
	enum scan_kind kind;
	struct bytes name; /* as the pattern forms it: relative, ./, ../ or / */
	size_t literal_bytes; /* length of the literal folder at its start, with
				 its '/'; 0 if none: what follow "inside" is
				 measured from */
	struct file_facts facts; /* file_id is 0 where ids are not stable */
	const char *reason;
};

/* Identity of a file or folder that is never uploaded. */
struct scan_identity {
	uint64_t device;
	uint64_t file_id;
};

struct scan_options {
	const struct pattern *pattern;
	const struct folder *home; /* what relative names are relative to */
	enum folder_follow follow;
	/* files that are never matched, by any path or link */
	const struct scan_identity *own_files;
	size_t own_file_count;
	/* folders that are not entered, unless the pattern's literal folder
	 * lies at or beneath them */
	const struct scan_identity *closed_folders;
	size_t closed_folder_count;
	/* the home folder: in it, names that is_own(name) are never matched */
	struct scan_identity home_identity;
	bool (*is_own)(struct bytes base_name);
};

/* Open a walk; options are copied, what they point to is borrowed until
 * scan_free. A literal folder that is missing gives one SCAN_FAILED whose
 * reason is "no such folder" and is_missing semantics: rows beneath are kept,
 * and the caller does not count it as failed (see scan_is_missing). */
struct scan *scan_new(const struct scan_options *options, struct error *err);
void scan_free(struct scan *scan);

/* The next item. 0, or an error code when the walk cannot go on (memory). */
int scan_next(struct scan *scan, struct scan_item *item, struct error *err);

/* Whether the SCAN_FAILED item just given is a literal folder or file that
 * does not exist (not a failure; an unmounted disk keeps its rows). */
bool scan_is_missing(const struct scan *scan);

#endif

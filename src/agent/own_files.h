#ifndef S3I_AGENT_OWN_FILES_H
#define S3I_AGENT_OWN_FILES_H

#include <stddef.h>

#include "base/error.h"
#include "ingest/scan.h"

struct folder;
struct paths;
struct settings;

/*
 * What is never uploaded, by identity: the files of all instances in the home
 * folder, keys, client_key and ca_file; and folders that are not entered:
 * target_directory, customizers_path, move_after_upload.
 */
struct own_files {
	struct scan_identity *files;
	size_t file_count;
	struct scan_identity *folders;
	size_t folder_count;
};

/* home is the open home folder. Clear in any case. */
int own_files_find(const struct paths *paths, const struct settings *settings,
		   struct folder *home, struct own_files *own,
		   struct error *err);
void own_files_clear(struct own_files *own);

#endif

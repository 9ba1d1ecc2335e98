#ifndef S3I_BASE_TREE_H
#define S3I_BASE_TREE_H

#include <stdbool.h>

struct folder;

/* Remove what a name of one segment stands for, with all beneath it; links are
 * removed, not followed. Nothing of that name is no error. 0 or errno. */
int tree_remove(const struct folder *folder, const char *name);

/* Make every folder of a path (from a folder, or absolute) that is not there,
 * 0700; *made, if not NULL: whether the last one is new. 0 or errno. */
int tree_make(const struct folder *folder, const char *path, bool *made);

#endif

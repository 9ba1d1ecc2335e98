#ifndef S3I_BASE_TREE_H
#define S3I_BASE_TREE_H

struct folder;

/* Remove what a name of one segment stands for, with all beneath it; links are
 * removed, not followed. Nothing of that name is no error. 0 or errno. */
int tree_remove(const struct folder *folder, const char *name);

#endif

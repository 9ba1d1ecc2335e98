#ifndef S3I_AGENT_PATHS_H
#define S3I_AGENT_PATHS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* The files of one instance: PREFIX-*.json and so on in the home folder. */
struct paths {
	char *home;
	char *prefix;
	char *config;
	char *context;
	char *reply;
	char *ledger;
	char *lock;
};

/* ERROR_USAGE when the prefix cannot be the start of a file's name. Clear in
 * any case. */
int paths_init(struct paths *paths, const char *home, const char *prefix,
	       struct error *err);
void paths_clear(struct paths *paths);

/* A name relative to the home folder as a path; the caller frees it, NULL: no
 * memory. */
char *paths_in_home(const struct paths *paths, const char *name);

/* Whether a name in the home folder belongs to an instance of any prefix, by
 * its form alone: context, keys, ledger and reply with their journals,
 * temporary and set-aside copies. (P.json and P.lock: see own_files.h.) */
bool paths_is_own(struct bytes base_name);

#endif

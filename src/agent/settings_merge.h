#ifndef S3I_AGENT_SETTINGS_MERGE_H
#define S3I_AGENT_SETTINGS_MERGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* A config from outside on its way into the stored one. */
struct settings_patch {
	const json_t *config; /* what is stored: an object */
	const json_t *patch;  /* what came; anything but an object is refused */
	const char *prefix;   /* name of the instance */
};

struct settings_merged {
	json_t *config;	  /* the new one */
	json_t *left_out; /* list of texts: "debug (locked)" */
};

/*
 * Merge at the top level: null removes a key, a value equal to the default
 * removes it too, any other is stored; order is kept, new keys come last.
 * Locked and local keys are left out and listed, unless they say what holds
 * anyway. ERROR_CONFIG when the outcome would not work or a path leaves the
 * home folder: refused whole. Pure. settings_merged_clear is due in any case.
 */
int settings_merge(const struct settings_patch *patch,
		   struct settings_merged *merged, struct error *err);
void settings_merged_clear(struct settings_merged *merged);

/* Whether a path lies beneath the folder it is relative to, on any system. */
bool settings_path_is_inside(const char *path);

#endif

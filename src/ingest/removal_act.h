#ifndef S3I_INGEST_REMOVAL_ACT_H
#define S3I_INGEST_REMOVAL_ACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "platform/folder.h"

/*
 * Taking one local file away, so that no other file goes in its place: it is
 * renamed aside in its folder, looked at again, and only then removed. Killed
 * in between, the next call for the same name finds what stands aside.
 */
struct removal_act {
	const struct folder *home;
	const char *name; /* as the pattern forms it */
	/* what it must be: device and type do not count, a file id of 0 is
	 * any */
	const struct file_facts *facts;
};

enum removal_outcome {
	REMOVAL_DONE,
	REMOVAL_GONE,	 /* nothing of that name is there */
	REMOVAL_CHANGED, /* it is not the file any more; it stays */
	REMOVAL_BUSY,	 /* a process has it open for writing; it stays */
	REMOVAL_FAILED	 /* err says why; it stays */
};

/* Delete it, then the folders above that are empty now, as long as they lie
 * below its literal folder. */
enum removal_outcome removal_delete(const struct removal_act *act,
				    size_t literal_bytes, struct error *err);

/* What stands aside since a run was cut off gets its name again, or one beside
 * it where somebody else has it. *is_back: it has its own name; *facts are
 * what it is now. That nothing stands aside is no error. */
int removal_put_back(const struct folder *home, const char *name,
		     struct file_facts *facts, bool *is_back,
		     struct error *err);

/* Move it to a path (from home, or absolute), folders made. Where something
 * is there already a number is added: *moved_to is the path, the caller frees
 * it; NULL unless done. Works across file systems. */
enum removal_outcome removal_move(const struct removal_act *act,
				  const char *target, char **moved_to,
				  struct error *err);

#endif

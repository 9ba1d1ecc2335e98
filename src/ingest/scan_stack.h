#ifndef S3I_INGEST_SCAN_STACK_H
#define S3I_INGEST_SCAN_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/pattern_match.h"
#include "platform/folder.h"

/*
 * The folders from the home folder down to the one that is being walked, each
 * with those of its entries that matter, sorted. Few of them are held open:
 * the others are opened again when their turn comes.
 */
enum scan_entry_kind {
	SCAN_ENTRY_FILE,
	SCAN_ENTRY_FOLDER,
	SCAN_ENTRY_BAD_FILE,   /* could not be looked at: code */
	SCAN_ENTRY_BAD_FOLDER, /* the same; the name stands for a folder */
	SCAN_ENTRY_MISSING     /* a literal folder that is not there: code */
};

struct scan_entry {
	uint64_t key; /* the first bytes of the name, for a fast comparison */
	const char *name;
	uint32_t name_bytes;
	uint32_t literal_bytes; /* see pattern_verdict */
	int code;
	uint8_t kind;	/* enum scan_entry_kind */
	bool is_link;	/* or "..": leads somewhere else */
	bool is_inside; /* a link whose target lies where the rule wants it */
};

/* What one file system's folder is told from another by. */
struct scan_place {
	uint64_t device;
	uint64_t file_id;
};

struct scan_frame {
	struct folder *folder;	       /* NULL while it is not held open */
	const struct folder *borrowed; /* the home folder instead of it */
	struct scan_place place;
	bool has_stable_ids;
	bool is_home;
	uint32_t path_bytes;  /* with '/' */
	size_t ancestor_from; /* first frame that truly lies above this one */
	struct pattern_states states;
	struct scan_entry *entries;
	size_t entry_count;
	size_t entry_capacity;
	size_t next; /* entry */
	char *names;
};

struct scan_stack {
	struct scan_frame **frames; /* made once a depth, used again */
	size_t depth;
	size_t made;
	size_t capacity;
	size_t held;
	size_t held_ceiling; /* 0: not asked yet */
	struct buffer path;  /* of what is looked at; begins with that of the
				top frame */
};

void scan_stack_clear(struct scan_stack *stack);

/* A frame on top, empty but for its states' memory and its path, which is
 * the stack's path as it is. */
int scan_stack_push(struct scan_stack *stack, const struct pattern *pattern,
		    struct error *err);
void scan_stack_pop(struct scan_stack *stack);

struct scan_frame *scan_stack_top(const struct scan_stack *stack);

/* The path becomes that of the top frame and a name behind it. */
int scan_stack_name(struct scan_stack *stack, const char *name,
		    size_t name_bytes);

/* The folder of a frame, opened again if need be (by its path; what is there
 * now must be the same folder, else ESTALE). 0 or errno; borrowed, until
 * another one is asked for or held. */
int scan_stack_folder(struct scan_stack *stack, size_t index,
		      const struct folder **folder);

/* Give a frame its folder, which changes hands; another one may be closed. */
void scan_stack_hold(struct scan_stack *stack, size_t index,
		     struct folder *folder);

/* The frame whose path has that length, and so is the start of the path. */
size_t scan_stack_find(const struct scan_stack *stack, uint32_t path_bytes);

/* Whether a folder is the top frame's or one that it lies in. */
bool scan_stack_has(const struct scan_stack *stack,
		    const struct scan_place *place);

#endif

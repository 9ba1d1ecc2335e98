#ifndef S3I_INGEST_PATTERN_MATCH_H
#define S3I_INGEST_PATTERN_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * What a pattern is once compiled, for the compiler and the scan: a tree of
 * segments (alternatives share what they begin with) and, for a folder, the
 * set of segments that its entries may match: its live states.
 */
enum { PATTERN_NONE = UINT32_MAX };

enum pattern_kind {
	PATTERN_LITERAL,  /* one name; also "", "." and ".." */
	PATTERN_ANY,	  /* "*" */
	PATTERN_GLOBSTAR, /* "**": zero or more folders */
	PATTERN_SIMPLE,	  /* characters, ?, *, classes */
	PATTERN_GROUPS	  /* with @() ?() *() +() !() */
};

enum pattern_part_kind {
	PATTERN_PART_UNIT,  /* this character */
	PATTERN_PART_ONE,   /* ? */
	PATTERN_PART_STAR,  /* * */
	PATTERN_PART_CLASS, /* [...] */
	PATTERN_PART_GROUP, /* x(...): its branches */
	PATTERN_PART_BRANCH /* one of them: its last part */
};

/* A part of a segment. Parts of one sequence are linked from the last to the
 * first, for matching goes from the right. */
struct pattern_part {
	enum pattern_part_kind kind;
	char group;	   /* '@' '?' '*' '+' '!' */
	bool is_negated;   /* class */
	uint32_t previous; /* in its sequence, or PATTERN_NONE */
	uint32_t value;	   /* unit; first range; first branch; last part */
	uint32_t more;	   /* number of ranges; next branch */
};

/* Both ends belong to it. A unit is a character of UTF-8, or, where bytes are
 * not UTF-8, PATTERN_BAD_BYTE + the byte. */
struct pattern_range {
	uint32_t first;
	uint32_t last;
};

enum { PATTERN_BAD_BYTE = 0x110000 };

/* A segment of one or more alternatives. */
struct pattern_node {
	enum pattern_kind kind;
	bool is_end;	      /* an alternative ends here */
	bool is_literal_path; /* it and all before it are literal */
	uint32_t parent;
	uint32_t child;
	uint32_t sibling;
	uint32_t first_part;
	uint32_t last_part;
	size_t text_offset; /* into pattern.text, NUL-terminated: the name of
			       a literal, the pattern's text of all others */
	size_t text_bytes;
};

/* A live state: a segment that names in a folder may match next. */
struct pattern_live {
	uint32_t node;
	uint32_t literal_bytes; /* of the folder's path: what the operator named
				   himself, from where links are "inside" */
};

/* A set: at most one state a node. */
struct pattern_states {
	struct pattern_live *items;
	uint32_t *places; /* node -> place in items, if that holds the node */
	size_t count;
};

struct pattern {
	struct pattern_node *nodes; /* 0 is the root, which is no segment */
	size_t node_count;
	size_t node_capacity;
	struct pattern_part *parts;
	size_t part_count;
	size_t part_capacity;
	struct pattern_range *ranges;
	size_t range_count;
	size_t range_capacity;
	size_t group_count;
	struct buffer text;
	struct pattern_states *scratch; /* two, for pattern_match */
};

/* In which way a segment takes a folder's name. */
enum pattern_way {
	PATTERN_BY_PATH = 1,	 /* literal, as is all before it */
	PATTERN_BY_NAME = 2,	 /* literal after a wildcard */
	PATTERN_BY_WILDCARD = 4, /* anything else but ** */
	PATTERN_BY_GLOBSTAR = 8,
	PATTERN_BY_ANY = 15
};

/* What the states of a folder make of one name in it. */
struct pattern_verdict {
	bool is_file;		/* a file of that name matches */
	uint32_t literal_bytes; /* least of the states that match */
	unsigned folder_ways;	/* enum pattern_way: states that would be live
				   in a folder of that name */
};

/* The next unit of text at *offset, which is moved behind it. */
uint32_t pattern_unit_next(struct bytes text, size_t *offset);

/* Whether a segment matches a name. PATTERN_GLOBSTAR: whether ** passes it.
 * Groups never match a name of more than 255 units. */
bool pattern_segment_match(const struct pattern *pattern,
			   const struct pattern_node *node, struct bytes name);

/* Room for all states of the pattern. */
int pattern_states_init(struct pattern_states *states,
			const struct pattern *pattern, struct error *err);
void pattern_states_clear(struct pattern_states *states);

/* The states of the folder that relative names begin in. */
void pattern_states_begin(const struct pattern *pattern,
			  struct pattern_states *states);

struct pattern_verdict pattern_states_look(const struct pattern *pattern,
					   const struct pattern_states *states,
					   struct bytes name);

/* A folder that is entered: its name; the ways that are open; the length of
 * its path with '/'; whether a link was followed (then a literal segment
 * makes it the folder from where links are "inside"). */
struct pattern_entrance {
	struct bytes name;
	unsigned ways;
	uint32_t path_bytes;
	bool is_link;
};

/* The states of that folder (next, another set), from its parent's. */
void pattern_states_enter(const struct pattern *pattern,
			  const struct pattern_states *states,
			  const struct pattern_entrance *entrance,
			  struct pattern_states *next);

/* The name of a literal segment, NUL-terminated. */
const char *pattern_node_text(const struct pattern *pattern,
			      const struct pattern_node *node);

#endif

#include "ingest/pattern_match.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/pattern.h"

enum {
	GROUP_CEILING_UNITS = 255, /* no file system has longer names */
	ROW_WORDS = 4,
	WORD_BITS = 64
};

/* ------------------------------------------------ units */

/* How many bytes follow the first of a UTF-8 sequence; -1: it is none. */
static int count_following(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if ((first & 0xf0) == 0xe0)
		return 2;
	return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* RFC 3629 section 3: the shortest form, no surrogates, at most U+10FFFF. */
static bool is_well_formed(uint32_t unit, int following)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	return unit >= least[following] && unit <= 0x10ffff &&
	       (unit < 0xd800 || unit > 0xdfff);
}

uint32_t pattern_unit_next(struct bytes text, size_t *offset)
{
	static const unsigned char masks[] = {0x7f, 0x1f, 0x0f, 0x07};
	const unsigned char *at = (const unsigned char *)text.data + *offset;
	size_t left = text.size - *offset;
	int following = count_following(at[0]);

	*offset += 1;
	if (following == 0)
		return at[0];
	if (following < 0 || (size_t)following >= left)
		return PATTERN_BAD_BYTE + (uint32_t)at[0];
	uint32_t unit = at[0] & masks[following];
	for (int i = 1; i <= following; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return PATTERN_BAD_BYTE + (uint32_t)at[0];
		unit = unit << 6 | (at[i] & 0x3f);
	}
	if (!is_well_formed(unit, following))
		return PATTERN_BAD_BYTE + (uint32_t)at[0];
	*offset += (size_t)following;
	return unit;
}

static bool class_takes(const struct pattern *pattern,
			const struct pattern_part *part, uint32_t unit)
{
	for (uint32_t i = 0; i < part->more; i++) {
		const struct pattern_range *range =
		    &pattern->ranges[part->value + i];
		if (unit >= range->first && unit <= range->last)
			return !part->is_negated;
	}
	return part->is_negated;
}

/* Whether a part that stands for exactly one unit takes this one. */
static bool part_takes(const struct pattern *pattern,
		       const struct pattern_part *part, uint32_t unit)
{
	if (part->kind == PATTERN_PART_UNIT)
		return part->value == unit;
	if (part->kind == PATTERN_PART_ONE)
		return true;
	return class_takes(pattern, part, unit);
}

/* ------------------------------------------------ without groups */

/* Only the last star can need another try: whatever an earlier one took, the
 * last can take more instead. So the time is parts times units at worst. */
static bool simple_match(const struct pattern *pattern,
			 const struct pattern_node *node, struct bytes name)
{
	uint32_t part = node->first_part;
	uint32_t star = PATTERN_NONE;
	size_t at = 0;
	size_t star_at = 0;

	while (at < name.size || part <= node->last_part) {
		const struct pattern_part *wanted =
		    part <= node->last_part ? &pattern->parts[part] : NULL;
		size_t next = at;

		if (wanted && wanted->kind == PATTERN_PART_STAR) {
			star = part++;
			star_at = at;
			continue;
		}
		if (wanted && at < name.size &&
		    part_takes(pattern, wanted,
			       pattern_unit_next(name, &next))) {
			part++;
			at = next;
			continue;
		}
		if (star == PATTERN_NONE || star_at >= name.size)
			return false;
		(void)pattern_unit_next(name, &star_at); /* only its length */
		at = star_at;
		part = star + 1;
	}
	return true;
}

/* ------------------------------------------------ with groups */

/*
 * A relation of positions: bit e of row i says that what stands to the right
 * of some place in the pattern can match the units from i up to e. A part is
 * matched by making the relation of the place before it from the one behind
 * it, so each part is looked at once, however deep its groups are.
 */
struct row {
	uint64_t words[ROW_WORDS];
};

struct relation {
	struct row rows[GROUP_CEILING_UNITS + 1];
};

struct subject {
	const struct pattern *pattern;
	uint32_t units[GROUP_CEILING_UNITS];
	size_t count;
};

static void row_add(struct row *row, const struct row *other)
{
	for (size_t i = 0; i < ROW_WORDS; i++)
		row->words[i] |= other->words[i];
}

static void row_remove(struct row *row, const struct row *other)
{
	for (size_t i = 0; i < ROW_WORDS; i++)
		row->words[i] &= ~other->words[i];
}

static void row_set(struct row *row, size_t bit)
{
	row->words[bit / WORD_BITS] |= (uint64_t)1 << bit % WORD_BITS;
}

static bool row_has(const struct row *row, size_t bit)
{
	return row->words[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

static void relation_empty(const struct subject *subject,
			   struct relation *relation)
{
	memset(relation->rows, 0, (subject->count + 1) * sizeof(struct row));
}

static void relation_copy(const struct subject *subject, struct relation *to,
			  const struct relation *from)
{
	memcpy(to->rows, from->rows, (subject->count + 1) * sizeof(struct row));
}

static void relation_add(const struct subject *subject, struct relation *to,
			 const struct relation *other)
{
	for (size_t i = 0; i <= subject->count; i++)
		row_add(&to->rows[i], &other->rows[i]);
}

/* Anything may stand in between. */
static void apply_star(const struct subject *subject, struct relation *relation)
{
	for (size_t i = subject->count; i-- > 0;)
		row_add(&relation->rows[i], &relation->rows[i + 1]);
}

static void apply_unit(const struct subject *subject,
		       const struct pattern_part *part,
		       struct relation *relation)
{
	static const struct row empty = {{0}};

	for (size_t i = 0; i < subject->count; i++)
		relation->rows[i] =
		    part_takes(subject->pattern, part, subject->units[i])
			? relation->rows[i + 1]
			: empty;
	relation->rows[subject->count] = empty;
}

static void apply_sequence(const struct subject *subject, uint32_t last,
			   struct relation *relation);

/* Each branch followed by what relation says; the sum of them in total. */
static void apply_branches(const struct subject *subject,
			   const struct pattern_part *group,
			   const struct relation *relation,
			   struct relation *total)
{
	struct relation one;
	const struct pattern_part *parts = subject->pattern->parts;

	relation_empty(subject, total);
	for (uint32_t branch = group->value; branch != PATTERN_NONE;
	     branch = parts[branch].more) {
		relation_copy(subject, &one, relation);
		apply_sequence(subject, parts[branch].value, &one);
		relation_add(subject, total, &one);
	}
}

/* What can follow after one round that ends where the bits of round say. */
static void add_rounds(const struct subject *subject, const struct row *round,
		       const struct relation *relation, struct row *row)
{
	for (size_t i = 0; i <= subject->count; i++) {
		if (i % WORD_BITS == 0 && !round->words[i / WORD_BITS])
			i += WORD_BITS - 1; /* none of them */
		else if (row_has(round, i))
			row_add(row, &relation->rows[i]);
	}
}

/* '*' and '+'. A round that takes nothing changes nothing, so rows can be
 * made from the right, each from those behind it. */
static void apply_repeat(const struct subject *subject,
			 const struct pattern_part *group,
			 struct relation *relation)
{
	struct relation round;
	struct relation once;

	relation_empty(subject, &once);
	for (size_t i = 0; i <= subject->count; i++)
		row_set(&once.rows[i], i);
	apply_branches(subject, group, &once, &round);
	for (size_t i = subject->count + 1; i-- > 0;)
		add_rounds(subject, &round.rows[i], relation,
			   &relation->rows[i]);
	if (group->group == '*')
		return;
	relation_empty(subject, &once);
	for (size_t i = 0; i <= subject->count; i++)
		add_rounds(subject, &round.rows[i], relation, &once.rows[i]);
	relation_copy(subject, relation, &once);
}

static void apply_group(const struct subject *subject,
			const struct pattern_part *group,
			struct relation *relation)
{
	struct relation total;

	if (group->group == '*' || group->group == '+') {
		apply_repeat(subject, group, relation);
		return;
	}
	apply_branches(subject, group, relation, &total);
	switch (group->group) {
	case '?':
		relation_add(subject, relation, &total);
		break;
	case '!':
		/* anything and then the rest, unless a branch and then the
		 * rest would do: as node-glob reads it */
		apply_star(subject, relation);
		for (size_t i = 0; i <= subject->count; i++)
			row_remove(&relation->rows[i], &total.rows[i]);
		break;
	default:
		relation_copy(subject, relation, &total);
	}
}

static void apply_sequence(const struct subject *subject, uint32_t last,
			   struct relation *relation)
{
	const struct pattern_part *parts = subject->pattern->parts;

	for (uint32_t i = last; i != PATTERN_NONE; i = parts[i].previous) {
		if (parts[i].kind == PATTERN_PART_GROUP)
			apply_group(subject, &parts[i], relation);
		else if (parts[i].kind == PATTERN_PART_STAR)
			apply_star(subject, relation);
		else
			apply_unit(subject, &parts[i], relation);
	}
}

static bool groups_match(const struct pattern *pattern,
			 const struct pattern_node *node, struct bytes name)
{
	struct subject subject = {.pattern = pattern};
	struct relation relation;

	for (size_t at = 0; at < name.size;) {
		if (subject.count == GROUP_CEILING_UNITS)
			return false;
		subject.units[subject.count++] = pattern_unit_next(name, &at);
	}
	relation_empty(&subject, &relation);
	row_set(&relation.rows[subject.count], subject.count);
	apply_sequence(&subject, node->last_part, &relation);
	return row_has(&relation.rows[0], subject.count);
}

/* ------------------------------------------------ segments */

const char *pattern_node_text(const struct pattern *pattern,
			      const struct pattern_node *node)
{
	return pattern->text.data + node->text_offset;
}

static bool literal_match(const struct pattern *pattern,
			  const struct pattern_node *node, struct bytes name)
{
	return node->text_bytes == name.size &&
	       (name.size == 0 || memcmp(pattern_node_text(pattern, node),
					 name.data, name.size) == 0);
}

/* A leading dot is given by the pattern itself, not by a wildcard. */
static bool begins_with_dot(const struct pattern *pattern,
			    const struct pattern_node *node)
{
	return pattern_node_text(pattern, node)[0] == '.' ||
	       (pattern_node_text(pattern, node)[0] == '\\' &&
		pattern_node_text(pattern, node)[1] == '.');
}

bool pattern_segment_match(const struct pattern *pattern,
			   const struct pattern_node *node, struct bytes name)
{
	if (node->kind == PATTERN_LITERAL)
		return literal_match(pattern, node, name);
	/* "" is the root; "." and ".." are no names of their own */
	if (name.size == 0 ||
	    (name.data[0] == '.' &&
	     (!begins_with_dot(pattern, node) || name.size == 1 ||
	      (name.size == 2 && name.data[1] == '.'))))
		return false;
	if (node->kind == PATTERN_SIMPLE)
		return simple_match(pattern, node, name);
	if (node->kind == PATTERN_GROUPS)
		return groups_match(pattern, node, name);
	return true;
}

/* ------------------------------------------------ states */

int pattern_states_init(struct pattern_states *states,
			const struct pattern *pattern, struct error *err)
{
	*states = (struct pattern_states){
	    .items = calloc(pattern->node_count, sizeof(*states->items)),
	    .places = calloc(pattern->node_count, sizeof(*states->places)),
	};
	if (states->items && states->places)
		return 0;
	pattern_states_clear(states);
	return error_set_memory(err);
}

void pattern_states_clear(struct pattern_states *states)
{
	free(states->items);
	free(states->places);
	*states = (struct pattern_states){0};
}

static void add_state(struct pattern_states *states, uint32_t node,
		      uint32_t literal_bytes)
{
	uint32_t place = states->places[node];

	if (place < states->count && states->items[place].node == node) {
		if (literal_bytes < states->items[place].literal_bytes)
			states->items[place].literal_bytes = literal_bytes;
		return;
	}
	states->places[node] = (uint32_t)states->count;
	states->items[states->count++] =
	    (struct pattern_live){node, literal_bytes};
}

/* All segments that may follow a node, and, because ** may stand for no
 * folder at all, those that follow such a one. */
static void add_children(const struct pattern *pattern, uint32_t node,
			 uint32_t literal_bytes, struct pattern_states *states)
{
	const struct pattern_node *nodes = pattern->nodes;
	uint32_t child = nodes[node].child;
	uint32_t top = node;

	while (child != PATTERN_NONE) {
		add_state(states, child, literal_bytes);
		if (nodes[child].kind == PATTERN_GLOBSTAR &&
		    nodes[child].child != PATTERN_NONE) {
			child = nodes[child].child;
			continue;
		}
		while (child != top && nodes[child].sibling == PATTERN_NONE) {
			child = nodes[child].parent;
			if (child == top)
				return;
		}
		child = nodes[child].sibling;
	}
}

void pattern_states_begin(const struct pattern *pattern,
			  struct pattern_states *states)
{
	states->count = 0;
	add_children(pattern, 0, 0, states);
}

/* The way in which a node that matches a folder's name takes it. */
static unsigned way_of(const struct pattern_node *node)
{
	if (node->kind == PATTERN_GLOBSTAR)
		return PATTERN_BY_GLOBSTAR;
	if (node->child == PATTERN_NONE)
		return 0;
	if (node->kind != PATTERN_LITERAL)
		return PATTERN_BY_WILDCARD;
	return node->is_literal_path ? PATTERN_BY_PATH : PATTERN_BY_NAME;
}

struct pattern_verdict pattern_states_look(const struct pattern *pattern,
					   const struct pattern_states *states,
					   struct bytes name)
{
	struct pattern_verdict verdict = {.literal_bytes = UINT32_MAX};

	for (size_t i = 0; i < states->count; i++) {
		const struct pattern_live *live = &states->items[i];
		const struct pattern_node *node = &pattern->nodes[live->node];

		if (!pattern_segment_match(pattern, node, name))
			continue;
		if (node->is_end)
			verdict.is_file = true;
		verdict.folder_ways |= way_of(node);
		if (live->literal_bytes < verdict.literal_bytes)
			verdict.literal_bytes = live->literal_bytes;
	}
	return verdict;
}

void pattern_states_enter(const struct pattern *pattern,
			  const struct pattern_states *states,
			  const struct pattern_entrance *entrance,
			  struct pattern_states *next)
{
	next->count = 0;
	for (size_t i = 0; i < states->count; i++) {
		const struct pattern_live *live = &states->items[i];
		const struct pattern_node *node = &pattern->nodes[live->node];
		unsigned way = way_of(node) & entrance->ways;
		uint32_t literal_bytes = live->literal_bytes;

		if (!way ||
		    !pattern_segment_match(pattern, node, entrance->name))
			continue;
		if (way == PATTERN_BY_PATH ||
		    (way == PATTERN_BY_NAME && entrance->is_link))
			literal_bytes = entrance->path_bytes;
		if (way == PATTERN_BY_GLOBSTAR)
			add_state(next, live->node, literal_bytes);
		add_children(pattern, live->node, literal_bytes, next);
	}
}

/* ------------------------------------------------ whole names */

bool pattern_match(const struct pattern *pattern, struct bytes name)
{
	struct pattern_states *states = &pattern->scratch[0];
	struct pattern_states *next = &pattern->scratch[1];
	size_t at = 0;

	pattern_states_begin(pattern, states);
	while (states->count > 0) {
		size_t end = at;

		while (end < name.size && name.data[end] != '/')
			end++;
		const struct bytes segment = {name.data ? name.data + at : NULL,
					      end - at};
		if (end == name.size)
			return segment.size > 0 &&
			       pattern_states_look(pattern, states, segment)
				   .is_file;
		const struct pattern_entrance entrance = {
		    .name = segment,
		    .ways = PATTERN_BY_ANY,
		};
		pattern_states_enter(pattern, states, &entrance, next);
		struct pattern_states *other = states;
		states = next;
		next = other;
		at = end + 1;
	}
	return false;
}

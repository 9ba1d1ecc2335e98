#include "ingest/pattern_segment.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/pattern.h"
#include "ingest/pattern_match.h"

enum {
	DEPTH_CEILING = 16,
	PART_CEILING = 1 << 18,	 /* of all alternatives */
	GROUP_CEILING = 1 << 12, /* the same; they take most of the time */
	NOT_CLOSED = 0		 /* no ')' closes a group at place 0 */
};

struct compiler {
	struct pattern *pattern;
	struct bytes text;
	size_t at;
	unsigned depth;
	bool has_groups;
	bool has_wildcards;
	uint32_t last; /* part of the open sequence */
	uint16_t closes[PATTERN_CEILING_BYTES + 1]; /* '(' -> its ')' */
	struct error *err;
};

/* ------------------------------------------------ growing */

static int grow(void **items, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return 0;
	size_t wanted = *capacity ? 2 * *capacity : 16;
	void *grown = realloc(*items, wanted * size);
	if (!grown)
		return ERROR_LOCAL;
	*items = grown;
	*capacity = wanted;
	return 0;
}

static int too_large(struct compiler *compiler)
{
	return error_set(compiler->err, ERROR_CONFIG,
			 "the pattern is too large once its braces are "
			 "expanded");
}

/* Add a part behind the last one of the open sequence. */
static int add_part(struct compiler *compiler, struct pattern_part part)
{
	struct pattern *pattern = compiler->pattern;

	if (pattern->part_count >= PART_CEILING)
		return too_large(compiler);
	if (grow((void **)&pattern->parts, &pattern->part_capacity,
		 pattern->part_count, sizeof(part)))
		return error_set_memory(compiler->err);
	part.previous = compiler->last;
	compiler->last = (uint32_t)pattern->part_count;
	pattern->parts[pattern->part_count++] = part;
	return 0;
}

static int add_range(struct compiler *compiler, uint32_t first, uint32_t last)
{
	struct pattern *pattern = compiler->pattern;

	if (pattern->range_count >= PART_CEILING)
		return too_large(compiler);
	if (grow((void **)&pattern->ranges, &pattern->range_capacity,
		 pattern->range_count, sizeof(*pattern->ranges)))
		return error_set_memory(compiler->err);
	pattern->ranges[pattern->range_count++] =
	    (struct pattern_range){first, last};
	return 0;
}

static int add_unit(struct compiler *compiler, uint32_t unit)
{
	return add_part(compiler, (struct pattern_part){
				      .kind = PATTERN_PART_UNIT,
				      .value = unit,
				  });
}

/* ------------------------------------------------ classes */

/* One unit of a class, an escaped one for itself. */
static uint32_t class_unit(struct bytes text, size_t *at)
{
	if (text.data[*at] == '\\' && *at + 1 < text.size)
		++*at;
	return pattern_unit_next(text, at);
}

struct class_cursor {
	struct bytes text;
	size_t at;
	size_t first; /* where the first unit stands: there ']' is one */
};

/* The next range of a class. False at its ']' and at the end of the text. */
static bool class_next(struct class_cursor *cursor, struct pattern_range *range)
{
	struct bytes text = cursor->text;

	if (cursor->at >= text.size ||
	    (text.data[cursor->at] == ']' && cursor->at > cursor->first))
		return false;
	range->first = class_unit(text, &cursor->at);
	range->last = range->first;
	if (cursor->at + 1 < text.size && text.data[cursor->at] == '-' &&
	    text.data[cursor->at + 1] != ']') {
		cursor->at++;
		range->last = class_unit(text, &cursor->at);
	}
	return true;
}

static struct class_cursor class_begin(struct bytes text, size_t open,
				       bool *is_negated)
{
	size_t first = open + 1;

	*is_negated = first < text.size &&
		      (text.data[first] == '!' || text.data[first] == '^');
	first += *is_negated;
	return (struct class_cursor){text, first, first};
}

/* Where the class that opens here ends (at its ']'), or 0: the '[' stands
 * for itself, because nothing closes it or a range runs backwards. */
static size_t class_end(struct bytes text, size_t open)
{
	bool is_negated;
	struct class_cursor cursor = class_begin(text, open, &is_negated);
	struct pattern_range range;

	while (class_next(&cursor, &range))
		if (range.first > range.last)
			return 0;
	return cursor.at < text.size ? cursor.at : 0;
}

static int compile_class(struct compiler *compiler, size_t end)
{
	bool is_negated;
	struct class_cursor cursor =
	    class_begin(compiler->text, compiler->at, &is_negated);
	struct pattern_range range;
	size_t first = compiler->pattern->range_count;
	int code = 0;

	while (code == 0 && class_next(&cursor, &range))
		code = add_range(compiler, range.first, range.last);
	if (code)
		return code;
	compiler->at = end + 1;
	compiler->has_wildcards = true;
	return add_part(
	    compiler,
	    (struct pattern_part){
		.kind = PATTERN_PART_CLASS,
		.is_negated = is_negated,
		.value = (uint32_t)first,
		.more = (uint32_t)(compiler->pattern->range_count - first),
	    });
}

/* ------------------------------------------------ groups */

static bool is_group_at(struct bytes text, size_t at)
{
	return at + 1 < text.size && text.data[at + 1] == '(' &&
	       strchr("@?*+!", text.data[at]) && text.data[at];
}

/* Note for each "x(" where it is closed. Done at once and not by trying, so
 * that a hundred of them that are not closed cost nothing. */
static void find_closes(struct compiler *compiler)
{
	struct bytes text = compiler->text;
	uint16_t open[PATTERN_CEILING_BYTES + 1];
	size_t depth = 0;

	for (size_t i = 0; i < text.size; i++) {
		size_t end = text.data[i] == '[' ? class_end(text, i) : 0;

		if (text.data[i] == '\\')
			i++;
		else if (end)
			i = end;
		else if (is_group_at(text, i))
			open[depth++] = (uint16_t)++i;
		else if (text.data[i] == ')' && depth > 0)
			compiler->closes[open[--depth]] = (uint16_t)i;
	}
	while (depth > 0)
		compiler->closes[open[--depth]] = NOT_CLOSED;
}

static int compile_one(struct compiler *compiler);

/* One branch of a group, up to its '|' or ')'; then that is passed. */
static int compile_branch(struct compiler *compiler, size_t close,
			  uint32_t *branch)
{
	int code = 0;

	compiler->last = PATTERN_NONE;
	while (code == 0 && compiler->at < close &&
	       compiler->text.data[compiler->at] != '|')
		code = compile_one(compiler);
	if (code)
		return code;
	const struct pattern_part part = {
	    .kind = PATTERN_PART_BRANCH,
	    .value = compiler->last,
	    .more = *branch,
	};
	code = add_part(compiler, part);
	*branch = compiler->last;
	compiler->at++;
	return code;
}

static int compile_group(struct compiler *compiler, size_t close)
{
	uint32_t before = compiler->last;
	uint32_t branch = PATTERN_NONE;
	char group = compiler->text.data[compiler->at];
	int code = 0;

	if (++compiler->depth > DEPTH_CEILING)
		return error_set(compiler->err, ERROR_CONFIG,
				 "groups lie more than %d deep in each other",
				 DEPTH_CEILING);
	if (++compiler->pattern->group_count > GROUP_CEILING)
		return too_large(compiler);
	compiler->at += 2;
	do {
		code = compile_branch(compiler, close, &branch);
	} while (code == 0 && compiler->at <= close);
	if (code)
		return code;
	compiler->depth--;
	compiler->last = before;
	compiler->has_groups = true;
	return add_part(compiler, (struct pattern_part){
				      .kind = PATTERN_PART_GROUP,
				      .group = group,
				      .value = branch,
				  });
}

/* ------------------------------------------------ segments */

static int compile_star(struct compiler *compiler)
{
	const struct pattern *pattern = compiler->pattern;

	compiler->at++;
	compiler->has_wildcards = true;
	/* two stars take what one takes */
	if (compiler->last != PATTERN_NONE &&
	    pattern->parts[compiler->last].kind == PATTERN_PART_STAR)
		return 0;
	return add_part(compiler,
			(struct pattern_part){.kind = PATTERN_PART_STAR});
}

static int compile_one(struct compiler *compiler)
{
	struct bytes text = compiler->text;
	size_t at = compiler->at;

	if (is_group_at(text, at) && compiler->closes[at + 1] != NOT_CLOSED)
		return compile_group(compiler, compiler->closes[at + 1]);
	switch (text.data[at]) {
	case '*':
		return compile_star(compiler);
	case '?':
		compiler->at++;
		compiler->has_wildcards = true;
		return add_part(
		    compiler, (struct pattern_part){.kind = PATTERN_PART_ONE});
	case '[':
		if (class_end(text, at))
			return compile_class(compiler, class_end(text, at));
		break;
	case '\\':
		/* the last one stands for itself */
		if (at + 1 < text.size)
			compiler->at++;
		break;
	default:
		break;
	}
	return add_unit(compiler, pattern_unit_next(text, &compiler->at));
}

/* The text of a literal without its escapes. */
static int keep_literal(struct pattern *pattern, struct bytes text)
{
	int code = 0;

	for (size_t i = 0; i < text.size && code == 0; i++) {
		if (text.data[i] == '\\' && i + 1 < text.size)
			i++;
		code = buffer_append(&pattern->text, &text.data[i], 1);
	}
	return code;
}

static int keep_text(struct pattern *pattern, struct bytes text,
		     struct pattern_node *node)
{
	int code = 0;

	node->text_offset = pattern->text.size;
	code = node->kind == PATTERN_LITERAL
		   ? keep_literal(pattern, text)
		   : buffer_append(&pattern->text, text.data, text.size);
	node->text_bytes = pattern->text.size - node->text_offset;
	if (code == 0)
		code = buffer_append(&pattern->text, "", 1);
	return code;
}

static enum pattern_kind kind_of(const struct compiler *compiler)
{
	struct bytes text = compiler->text;

	if (compiler->has_groups)
		return PATTERN_GROUPS;
	if (!compiler->has_wildcards)
		return PATTERN_LITERAL;
	if (text.size == 1 && text.data[0] == '*')
		return PATTERN_ANY;
	if (text.size == 2 && memcmp(text.data, "**", 2) == 0)
		return PATTERN_GLOBSTAR;
	return PATTERN_SIMPLE;
}

int pattern_segment_compile(struct pattern *pattern, struct bytes text,
			    struct pattern_node *node, struct error *err)
{
	struct compiler compiler = {
	    .pattern = pattern,
	    .text = text,
	    .last = PATTERN_NONE,
	    .err = err,
	};
	size_t first = pattern->part_count;
	int code = 0;

	find_closes(&compiler);
	while (code == 0 && compiler.at < text.size)
		code = compile_one(&compiler);
	if (code)
		return code;
	node->kind = kind_of(&compiler);
	node->first_part = (uint32_t)first;
	node->last_part = compiler.last;
	if (node->kind != PATTERN_SIMPLE && node->kind != PATTERN_GROUPS)
		pattern->part_count = first;
	if (keep_text(pattern, text, node))
		return error_set_memory(err);
	return 0;
}

#include "ingest/pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pattern_brace.h"
#include "ingest/pattern_match.h"
#include "ingest/pattern_segment.h"

enum { NODE_CEILING = 1 << 16, SCRATCH_COUNT = 2 };

/* What was taken from the pattern's stores for a segment that turns out to
 * be there already. */
struct mark {
	size_t part_count;
	size_t range_count;
	size_t group_count;
	size_t text_size;
};

static struct mark mark_of(const struct pattern *pattern)
{
	return (struct mark){pattern->part_count, pattern->range_count,
			     pattern->group_count, pattern->text.size};
}

static void go_back(struct pattern *pattern, const struct mark *mark)
{
	pattern->part_count = mark->part_count;
	pattern->range_count = mark->range_count;
	pattern->group_count = mark->group_count;
	pattern->text.size = mark->text_size;
}

/* ------------------------------------------------ the tree */

static int add_node(struct pattern *pattern, const struct pattern_node *node,
		    struct error *err)
{
	if (pattern->node_count >= NODE_CEILING)
		return error_set(err, ERROR_CONFIG,
				 "the pattern is too large once its braces "
				 "are expanded");
	if (pattern->node_count == pattern->node_capacity) {
		size_t capacity =
		    pattern->node_capacity ? 2 * pattern->node_capacity : 16;
		struct pattern_node *nodes =
		    realloc(pattern->nodes, capacity * sizeof(*nodes));
		if (!nodes)
			return error_set_memory(err);
		pattern->nodes = nodes;
		pattern->node_capacity = capacity;
	}
	pattern->nodes[pattern->node_count++] = *node;
	return 0;
}

/* The child of a node that is the same segment, or PATTERN_NONE. */
static uint32_t find_child(const struct pattern *pattern, uint32_t parent,
			   const struct pattern_node *wanted)
{
	uint32_t child = pattern->nodes[parent].child;
	const char *text = pattern_node_text(pattern, wanted);

	while (child != PATTERN_NONE) {
		const struct pattern_node *node = &pattern->nodes[child];

		if (node->kind == wanted->kind &&
		    node->text_bytes == wanted->text_bytes &&
		    memcmp(pattern_node_text(pattern, node), text,
			   node->text_bytes) == 0)
			break;
		child = node->sibling;
	}
	return child;
}

/* Go from *at to the child that stands for a segment; made if need be. */
static int descend(struct pattern *pattern, struct bytes segment, uint32_t *at,
		   struct error *err)
{
	const struct mark mark = mark_of(pattern);
	struct pattern_node node = {
	    .parent = *at,
	    .child = PATTERN_NONE,
	    .sibling = pattern->nodes[*at].child,
	};
	int code = pattern_segment_compile(pattern, segment, &node, err);

	if (code)
		return code;
	/* two ** take what one takes, and a thousand would take time */
	if (node.kind == PATTERN_GLOBSTAR &&
	    pattern->nodes[*at].kind == PATTERN_GLOBSTAR) {
		go_back(pattern, &mark);
		return 0;
	}
	uint32_t child = find_child(pattern, *at, &node);
	if (child != PATTERN_NONE) {
		go_back(pattern, &mark);
		*at = child;
		return 0;
	}
	node.is_literal_path =
	    node.kind == PATTERN_LITERAL && pattern->nodes[*at].is_literal_path;
	child = (uint32_t)pattern->node_count;
	code = add_node(pattern, &node, err);
	if (code)
		return code;
	pattern->nodes[*at].child = child;
	*at = child;
	return 0;
}

/* An alternative that ends in '/' asks for folders, and none is uploaded:
 * nothing to add. */
static bool is_for_files(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && text[size - 1] != '/';
}

/* Several '/' are one. One at the start is the segment "", the root. */
static int add_alternative(struct pattern *pattern, const char *text,
			   struct error *err)
{
	uint32_t at = 0;
	size_t start = 0;
	int code = 0;

	if (!is_for_files(text))
		return 0;
	while (code == 0 && (start == 0 || text[start - 1])) {
		size_t end = start + strcspn(text + start, "/");
		const struct bytes segment = {text + start, end - start};

		code = descend(pattern, segment, &at, err);
		if (!text[end])
			break;
		start = end + strspn(text + end, "/");
	}
	if (code == 0)
		pattern->nodes[at].is_end = true;
	return code;
}

/* ------------------------------------------------ compiling */

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without white space at both ends, as node-glob takes it; but what is
 * escaped is meant. */
static char *dup_trimmed(const char *text)
{
	while (is_white(*text))
		text++;
	size_t size = strlen(text);
	while (size > 0 && is_white(text[size - 1]) &&
	       (size < 2 || text[size - 2] != '\\'))
		size--;
	return text_dup_bytes(text, size);
}

static int compile(struct pattern *pattern, const char *text, struct error *err)
{
	const struct pattern_node root = {
	    .is_literal_path = true,
	    .child = PATTERN_NONE,
	    .sibling = PATTERN_NONE,
	    .parent = PATTERN_NONE,
	};
	struct pattern_texts texts = {0};
	int code = add_node(pattern, &root, err);

	if (code == 0)
		code = pattern_brace_expand(text, &texts, err);
	for (size_t i = 0; i < texts.count && code == 0; i++)
		code = add_alternative(pattern, texts.items[i], err);
	pattern_texts_clear(&texts);
	return code;
}

static int make_scratch(struct pattern *pattern, struct error *err)
{
	int code = 0;

	pattern->scratch = calloc(SCRATCH_COUNT, sizeof(*pattern->scratch));
	if (!pattern->scratch)
		return error_set_memory(err);
	for (size_t i = 0; i < SCRATCH_COUNT && code == 0; i++)
		code = pattern_states_init(&pattern->scratch[i], pattern, err);
	return code;
}

struct pattern *pattern_new(const char *text, struct error *err)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	char *trimmed = dup_trimmed(text);
	int code = 0;

	if (!pattern || !trimmed) {
		free(trimmed);
		free(pattern);
		(void)error_set_memory(err);
		return NULL;
	}
	if (strlen(trimmed) > PATTERN_CEILING_BYTES)
		code = error_set(err, ERROR_CONFIG,
				 "the pattern has more than %d bytes",
				 PATTERN_CEILING_BYTES);
	else if (!*trimmed)
		code = error_set(err, ERROR_CONFIG, "the pattern is empty");
	if (code == 0)
		code = compile(pattern, trimmed, err);
	if (code == 0)
		code = make_scratch(pattern, err);
	free(trimmed);
	if (code == 0)
		return pattern;
	pattern_free(pattern);
	return NULL;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	for (size_t i = 0; i < SCRATCH_COUNT && pattern->scratch; i++)
		pattern_states_clear(&pattern->scratch[i]);
	free(pattern->scratch);
	free(pattern->nodes);
	free(pattern->parts);
	free(pattern->ranges);
	buffer_clear(&pattern->text);
	free(pattern);
}

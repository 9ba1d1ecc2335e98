#include "ingest/scan_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pattern_match.h"

enum { KEY_BYTES = 8 };

/* One fill. */
struct list {
	struct scan_stack *stack;
	const struct scan_options *options;
	struct scan_frame *frame;
	const struct folder *folder;
	struct error *err;
};

/* A name that is judged, and what the pattern makes of it. */
struct candidate {
	struct bytes name;
	struct pattern_verdict verdict;
};

bool scan_list_is_nothing(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP ||
	       code == EXDEV;
}

/* ------------------------------------------------ entries */

static bool stands_for_folder(const struct scan_entry *entry)
{
	return entry->kind == SCAN_ENTRY_FOLDER ||
	       entry->kind == SCAN_ENTRY_BAD_FOLDER ||
	       entry->kind == SCAN_ENTRY_MISSING;
}

static uint64_t key_of(const struct scan_entry *entry)
{
	uint64_t key = 0;

	for (uint32_t i = 0; i < KEY_BYTES; i++) {
		unsigned char c = 0;

		if (i < entry->name_bytes)
			c = (unsigned char)entry->name[i];
		else if (i == entry->name_bytes && stands_for_folder(entry))
			c = '/';
		key = key << 8 | c;
	}
	return key;
}

/* By bytes, a folder's name as if it ended in '/'. */
static int compare_entries(const void *left, const void *right)
{
	const struct scan_entry *a = left;
	const struct scan_entry *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	uint32_t common =
	    a->name_bytes < b->name_bytes ? a->name_bytes : b->name_bytes;
	int order = memcmp(a->name, b->name, common);
	if (order != 0)
		return order;
	/* no name has a '/', so one byte more decides */
	int next_of_a = stands_for_folder(a) ? '/' : -1;
	int next_of_b = stands_for_folder(b) ? '/' : -1;
	if (a->name_bytes > common)
		next_of_a = (unsigned char)a->name[common];
	if (b->name_bytes > common)
		next_of_b = (unsigned char)b->name[common];
	return next_of_a - next_of_b;
}

static int add_entry(struct list *list, const struct candidate *candidate,
		     struct scan_entry entry)
{
	struct scan_frame *frame = list->frame;

	entry.name = candidate->name.data;
	entry.name_bytes = (uint32_t)candidate->name.size;
	entry.literal_bytes = candidate->verdict.literal_bytes;
	entry.key = key_of(&entry);
	if (frame->entry_count == frame->entry_capacity) {
		size_t capacity =
		    frame->entry_capacity ? 2 * frame->entry_capacity : 32;
		struct scan_entry *entries =
		    realloc(frame->entries, capacity * sizeof(*entries));
		if (!entries)
			return error_set_memory(list->err);
		frame->entries = entries;
		frame->entry_capacity = capacity;
	}
	frame->entries[frame->entry_count++] = entry;
	return 0;
}

static int add_kind(struct list *list, const struct candidate *candidate,
		    enum scan_entry_kind kind)
{
	return add_entry(list, candidate,
			 (struct scan_entry){.kind = (uint8_t)kind});
} /* -fanalyzer: the frame has the entries */

static int add_bad(struct list *list, const struct candidate *candidate,
		   int code)
{
	return add_entry(list, candidate,
			 (struct scan_entry){
			     .kind = candidate->verdict.is_file
					 ? SCAN_ENTRY_BAD_FILE
					 : SCAN_ENTRY_BAD_FOLDER,
			     .code = code,
			 });
}

/* ------------------------------------------------ links */

int scan_list_follow(struct scan_stack *stack,
		     const struct scan_options *options, uint32_t literal_bytes,
		     struct file_facts *facts)
{
	bool is_inside = options->follow == FOLDER_FOLLOW_INSIDE;
	size_t index = is_inside ? scan_stack_find(stack, literal_bytes)
				 : stack->depth - 1;
	const struct folder *folder;

	if (options->follow == FOLDER_FOLLOW_NONE)
		return EXDEV;
	int code = scan_stack_folder(stack, index, &folder);
	if (code)
		return code;
	return folder_stat(folder,
			   stack->path.data + stack->frames[index]->path_bytes,
			   options->follow, facts);
}

/* A literal segment goes through any link to a folder: the operator named
 * it. */
static int judge_named_link(struct list *list,
			    const struct candidate *candidate)
{
	unsigned named = PATTERN_BY_PATH | PATTERN_BY_NAME;
	struct file_facts facts;

	if (!(candidate->verdict.folder_ways & named))
		return 0;
	int code = folder_stat(list->folder, candidate->name.data,
			       FOLDER_FOLLOW_ALL, &facts);
	if (scan_list_is_nothing(code) ||
	    (code == 0 && facts.type != FILE_FOLDER))
		return 0;
	if (code)
		return add_bad(list, candidate, code);
	return add_entry(list, candidate,
			 (struct scan_entry){
			     .kind = SCAN_ENTRY_FOLDER,
			     .is_link = true,
			 });
}

static int judge_link(struct list *list, const struct candidate *candidate)
{
	const struct pattern_verdict *verdict = &candidate->verdict;
	struct file_facts facts = {0};

	if (scan_stack_name(list->stack, candidate->name.data,
			    candidate->name.size))
		return error_set_memory(list->err);
	int code = scan_list_follow(list->stack, list->options,
				    verdict->literal_bytes, &facts);
	/* the folder may have been closed to open another */
	if (scan_stack_folder(list->stack, list->stack->depth - 1,
			      &list->folder))
		return add_bad(list, candidate, ESTALE);
	if (scan_list_is_nothing(code))
		return judge_named_link(list, candidate);
	if (code)
		return add_bad(list, candidate, code);
	unsigned ways = verdict->folder_ways;
	if (list->options->follow != FOLDER_FOLLOW_ALL)
		ways &= ~(unsigned)PATTERN_BY_GLOBSTAR;
	bool is_wanted = facts.type == FILE_FOLDER    ? ways != 0
			 : facts.type == FILE_REGULAR ? verdict->is_file
						      : false;
	if (!is_wanted)
		return 0;
	return add_entry(list, candidate,
			 (struct scan_entry){
			     .kind = facts.type == FILE_FOLDER
					 ? SCAN_ENTRY_FOLDER
					 : SCAN_ENTRY_FILE,
			     .is_link = true,
			     .is_inside = true,
			 });
}

/* ------------------------------------------------ what is found */

static bool is_own(const struct list *list, struct bytes name)
{
	return list->frame->is_home && list->options->is_own &&
	       list->options->is_own(name);
}

static int judge_known(struct list *list, const struct candidate *candidate,
		       enum file_type type)
{
	switch (type) {
	case FILE_REGULAR:
		return candidate->verdict.is_file &&
			       !is_own(list, candidate->name)
			   ? add_kind(list, candidate, SCAN_ENTRY_FILE)
			   : 0;
	case FILE_FOLDER:
		return candidate->verdict.folder_ways
			   ? add_kind(list, candidate, SCAN_ENTRY_FOLDER)
			   : 0;
	case FILE_LINK:
		return is_own(list, candidate->name)
			   ? 0
			   : judge_link(list, candidate);
	default:
		return 0;
	}
}

/* Keep a name of a listing if it can matter. */
static int judge(struct list *list, const struct folder_entry *found)
{
	struct candidate candidate = {.name = bytes_of_text(found->name)};
	enum file_type type = found->type;
	struct file_facts facts;

	if (type == FILE_OTHER)
		return 0;
	candidate.verdict = pattern_states_look(
	    list->options->pattern, &list->frame->states, candidate.name);
	if (!candidate.verdict.is_file && !candidate.verdict.folder_ways)
		return 0;
	if (type == FILE_UNKNOWN) {
		int code = folder_stat(list->folder, found->name,
				       FOLDER_FOLLOW_NONE, &facts);
		if (code)
			return scan_list_is_nothing(code)
				   ? 0
				   : add_bad(list, &candidate, code);
		type = facts.type;
	}
	return judge_known(list, &candidate, type);
}

/* ------------------------------------------------ literal names */

static bool is_dots(struct bytes name)
{
	return name.size == 0 || (name.size <= 2 && name.data[0] == '.' &&
				  name.data[name.size - 1] == '.');
}

/* Note a literal folder that is not there, unless only a wildcard's luck
 * would have led to it. */
static int add_missing(struct list *list, const struct candidate *candidate,
		       int code)
{
	if (!(candidate->verdict.folder_ways & PATTERN_BY_PATH))
		return 0;
	return add_entry(list, candidate,
			 (struct scan_entry){
			     .kind = SCAN_ENTRY_MISSING,
			     .code = code,
			 });
}

static int look_up(struct list *list, const struct pattern_node *node)
{
	struct candidate candidate = {
	    .name = {pattern_node_text(list->options->pattern, node),
		     node->text_bytes},
	};
	struct file_facts facts;

	candidate.verdict = pattern_states_look(
	    list->options->pattern, &list->frame->states, candidate.name);
	if (is_dots(candidate.name))
		return candidate.verdict.folder_ways
			   ? add_entry(list, &candidate,
				       (struct scan_entry){
					   .kind = SCAN_ENTRY_FOLDER,
					   .is_link = node->text_bytes == 2,
				       })
			   : 0;
	int code = folder_stat(list->folder, candidate.name.data,
			       FOLDER_FOLLOW_NONE, &facts);
	if (code == ENOENT || code == ENOTDIR)
		return add_missing(list, &candidate, code);
	if (code)
		return add_bad(list, &candidate, code);
	size_t count = list->frame->entry_count;
	code = judge_known(list, &candidate, facts.type);
	if (code)
		return code;
	/* a file, or a link to nothing, in the place of the folder */
	bool is_there = list->frame->entry_count > count &&
			stands_for_folder(&list->frame->entries[count]);
	return is_there ? 0 : add_missing(list, &candidate, ENOTDIR);
}

static int look_up_all(struct list *list, bool is_listed)
{
	const struct pattern *pattern = list->options->pattern;
	const struct pattern_states *states = &list->frame->states;
	int code = 0;

	for (size_t i = 0; i < states->count && code == 0; i++) {
		const struct pattern_node *node =
		    &pattern->nodes[states->items[i].node];
		const struct bytes name = {pattern_node_text(pattern, node),
					   node->text_bytes};

		if (node->kind != PATTERN_LITERAL)
			continue;
		/* a listing has said which names are there; a literal folder
		 * is asked for once more, to know whether it is missing */
		if (!is_listed || is_dots(name) ||
		    (node->is_literal_path && node->child != PATTERN_NONE))
			code = look_up(list, node);
	}
	return code;
}

/* ------------------------------------------------ the whole */

static bool wants_listing(const struct list *list)
{
	const struct pattern_states *states = &list->frame->states;

	for (size_t i = 0; i < states->count; i++)
		if (list->options->pattern->nodes[states->items[i].node].kind !=
		    PATTERN_LITERAL)
			return true;
	return false;
}

static void sort_entries(struct scan_frame *frame)
{
	size_t kept = 0;

	if (frame->entry_count > 1)
		qsort(frame->entries, frame->entry_count,
		      sizeof(*frame->entries), compare_entries);
	/* what was listed and looked up is there twice */
	for (size_t i = 0; i < frame->entry_count; i++)
		if (kept == 0 || compare_entries(&frame->entries[kept - 1],
						 &frame->entries[i]) != 0)
			frame->entries[kept++] = frame->entries[i];
	frame->entry_count = kept;
}

/* Names move to memory of the frame, so that the listing can go. */
static int keep_names(struct list *list)
{
	struct scan_frame *frame = list->frame;
	size_t size = 0;

	for (size_t i = 0; i < frame->entry_count; i++)
		size += (size_t)frame->entries[i].name_bytes + 1;
	frame->names = malloc(size ? size : 1);
	if (!frame->names)
		return error_set_memory(list->err);
	char *at = frame->names;
	for (size_t i = 0; i < frame->entry_count; i++) {
		struct scan_entry *entry = &frame->entries[i];

		memcpy(at, entry->name, entry->name_bytes);
		at[entry->name_bytes] = '\0';
		entry->name = at;
		at += entry->name_bytes + 1;
	}
	return 0;
}

int scan_list_fill(struct scan_stack *stack, const struct scan_options *options,
		   int *list_code, struct error *err)
{
	struct list list = {
	    .stack = stack,
	    .options = options,
	    .frame = scan_stack_top(stack),
	    .err = err,
	};
	struct folder_listing listing = {0};
	bool is_listed = wants_listing(&list);
	int code = 0;

	*list_code = scan_stack_folder(stack, stack->depth - 1, &list.folder);
	if (*list_code)
		return 0;
	if (is_listed)
		*list_code = folder_list(list.folder, 0, &listing);
	for (size_t i = 0; i < listing.count && code == 0; i++)
		code = judge(&list, &listing.entries[i]);
	if (code == 0)
		code = look_up_all(&list, is_listed && *list_code == 0);
	if (code == 0) {
		sort_entries(list.frame);
		code = keep_names(&list);
	}
	folder_listing_clear(&listing);
	return code;
}

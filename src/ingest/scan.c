#include "ingest/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pattern_match.h"
#include "ingest/scan_list.h"
#include "ingest/scan_stack.h"
#include "platform/system.h"

enum { REASON_BYTES = 128 };

struct scan {
	struct scan_options options;
	struct scan_stack stack;
	bool is_started;
	bool is_missing;
	char reason[REASON_BYTES];
};

/* What a step of the walk comes to, besides an error. */
enum step { STEP_AGAIN, STEP_ITEM };

struct scan *scan_new(const struct scan_options *options, struct error *err)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (scan)
		scan->options = *options;
	else
		(void)error_set_memory(err); /* NULL says it */
	return scan;
}

void scan_free(struct scan *scan)
{
	if (!scan)
		return;
	scan_stack_clear(&scan->stack);
	free(scan);
}

bool scan_is_missing(const struct scan *scan)
{
	return scan->is_missing;
}

/* ------------------------------------------------ items */

static struct bytes path_of(const struct scan *scan)
{
	return buffer_bytes(&scan->stack.path);
}

/* The item says that what the path names could not be looked at. */
static enum step give_failed(struct scan *scan, int code,
			     struct scan_item *item)
{
	*item = (struct scan_item){
	    .kind = SCAN_FAILED,
	    .name = path_of(scan),
	    .reason = code == ESTALE
			  ? "changed while it was listed"
			  : system_error_text(code, scan->reason, REASON_BYTES),
	};
	return STEP_ITEM;
}

static enum step give_missing(struct scan *scan, const struct scan_entry *entry,
			      struct scan_item *item)
{
	*item = (struct scan_item){
	    .kind = SCAN_FAILED,
	    .name = path_of(scan),
	    .reason = entry->code == ENOENT ? "no such folder" : "not a folder",
	};
	scan->is_missing = true;
	return STEP_ITEM;
}

static bool is_among(const struct scan_identity *list, size_t count,
		     const struct scan_place *place)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].device == place->device &&
		    list[i].file_id == place->file_id)
			return true;
	return false;
}

static int stat_entry(struct scan *scan, const struct scan_entry *entry,
		      struct file_facts *facts)
{
	const struct folder *folder;

	if (entry->is_link)
		return scan_list_follow(&scan->stack, &scan->options,
					entry->literal_bytes, facts);
	int code =
	    scan_stack_folder(&scan->stack, scan->stack.depth - 1, &folder);
	return code ? code
		    : folder_stat(folder, entry->name, FOLDER_FOLLOW_NONE,
				  facts);
}

/* A file that is gone, or no file any more, is left out in silence. */
static enum step visit_file(struct scan *scan, const struct scan_entry *entry,
			    struct scan_item *item)
{
	const struct scan_frame *frame = scan_stack_top(&scan->stack);
	struct file_facts *facts = &item->facts;
	int code = stat_entry(scan, entry, facts);

	if (code)
		return scan_list_is_nothing(code)
			   ? STEP_AGAIN
			   : give_failed(scan, code, item);
	const struct scan_place place = {facts->device, facts->file_id};
	if (facts->type != FILE_REGULAR ||
	    is_among(scan->options.own_files, scan->options.own_file_count,
		     &place))
		return STEP_AGAIN;
	item->kind = SCAN_FILE;
	item->name = path_of(scan);
	item->literal_bytes = entry->literal_bytes;
	item->reason = NULL;
	/* of another file system nothing is known here */
	if (!frame->has_stable_ids || facts->device != frame->place.device)
		facts->file_id = 0;
	return STEP_ITEM;
}

/* ------------------------------------------------ folders */

/* Open the folder of an entry of the top frame. A link is opened as it was
 * judged, from where it was found to stay inside. */
static int open_entry(struct scan *scan, const struct scan_entry *entry,
		      struct folder **folder)
{
	struct scan_stack *stack = &scan->stack;
	bool is_inside =
	    entry->is_inside && scan->options.follow == FOLDER_FOLLOW_INSIDE;
	size_t index = is_inside ? scan_stack_find(stack, entry->literal_bytes)
				 : stack->depth - 1;
	enum folder_follow follow = is_inside	     ? FOLDER_FOLLOW_INSIDE
				    : entry->is_link ? FOLDER_FOLLOW_ALL
						     : FOLDER_FOLLOW_NONE;
	const struct folder *from;

	if (entry->name_bytes == 0)
		return folder_open(NULL, "/", FOLDER_FOLLOW_ALL, folder);
	int code = scan_stack_folder(stack, index, &from);
	if (code)
		return code;
	return folder_open(from,
			   stack->path.data + stack->frames[index]->path_bytes,
			   follow, folder);
}

/* The ways in which the states of the top frame may go into a folder. */
static unsigned open_ways(const struct scan *scan,
			  const struct scan_entry *entry,
			  const struct scan_place *place)
{
	const struct scan_options *options = &scan->options;
	unsigned ways = PATTERN_BY_ANY;

	if (is_among(options->closed_folders, options->closed_folder_count,
		     place))
		return PATTERN_BY_PATH;
	if (!entry->is_link)
		return ways;
	if (options->follow != FOLDER_FOLLOW_ALL)
		ways &= ~(unsigned)PATTERN_BY_GLOBSTAR;
	if (!entry->is_inside || scan_stack_has(&scan->stack, place))
		ways = PATTERN_BY_PATH | PATTERN_BY_NAME;
	return ways;
}

/* Where the frame lies: for loops, own files and trust in file ids. */
static void set_place(struct scan *scan, const struct folder *folder,
		      const struct scan_place *place)
{
	struct scan_stack *stack = &scan->stack;
	struct scan_frame *frame = scan_stack_top(stack);
	const struct scan_frame *above =
	    stack->depth > 1 ? stack->frames[stack->depth - 2] : NULL;
	const struct scan_identity *home = &scan->options.home_identity;

	frame->place = *place;
	frame->is_home =
	    place->device == home->device && place->file_id == home->file_id;
	frame->has_stable_ids = above && above->place.device == place->device
				    ? above->has_stable_ids
				    : folder_has_stable_ids(folder);
}

/* Push the folder that the path names. Nothing is pushed if no state would
 * be live in it. */
static int enter(struct scan *scan, const struct scan_entry *entry,
		 const struct folder *folder, const struct scan_place *place,
		 struct error *err)
{
	struct scan_stack *stack = &scan->stack;
	const struct scan_frame *above = scan_stack_top(stack);
	const struct bytes name = {entry->name, entry->name_bytes};
	const struct pattern_entrance entrance = {
	    .name = name,
	    .ways = open_ways(scan, entry, place),
	    .path_bytes = (uint32_t)stack->path.size,
	    .is_link = entry->is_link,
	};
	bool leads_up = name.size == 0 ||
			(name.size == 2 && memcmp(name.data, "..", 2) == 0);

	int code = scan_stack_push(stack, scan->options.pattern, err);
	if (code)
		return code;
	struct scan_frame *frame = scan_stack_top(stack);
	frame->ancestor_from =
	    leads_up ? stack->depth - 1 : above->ancestor_from;
	set_place(scan, folder, place);
	pattern_states_enter(scan->options.pattern, &above->states, &entrance,
			     &frame->states);
	if (frame->states.count == 0)
		scan_stack_pop(stack);
	return 0;
}

/* Fill the frame on top; a folder that cannot be listed is an item. */
static int fill(struct scan *scan, struct scan_item *item, enum step *step,
		struct error *err)
{
	int list_code = 0;
	int code =
	    scan_list_fill(&scan->stack, &scan->options, &list_code, err);

	scan->stack.path.size = scan_stack_top(&scan->stack)->path_bytes;
	*step = code == 0 && list_code ? give_failed(scan, list_code, item)
				       : STEP_AGAIN;
	return code;
}

static int visit_folder(struct scan *scan, const struct scan_entry *entry,
			struct scan_item *item, enum step *step,
			struct error *err)
{
	struct scan_stack *stack = &scan->stack;
	size_t depth = stack->depth;
	struct folder *folder = NULL;
	struct file_facts facts;
	int system_code = open_entry(scan, entry, &folder);
	int code = buffer_append(&stack->path, "/", 1);

	*step = STEP_AGAIN;
	if (code) {
		code = error_set_memory(err);
		goto cleanup;
	}
	if (system_code == 0)
		system_code = folder_stat_self(folder, &facts);
	if (system_code) {
		/* gone since: its rows may go too */
		if (system_code != ENOENT)
			*step = give_failed(scan, system_code, item);
		goto cleanup;
	}
	const struct scan_place place = {facts.device, facts.file_id};
	code = enter(scan, entry, folder, &place, err);
	if (code || stack->depth == depth)
		goto cleanup;
	scan_stack_hold(stack, depth, folder);
	folder = NULL;
	code = fill(scan, item, step, err);
cleanup:
	folder_close(folder);
	return code;
}

/* ------------------------------------------------ the walk */

static int start(struct scan *scan, struct scan_item *item, enum step *step,
		 struct error *err)
{
	struct scan_stack *stack = &scan->stack;
	struct file_facts facts;
	int code = scan_stack_push(stack, scan->options.pattern, err);

	if (code)
		return code;
	struct scan_frame *frame = scan_stack_top(stack);
	frame->borrowed = scan->options.home;
	frame->ancestor_from = 0;
	int system_code = folder_stat_self(frame->borrowed, &facts);
	if (system_code) {
		*step = give_failed(scan, system_code, item);
		return 0;
	}
	set_place(scan, frame->borrowed,
		  &(struct scan_place){facts.device, facts.file_id});
	pattern_states_begin(scan->options.pattern, &frame->states);
	return fill(scan, item, step, err);
}

static int visit(struct scan *scan, const struct scan_entry *entry,
		 struct scan_item *item, enum step *step, struct error *err)
{
	if (scan_stack_name(&scan->stack, entry->name, entry->name_bytes))
		return error_set_memory(err);
	if (entry->kind == SCAN_ENTRY_FOLDER)
		return visit_folder(scan, entry, item, step, err);
	if (entry->kind == SCAN_ENTRY_FILE) {
		*step = visit_file(scan, entry, item);
		return 0;
	}
	if (entry->kind != SCAN_ENTRY_BAD_FILE &&
	    buffer_append(&scan->stack.path, "/", 1))
		return error_set_memory(err);
	*step = entry->kind == SCAN_ENTRY_MISSING
		    ? give_missing(scan, entry, item)
		    : give_failed(scan, entry->code, item);
	return 0;
}

int scan_next(struct scan *scan, struct scan_item *item, struct error *err)
{
	struct scan_stack *stack = &scan->stack;
	enum step step = STEP_AGAIN;
	int code = 0;

	scan->is_missing = false;
	if (!scan->is_started) {
		scan->is_started = true;
		code = start(scan, item, &step, err);
	}
	while (code == 0 && step == STEP_AGAIN && stack->depth > 0) {
		struct scan_frame *frame = scan_stack_top(stack);

		if (frame->next == frame->entry_count)
			scan_stack_pop(stack);
		else
			code = visit(scan, &frame->entries[frame->next++], item,
				     &step, err);
	}
	if (step == STEP_AGAIN)
		*item = (struct scan_item){.kind = SCAN_END};
	return code;
}

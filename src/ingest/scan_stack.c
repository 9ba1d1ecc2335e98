#include "ingest/scan_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/host.h"

enum {
	HELD_CEILING = 16,
	FILES_FOR_ONE = 8,     /* of the limit: the rest is for connections */
	STEP_BYTES = 2048,     /* of a path that is opened at once */
	KEPT_ENTRIES = 1 << 16 /* memory beyond is given back at once */
};

static void frame_free(struct scan_frame *frame)
{
	folder_close(frame->folder);
	pattern_states_clear(&frame->states);
	free(frame->entries);
	free(frame->names);
	free(frame);
}

void scan_stack_clear(struct scan_stack *stack)
{
	for (size_t i = 0; i < stack->made; i++)
		frame_free(stack->frames[i]);
	free(stack->frames);
	buffer_clear(&stack->path);
	*stack = (struct scan_stack){0};
}

struct scan_frame *scan_stack_top(const struct scan_stack *stack)
{
	return stack->frames[stack->depth - 1];
}

/* Make the frame of a depth that was not reached before. */
static int make_frame(struct scan_stack *stack, const struct pattern *pattern,
		      struct error *err)
{
	if (stack->made == stack->capacity) {
		size_t capacity = stack->capacity ? 2 * stack->capacity : 16;
		struct scan_frame **frames =
		    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers */
		    realloc(stack->frames, capacity * sizeof(*frames));
		if (!frames)
			return error_set_memory(err);
		stack->frames = frames;
		stack->capacity = capacity;
	}
	struct scan_frame *frame = calloc(1, sizeof(*frame));
	if (!frame)
		return error_set_memory(err);
	int code = pattern_states_init(&frame->states, pattern, err);
	if (code) {
		free(frame);
		return code;
	}
	stack->frames[stack->made++] = frame;
	return 0;
}

int scan_stack_push(struct scan_stack *stack, const struct pattern *pattern,
		    struct error *err)
{
	int code =
	    stack->depth < stack->made ? 0 : make_frame(stack, pattern, err);

	if (code)
		return code;
	stack->depth++;
	struct scan_frame *frame = scan_stack_top(stack);
	frame->entry_count = 0;
	frame->next = 0;
	frame->is_home = false;
	frame->states.count = 0;
	frame->path_bytes = (uint32_t)stack->path.size;
	return 0;
}

static void let_go(struct scan_stack *stack, struct scan_frame *frame)
{
	if (frame->folder)
		stack->held--;
	folder_close(frame->folder);
	frame->folder = NULL;
}

void scan_stack_pop(struct scan_stack *stack)
{
	struct scan_frame *frame = scan_stack_top(stack);

	let_go(stack, frame);
	free(frame->names);
	frame->names = NULL;
	if (frame->entry_capacity > KEPT_ENTRIES) {
		free(frame->entries);
		frame->entries = NULL;
		frame->entry_capacity = 0;
	}
	stack->depth--;
}

int scan_stack_name(struct scan_stack *stack, const char *name,
		    size_t name_bytes)
{
	stack->path.size = scan_stack_top(stack)->path_bytes;
	return buffer_append(&stack->path, name, name_bytes);
}

/* ------------------------------------------------ open again */

static size_t held_ceiling(struct scan_stack *stack)
{
	if (!stack->held_ceiling) {
		int64_t most = host_file_limit() / FILES_FOR_ONE;

		stack->held_ceiling =
		    most < HELD_CEILING ? (size_t)most + 1 : HELD_CEILING;
	}
	return stack->held_ceiling;
}

void scan_stack_hold(struct scan_stack *stack, size_t index,
		     struct folder *folder)
{
	size_t most = held_ceiling(stack);

	/* the upper ones are wanted last */
	for (size_t i = 0; stack->held >= most && i < stack->depth; i++)
		if (i != index)
			let_go(stack, stack->frames[i]);
	stack->frames[index]->folder = folder;
	stack->held++;
}

static const struct folder *folder_of(const struct scan_frame *frame)
{
	return frame->folder ? frame->folder : frame->borrowed;
}

/* Length of the first part of a path that is short enough to open, without
 * the '/' behind it. */
static size_t step_of(const char *path, size_t size)
{
	size_t step = size;

	if (step > STEP_BYTES) {
		step = STEP_BYTES;
		while (step > 1 && path[step] != '/')
			step--;
	}
	while (step > 1 && path[step - 1] == '/')
		step--;
	return step;
}

/* Open a path of any length. Links are followed: what was found is compared
 * with what it was. */
static int open_path(const struct folder *from, const char *path, size_t size,
		     struct folder **folder)
{
	struct folder *at = NULL;
	int code = 0;

	while (size > 0 && code == 0) {
		size_t step = step_of(path, size);
		char *name = text_dup_bytes(path, step);
		struct folder *next = NULL;

		code = name ? folder_open(at ? at : from, name,
					  FOLDER_FOLLOW_ALL, &next)
			    : ENOMEM;
		free(name);
		folder_close(at);
		at = next;
		while (step < size && path[step] == '/')
			step++;
		path += step;
		size -= step;
	}
	*folder = at;
	return code;
}

static int open_again(struct scan_stack *stack, size_t index,
		      struct folder **folder)
{
	const struct scan_frame *frame = stack->frames[index];
	const char *path = stack->path.data;
	size_t above = index;
	struct file_facts facts;

	while (above > 0 && !folder_of(stack->frames[above - 1]))
		above--;
	size_t start = above > 0 ? stack->frames[above - 1]->path_bytes : 0;
	int code =
	    open_path(above > 0 ? folder_of(stack->frames[above - 1]) : NULL,
		      path + start, frame->path_bytes - start, folder);
	if (code == 0)
		code = folder_stat_self(*folder, &facts);
	if (code == 0 && (facts.device != frame->place.device ||
			  facts.file_id != frame->place.file_id))
		code = ESTALE;
	if (code == 0)
		return 0;
	folder_close(*folder);
	*folder = NULL;
	return code;
}

int scan_stack_folder(struct scan_stack *stack, size_t index,
		      const struct folder **folder)
{
	struct folder *opened;

	*folder = folder_of(stack->frames[index]);
	if (*folder)
		return 0;
	int code = open_again(stack, index, &opened);
	if (code)
		return code;
	scan_stack_hold(stack, index, opened);
	*folder = opened;
	return 0;
}

/* ------------------------------------------------ look */

size_t scan_stack_find(const struct scan_stack *stack, uint32_t path_bytes)
{
	size_t index = stack->depth - 1;

	while (index > 0 && stack->frames[index]->path_bytes > path_bytes)
		index--;
	return index;
}

bool scan_stack_has(const struct scan_stack *stack,
		    const struct scan_place *place)
{
	for (size_t i = scan_stack_top(stack)->ancestor_from; i < stack->depth;
	     i++)
		if (stack->frames[i]->place.device == place->device &&
		    stack->frames[i]->place.file_id == place->file_id)
			return true;
	return false;
}

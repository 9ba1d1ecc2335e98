#include "ingest/customizer_memory.h"

#include <stdbool.h>
#include <stdlib.h>

/* The size stands in front of each piece. */
union head {
	size_t size;
	max_align_t aligned;
};

static bool has_room(const struct customizer_memory *memory, size_t others,
		     size_t size)
{
	return size <= memory->ceiling_bytes &&
	       others <= memory->ceiling_bytes - size;
}

void *customizer_memory_take(struct customizer_memory *memory, size_t size)
{
	if (size == 0 || !has_room(memory, memory->used_bytes, size))
		return NULL;
	union head *head = malloc(sizeof(*head) + size);
	if (!head)
		return NULL;
	head->size = size;
	memory->used_bytes += size;
	return head + 1;
}

void customizer_memory_give(struct customizer_memory *memory, void *data)
{
	union head *head = data;

	if (!head)
		return;
	head--;
	memory->used_bytes -= head->size;
	free(head);
}

void *customizer_memory_resize(struct customizer_memory *memory, void *data,
			       size_t size)
{
	union head *head = data;

	if (!head)
		return customizer_memory_take(memory, size);
	if (size == 0) {
		customizer_memory_give(memory, data);
		return NULL;
	}
	head--;
	size_t others = memory->used_bytes - head->size;
	if (!has_room(memory, others, size))
		return NULL;
	head = realloc(head, sizeof(*head) + size);
	if (!head)
		return NULL;
	head->size = size;
	memory->used_bytes = others + size;
	return head + 1;
}

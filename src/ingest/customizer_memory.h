#ifndef S3I_INGEST_CUSTOMIZER_MEMORY_H
#define S3I_INGEST_CUSTOMIZER_MEMORY_H

#include <stddef.h>

/* Memory with a ceiling. Caller's storage. */
struct customizer_memory {
	size_t ceiling_bytes;
	size_t used_bytes;
};

/* As malloc, realloc and free; NULL above the ceiling too. A size of 0 is
 * nothing: NULL, and what was there is given back. */
void *customizer_memory_take(struct customizer_memory *memory, size_t size);
void *customizer_memory_resize(struct customizer_memory *memory, void *data,
			       size_t size);
void customizer_memory_give(struct customizer_memory *memory, void *data);

#endif

#ifndef S3I_BASE_BUFFER_H
#define S3I_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed bytes; data may be NULL when size is 0. */
struct bytes {
	const char *data;
	size_t size;
};

struct bytes bytes_of_text(const char *text);
bool bytes_equal(struct bytes a, struct bytes b);

/* Order of unsigned bytes, shorter first: <0, 0, >0. */
int bytes_compare(struct bytes a, struct bytes b);

/* A growing piece of memory, always NUL-terminated once something was
 * appended; {0} is an empty one. ceiling_bytes 0: no ceiling. */
struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	size_t ceiling_bytes;
};

/* Appending returns 0, ERROR_LOCAL (no memory) or ERROR_INVALID (ceiling);
 * after a failure the buffer is as before. */
int buffer_append(struct buffer *buffer, const void *data, size_t size);
int buffer_append_text(struct buffer *buffer, const char *text);
int buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All of the texts, one behind the other: cheaper than a format. The last
 * argument is (char *)NULL. */
int buffer_append_texts(struct buffer *buffer, const char *first, ...)
    __attribute__((sentinel));

/* Room for size more bytes behind the end. */
int buffer_reserve(struct buffer *buffer, size_t size);

struct bytes buffer_bytes(const struct buffer *buffer);

/* Empty, memory kept. */
void buffer_reset(struct buffer *buffer);

/* The memory changes hands: free() it. NULL if nothing was appended. */
char *buffer_steal(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);

/* Clear after overwriting the memory: for secrets. */
void buffer_wipe(struct buffer *buffer);

/* Copies that the caller frees; NULL when there is no memory. */
char *text_dup(const char *text);
char *text_dup_bytes(const char *data, size_t size);

/* A printf into new memory; NULL when there is no memory. */
char *text_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* All of the texts in one; the last argument is (char *)NULL. */
char *text_join(const char *first, ...) __attribute__((sentinel));

/* Whether all of it is well-formed UTF-8 (RFC 3629; no surrogates). */
bool text_is_utf8(struct bytes text);

#endif

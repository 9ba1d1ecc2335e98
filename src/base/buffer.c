#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "platform/system.h"

enum { FIRST_CAPACITY_BYTES = 64 };

struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){text, text ? strlen(text) : 0};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;
	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

int buffer_reserve(struct buffer *buffer, size_t size)
{
	if (size > SIZE_MAX / 2 - buffer->size - 1)
		return ERROR_LOCAL;
	size_t wanted = buffer->size + size;
	if (buffer->ceiling_bytes && wanted > buffer->ceiling_bytes)
		return ERROR_INVALID;
	if (buffer->data && wanted + 1 <= buffer->capacity)
		return 0;

	size_t capacity = FIRST_CAPACITY_BYTES;
	if (buffer->capacity > capacity)
		capacity = buffer->capacity;
	while (capacity < wanted + 1)
		capacity *= 2;
	char *data = realloc(buffer->data, capacity);
	if (!data)
		return ERROR_LOCAL;
	data[buffer->size] = '\0';
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	int code = buffer_reserve(buffer, size);
	if (code != 0)
		return code;
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
	return 0;
}

int buffer_append_text(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

int buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return ERROR_LOCAL;

	int code = buffer_reserve(buffer, (size_t)length);
	if (code != 0)
		return code;
	va_start(arguments, format);
	int written = vsnprintf(buffer->data + buffer->size, (size_t)length + 1,
				format, arguments);
	va_end(arguments);
	if (written != length) {
		buffer->data[buffer->size] = '\0';
		return ERROR_LOCAL;
	}
	buffer->size += (size_t)length;
	return 0;
}

static int append_list(struct buffer *buffer, const char *first, va_list rest)
{
	size_t size = buffer->size;
	int code = 0;

	for (const char *text = first; text && code == 0;
	     text = va_arg(rest, const char *))
		code = buffer_append_text(buffer, text);
	if (code && buffer->data) {
		buffer->size = size;
		buffer->data[size] = '\0';
	}
	return code;
}

int buffer_append_texts(struct buffer *buffer, const char *first, ...)
{
	va_list rest;

	va_start(rest, first);
	int code = append_list(buffer, first, rest);
	va_end(rest);
	return code;
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
	return (struct bytes){buffer->data, buffer->size};
}

void buffer_reset(struct buffer *buffer)
{
	buffer->size = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

char *buffer_steal(struct buffer *buffer)
{
	char *data = buffer->data;
	buffer->data = NULL;
	buffer->size = 0;
	buffer->capacity = 0;
	return data;
}

void buffer_clear(struct buffer *buffer)
{
	free(buffer_steal(buffer));
}

void buffer_wipe(struct buffer *buffer)
{
	if (buffer->data)
		system_wipe(buffer->data, buffer->capacity);
	buffer_clear(buffer);
}

char *text_dup(const char *text)
{
	return text_dup_bytes(text, strlen(text));
}

char *text_dup_bytes(const char *data, size_t size)
{
	if (size == SIZE_MAX)
		return NULL;
	char *copy = malloc(size + 1);
	if (!copy)
		return NULL;
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

char *text_format(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return NULL;
	char *text = malloc((size_t)length + 1);
	if (!text)
		return NULL;
	va_start(arguments, format);
	int written = vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	if (written != length) {
		free(text);
		return NULL;
	}
	return text;
}

char *text_join(const char *first, ...)
{
	struct buffer text = {0};
	va_list rest;

	va_start(rest, first);
	int code = append_list(&text, first, rest);
	va_end(rest);
	if (code)
		buffer_clear(&text);
	return buffer_steal(&text);
}

/* How many continuation bytes follow a first byte, and the range of the first
 * of them; that range keeps out overlong forms, surrogates and what lies above
 * U+10FFFF (RFC 3629 section 4). -1: no first byte. */
static int sequence_tail(unsigned char first, unsigned char *low,
			 unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (first < 0x80)
		return 0;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	if (first < 0xe0)
		return 1;
	if (first < 0xf0) {
		if (first == 0xe0)
			*low = 0xa0;
		if (first == 0xed)
			*high = 0x9f;
		return 2;
	}
	if (first == 0xf0)
		*low = 0x90;
	if (first == 0xf4)
		*high = 0x8f;
	return 3;
}

bool text_is_utf8(struct bytes text)
{
	const unsigned char *data = (const unsigned char *)text.data;
	size_t at = 0;
	while (at < text.size) {
		unsigned char low;
		unsigned char high;
		int tail = sequence_tail(data[at++], &low, &high);
		if (tail < 0 || (size_t)tail > text.size - at)
			return false;
		for (int i = 0; i < tail; i++, at++) {
			if (data[at] < low || data[at] > high)
				return false;
			low = 0x80;
			high = 0xbf;
		}
	}
	return true;
}

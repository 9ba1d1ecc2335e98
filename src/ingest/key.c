#include "ingest/key.h"

#include <stddef.h>
#include <string.h>

enum { SEQUENCE_BYTES = 4 };

struct bytes key_filename(const char *remove_prefix, struct bytes name)
{
	struct bytes prefix = bytes_of_text(remove_prefix);
	if (prefix.size == 0 || prefix.size > name.size ||
	    memcmp(name.data, prefix.data, prefix.size) != 0)
		return name;
	return (struct bytes){name.data + prefix.size, name.size - prefix.size};
}

/* Bytes of the well-formed UTF-8 sequence at the start, 0 if there is none. */
static size_t sequence_length(struct bytes text)
{
	for (size_t size = 1; size <= SEQUENCE_BYTES && size <= text.size;
	     size++)
		if (text_is_utf8((struct bytes){text.data, size}))
			return size;
	return 0;
}

/* Well-formed sequences as they are, every other byte as %XX. */
static int append_escaped(struct buffer *key, struct bytes text)
{
	int code = 0;
	while (code == 0 && text.size > 0) {
		size_t size = sequence_length(text);
		if (size > 0) {
			code = buffer_append(key, text.data, size);
		} else {
			size = 1;
			code = buffer_append_format(
			    key, "%%%02X", (unsigned)(unsigned char)*text.data);
		}
		text.data += size;
		text.size -= size;
	}
	return code;
}

static int append_part(struct buffer *key, struct bytes text, bool *was_escaped)
{
	if (text_is_utf8(text))
		return buffer_append(key, text.data, text.size);
	*was_escaped = true;
	return append_escaped(key, text);
}

int key_build(const struct key_parts *parts, struct bytes name,
	      struct buffer *key, bool *was_escaped, struct error *err)
{
	struct bytes prefix = bytes_of_text(parts->prefix);
	struct bytes rest = parts->answer;
	if (!rest.data)
		rest = key_filename(parts->remove_prefix, name);

	*was_escaped = false;
	buffer_reset(key);
	int code = append_part(key, prefix, was_escaped);
	if (code == 0)
		code = append_part(key, rest, was_escaped);
	if (code == ERROR_LOCAL)
		return error_set_memory(err);
	/* a ceiling of the caller's buffer was passed, or ours */
	if (code != 0 || key->size > KEY_CEILING_BYTES)
		return error_set(err, ERROR_INVALID,
				 "key is longer than 1,024 bytes");
	if (key->size == 0)
		return error_set(err, ERROR_INVALID, "key is empty");
	if (memchr(key->data, '\0', key->size))
		return error_set(err, ERROR_INVALID, "key holds a NUL");
	return 0;
}

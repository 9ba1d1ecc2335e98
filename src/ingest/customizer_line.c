#include "ingest/customizer_line.h"

#include <stdint.h>

enum {
	REPLACEMENT = 0xfffd,
	HIGH_FIRST = 0xd800,
	LOW_FIRST = 0xdc00,
	SURROGATES_END = 0xe000,
	TWO_UNITS_FIRST = 0x10000,
	CODE_CEILING = 0x10ffff,
	HALF_BITS = 10
};

/* The code at the start of a text that is not empty; *size its bytes. */
static uint32_t read_code(struct bytes text, size_t *size)
{
	const unsigned char *at = (const unsigned char *)text.data;
	uint32_t code = at[0];

	*size = 1;
	if (code < 0x80)
		return code;
	size_t more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : 1;
	if (code < 0xc2 || code > 0xf4 || more >= text.size)
		return REPLACEMENT;
	code &= 0x3fU >> more;
	for (size_t i = 1; i <= more; i++) {
		if ((at[i] & 0xc0U) != 0x80)
			return REPLACEMENT;
		code = code << 6 | (at[i] & 0x3fU);
	}
	*size = more + 1;
	return code;
}

/* The same; two surrogates count as one. */
static uint32_t read_character(struct bytes text, size_t *size)
{
	uint32_t code = read_code(text, size);

	if (code < HIGH_FIRST || code >= SURROGATES_END)
		return code > CODE_CEILING ? REPLACEMENT : code;
	if (code >= LOW_FIRST || *size == text.size)
		return REPLACEMENT;
	size_t more;
	uint32_t low = read_code(
	    (struct bytes){text.data + *size, text.size - *size}, &more);
	if (low < LOW_FIRST || low >= SURROGATES_END)
		return REPLACEMENT;
	*size += more;
	return TWO_UNITS_FIRST + ((code - HIGH_FIRST) << HALF_BITS) +
	       (low - LOW_FIRST);
}

static int append_code(struct buffer *line, uint32_t code)
{
	if (code >= TWO_UNITS_FIRST) {
		uint32_t rest = code - TWO_UNITS_FIRST;

		return buffer_append_format(
		    line, "\\u%04x\\u%04x", HIGH_FIRST + (rest >> HALF_BITS),
		    LOW_FIRST + (rest & ((1U << HALF_BITS) - 1)));
	}
	if (code < 0x20 || code >= 0x7f || code == '"' || code == '\\')
		return buffer_append_format(line, "\\u%04x", code);
	char plain = (char)code;
	return buffer_append(line, &plain, 1);
}

int customizer_line_append(struct buffer *line, struct bytes text,
			   bool *is_whole)
{
	int rc = buffer_append(line, "\"", 1);

	*is_whole = true;
	while (rc == 0 && text.size > 0) {
		size_t size;
		uint32_t code = read_character(text, &size);

		/* no character, or half a pair: not the one that is meant */
		if (code == REPLACEMENT &&
		    (size < 3 || (unsigned char)text.data[0] == 0xed))
			*is_whole = false;
		rc = append_code(line, code);
		text.data += size;
		text.size -= size;
	}
	return rc ? rc : buffer_append(line, "\"", 1);
}

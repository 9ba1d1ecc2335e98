#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ingest/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether braces make hundreds of a pattern, {1..442}: that takes a thousand
 * times as long, and the fuzzer likes such. test_pattern has them. */
static bool is_many(const char *text)
{
	size_t braces = 0;
	size_t digits = 0;

	for (; *text; text++) {
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
		braces += *text == '{';
		if (digits > 2 || braces > 5)
			return true;
	}
	return false;
}

/* The first line (up to a newline or NUL) is the pattern, the rest the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t length = 0;

	while (length < size && text[length] != '\n' && text[length])
		length++;
	char *pattern_text = text_dup_bytes(text, length);
	bool is_tried = pattern_text && !is_many(pattern_text);
	struct error err = {0};
	struct pattern *pattern =
	    is_tried ? pattern_new(pattern_text, &err) : NULL;
	if (!pattern && is_tried && !err.text[0])
		abort(); /* whoever refuses says why */
	if (pattern && length < size) {
		/* memory of its own, so that a byte too much is seen */
		size_t name_size = size - length - 1;
		char *name = malloc(name_size ? name_size : 1);
		if (name) {
			memcpy(name, text + length + 1, name_size);
			(void)pattern_match(pattern,
					    (struct bytes){name, name_size});
		}
		free(name);
	}
	pattern_free(pattern);
	free(pattern_text);
	return 0;
}

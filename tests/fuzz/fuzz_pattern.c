#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ingest/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line (up to a newline or NUL) is the pattern, the rest the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t length = 0;

	while (length < size && text[length] != '\n' && text[length])
		length++;
	char *pattern_text = text_dup_bytes(text, length);
	struct error err = {0};
	struct pattern *pattern =
	    pattern_text ? pattern_new(pattern_text, &err) : NULL;
	if (!pattern && pattern_text && !err.text[0])
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

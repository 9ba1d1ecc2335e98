#include "base/hash.h"

#include <string.h>

void hash_hex(const unsigned char *digest, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		*text++ = digits[digest[i] >> 4];
		*text++ = digits[digest[i] & 15];
	}
	*text = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hash_unhex(const char *text, unsigned char *digest, size_t size)
{
	if (strlen(text) / 2 != size || strlen(text) % 2 != 0)
		return ERROR_INVALID;
	for (size_t i = 0; i < size; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return ERROR_INVALID;
		digest[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

void hash_base64(const unsigned char *digest, size_t size, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		unsigned group = (unsigned)digest[i] << 16;
		if (left > 1)
			group |= (unsigned)digest[i + 1] << 8;
		if (left > 2)
			group |= digest[i + 2];
		*text++ = digits[group >> 18];
		*text++ = digits[group >> 12 & 63];
		*text++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[group & 63] : '=';
	}
	*text = '\0';
}

#include "s3/s3_value.h"

#include <string.h>

#include "s3/s3_time.h"

enum {
	NUMBER_DIGITS = 18, /* whatever they are, they fit into 63 bits */
	MOST_PARTS = 10000
};

void s3_value_copy(struct bytes text, char *out, size_t size)
{
	size_t length = text.size < size ? text.size : size - 1;

	if (length > 0)
		memcpy(out, text.data, length);
	out[length] = '\0';
}

int64_t s3_value_number(struct bytes text)
{
	int64_t number = 0;

	if (text.size == 0 || text.size > NUMBER_DIGITS)
		return -1;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -1;
		number = number * 10 + (text.data[i] - '0');
	}
	return number;
}

int s3_value_part_number(struct bytes text)
{
	int64_t number = s3_value_number(text);

	return number > 0 && number <= MOST_PARTS ? (int)number : 0;
}

int64_t s3_value_time(struct bytes text)
{
	char copy[64];
	int64_t seconds = 0;

	s3_value_copy(text, copy, sizeof(copy));
	return s3_time_parse(copy, &seconds) ? seconds : 0;
}

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Base64 of exactly size bytes; a composite checksum ("...-3") is none. */
static bool unbase64(const char *text, unsigned char *out, size_t size)
{
	uint32_t bits = 0;
	int bit_count = 0;
	size_t done = 0;

	if (strlen(text) != 4 * ((size + 2) / 3))
		return false;
	for (; *text && *text != '='; text++) {
		int value = base64_value(*text);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		bit_count -= 8;
		if (done == size)
			return false;
		out[done++] = (unsigned char)(bits >> bit_count);
	}
	return done == size && strspn(text, "=") == strlen(text);
}

bool s3_value_crc64(const char *text, uint64_t *crc64)
{
	unsigned char bytes[8];

	if (!unbase64(text, bytes, sizeof(bytes)))
		return false;
	*crc64 = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*crc64 = *crc64 << 8 | bytes[i];
	return true;
}

bool s3_value_sha256(const char *text, unsigned char sha256[HASH_SHA256_BYTES])
{
	return unbase64(text, sha256, HASH_SHA256_BYTES);
}

bool s3_value_etag_md5(const char *etag, unsigned char md5[HASH_MD5_BYTES])
{
	char hex[2 * HASH_MD5_BYTES + 1];
	size_t size = sizeof(hex) - 1 + 2; /* the quotes */

	if (strlen(etag) != size || etag[0] != '"' || etag[size - 1] != '"')
		return false;
	memcpy(hex, etag + 1, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	return hash_unhex(hex, md5, HASH_MD5_BYTES) == 0;
}

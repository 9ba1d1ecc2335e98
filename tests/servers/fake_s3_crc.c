#include "fake_s3.h"

/* CRC-64/NVME bit by bit, one byte's worth in a table made at first use. */
uint64_t crc64_nvme(uint64_t crc, const void *data, size_t size)
{
	static uint64_t table[256];
	static _Atomic bool has_table;
	const unsigned char *bytes = data;

	if (!has_table) {
		for (unsigned i = 0; i < 256; i++) {
			uint64_t value = i;

			for (int bit = 0; bit < 8; bit++)
				value = value & 1
					    ? value >> 1 ^ 0x9a6c9329ac4bc9b5ull
					    : value >> 1;
			table[i] = value;
		}
		has_table = true;
	}
	crc = ~crc;
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
	return ~crc;
}

void base64_of(const unsigned char *data, size_t size, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		unsigned bits = (unsigned)data[i] << 16;

		if (i + 1 < size)
			bits |= (unsigned)data[i + 1] << 8;
		if (i + 2 < size)
			bits |= data[i + 2];
		*out++ = digits[bits >> 18 & 63];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < size ? digits[bits & 63] : '=';
	}
	*out = '\0';
}

void crc64_base64(uint64_t crc, char out[16])
{
	unsigned char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(crc >> (56 - 8 * i));
	base64_of(bytes, sizeof(bytes), out);
}

#include "base/crc64.h"

#include "base/crc64_fold.h"
#include "base/crc64_table.h"
#include "base/hash.h"

/* The polynomial with its bits reversed, as all values here are: the highest
 * bit is the coefficient of x^0. */
#define POLYNOMIAL UINT64_C(0x9a6c9329ac4bc9b5)
#define ONE	   (UINT64_C(1) << 63)

/* Whatever the order of bytes in memory; compilers make one load of it. */
static uint64_t load_little_endian(const unsigned char *data)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)data[i] << (8 * i);
	return value;
}

/* The register, not inverted. */
static uint64_t run_table(uint64_t crc, const unsigned char *at, size_t size)
{
	/* eight bytes at once: table[n] is a byte with n bytes behind it */
	for (; size >= 8; size -= 8, at += 8) {
		crc ^= load_little_endian(at);
		crc =
		    crc64_table[7][crc & 255] ^ crc64_table[6][crc >> 8 & 255] ^
		    crc64_table[5][crc >> 16 & 255] ^
		    crc64_table[4][crc >> 24 & 255] ^
		    crc64_table[3][crc >> 32 & 255] ^
		    crc64_table[2][crc >> 40 & 255] ^
		    crc64_table[1][crc >> 48 & 255] ^ crc64_table[0][crc >> 56];
	}
	for (; size > 0; size--, at++)
		crc = crc >> 8 ^ crc64_table[0][(crc ^ *at) & 255];
	return crc;
}

uint64_t crc64_update_by_table(uint64_t crc, const void *data, size_t size)
{
	return ~run_table(~crc, data, size);
}

uint64_t crc64_update(uint64_t crc, const void *data, size_t size)
{
	const unsigned char *at = data;
	size_t fold_bytes = size / CRC64_FOLD_BYTES * CRC64_FOLD_BYTES;
	unsigned char folded[CRC64_FOLDED_BYTES];

	if (fold_bytes == 0 || !crc64_can_fold())
		return crc64_update_by_table(crc, data, size);
	crc64_fold(~crc, at, fold_bytes, folded);
	crc = run_table(0, folded, sizeof(folded));
	return ~run_table(crc, at + fold_bytes, size - fold_bytes);
}

/* a times b modulo the polynomial. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t product = 0;
	for (; a; a <<= 1) {
		if (a & ONE)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
	}
	return product;
}

/* Size bytes behind A multiply its remainder by x^(8 size). The inversions at
 * start and end of each CRC cancel out. */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b_bytes)
{
	uint64_t power = ONE >> 8;
	for (; size_b_bytes; size_b_bytes >>= 1) {
		if (size_b_bytes & 1)
			crc_a = multiply(crc_a, power);
		power = multiply(power, power);
	}
	return crc_a ^ crc_b;
}

void crc64_text(uint64_t crc, char text[13])
{
	unsigned char bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(crc >> (56 - 8 * i));
	hash_base64(bytes, sizeof(bytes), text);
}

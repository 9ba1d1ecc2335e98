#ifndef S3I_BASE_CRC64_H
#define S3I_BASE_CRC64_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-64/NVME as S3 uses it (polynomial 0xad93d23594c93659, reflected, initial
 * value and final xor all ones); the check value of "123456789" is
 * 0xae8b14860a799888. Start with 0; the result of one call is the start of the
 * next.
 */
uint64_t crc64_update(uint64_t crc, const void *data, size_t size);

/* The same on a processor without carry-less multiplication. */
uint64_t crc64_update_by_table(uint64_t crc, const void *data, size_t size);

/* CRC of A followed by B from both CRCs and the size of B. */
uint64_t crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t size_b_bytes);

/* Base64 of the eight bytes, most significant first, as in the header
 * x-amz-checksum-crc64nvme: 13 bytes with NUL. */
void crc64_text(uint64_t crc, char text[13]);

#endif

#ifndef S3I_BASE_CRC64_FOLD_H
#define S3I_BASE_CRC64_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The part of crc64.c that some processors do by carry-less multiplication. */
enum { CRC64_FOLD_BYTES = 64, CRC64_FOLDED_BYTES = 16 };

/* Whether this one can. */
bool crc64_can_fold(void);

/* Fold size bytes, a multiple of 64 and not 0, that come behind a state of the
 * register: 16 bytes of the same remainder, to go on with from a state of 0. */
void crc64_fold(uint64_t state, const unsigned char *data, size_t size,
		unsigned char folded[CRC64_FOLDED_BYTES]);

#endif

#ifndef S3I_S3_S3_VALUE_H
#define S3I_S3_S3_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/hash.h"

/* The small values in replies. They come from outside: what is not quite one
 * is none. */

/* As much as fits, with a NUL behind it. */
void s3_value_copy(struct bytes text, char *out, size_t size);

/* Digits and nothing else, at most 18 of them; -1: no number. */
int64_t s3_value_number(struct bytes text);

/* 1 to 10,000; 0: none. */
int s3_value_part_number(struct bytes text);

/* Seconds since 1970, see s3_time_parse; 0: none. */
int64_t s3_value_time(struct bytes text);

/* Base64 of the checksum of a whole object; that of one in parts ("...-3") is
 * none. What false leaves behind is undefined. */
bool s3_value_crc64(const char *text, uint64_t *crc64);
bool s3_value_sha256(const char *text, unsigned char sha256[HASH_SHA256_BYTES]);

/* An ETag that looks like an MD5: "d41d8cd98f00b204e9800998ecf8427e", in its
 * quotes; never one with "-N" behind. */
bool s3_value_etag_md5(const char *etag, unsigned char md5[HASH_MD5_BYTES]);

#endif

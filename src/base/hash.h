#ifndef S3I_BASE_HASH_H
#define S3I_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
	HASH_SHA256_BYTES = 32,
	HASH_MD5_BYTES = 16,
	HASH_HEX_BYTES = 2 * HASH_SHA256_BYTES + 1 /* with NUL */
};

struct hash;

enum hash_kind { HASH_SHA256, HASH_MD5 };

/* A running digest; update as often as you like, finish once, reset to start
 * again. Digests are 32 (SHA-256) or 16 (MD5) bytes. 0 or an error code. */
struct hash *hash_new(enum hash_kind kind);
int hash_reset(struct hash *hash);
int hash_update(struct hash *hash, const void *data, size_t size);
int hash_finish(struct hash *hash, unsigned char *digest);
void hash_free(struct hash *hash);

/* One-shot forms. */
int hash_sha256(struct bytes data, unsigned char digest[HASH_SHA256_BYTES]);
int hash_md5(struct bytes data, unsigned char digest[HASH_MD5_BYTES]);

/* HMAC-SHA256 (RFC 2104). */
int hash_hmac_sha256(struct bytes key, struct bytes data,
		     unsigned char digest[HASH_SHA256_BYTES]);

/* Lower-case hex with NUL: text holds 2 * size + 1 bytes. */
void hash_hex(const unsigned char *digest, size_t size, char *text);

/* Hex of any case to bytes; 0, or ERROR_INVALID. */
int hash_unhex(const char *text, unsigned char *digest, size_t size);

/* Base64 (RFC 4648) with padding and NUL: 4 * ((size + 2) / 3) + 1 bytes. */
void hash_base64(const unsigned char *digest, size_t size, char *text);

#endif

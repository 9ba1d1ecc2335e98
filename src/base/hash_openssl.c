#include "base/hash.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

/* The algorithm is fetched once and kept: a fetch for each digest takes locks
 * that many threads would share. */
struct hash {
	EVP_MD *algorithm;
	EVP_MD_CTX *state;
};

struct hash *hash_new(enum hash_kind kind)
{
	struct hash *hash = calloc(1, sizeof(*hash));
	if (!hash)
		return NULL;
	hash->algorithm =
	    EVP_MD_fetch(NULL, kind == HASH_SHA256 ? "SHA2-256" : "MD5", NULL);
	hash->state = EVP_MD_CTX_new();
	if (hash->algorithm && hash->state && hash_reset(hash) == 0)
		return hash;
	hash_free(hash);
	return NULL;
}

int hash_reset(struct hash *hash)
{
	int good = EVP_DigestInit_ex2(hash->state, hash->algorithm, NULL);
	return good == 1 ? 0 : ERROR_LOCAL;
}

int hash_update(struct hash *hash, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	int good = EVP_DigestUpdate(hash->state, data, size);
	return good == 1 ? 0 : ERROR_LOCAL;
}

int hash_finish(struct hash *hash, unsigned char *digest)
{
	int good = EVP_DigestFinal_ex(hash->state, digest, NULL);
	return good == 1 ? 0 : ERROR_LOCAL;
}

void hash_free(struct hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->state);
	EVP_MD_free(hash->algorithm);
	free(hash);
}

int hash_sha256(struct bytes data, unsigned char digest[HASH_SHA256_BYTES])
{
	int good = EVP_Digest(data.size ? data.data : "", data.size, digest,
			      NULL, EVP_sha256(), NULL);
	return good == 1 ? 0 : ERROR_LOCAL;
}

int hash_md5(struct bytes data, unsigned char digest[HASH_MD5_BYTES])
{
	int good = EVP_Digest(data.size ? data.data : "", data.size, digest,
			      NULL, EVP_md5(), NULL);
	return good == 1 ? 0 : ERROR_LOCAL;
}

int hash_hmac_sha256(struct bytes key, struct bytes data,
		     unsigned char digest[HASH_SHA256_BYTES])
{
	unsigned size = 0;
	if (key.size > INT_MAX)
		return ERROR_LOCAL;
	const unsigned char *message =
	    (const unsigned char *)(data.size ? data.data : "");
	if (!HMAC(EVP_sha256(), key.size ? key.data : "", (int)key.size,
		  message, data.size, digest, &size))
		return ERROR_LOCAL;
	return size == HASH_SHA256_BYTES ? 0 : ERROR_LOCAL;
}

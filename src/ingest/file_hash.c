#include "ingest/file_hash.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "platform/file.h"

enum { CHUNK_BYTES = 256 * 1024 };

struct digests {
	struct hash *sha256;
	struct hash *parts; /* of the parts' digests; NULL: no parts */
	int64_t in_part;    /* bytes of the current part so far */
	struct hash *md5;
};

static int digests_update(struct file_hash *hash, struct digests *digests,
			  const char *data, size_t size)
{
	if (hash->want_crc64)
		hash->crc64 = crc64_update(hash->crc64, data, size);
	if (digests->md5 && hash_update(digests->md5, data, size))
		return ENOMEM;
	return hash_update(digests->sha256, data, size) ? ENOMEM : 0;
}

static int end_part(struct digests *digests)
{
	unsigned char sha256[HASH_SHA256_BYTES];

	digests->in_part = 0;
	if (hash_finish(digests->sha256, sha256) ||
	    hash_update(digests->parts, sha256, sizeof(sha256)) ||
	    hash_reset(digests->sha256))
		return ENOMEM;
	return 0;
}

/* How much to read: a chunk ends with its part at the latest. */
static size_t chunk_size(const struct file_hash *hash,
			 const struct digests *digests, int64_t rest)
{
	int64_t size = rest < CHUNK_BYTES ? rest : CHUNK_BYTES;

	if (digests->parts && hash->part_size_bytes - digests->in_part < size)
		size = hash->part_size_bytes - digests->in_part;
	return (size_t)size;
}

static int read_all(struct file_hash *hash, struct digests *digests,
		    char *chunk)
{
	int64_t done = 0;

	while (done < hash->size_bytes) {
		char *place = hash->data ? hash->data + done : chunk;
		int64_t rest = hash->size_bytes - done;
		size_t size = chunk_size(hash, digests, rest);
		size_t got = 0;

		int code = file_read_at(hash->file, hash->offset + done, place,
					size, &got);
		if (code)
			return code;
		code = digests_update(hash, digests, place, got);
		if (code)
			return code;
		if (got < size) {
			hash->is_short = true;
			return 0;
		}
		done += (int64_t)got;
		digests->in_part += (int64_t)got;
		if (digests->parts &&
		    (digests->in_part == hash->part_size_bytes ||
		     done == hash->size_bytes))
			code = end_part(digests);
		if (code)
			return code;
	}
	return 0;
}

void file_hash_run(struct file_hash *hash)
{
	struct digests digests = {
	    .sha256 = hash_new(HASH_SHA256),
	    .parts = hash->part_size_bytes ? hash_new(HASH_SHA256) : NULL,
	    .md5 = hash->want_md5 ? hash_new(HASH_MD5) : NULL,
	};
	char *chunk = hash->data ? NULL : malloc(CHUNK_BYTES);

	hash->crc64 = 0;
	hash->is_short = false;
	hash->system_code = ENOMEM;
	if (!digests.sha256 || (hash->want_md5 && !digests.md5) ||
	    (hash->part_size_bytes && !digests.parts) ||
	    (!chunk && !hash->data))
		goto cleanup;
	hash->system_code = read_all(hash, &digests, chunk);
	if (hash->system_code)
		goto cleanup;
	if (hash_finish(digests.parts ? digests.parts : digests.sha256,
			hash->sha256) ||
	    (digests.md5 && hash_finish(digests.md5, hash->md5)))
		hash->system_code = ENOMEM;

cleanup:
	free(chunk);
	hash_free(digests.md5);
	hash_free(digests.parts);
	hash_free(digests.sha256);
}

static void run_job(struct work_job *job)
{
	file_hash_run((struct file_hash *)job);
}

int file_hash_submit(struct file_hash *hash, struct work *work)
{
	hash->job.run = run_job;
	return work_submit(work, &hash->job);
}

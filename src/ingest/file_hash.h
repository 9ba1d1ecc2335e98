#ifndef S3I_INGEST_FILE_HASH_H
#define S3I_INGEST_FILE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/work.h"

struct file;

/*
 * Digests of a stretch of a file, made in one pass on a worker or at once.
 * Caller's storage; the inputs stay untouched until it was collected.
 */
struct file_hash {
	struct work_job job; /* first: a job is cast back */
	const struct file *file;
	int64_t offset;
	int64_t size_bytes;
	char *data; /* where the bytes are kept as well; NULL: nowhere */
	bool want_crc64;
	bool want_md5;
	/* 0: sha256 is of all bytes. Else it is the SHA-256 of the SHA-256 of
	 * each part of that size in a row, which can be made part by part. */
	int64_t part_size_bytes;
	unsigned char sha256[HASH_SHA256_BYTES];
	unsigned char md5[HASH_MD5_BYTES];
	uint64_t crc64;
	bool is_short;	 /* the file ended before size_bytes */
	int system_code; /* reading failed: errno; ENOMEM for memory */
	void (*done)(struct file_hash *hash);
	void *owner;
	int number; /* the owner's */
};

/* Make the digests now; done is not called. */
void file_hash_run(struct file_hash *hash);

/* Submit to the pool; whoever collects it calls done. 0 or ERROR_LOCAL. */
int file_hash_submit(struct file_hash *hash, struct work *work);

#endif

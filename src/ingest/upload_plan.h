#ifndef S3I_INGEST_UPLOAD_PLAN_H
#define S3I_INGEST_UPLOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* Files from this size on go in parts; the other two are limits of S3
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
#define UPLOAD_MULTIPART_BYTES	  ((int64_t)16 << 20)
#define UPLOAD_PART_CEILING_BYTES ((int64_t)5 << 30)
enum { UPLOAD_PARTS_CEILING = 10000 };

/* Equal parts but for the last. */
struct upload_plan {
	int64_t size_bytes;
	int64_t part_size_bytes;
	int part_count;
};

/* Part size: the wish, or more where 10,000 parts would not hold the file
 * (whole MiB). False: larger than S3 can hold. Pure. */
bool upload_plan_make(int64_t size_bytes, int64_t wish_bytes,
		      struct upload_plan *plan);

/* Place and size of part number 1..part_count. */
int64_t upload_plan_offset(const struct upload_plan *plan, int number);
int64_t upload_plan_size(const struct upload_plan *plan, int number);

#endif

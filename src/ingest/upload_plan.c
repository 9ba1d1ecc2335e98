#include "ingest/upload_plan.h"

#define MIB ((int64_t)1 << 20)

bool upload_plan_make(int64_t size_bytes, int64_t wish_bytes,
		      struct upload_plan *plan)
{
	int64_t least = size_bytes / UPLOAD_PARTS_CEILING +
			(size_bytes % UPLOAD_PARTS_CEILING != 0);
	int64_t part = wish_bytes;

	if (least > part)
		part = (least + MIB - 1) / MIB * MIB;
	if (part < 1 || part > UPLOAD_PART_CEILING_BYTES)
		return false;
	plan->size_bytes = size_bytes;
	plan->part_size_bytes = part;
	plan->part_count = (int)((size_bytes + part - 1) / part);
	if (plan->part_count == 0)
		plan->part_count = 1;
	return true;
}

int64_t upload_plan_offset(const struct upload_plan *plan, int number)
{
	return plan->part_size_bytes * (number - 1);
}

int64_t upload_plan_size(const struct upload_plan *plan, int number)
{
	int64_t rest = plan->size_bytes - upload_plan_offset(plan, number);

	return rest < plan->part_size_bytes ? rest : plan->part_size_bytes;
}

#include "check.h"

#include "ingest/upload_plan.h"

#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

struct row {
	int64_t size_bytes;
	int64_t wish_bytes;
	int64_t part_bytes; /* 0: cannot be held */
	int count;
};

static void parts_fit_the_limits_of_s3(void)
{
	static const struct row rows[] = {
	    {0, 8 * MIB, 8 * MIB, 1},
	    {1, 8 * MIB, 8 * MIB, 1},
	    {16 * MIB, 8 * MIB, 8 * MIB, 2},
	    {16 * MIB + 1, 8 * MIB, 8 * MIB, 3},
	    {80000 * MIB, 8 * MIB, 8 * MIB, 10000},
	    {80000 * MIB + 1, 8 * MIB, 9 * MIB, 8889},
	    {5 * 1024 * GIB, 8 * MIB, 525 * MIB, 9987},
	    {5 * GIB, 5 * GIB, 5 * GIB, 1},
	    {60000 * GIB, 8 * MIB, 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upload_plan plan;
		bool held = upload_plan_make(rows[i].size_bytes,
					     rows[i].wish_bytes, &plan);

		CHECK_INT(held, rows[i].part_bytes != 0);
		if (!held)
			continue;
		CHECK_INT(plan.part_size_bytes, rows[i].part_bytes);
		CHECK_INT(plan.part_count, rows[i].count);
	}
}

static void parts_cover_the_file_without_a_gap(void)
{
	struct upload_plan plan;
	int64_t at = 0;

	CHECK(upload_plan_make(100 * MIB + 17, 8 * MIB, &plan));
	for (int n = 1; n <= plan.part_count; n++) {
		CHECK_INT(upload_plan_offset(&plan, n), at);
		at += upload_plan_size(&plan, n);
	}
	CHECK_INT(at, 100 * MIB + 17);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(parts_fit_the_limits_of_s3),
	    CHECK_TEST(parts_cover_the_file_without_a_gap),
	};
	return CHECK_RUN(tests);
}

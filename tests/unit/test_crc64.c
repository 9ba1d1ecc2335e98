#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/crc64.h"

enum { DATA_BYTES = 20000, SPLITS = 300 };

/* One bit after the other, as the definition says. */
static uint64_t slow_crc(const unsigned char *data, size_t size)
{
	uint64_t crc = UINT64_MAX;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^
			      (crc & 1 ? UINT64_C(0x9a6c9329ac4bc9b5) : 0);
	}
	return ~crc;
}

static void the_check_value(void)
{
	char text[13];
	uint64_t crc = crc64_update(0, "123456789", 9);
	CHECK(crc == UINT64_C(0xae8b14860a799888));
	crc64_text(crc, text);
	CHECK_TEXT(text, "rosUhgp5mIg=");
	CHECK(crc64_update(0, "", 0) == 0);
	CHECK(crc64_update(crc, NULL, 0) == crc);
	crc64_text(0, text);
	CHECK_TEXT(text, "AAAAAAAAAAA=");
}

static void random_splits_are_as_good_as_the_whole(void)
{
	unsigned seed = (unsigned)time(NULL);

	printf("# seed %u\n", seed);
	static unsigned char data[DATA_BYTES];
	srand(seed);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(rand() >> 7);
	uint64_t whole = crc64_update(0, data, sizeof(data));
	CHECK(whole == slow_crc(data, sizeof(data)));

	for (int i = 0; i < SPLITS; i++) {
		size_t cut = (size_t)rand() % (sizeof(data) + 1);
		size_t rest = sizeof(data) - cut;
		uint64_t front = crc64_update(0, data, cut);
		uint64_t back = crc64_update(0, data + cut, rest);
		CHECK(crc64_update(front, data + cut, rest) == whole);
		CHECK(crc64_combine(front, back, rest) == whole);
		CHECK(back == slow_crc(data + cut, rest));
		CHECK(back == crc64_update_by_table(0, data + cut, rest));
	}
}

/* Around the blocks that are folded at once, at any alignment. */
static void every_size_as_the_definition_says(void)
{
	static unsigned char data[600];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167 + (i >> 3));
	for (size_t size = 0; size < 320; size++) {
		const unsigned char *at = data + size % 17;
		CHECK(crc64_update(0, at, size) == slow_crc(at, size));
		CHECK(crc64_update_by_table(0, at, size) == slow_crc(at, size));
	}
}

static void three_parts_in_any_order_of_joining(void)
{
	const char *text = "one part, two parts, three parts";
	uint64_t a = crc64_update(0, text, 8);
	uint64_t b = crc64_update(0, text + 8, 11);
	uint64_t c = crc64_update(0, text + 19, 13);
	uint64_t whole = crc64_update(0, text, 32);
	uint64_t ab = crc64_combine(a, b, 11);
	uint64_t bc = crc64_combine(b, c, 13);
	CHECK(crc64_combine(ab, c, 13) == whole);
	CHECK(crc64_combine(a, bc, 24) == whole);
}

/* Many zero bytes by doubling: sizes that do not fit 32 bits. */
static void sizes_above_four_gigabytes(void)
{
	static const unsigned char zeros[1024];
	uint64_t block = crc64_update(0, zeros, sizeof(zeros));
	uint64_t size = sizeof(zeros);
	while (size < UINT64_C(1) << 40) {
		block = crc64_combine(block, block, size);
		size *= 2;
	}
	uint64_t start = crc64_update(0, "x", 1);
	uint64_t once = crc64_combine(start, block, size);
	uint64_t half = crc64_combine(0, block, size);
	CHECK(half == block);
	CHECK(
	    crc64_combine(once, block, size) ==
	    crc64_combine(start, crc64_combine(block, block, size), 2 * size));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_check_value),
	    CHECK_TEST(every_size_as_the_definition_says),
	    CHECK_TEST(three_parts_in_any_order_of_joining),
	    CHECK_TEST(sizes_above_four_gigabytes),
	    CHECK_TEST(random_splits_are_as_good_as_the_whole),
	};
	return CHECK_RUN(tests);
}

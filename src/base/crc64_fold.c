#include "base/crc64_fold.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define WITH_CLMUL __attribute__((target("pclmul,sse4.1")))

/*
 * Sixteen bytes are a polynomial of degree 127 with its bits reversed, as all
 * of this CRC is. With T bits behind them, their first half weighs x^(T + 64),
 * their second x^T, so both can be multiplied with what that leaves of the
 * CRC's polynomial, and added to the block that lies there. A product of two
 * reversed numbers comes out one bit too high: hence x^(T + 63) and x^(T - 1).
 */
static const struct {
	uint64_t first;
	uint64_t second;
} weights[] = {
    {UINT64_C(0xeadc41fd2ba3d420), UINT64_C(0x21e9761e252621ac)}, /* T 128 */
    {UINT64_C(0xb0bc2e589204f500), UINT64_C(0xe1e0bb9d45d7a44c)}, /* T 256 */
    {UINT64_C(0xbdd7ac0ee1a4a0f0), UINT64_C(0xa3ffdc1fe8e82a8b)}, /* T 384 */
    {UINT64_C(0x0c32cdb31e18a84a), UINT64_C(0x62242240ace5045a)}, /* T 512 */
};

bool crc64_can_fold(void)
{
	return __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("sse4.1");
}

static inline __m128i load(const unsigned char *data)
{
	return _mm_loadu_si128((const __m128i *)(const void *)data);
}

/* The block moved that many blocks on, and added to what is there. */
static inline WITH_CLMUL __m128i fold(__m128i block, int blocks, __m128i there)
{
	const __m128i weight =
	    _mm_set_epi64x((long long)weights[blocks - 1].second,
			   (long long)weights[blocks - 1].first);
	const __m128i first = _mm_clmulepi64_si128(block, weight, 0x00);
	const __m128i second = _mm_clmulepi64_si128(block, weight, 0x11);

	return _mm_xor_si128(_mm_xor_si128(first, second), there);
}

/* Four chains at once, for each multiplication waits for the one before. */
WITH_CLMUL void crc64_fold(uint64_t state, const unsigned char *data,
			   size_t size,
			   unsigned char folded[CRC64_FOLDED_BYTES])
{
	__m128i a =
	    _mm_xor_si128(load(data), _mm_set_epi64x(0, (long long)state));
	__m128i b = load(data + 16);
	__m128i c = load(data + 32);
	__m128i d = load(data + 48);

	for (size_t at = CRC64_FOLD_BYTES; at < size; at += CRC64_FOLD_BYTES) {
		a = fold(a, 4, load(data + at));
		b = fold(b, 4, load(data + at + 16));
		c = fold(c, 4, load(data + at + 32));
		d = fold(d, 4, load(data + at + 48));
	}
	d = fold(a, 3, fold(b, 2, fold(c, 1, d)));
	_mm_storeu_si128((__m128i *)(void *)folded, d);
}

#else

bool crc64_can_fold(void)
{
	return false;
}

void crc64_fold(uint64_t state, const unsigned char *data, size_t size,
		unsigned char folded[CRC64_FOLDED_BYTES])
{
	/* nobody asks */
	(void)state, (void)data, (void)size, (void)folded;
}

#endif

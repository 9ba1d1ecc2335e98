#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static void hex_of(const unsigned char *digest, size_t size,
		   const char *expected)
{
	char text[HASH_HEX_BYTES];
	hash_hex(digest, size, text);
	CHECK_TEXT(text, expected);
}

/* FIPS 180-4 and RFC 1321 examples */
static void published_digests(void)
{
	unsigned char digest[HASH_SHA256_BYTES];
	CHECK_INT(hash_sha256(bytes_of_text("abc"), digest), 0);
	hex_of(digest, HASH_SHA256_BYTES,
	       "ba7816bf8f01cfea414140de5dae2223"
	       "b00361a396177a9cb410ff61f20015ad");
	CHECK_INT(hash_sha256((struct bytes){NULL, 0}, digest), 0);
	hex_of(digest, HASH_SHA256_BYTES,
	       "e3b0c44298fc1c149afbf4c8996fb924"
	       "27ae41e4649b934ca495991b7852b855");
	CHECK_INT(hash_md5(bytes_of_text("message digest"), digest), 0);
	hex_of(digest, HASH_MD5_BYTES, "f96b697d7cb7938d525a2f31aaf161d0");
	CHECK_INT(hash_md5((struct bytes){NULL, 0}, digest), 0);
	hex_of(digest, HASH_MD5_BYTES, "d41d8cd98f00b204e9800998ecf8427e");
}

/* RFC 4231 test cases 2 and 6 */
static void published_macs(void)
{
	unsigned char digest[HASH_SHA256_BYTES];
	CHECK_INT(hash_hmac_sha256(bytes_of_text("Jefe"),
				   bytes_of_text("what do ya want for "
						 "nothing?"),
				   digest),
		  0);
	hex_of(digest, HASH_SHA256_BYTES,
	       "5bdcc146bf60754e6a042426089575c7"
	       "5a003f089d2739839dec58b964ec3843");
	char key[131];
	memset(key, 0xaa, sizeof(key));
	CHECK_INT(hash_hmac_sha256((struct bytes){key, sizeof(key)},
				   bytes_of_text("Test Using Larger Than "
						 "Block-Size Key - Hash Key "
						 "First"),
				   digest),
		  0);
	hex_of(digest, HASH_SHA256_BYTES,
	       "60e431591ee0b67f0d8a26aacbf5b77f"
	       "8e0bc6213728c5140546040f0ee37f54");
	CHECK_INT(hash_hmac_sha256((struct bytes){NULL, 0},
				   (struct bytes){NULL, 0}, digest),
		  0);
	hex_of(digest, HASH_SHA256_BYTES,
	       "b613679a0814d9ec772f95d778c35fc5"
	       "ff1697c493715653c6c712144292c5ad");
}

static void pieces_are_as_good_as_the_whole(enum hash_kind kind)
{
	char data[3000];
	unsigned char whole[HASH_SHA256_BYTES] = {0};
	unsigned char pieces[HASH_SHA256_BYTES] = {0};
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	struct bytes all = {data, sizeof(data)};
	CHECK_INT(kind == HASH_MD5 ? hash_md5(all, whole)
				   : hash_sha256(all, whole),
		  0);
	struct hash *hash = hash_new(kind);
	CHECK(hash != NULL);
	for (int turn = 0; turn < 3; turn++) {
		size_t step = (size_t)turn * 61 + 1;
		for (size_t at = 0; at < sizeof(data); at += step) {
			size_t left = sizeof(data) - at;
			CHECK_INT(hash_update(hash, data + at,
					      left < step ? left : step),
				  0);
		}
		CHECK_INT(hash_update(hash, NULL, 0), 0);
		CHECK_INT(hash_finish(hash, pieces), 0);
		CHECK(memcmp(whole, pieces, sizeof(whole)) == 0);
		CHECK_INT(hash_reset(hash), 0);
	}
	hash_free(hash);
	hash_free(NULL);
}

static void hex_goes_both_ways(void)
{
	unsigned char digest[4];
	CHECK_INT(hash_unhex("00fFa97e", digest, 4), 0);
	hex_of(digest, 4, "00ffa97e");
	CHECK_INT(hash_unhex("", digest, 0), 0);
	CHECK_INT(hash_unhex("00ffa97", digest, 4), ERROR_INVALID);
	CHECK_INT(hash_unhex("00ffa97e0", digest, 4), ERROR_INVALID);
	CHECK_INT(hash_unhex("00ffa97e00", digest, 4), ERROR_INVALID);
	CHECK_INT(hash_unhex("00ffa97g", digest, 4), ERROR_INVALID);
	CHECK_INT(hash_unhex("00ff a97", digest, 4), ERROR_INVALID);
}

/* RFC 4648 section 10 */
static void published_base64(void)
{
	static const char *const expected[] = {
	    "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	for (size_t size = 0; size <= 6; size++) {
		char text[9];
		hash_base64((const unsigned char *)"foobar", size, text);
		CHECK_TEXT(text, expected[size]);
	}
	char text[5];
	hash_base64((const unsigned char *)"\xfb\xff\xfe", 3, text);
	CHECK_TEXT(text, "+//+");
}

static void sha256_of_pieces(void)
{
	pieces_are_as_good_as_the_whole(HASH_SHA256);
}

static void md5_of_pieces(void)
{
	pieces_are_as_good_as_the_whole(HASH_MD5);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(published_digests),  CHECK_TEST(published_macs),
	    CHECK_TEST(hex_goes_both_ways), CHECK_TEST(published_base64),
	    CHECK_TEST(sha256_of_pieces),   CHECK_TEST(md5_of_pieces),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/key.h"

static struct bytes text(const char *c)
{
	return bytes_of_text(c);
}

static void a_key_is_prefix_and_name_without_its_start(void)
{
	static const struct {
		const char *prefix;
		const char *remove;
		const char *answer;
		const char *name;
		const char *key;
		bool escaped;
	} rows[] = {
	    {NULL, NULL, NULL, "a", "a", false},
	    {"", "", NULL, "a/b", "a/b", false},
	    {"in/", NULL, NULL, "a/b", "in/a/b", false},
	    {"in/", "a/", NULL, "a/b", "in/b", false},
	    {"in/", "a", NULL, "a/b", "in//b", false},
	    {"in/", "b/", NULL, "a/b", "in/a/b", false},
	    {NULL, "a/b/c/d", NULL, "a/b", "a/b", false},
	    {"whole", "a/b", NULL, "a/b", "whole", false},
	    {NULL, "../", NULL, "../x", "x", false},
	    {NULL, "/var/log/", NULL, "/var/log/x.gz", "x.gz", false},
	    {"in/", "a/", "2026/b", "a/b", "in/2026/b", false},
	    {"in/", NULL, "", "a/b", "in/", false},
	    {NULL, NULL, NULL, "100%25 a+b&c=d\n", "100%25 a+b&c=d\n", false},
	    {NULL, NULL, NULL, "\xc3\xa9", "\xc3\xa9", false},
	    {NULL, NULL, NULL, "e\xcc\x81", "e\xcc\x81", false},
	    {NULL, NULL, NULL, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", false},
	    {NULL, NULL, NULL, "\xe9t\xe9", "%E9t%E9", true},
	    {NULL, NULL, NULL, "a\xff\xc3\xa9", "a%FF\xc3\xa9", true},
	    {NULL, NULL, NULL, "\xc0\xaf", "%C0%AF", true},
	    {NULL, NULL, NULL, "\xed\xa0\x80", "%ED%A0%80", true},
	    {NULL, NULL, NULL, "\xe2\x82", "%E2%82", true},
	    {NULL, NULL, NULL, "\xf4\x90\x80\x80", "%F4%90%80%80", true},
	    {"p\xc3\xa9/", NULL, "\x80", "x", "p\xc3\xa9/%80", true},
	    /* a removed prefix may cut through a sequence */
	    {NULL, "\xc3", NULL, "\xc3\xa9", "%A9", true},
	};

	struct buffer key = {0};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct key_parts parts = {rows[i].prefix, rows[i].remove,
					  text(rows[i].answer)};
		bool escaped = !rows[i].escaped;
		CHECK_INT(
		    key_build(&parts, text(rows[i].name), &key, &escaped, NULL),
		    0);
		CHECK_TEXT(key.data, rows[i].key);
		CHECK_INT(escaped, rows[i].escaped);
	}
	buffer_clear(&key);
}

static void a_key_has_1024_bytes_at_most(void)
{
	char name[KEY_CEILING_BYTES + 1];
	memset(name, 'n', sizeof(name));
	struct key_parts parts = {0};
	struct buffer key = {0};
	struct error err = {0};
	bool escaped;
	CHECK_INT(key_build(&parts, (struct bytes){name, KEY_CEILING_BYTES},
			    &key, &escaped, &err),
		  0);
	CHECK_INT(key.size, KEY_CEILING_BYTES);
	CHECK_INT(key_build(&parts, (struct bytes){name, KEY_CEILING_BYTES + 1},
			    &key, &escaped, &err),
		  ERROR_INVALID);
	CHECK_TEXT(err.text, "key is longer than 1,024 bytes");

	/* escaping makes it longer */
	memset(name, 0xff, sizeof(name));
	CHECK_INT(
	    key_build(&parts, (struct bytes){name, 342}, &key, &escaped, NULL),
	    ERROR_INVALID);
	CHECK_INT(
	    key_build(&parts, (struct bytes){name, 341}, &key, &escaped, NULL),
	    0);

	struct buffer tight = {.ceiling_bytes = 2};
	CHECK_INT(key_build(&parts, text("abc"), &tight, &escaped, NULL),
		  ERROR_INVALID);
	buffer_clear(&tight);
	buffer_clear(&key);
}

static void a_key_is_not_empty_and_holds_no_nul(void)
{
	struct key_parts parts = {NULL, "a", {NULL, 0}};
	struct buffer key = {0};
	struct error err = {0};
	bool escaped;
	CHECK_INT(key_build(&parts, text("a"), &key, &escaped, &err),
		  ERROR_INVALID);
	CHECK_TEXT(err.text, "key is empty");
	error_clear(&err);
	parts.answer = (struct bytes){"a\0b", 3};
	CHECK_INT(key_build(&parts, text("a"), &key, &escaped, &err),
		  ERROR_INVALID);
	CHECK_TEXT(err.text, "key holds a NUL");
	buffer_clear(&key);
}

static void a_filename_is_the_name_without_its_start(void)
{
	CHECK(bytes_equal(key_filename("logs/", text("logs/a")), text("a")));
	CHECK(bytes_equal(key_filename("logs/", text("log")), text("log")));
	CHECK(bytes_equal(key_filename(NULL, text("logs/a")), text("logs/a")));
	CHECK(bytes_equal(key_filename("", text("a")), text("a")));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_key_is_prefix_and_name_without_its_start),
	    CHECK_TEST(a_key_has_1024_bytes_at_most),
	    CHECK_TEST(a_key_is_not_empty_and_holds_no_nul),
	    CHECK_TEST(a_filename_is_the_name_without_its_start),
	};
	return CHECK_RUN(tests);
}

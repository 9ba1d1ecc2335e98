#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

static void appending_keeps_a_nul_behind_the_end(void)
{
	struct buffer buffer = {0};
	CHECK_INT(buffer_append(&buffer, NULL, 0), 0);
	CHECK_TEXT(buffer.data, "");
	CHECK_INT(buffer_append_text(&buffer, "abc"), 0);
	CHECK_INT(buffer_append_format(&buffer, "-%d-%s", 7, "x"), 0);
	CHECK_TEXT(buffer.data, "abc-7-x");
	CHECK_INT(buffer.size, 7);
	CHECK_INT(buffer_append(&buffer, "\0y", 2), 0);
	CHECK_INT(buffer.size, 9);
	CHECK_INT(buffer.data[9], 0);
	buffer_reset(&buffer);
	CHECK_TEXT(buffer.data, "");
	CHECK_INT(buffer_bytes(&buffer).size, 0);
	buffer_wipe(&buffer);
	CHECK(buffer.data == NULL);
	buffer_clear(&buffer);
}

static void it_grows(void)
{
	struct buffer buffer = {0};
	for (int i = 0; i < 100000; i++)
		CHECK_INT(buffer_append_format(&buffer, "%05d", i), 0);
	CHECK_INT(buffer.size, 500000);
	CHECK(memcmp(buffer.data + 5 * 54321, "5432154322", 10) == 0);
	CHECK_INT(buffer_reserve(&buffer, SIZE_MAX - 10), ERROR_LOCAL);
	CHECK_INT(buffer.size, 500000);
	buffer_clear(&buffer);
}

static void a_ceiling_holds_and_changes_nothing(void)
{
	struct buffer buffer = {.ceiling_bytes = 5};
	CHECK_INT(buffer_append_text(&buffer, "abcde"), 0);
	CHECK_INT(buffer_append_text(&buffer, "f"), ERROR_INVALID);
	CHECK_INT(buffer_append_format(&buffer, "%d", 1), ERROR_INVALID);
	CHECK_INT(buffer_append(&buffer, "", 0), 0);
	CHECK_TEXT(buffer.data, "abcde");
	buffer_clear(&buffer);
	CHECK_INT(buffer.ceiling_bytes, 5);
}

static void memory_changes_hands(void)
{
	struct buffer buffer = {0};
	CHECK(buffer_steal(&buffer) == NULL);
	CHECK_INT(buffer_append_text(&buffer, "mine"), 0);
	char *text = buffer_steal(&buffer);
	CHECK_TEXT(text, "mine");
	CHECK(buffer.data == NULL && buffer.size == 0);
	free(text);
}

static void copies_are_equal(void)
{
	char *a = text_dup("a text");
	char *b = text_dup_bytes("a text and more", 6);
	char *c = text_format("a %s", "text");
	CHECK_TEXT(a, "a text");
	CHECK_TEXT(b, "a text");
	CHECK_TEXT(c, "a text");
	free(a);
	free(b);
	free(c);
}

static void bytes_are_ordered_unsigned(void)
{
	struct bytes empty = {NULL, 0};
	CHECK(bytes_equal(empty, bytes_of_text("")));
	CHECK(!bytes_equal(empty, bytes_of_text("a")));
	CHECK(bytes_equal(bytes_of_text("ab"), bytes_of_text("ab")));
	CHECK(bytes_compare(empty, bytes_of_text("")) == 0);
	CHECK(bytes_compare(empty, bytes_of_text("a")) < 0);
	CHECK(bytes_compare(bytes_of_text("ab"), bytes_of_text("a")) > 0);
	CHECK(bytes_compare(bytes_of_text("a"), bytes_of_text("\xff")) < 0);
	CHECK(bytes_compare(bytes_of_text("b"), bytes_of_text("ab")) > 0);
	CHECK_INT(bytes_of_text(NULL).size, 0);
}

static void utf8_is_what_the_rfc_says(void)
{
	static const struct {
		const char *text;
		bool good;
	} table[] = {
	    {"", true},
	    {"plain", true},
	    {"\x7f", true},
	    {"\xc2\x80", true},
	    {"\xdf\xbf", true},
	    {"\xe0\xa0\x80", true},
	    {"\xed\x9f\xbf", true},
	    {"\xee\x80\x80", true},
	    {"\xef\xbf\xbf", true},
	    {"\xf0\x90\x80\x80", true},
	    {"\xf4\x8f\xbf\xbf", true},
	    {"a\xc3\xa4z", true},
	    {"\x80", false},
	    {"\xbf", false},
	    {"\xc0\x80", false}, /* overlong */
	    {"\xc1\xbf", false},
	    {"\xe0\x9f\xbf", false},
	    {"\xf0\x8f\xbf\xbf", false},
	    {"\xed\xa0\x80", false}, /* surrogates */
	    {"\xed\xbf\xbf", false},
	    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
	    {"\xf5\x80\x80\x80", false},
	    {"\xff", false},
	    {"\xc3", false}, /* cut off */
	    {"\xe2\x82", false},
	    {"\xf0\x9f\x98", false},
	    {"\xc3(", false},
	    {"\xe2\x28\xa1", false},
	    {"\xe2\x82(", false},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CHECK_INT(text_is_utf8(bytes_of_text(table[i].text)),
			  table[i].good);
	CHECK(text_is_utf8((struct bytes){"a\0b", 3}));
	CHECK(text_is_utf8((struct bytes){NULL, 0}));
}

static void texts_are_joined(void)
{
	struct buffer buffer = {.ceiling_bytes = 8};
	CHECK_INT(buffer_append_texts(&buffer, "a", "", "bc", (char *)NULL), 0);
	CHECK_STR(buffer.data, "abc");
	/* all of it or nothing */
	CHECK_INT(buffer_append_texts(&buffer, "def", "ghijk", (char *)NULL),
		  ERROR_INVALID);
	CHECK_STR(buffer.data, "abc");
	CHECK_INT(buffer.size, 3);
	buffer_clear(&buffer);

	char *text = text_join("x", ": ", "y", (char *)NULL);
	CHECK_STR(text, "x: y");
	free(text);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(appending_keeps_a_nul_behind_the_end),
	    CHECK_TEST(it_grows),
	    CHECK_TEST(a_ceiling_holds_and_changes_nothing),
	    CHECK_TEST(memory_changes_hands),
	    CHECK_TEST(copies_are_equal),
	    CHECK_TEST(bytes_are_ordered_unsigned),
	    CHECK_TEST(utf8_is_what_the_rfc_says),
	    CHECK_TEST(texts_are_joined),
	};
	return CHECK_RUN(tests);
}

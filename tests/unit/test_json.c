#include "check.h"

#include <string.h>

#include "base/json.h"

static void round_trip(const char *text, const char *expected)
{
	struct error err = {0};
	struct buffer out = {0};
	json_t *value = json_parse(bytes_of_text(text), &err);
	CHECK(value != NULL);
	CHECK_INT(json_append(value, false, &out, &err), 0);
	CHECK_TEXT(out.data, expected);
	json_decref(value);
	buffer_clear(&out);
}

static void documents_keep_their_order(void)
{
	round_trip("{\"z\":1,\"a\":{\"y\":[],\"b\":null}}",
		   "{\"z\":1,\"a\":{\"y\":[],\"b\":null}}");
	round_trip(" [ true , false , \"x\\u00e4\\n\" ] ",
		   "[true,false,\"x\xc3\xa4\\n\"]");
	round_trip("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
	round_trip("\xef\xbb\xbf{}", "{}");
	round_trip("\"a text\"", "\"a text\"");
	round_trip("\"a\\u0000b\"", "\"a\\u0000b\"");
	round_trip("17", "17");
}

static void bad(const char *text, const char *place)
{
	struct error err = {0};
	CHECK(json_parse(bytes_of_text(text), &err) == NULL);
	CHECK_INT(err.code, ERROR_INVALID);
	CHECK(strncmp(err.text, place, strlen(place)) == 0);
}

static void bad_texts_name_line_and_column(void)
{
	bad("", "line 1, column ");
	bad("{", "line 1, column ");
	bad("{\n\n  x}", "line 3, column 3: ");
	bad("[1,]", "line 1, column 4: ");
	bad("{} {}", "line 1, column ");
	bad("[\"\xff\"]", "line 1, column ");
	bad("[1}", "line 1, column 3: ");
	bad("nul", "line 1, column ");
}

static void a_secret_is_not_quoted(void)
{
	struct error err = {0};
	const char *text = "{\"secret_access_key\": SECRETSECRET}";
	CHECK(json_parse(bytes_of_text(text), &err) == NULL);
	CHECK(strstr(err.text, "SECRET") == NULL);
	error_clear(&err);
	text = "{\"secret_access_key\": \"SECRETSECRET\" \"SECRET\"}";
	CHECK(json_parse(bytes_of_text(text), &err) == NULL);
	CHECK(strstr(err.text, "SECRET") == NULL);
}

static json_t *parse_nested(int depth, struct error *err)
{
	struct buffer text = {0};
	for (int i = 0; i < depth; i++)
		CHECK_INT(buffer_append_text(&text, "["), 0);
	for (int i = 0; i < depth; i++)
		CHECK_INT(buffer_append_text(&text, "]"), 0);
	json_t *value = json_parse(buffer_bytes(&text), err);
	buffer_clear(&text);
	return value;
}

static void depth_has_a_ceiling(void)
{
	struct error err = {0};
	json_t *value = parse_nested(JSON_CEILING_DEPTH, &err);
	CHECK(value != NULL);
	json_decref(value);
	CHECK(parse_nested(JSON_CEILING_DEPTH + 1, &err) == NULL);
	CHECK_TEXT(err.text, "line 1, column 65: more than 64 levels");
	error_clear(&err);
	CHECK(parse_nested(1000000, &err) == NULL);
	CHECK_INT(err.code, ERROR_INVALID);

	struct buffer text = {0};
	CHECK_INT(buffer_append_text(&text, "[\"\\\\\\\""), 0);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(buffer_append_text(&text, "[{"), 0);
	CHECK_INT(buffer_append_text(&text, "\"]"), 0);
	value = json_parse(buffer_bytes(&text), NULL);
	CHECK(value != NULL); /* brackets in a text are no levels */
	json_decref(value);
	buffer_clear(&text);
}

static void size_has_a_ceiling(void)
{
	struct error err = {0};
	struct buffer text = {0};
	CHECK_INT(buffer_reserve(&text, JSON_CEILING_BYTES + 1), 0);
	memset(text.data, ' ', JSON_CEILING_BYTES + 1);
	struct bytes bytes = {text.data, JSON_CEILING_BYTES + 1};
	text.data[0] = '1';
	CHECK(json_parse(bytes, &err) == NULL);
	CHECK_INT(err.code, ERROR_INVALID);
	bytes.size--;
	json_t *value = json_parse(bytes, NULL);
	CHECK(json_is_integer(value));
	json_decref(value);
	buffer_clear(&text);
}

static void an_object_must_be_one(void)
{
	struct error err = {0};
	CHECK(json_parse_object(bytes_of_text("[]"), &err) == NULL);
	CHECK_INT(err.code, ERROR_INVALID);
	json_t *value = json_parse_object(bytes_of_text("{}"), NULL);
	CHECK(json_is_object(value));
	json_decref(value);
}

static void files_are_readable(void)
{
	struct buffer out = {0};
	json_t *value = json_parse(bytes_of_text("{\"b\":[1],\"a\":2}"), NULL);
	CHECK_INT(json_append(value, true, &out, NULL), 0);
	CHECK_TEXT(out.data, "{\n  \"b\": [\n    1\n  ],\n  \"a\": 2\n}\n");
	json_decref(value);
	buffer_clear(&out);
}

static void a_failed_append_leaves_nothing(void)
{
	struct error err = {0};
	struct buffer out = {.ceiling_bytes = 8};
	CHECK_INT(buffer_append_text(&out, "abc"), 0);
	json_t *value = json_parse(bytes_of_text("[1,2,3,4,5]"), NULL);
	CHECK_INT(json_append(value, false, &out, &err), ERROR_INVALID);
	CHECK_TEXT(out.data, "abc");
	json_decref(value);
	buffer_clear(&out);
}

static void members_are_found_or_not(void)
{
	json_t *value = json_parse(
	    bytes_of_text("{\"a\":\"x\",\"b\":1,\"c\":\"x\\u0000y\"}"), NULL);
	CHECK_TEXT(json_member_text(value, "a"), "x");
	CHECK(json_member_text(value, "b") == NULL);
	CHECK(json_member_text(value, "c") == NULL);
	CHECK(json_member_text(value, "d") == NULL);
	CHECK_INT(json_set_take(value, "a", json_string("y"), NULL), 0);
	CHECK_TEXT(json_member_text(value, "a"), "y");
	CHECK_INT(json_set_take(value, "z", NULL, NULL), ERROR_LOCAL);
	json_decref(value);
}

static void text_of(const char *data, size_t size, const char *expected)
{
	json_t *value = json_text_of_bytes((struct bytes){data, size});
	CHECK_TEXT(json_string_value(value), expected);
	json_decref(value);
}

static void any_bytes_become_a_text(void)
{
	text_of(NULL, 0, "");
	text_of("a\xc3\xa4\xf0\x9f\x98\x80", 7, "a\xc3\xa4\xf0\x9f\x98\x80");
	text_of("a\xff"
		"b",
		3, "a%FFb");
	text_of("\xc3\xa4\xc3", 3, "\xc3\xa4%C3");
	text_of("\xed\xa0\x80z", 4, "%ED%A0%80z");
	text_of("\xf0\x9f\x98", 3, "%F0%9F%98");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(documents_keep_their_order),
	    CHECK_TEST(bad_texts_name_line_and_column),
	    CHECK_TEST(a_secret_is_not_quoted),
	    CHECK_TEST(depth_has_a_ceiling),
	    CHECK_TEST(size_has_a_ceiling),
	    CHECK_TEST(an_object_must_be_one),
	    CHECK_TEST(files_are_readable),
	    CHECK_TEST(a_failed_append_leaves_nothing),
	    CHECK_TEST(members_are_found_or_not),
	    CHECK_TEST(any_bytes_become_a_text),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "ingest/bucket_page.h"
#include "s3/s3.h"

enum { MOST = 8 };

static struct bytes text(const char *s)
{
	return bytes_of_text(s);
}

static size_t count_of(const char *const *keys)
{
	size_t count = 0;

	while (count < MOST && keys[count])
		count++;
	return count;
}

/* Object i has i bytes and was modified at 100 + i. */
static void fill(struct s3_listing *listing, struct s3_listed *objects,
		 const char *const *keys)
{
	listing->objects = objects;
	listing->count = count_of(keys);
	for (size_t i = 0; i < listing->count; i++)
		objects[i] = (struct s3_listed){.key = text(keys[i]),
						.size_bytes = (int64_t)i,
						.modified_s = 100 + (int64_t)i,
						.etag = "\"e\""};
}

struct merge_row {
	const char *name;
	const char *listed[MOST];
	bool is_truncated;
	const char *asked[MOST]; /* ascending */
	/* for each: the place of the object, '-' absent, '>' behind the page */
	const char *answers;
};

static void a_batch_is_merged_with_a_page(void)
{
	static const struct merge_row rows[] = {
	    {"all there", {"a", "b", "c"}, false, {"a", "b", "c"}, "012"},
	    {"half there",
	     {"a", "c", "e"},
	     false,
	     {"a", "b", "c", "d", "e", "f"},
	     "0-1-2-"},
	    {"nothing there", {0}, false, {"a", "b"}, "--"},
	    {"nothing there, but the listing goes on",
	     {0},
	     true,
	     {"a", "b"},
	     ">>"},
	    {"up to the last key of a page that goes on",
	     {"b", "d"},
	     true,
	     {"a", "b", "c", "d", "dd", "e"},
	     "-0-1>>"},
	    {"behind the last key of the last page",
	     {"b", "d"},
	     false,
	     {"d", "dd", "e"},
	     "1--"},
	    {"others before, between and behind",
	     {"A", "B", "b", "bb", "bbb", "z"},
	     true,
	     {"a", "b", "bbc", "y"},
	     "-2--"},
	    {"a key that begins as another",
	     {"a", "a/", "a/b"},
	     false,
	     {"a", "a.", "a/", "a/b", "a/bc"},
	     "0-12-"},
	    {"bytes beyond ASCII are greater",
	     {"z", "\xc3\xa4"},
	     false,
	     {"a", "z", "\xc3\xa4", "\xc3\xa5"},
	     "-01-"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct merge_row *row = &rows[i];
		struct s3_listed objects[MOST];
		struct s3_listing listing = {.is_truncated = row->is_truncated};
		struct bucket_page page = {.listing = &listing};
		char got[MOST + 1] = "";

		fill(&listing, objects, row->listed);
		for (size_t j = 0; j < count_of(row->asked); j++) {
			struct bucket_listed said;
			bool told =
			    bucket_page_ask(&page, text(row->asked[j]), &said);

			got[j] = !told ? '>'
				 : !said.is_there
				     ? '-'
				     : (char)('0' + said.size_bytes);
			if (told && said.is_there)
				CHECK_INT(said.modified_s,
					  100 + said.size_bytes);
		}
		if (!CHECK_TEXT(got, row->answers))
			(void)printf("# in: %s\n", row->name);
	}
}

static void an_etag_is_told_if_it_may_be_an_md5(void)
{
	static const char md5[] = "\"d41d8cd98f00b204e9800998ecf8427e\"";
	struct s3_listed objects[2] = {
	    {.key = {"a", 1}, .size_bytes = -1},
	    {.key = {"b", 1}, .size_bytes = 0},
	};
	struct s3_listing listing = {.objects = objects, .count = 2};
	struct bucket_page page = {.listing = &listing};
	struct bucket_listed said;

	(void)strcpy(objects[0].etag, md5);
	memset(objects[1].etag, 'x', sizeof(objects[1].etag) - 1);
	CHECK(bucket_page_ask(&page, text("a"), &said));
	CHECK_TEXT(said.etag, md5);
	CHECK_INT(said.size_bytes, -1);
	CHECK(bucket_page_ask(&page, text("b"), &said));
	CHECK_TEXT(said.etag, "");
}

static void only_a_page_in_order_is_sound(void)
{
	static const struct {
		const char *after;
		const char *keys[MOST];
		bool is_sound;
	} rows[] = {
	    {"", {0}, true},
	    {"", {"a", "b", "c"}, true},
	    {"a", {"aa", "b"}, true},
	    {"", {"a", "a"}, false},
	    {"", {"b", "a"}, false},
	    {"", {"a", "c", "b"}, false},
	    /* start-after is not heeded */
	    {"b", {"a", "b", "c"}, false},
	    {"b", {"b", "c"}, false},
	    /* not the order of bytes */
	    {"", {"a", "B"}, false},
	    {"", {"\xc3\xa4", "z"}, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct s3_listed objects[MOST];
		struct s3_listing listing = {0};

		fill(&listing, objects, rows[i].keys);
		if (!CHECK_INT(
			bucket_page_is_sound(&listing, text(rows[i].after)),
			rows[i].is_sound))
			(void)printf("# row %zu\n", i);
	}
}

static void a_listing_starts_before_the_first_key(void)
{
	static const struct {
		const char *key;
		const char *before;
	} rows[] = {
	    {"", ""},
	    {"a", ""},
	    {"logs/a1", "logs/a"},
	    {"\xc3\xa4", ""},
	    {"x\xc3\xa4", "x"},
	    {"x\xe2\x82\xac", "x"},
	    {"x\xf0\x9f\x98\x80", "x"},
	    {"\xc3\xa4y", "\xc3\xa4"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes before = bucket_page_before(text(rows[i].key));

		if (!CHECK(bytes_equal(before, text(rows[i].before))))
			(void)printf("# row %zu\n", i);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_batch_is_merged_with_a_page),
	    CHECK_TEST(an_etag_is_told_if_it_may_be_an_md5),
	    CHECK_TEST(only_a_page_in_order_is_sound),
	    CHECK_TEST(a_listing_starts_before_the_first_key),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "ingest/merge.h"
#include "ingest/scan.h"

/* Files and rows as words; "!name" is a failed one, "#" ends in an error. */
struct side {
	const char *at;
	char word[64];
	struct ledger_facts row;
	bool has_word;
};

static bool next_word(struct side *side)
{
	while (*side->at == ' ')
		side->at++;
	size_t size = strcspn(side->at, " ");
	memcpy(side->word, side->at, size);
	side->word[size] = '\0';
	side->at += size;
	return size > 0;
}

static int next_file(void *context, struct scan_item *item, struct error *err)
{
	struct side *side = context;
	*item = (struct scan_item){.kind = SCAN_END};
	if (!next_word(side))
		return 0;
	if (side->word[0] == '#')
		return error_set(err, ERROR_LOCAL, "no more files");
	bool failed = side->word[0] == '!';
	item->kind = failed ? SCAN_FAILED : SCAN_FILE;
	item->name = bytes_of_text(side->word + failed);
	return 0;
}

static int peek_row(void *context, const struct ledger_facts **row,
		    struct error *err)
{
	struct side *side = context;
	if (!side->has_word)
		side->has_word = next_word(side);
	if (side->word[0] == '#')
		return error_set(err, ERROR_LOCAL, "no more rows");
	side->row.name = bytes_of_text(side->word);
	*row = side->has_word ? &side->row : NULL;
	return 0;
}

static void advance_row(void *context)
{
	struct side *side = context;
	CHECK(side->has_word);
	side->has_word = false;
}

/* What comes out, as words: +new =known -gone !failed ?disorder. */
static const char *merged(const char *files, const char *rows)
{
	static char text[1024];
	struct side left = {.at = files};
	struct side right = {.at = rows};
	struct merge_source source = {next_file, &left, peek_row, advance_row,
				      &right};
	struct merge *merge = merge_new(&source);
	struct error err = {0};
	struct merge_item item;
	size_t used = 0;
	text[0] = '\0';
	for (;;) {
		if (merge_next(merge, &item, &err) != 0) {
			(void)snprintf(text + used, sizeof(text) - used, "(%s)",
				       err.text);
			break;
		}
		if (item.kind == MERGE_END)
			break;
		CHECK_INT(item.row != NULL,
			  item.kind == MERGE_KNOWN || item.kind == MERGE_GONE);
		CHECK_INT(item.file != NULL, item.kind != MERGE_GONE);
		if (item.row)
			CHECK(bytes_equal(item.row->name, item.name));
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%c%.*s ", "+=-!?"[item.kind],
					 (int)item.name.size, item.name.data);
	}
	if (err.code == 0) {
		CHECK_INT(merge_next(merge, &item, &err), 0);
		CHECK_INT(item.kind, MERGE_END);
	}
	merge_free(merge);
	return text;
}

static void two_sequences_become_one(void)
{
	CHECK_TEXT(merged("", ""), "");
	CHECK_TEXT(merged("a b", ""), "+a +b ");
	CHECK_TEXT(merged("", "a b"), "-a -b ");
	CHECK_TEXT(merged("a b c", "a b c"), "=a =b =c ");
	CHECK_TEXT(merged("a c e", "b c d"), "+a -b =c -d +e ");
	CHECK_TEXT(merged("b", "a b c"), "-a =b -c ");
	CHECK_TEXT(merged("a-b a/b a0", "a.c a/b"), "+a-b -a.c =a/b +a0 ");
	CHECK_TEXT(merged("\xff", "a \xfe"), "-a -\xfe +\xff ");
}

static void rows_beneath_a_failed_folder_stay(void)
{
	CHECK_TEXT(merged("!b/", "a b/1 b/2/3 b0"), "-a !b/ -b0 ");
	CHECK_TEXT(merged("!b/ c", "b b/1 c"), "-b !b/ =c ");
	CHECK_TEXT(merged("a !b/ d", "b/1 b/2 c"), "+a !b/ -c +d ");
	/* the empty name is the folder of all */
	CHECK_TEXT(merged("!", "a b/c"), "! ");
	CHECK_TEXT(merged("!/ ", "/a /b/c"), "!/ ");
	/* nested, and the outer one still holds */
	CHECK_TEXT(merged("!b/ !b/c/", "b/a b/c/d b/e"), "!b/ !b/c/ ");
}

static void rows_at_a_failed_name_stay(void)
{
	CHECK_TEXT(merged("!b", "a b c"), "-a !b -c ");
	/* it may have been a folder; between, other names sort */
	CHECK_TEXT(merged("!b", "b b.c b/d b0"), "!b -b.c -b0 ");
	CHECK_TEXT(merged("!b !b.c", "b b.c b.d b/e bb"), "!b !b.c -b.d -bb ");
	CHECK_TEXT(merged("!b !b-1 !b-2 c", "b b-1 b-1/x b-2 b-3 b/e c"),
		   "!b !b-1 !b-2 -b-3 =c ");
}

static void a_file_in_a_failed_folder_was_seen(void)
{
	CHECK_TEXT(merged("!b/ b/2 b/3", "b/1 b/2 b/4"), "!b/ =b/2 +b/3 ");
	CHECK_TEXT(merged("!b/ b/2 b/4", "b/1 b/3 b/4"), "!b/ +b/2 =b/4 ");
}

static void a_name_that_is_not_greater_is_not_passed_on(void)
{
	CHECK_TEXT(merged("a a b", ""), "+a ?a +b ");
	CHECK_TEXT(merged("b a c", "a b c"), "-a =b ?a =c ");
	CHECK_TEXT(merged("b a a/b c", ""), "+b ?a ?a/b +c ");
	CHECK_TEXT(merged("a/b a", "a a/b"), "-a =a/b ?a ");
	/* a folder that fails when some of it was given keeps the rest */
	CHECK_TEXT(merged("b/1 b/3 !b/ c", "b/2 b/3 b/4 d"),
		   "+b/1 -b/2 =b/3 !b/ +c -d ");
}

static void an_error_of_a_side_ends_it(void)
{
	CHECK_TEXT(merged("a #", "a b"), "=a (no more files)");
	CHECK_TEXT(merged("a b", "a #"), "=a (no more rows)");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(two_sequences_become_one),
	    CHECK_TEST(rows_beneath_a_failed_folder_stay),
	    CHECK_TEST(rows_at_a_failed_name_stay),
	    CHECK_TEST(a_file_in_a_failed_folder_was_seen),
	    CHECK_TEST(a_name_that_is_not_greater_is_not_passed_on),
	    CHECK_TEST(an_error_of_a_side_ends_it),
	};
	return CHECK_RUN(tests);
}

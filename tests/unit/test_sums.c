#include "check.h"

#include <stdlib.h>

#include "agent/sums.h"
#include "base/json.h"
#include "ingest/ingest.h"

static void sums_grow_and_the_others_are_of_the_last_run(void)
{
	struct sums sums = {0};
	struct buffer text = {0};
	struct ingest_result first = {
	    .added = 2, .bytes = 10, .skipped = 5, .unchanged = 1};
	struct ingest_result second = {
	    .added = 1, .updated = 3, .bytes = 5, .failed = 1};

	second.errors[0] = (char[]){"a\xff: gone"};
	second.error_count = 1;
	sums_add(&sums, &first);
	sums_add(&sums, &second);
	json_t *result = sums_result(&sums, &second, NULL);
	CHECK_INT(json_append(result, false, &text, NULL), 0);
	CHECK_TEXT(text.data,
		   "{\"added\":3,\"updated\":3,\"skipped\":0,\"ignored\":0,"
		   "\"unchanged\":0,\"delayed\":0,\"failed\":1,\"deleted\":0,"
		   "\"bytes\":15,\"errors\":[\"a%FF: gone\"],\"runs\":2}");
	buffer_clear(&text);
	json_decref(result);
}

static void a_note_brings_them_back(void)
{
	struct sums sums = {1, 2, 3, INT64_C(1) << 40, 4};
	struct sums loaded;
	char *note = sums_store(&sums);

	sums_load(&loaded, note);
	CHECK_INT(loaded.added, 1);
	CHECK_INT(loaded.updated, 2);
	CHECK_INT(loaded.deleted, 3);
	CHECK_INT(loaded.bytes, INT64_C(1) << 40);
	CHECK_INT(loaded.runs, 4);
	free(note);
}

static void nothing_is_no_note_and_rubbish_is_nothing(void)
{
	static const char *const notes[] = {"", "x", "[]", "{\"added\":-1}",
					    "{\"added\":\"1\"}"};
	struct sums sums = {0};

	CHECK(sums_store(&sums) == NULL);
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		sums.added = 9;
		sums_load(&sums, notes[i]);
		CHECK(!sums_has_work(&sums));
	}
	sums_load(&sums, NULL);
	CHECK(!sums_has_work(&sums));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(sums_grow_and_the_others_are_of_the_last_run),
	    CHECK_TEST(a_note_brings_them_back),
	    CHECK_TEST(nothing_is_no_note_and_rubbish_is_nothing),
	};
	return CHECK_RUN(tests);
}

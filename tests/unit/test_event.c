#include "check.h"

#include <stdlib.h>

#include "base/event.h"

enum { LONG_BYTES = 100000 };

/* What came out: a copy, texts are borrowed for the call. */
struct seen {
	int count;
	struct event event;
	char text[LONG_BYTES + 1];
};

static struct seen seen;

static void note(void *context, const struct event *event)
{
	struct seen *into = context;

	into->count++;
	into->event = *event;
	into->text[0] = '\0';
	if (event->text)
		(void)snprintf(into->text, sizeof(into->text), "%s",
			       event->text);
}

static const struct event_sink sink = {.emit = note, .context = &seen};

static void an_event_comes_out_as_it_went_in(void)
{
	const struct event event = {.kind = EVENT_FILE,
				    .what = EVENT_MOVED,
				    .name = "a/b",
				    .bucket = "bucket",
				    .key = "key",
				    .text = "done/b",
				    .size_bytes = INT64_MAX,
				    .files_done = 1,
				    .files_seen = 2,
				    .bytes_done = 3,
				    .bytes_total = 4};

	seen.count = 0;
	event_emit(&sink, &event);
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.event.kind, EVENT_FILE);
	CHECK_INT(seen.event.what, EVENT_MOVED);
	CHECK_TEXT(seen.event.name, "a/b");
	CHECK_TEXT(seen.event.bucket, "bucket");
	CHECK_TEXT(seen.event.key, "key");
	CHECK_TEXT(seen.text, "done/b");
	CHECK_INT(seen.event.size_bytes, INT64_MAX);
	CHECK_INT(seen.event.files_done, 1);
	CHECK_INT(seen.event.files_seen, 2);
	CHECK_INT(seen.event.bytes_done, 3);
	CHECK_INT(seen.event.bytes_total, 4);
}

static void a_problem_and_a_detail_are_texts(void)
{
	seen.count = 0;
	event_problem(&sink, "%s: %d of %d", "policy", 1, 2);
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.event.kind, EVENT_PROBLEM);
	CHECK_INT(seen.event.what, EVENT_NOTHING);
	CHECK_TEXT(seen.text, "policy: 1 of 2");
	CHECK(!seen.event.name && !seen.event.bucket && !seen.event.key);
	event_detail(&sink, "100%% of %s", "it");
	CHECK_INT(seen.count, 2);
	CHECK_INT(seen.event.kind, EVENT_DETAIL);
	CHECK_TEXT(seen.text, "100% of it");
	event_detail(&sink, "%s", "");
	CHECK_INT(seen.count, 3);
	CHECK_TEXT(seen.text, "");
}

static void a_long_text_loses_its_end(void)
{
	char *text = malloc(LONG_BYTES + 1);

	if (!CHECK(text != NULL))
		return;
	for (size_t i = 0; i < LONG_BYTES; i++)
		text[i] = (char)('a' + i % 26);
	text[LONG_BYTES] = '\0';
	seen.count = 0;
	event_problem(&sink, "%s", text);
	CHECK_INT(seen.count, 1);
	CHECK(strlen(seen.text) >= 1024);
	CHECK(strncmp(seen.text, text, strlen(seen.text)) == 0);
	free(text);
}

static void without_a_sink_nothing_happens(void)
{
	const struct event_sink deaf = {.context = &seen};
	const struct event event = {.kind = EVENT_PROGRESS};

	seen.count = 0;
	event_emit(NULL, &event);
	event_problem(NULL, "%d", 1);
	event_detail(NULL, "%d", 1);
	event_emit(&deaf, &event);
	event_problem(&deaf, "%d", 1);
	event_detail(&deaf, "%d", 1);
	CHECK_INT(seen.count, 0);
}

static void what_happened_has_a_word(void)
{
	static const struct {
		enum event_what what;
		const char *word;
	} cases[] = {
	    {EVENT_NOTHING, "nothing"}, {EVENT_ADDED, "added"},
	    {EVENT_UPDATED, "updated"}, {EVENT_SKIPPED, "skipped"},
	    {EVENT_IGNORED, "ignored"}, {EVENT_UNCHANGED, "unchanged"},
	    {EVENT_DELAYED, "delayed"}, {EVENT_FAILED, "failed"},
	    {EVENT_DELETED, "deleted"}, {EVENT_MOVED, "moved"},
	    {EVENT_ADOPTED, "adopted"}, {EVENT_WOULD_UPLOAD, "would upload"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_TEXT(event_what_name(cases[i].what), cases[i].word);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(an_event_comes_out_as_it_went_in),
	    CHECK_TEST(a_problem_and_a_detail_are_texts),
	    CHECK_TEST(a_long_text_loses_its_end),
	    CHECK_TEST(without_a_sink_nothing_happens),
	    CHECK_TEST(what_happened_has_a_word),
	};
	return CHECK_RUN(tests);
}

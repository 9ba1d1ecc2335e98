#include "check.h"

#include "ingest/content_type.h"

static void types_by_the_end_of_the_name(void)
{
	static const struct {
		const char *name;
		const char *type;
	} rows[] = {
	    {"a.txt", "text/plain"},
	    {"A.TXT", "text/plain"},
	    {"logs/x.tar.gz", "application/gzip"},
	    {"x.7z", "application/x-7z-compressed"},
	    {"x.zst", "application/zstd"},
	    {"x.json", "application/json"},
	    {"x", "application/octet-stream"},
	    {"", "application/octet-stream"},
	    {"x.", "application/octet-stream"},
	    {"dir.txt/x", "application/octet-stream"},
	    {"x.averylongending", "application/octet-stream"},
	    {"x.nosuch", "application/octet-stream"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_TEXT(content_type_of(NULL, bytes_of_text(rows[i].name)),
			   rows[i].type);
}

static void the_system_comes_first(void)
{
	static const char file[] = "# comment\ttxt\n"
				   "text/x-own\t\ttxt  own\r\n"
				   "text/x-late txt\n"
				   "notype gz\n"
				   "application/x-none\n"
				   "image/x-last end";
	static const struct {
		const char *name;
		const char *type;
	} rows[] = {
	    {"a.txt", "text/x-own"},
	    {"a.OWN", "text/x-own"},
	    {"a.gz", "application/gzip"},
	    {"a.end", "image/x-last"},
	    {"a.png", "image/png"},
	    {"a.none", "application/octet-stream"},
	};
	struct content_types *types = content_types_new(bytes_of_text(file));

	CHECK(types != NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_TEXT(content_type_of(types, bytes_of_text(rows[i].name)),
			   rows[i].type);
	content_types_free(types);
	types = content_types_new(bytes_of_text(""));
	CHECK_TEXT(content_type_of(types, bytes_of_text("a.txt")),
		   "text/plain");
	content_types_free(types);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(types_by_the_end_of_the_name),
	    CHECK_TEST(the_system_comes_first),
	};
	return CHECK_RUN(tests);
}

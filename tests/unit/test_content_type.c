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
		CHECK_TEXT(content_type_of(bytes_of_text(rows[i].name)),
			   rows[i].type);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(types_by_the_end_of_the_name),
	};
	return CHECK_RUN(tests);
}

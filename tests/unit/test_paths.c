#include "check.h"

#include "agent/paths.h"

static void files_of_any_instance_are_known_by_their_form(void)
{
	static const struct {
		const char *name;
		bool is_own;
	} cases[] = {
	    {"s3-ingestor-context.json", true},
	    {"s3-ingestor-context.json.bad", true},
	    {"x-keys.json", true},
	    {"x-keys.json.tmp-12", true},
	    {"x-reply.json", true},
	    {"x-ledger.db", true},
	    {"x-ledger.db-wal", true},
	    {"x-ledger.db-shm", true},
	    {"x-ledger.db.bad-wal", true},
	    {"a-b-keys.json", true},
	    {"keys.json", false},
	    {"-keys.json", false},
	    {"x-keys.jsonl", false},
	    {"x-keys.json2", false},
	    {"x.json", false},
	    {"yarn.lock", false},
	    {"ledger.db", false},
	    {"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(paths_is_own(bytes_of_text(cases[i].name)) ==
			   cases[i].is_own))
			(void)printf("# %s\n", cases[i].name);
}

static void names_are_made_of_home_and_prefix(void)
{
	struct paths paths;

	CHECK_INT(paths_init(&paths, ".", "p", NULL), 0);
	CHECK_TEXT(paths.config, "p.json");
	CHECK_TEXT(paths.ledger, "p-ledger.db");
	paths_clear(&paths);
	CHECK_INT(paths_init(&paths, "/h", "p", NULL), 0);
	CHECK_TEXT(paths.context, "/h/p-context.json");
	CHECK_TEXT(paths.lock, "/h/p.lock");
	paths_clear(&paths);
}

static void a_prefix_that_is_no_name_is_refused(void)
{
	static const char *const bad[] = {"",	 ".",	 "..",	 ".x",
					  "a/b", "a\\b", "a\nb", "a:b"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct paths paths;
		CHECK_INT(paths_init(&paths, ".", bad[i], NULL), ERROR_USAGE);
		paths_clear(&paths);
	}
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(files_of_any_instance_are_known_by_their_form),
	    CHECK_TEST(names_are_made_of_home_and_prefix),
	    CHECK_TEST(a_prefix_that_is_no_name_is_refused),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <stdlib.h>

#include "cli/options.h"

static struct options options;
static struct error err;

/* Words separated by spaces, behind the program's name. */
static int parse(const char *line)
{
	static char words[256];
	static char *argv[32];
	int argc = 1;

	err = (struct error){0};
	argv[0] = "s3-ingestor";
	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	return options_parse(argc, argv, &options, &err);
}

static void nothing_said_is_one_run_here(void)
{
	CHECK_INT(parse(""), 0);
	CHECK_INT(options.mode, OPTIONS_RUN);
	CHECK_INT(options.action, CYCLE_AUTO);
	CHECK_TEXT(options.home, ".");
	CHECK_TEXT(options.prefix, "s3-ingestor");
}

static void values_come_in_four_forms(void)
{
	static const char *const lines[] = {"-p x", "-px", "--prefix x",
					    "--prefix=x"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK_INT(parse(lines[i]), 0);
		CHECK_TEXT(options.prefix, "x");
	}
}

static void letters_may_be_bundled(void)
{
	CHECK_INT(parse("-nvaheartbeat"), 0);
	CHECK(options.dry_run && options.verbose);
	CHECK_INT(options.action, CYCLE_HEARTBEAT);
}

static void the_environment_serves_where_nothing_is_said(void)
{
	CHECK_INT(setenv("S3_INGESTOR_HOME", "/h", 1), 0);
	CHECK_INT(setenv("S3_INGESTOR_PREFIX", "pre", 1), 0);
	CHECK_INT(parse(""), 0);
	CHECK_TEXT(options.home, "/h");
	CHECK_TEXT(options.prefix, "pre");
	CHECK_INT(parse("-C /i"), 0);
	CHECK_TEXT(options.home, "/i");
	CHECK_INT(setenv("S3_INGESTOR_PREFIX", "a/b", 1), 0);
	CHECK_INT(parse(""), ERROR_USAGE);
	(void)unsetenv("S3_INGESTOR_HOME");
	(void)unsetenv("S3_INGESTOR_PREFIX");
}

static void what_is_wrong_is_named(void)
{
	static const struct {
		const char *line;
		const char *text;
	} rows[] = {
	    {"--status", "unknown option --status"},
	    {"--verify", "unknown option --verify"},
	    {"--explain x", "unknown option --explain"},
	    {"--check", "unknown option --check"},
	    {"--splay x", "--splay x: must be a whole number of seconds from "
			  "0 to 604800"},
	    {"-x", "unknown option -x"},
	    {"file", "unexpected argument file"},
	    {"-", "unexpected argument -"},
	    {"--dry-run=1", "--dry-run takes no value"},
	    {"-p", "-p needs NAME"},
	    {"--wait", "--wait needs SECONDS"},
	    {"-q -v", "--quiet and --verbose exclude each other"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(parse(rows[i].line), ERROR_USAGE);
		CHECK_TEXT(err.text, rows[i].text);
	}
	CHECK_INT(parse("--wait 1x"), ERROR_USAGE);
	CHECK_INT(parse("--wait -1"), ERROR_USAGE);
	CHECK_INT(parse("--action ack"), ERROR_USAGE);
	CHECK_INT(parse("--prefix .x"), ERROR_USAGE);
	CHECK_INT(parse("--prefix a/b"), ERROR_USAGE);
	CHECK_INT(parse("--home="), ERROR_USAGE);
}

static void the_listener_takes_nothing_that_is_for_one_run(void)
{
	static const char *const refused[] = {
	    "--dry-run", "--standalone",    "--recheck",
	    "--json",	 "--if-due",	    "--splay 1",
	    "--wait 1",	 "--action upload", "--max-runtime 1",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "--listen %s", refused[i]);
		CHECK_INT(parse(line), ERROR_USAGE);
		(void)snprintf(line, sizeof(line), "%s --listen", refused[i]);
		CHECK_INT(parse(line), ERROR_USAGE);
	}
	CHECK_INT(parse("--listen -C /h -p x -q"), 0);
	CHECK_INT(options.mode, OPTIONS_LISTEN);
	CHECK_INT(parse("--listen -v"), 0);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(nothing_said_is_one_run_here),
	    CHECK_TEST(values_come_in_four_forms),
	    CHECK_TEST(letters_may_be_bundled),
	    CHECK_TEST(the_environment_serves_where_nothing_is_said),
	    CHECK_TEST(what_is_wrong_is_named),
	    CHECK_TEST(the_listener_takes_nothing_that_is_for_one_run),
	};
	return CHECK_RUN(tests);
}

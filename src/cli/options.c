#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/system.h"

enum { WAIT_CEILING_S = 7 * 24 * 3600, PREFIX_CEILING_BYTES = 64 };

enum option_id {
	OPTION_ACTION,
	OPTION_HOME,
	OPTION_PREFIX,
	OPTION_DRY_RUN,
	OPTION_RECHECK,
	OPTION_WAIT,
	OPTION_IF_DUE,
	OPTION_SPLAY,
	OPTION_MAX_RUNTIME,
	OPTION_STANDALONE,
	OPTION_LISTEN,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_CUSTOMIZER_WORKER
};

static const struct option_row {
	enum option_id id;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;  /* NULL: in no help */
} option_rows[] = {
    {OPTION_ACTION, 'a', "action", "NAME",
     "auto (default), startup, heartbeat, wakeup or upload"},
    {OPTION_HOME, 'C', "home", "DIR",
     "where the files of the agent live (default: current folder)"},
    {OPTION_PREFIX, 'p', "prefix", "NAME",
     "instance name (default: s3-ingestor)"},
    {OPTION_DRY_RUN, 'n', "dry-run", NULL,
     "say what would be uploaded; no network, nothing written"},
    {OPTION_RECHECK, 0, "recheck", NULL,
     "ask the bucket about every file instead of the ledger"},
    {OPTION_WAIT, 0, "wait", "SECONDS",
     "wait that long for another run to end (default: 0)"},
    {OPTION_IF_DUE, 0, "if-due", NULL,
     "exit at once unless a heartbeat is due or work was left"},
    {OPTION_SPLAY, 0, "splay", "SECONDS",
     "sleep first, for a part of it that is fixed for the host"},
    {OPTION_MAX_RUNTIME, 0, "max-runtime", "SECONDS",
     "begin nothing new after this, keep what is done, exit 75"},
    {OPTION_STANDALONE, 0, "standalone", NULL,
     "no mothership: upload by the local config"},
    {OPTION_LISTEN, 0, "listen", NULL,
     "answer on api_host:api_port; each request starts a run"},
    {OPTION_JSON, 0, "json", NULL, "one JSON object a line on stdout"},
    {OPTION_QUIET, 'q', "quiet", NULL, "errors only"},
    {OPTION_VERBOSE, 'v', "verbose", NULL, "every decision"},
    {OPTION_VERSION, 0, "version", NULL, "print the version and exit"},
    {OPTION_HELP, 'h', "help", NULL, "print this and exit"},
    {OPTION_CUSTOMIZER_WORKER, 0, "customizer-worker", NULL, NULL},
};

enum { OPTION_COUNT = sizeof(option_rows) / sizeof(option_rows[0]) };

static const char *const action_names[] = {
    [CYCLE_AUTO] = "auto",	     [CYCLE_STARTUP] = "startup",
    [CYCLE_HEARTBEAT] = "heartbeat", [CYCLE_WAKEUP] = "wakeup",
    [CYCLE_UPLOAD] = "upload",
};

static int set_action(struct options *options, const char *value,
		      struct error *err)
{
	for (size_t i = 0; i < sizeof(action_names) / sizeof(*action_names);
	     i++) {
		if (strcmp(value, action_names[i]) == 0) {
			options->action = (enum cycle_action)i;
			return 0;
		}
	}
	return error_set(err, ERROR_USAGE,
			 "--action %s: must be auto, startup, heartbeat, "
			 "wakeup or upload",
			 value);
}

static int check_prefix(const char *value, struct error *err)
{
	size_t size = strlen(value);

	if (size > 0 && size <= PREFIX_CEILING_BYTES && value[0] != '.' &&
	    !strpbrk(value, "/\\:*?\"<>|\n"))
		return 0;
	return error_set(err, ERROR_USAGE,
			 "--prefix \"%s\": must be 1 to %d bytes, without a "
			 "leading dot and without / \\ : * ? \" < > |",
			 value, PREFIX_CEILING_BYTES);
}

static int set_prefix(struct options *options, const char *value,
		      struct error *err)
{
	options->prefix = value;
	return check_prefix(value, err);
}

static int read_seconds(const char *name, const char *value, int64_t *out,
			struct error *err)
{
	char *end = NULL;
	long seconds;

	errno = 0;
	seconds = strtol(value, &end, 10);
	if (errno || end == value || *end != '\0' || seconds < 0 ||
	    seconds > WAIT_CEILING_S)
		return error_set(err, ERROR_USAGE,
				 "--%s %s: must be a whole number of "
				 "seconds from 0 to %d",
				 name, value, WAIT_CEILING_S);
	*out = seconds;
	return 0;
}

/* value is "" for a row that takes none. */
static int apply(struct options *options, const struct option_row *row,
		 const char *value, struct error *err)
{
	switch (row->id) {
	case OPTION_ACTION:
		return set_action(options, value, err);
	case OPTION_HOME:
		options->home = value;
		return 0;
	case OPTION_PREFIX:
		return set_prefix(options, value, err);
	case OPTION_WAIT:
		return read_seconds(row->name, value, &options->wait_s, err);
	case OPTION_IF_DUE:
		options->if_due = true;
		return 0;
	case OPTION_SPLAY:
		return read_seconds(row->name, value, &options->splay_s, err);
	case OPTION_MAX_RUNTIME:
		return read_seconds(row->name, value, &options->max_runtime_s,
				    err);
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return 0;
	case OPTION_RECHECK:
		options->recheck = true;
		return 0;
	case OPTION_STANDALONE:
		options->standalone = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_QUIET:
		options->quiet = true;
		return 0;
	case OPTION_VERBOSE:
		options->verbose = true;
		return 0;
	case OPTION_LISTEN:
		options->mode = OPTIONS_LISTEN;
		return 0;
	case OPTION_VERSION:
		options->mode = OPTIONS_VERSION;
		return 0;
	case OPTION_HELP:
		options->mode = OPTIONS_HELP;
		return 0;
	case OPTION_CUSTOMIZER_WORKER:
		options->mode = OPTIONS_CUSTOMIZER_WORKER;
		return 0;
	}
	return error_set(err, ERROR_BUG, "option %s has no effect", row->name);
}

/* Where the parser stands. */
struct cursor {
	int argc;
	char *const *argv;
	int index;
};

static const char *next_argument(struct cursor *cursor)
{
	if (cursor->index + 1 >= cursor->argc)
		return NULL;
	return cursor->argv[++cursor->index];
}

static const struct option_row *find_name(const char *name, size_t size)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strlen(option_rows[i].name) == size &&
		    memcmp(option_rows[i].name, name, size) == 0)
			return &option_rows[i];
	return NULL;
}

static const struct option_row *find_letter(char letter)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

static int parse_long(struct cursor *cursor, struct options *options,
		      struct error *err)
{
	const char *name = cursor->argv[cursor->index] + 2;
	const char *equals = strchr(name, '=');
	const char *value = equals ? equals + 1 : NULL;
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = find_name(name, size);

	if (!row)
		return error_set(err, ERROR_USAGE, "unknown option --%.*s",
				 (int)size, name);
	if (!row->value && value)
		return error_set(err, ERROR_USAGE, "--%s takes no value",
				 row->name);
	if (row->value && !value)
		value = next_argument(cursor);
	if (row->value && !value)
		return error_set(err, ERROR_USAGE, "--%s needs %s", row->name,
				 row->value);
	return apply(options, row, value ? value : "", err);
}

static int parse_letters(struct cursor *cursor, struct options *options,
			 struct error *err)
{
	const char *letters = cursor->argv[cursor->index] + 1;
	int rc = 0;

	for (; rc == 0 && *letters; letters++) {
		const struct option_row *row = find_letter(*letters);

		if (!row)
			return error_set(err, ERROR_USAGE, "unknown option -%c",
					 *letters);
		if (!row->value) {
			rc = apply(options, row, "", err);
			continue;
		}
		const char *value =
		    letters[1] ? letters + 1 : next_argument(cursor);
		if (!value)
			return error_set(err, ERROR_USAGE, "-%c needs %s",
					 row->letter, row->value);
		return apply(options, row, value, err);
	}
	return rc;
}

/* What is for one run; the runs of the listener are plain ones. */
static bool has_run_option(const struct options *options)
{
	return options->action != CYCLE_AUTO || options->dry_run ||
	       options->recheck || options->standalone || options->json ||
	       options->if_due || options->splay_s > 0 || options->wait_s > 0 ||
	       options->max_runtime_s > 0;
}

static int check(const struct options *options, struct error *err)
{
	if (options->quiet && options->verbose)
		return error_set(err, ERROR_USAGE,
				 "--quiet and --verbose exclude each other");
	if (options->mode == OPTIONS_LISTEN && has_run_option(options))
		return error_set(err, ERROR_USAGE,
				 "--listen goes with --home, --prefix, --quiet "
				 "and --verbose only");
	if (options->home[0] == '\0')
		return error_set(err, ERROR_USAGE, "--home must not be empty");
	return check_prefix(options->prefix, err);
}

int options_parse(int argc, char *const *argv, struct options *options,
		  struct error *err)
{
	struct cursor cursor = {.argc = argc, .argv = argv, .index = 1};
	const char *home = system_environment("S3_INGESTOR_HOME");
	const char *prefix = system_environment("S3_INGESTOR_PREFIX");
	int rc = 0;

	*options = (struct options){
	    .home = home ? home : ".",
	    .prefix = prefix ? prefix : "s3-ingestor",
	};
	for (; rc == 0 && cursor.index < argc; cursor.index++) {
		const char *argument = argv[cursor.index];

		if (strcmp(argument, "--") == 0 && cursor.index + 1 == argc)
			break;
		if (strncmp(argument, "--", 2) == 0 && argument[2] != '\0')
			rc = parse_long(&cursor, options, err);
		else if (argument[0] == '-' && argument[1] != '\0' &&
			 argument[1] != '-')
			rc = parse_letters(&cursor, options, err);
		else
			rc = error_set(err, ERROR_USAGE,
				       "unexpected argument %s", argument);
	}
	return rc ? rc : check(options, err);
}

void options_print_help(FILE *stream)
{
	(void)fprintf(stream,
		      "usage: s3-ingestor [options]\n\n"
		      "One run: ask the mothership, upload what is new or "
		      "changed, exit.\n\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		char left[40];

		if (!row->help)
			continue;
		(void)snprintf(left, sizeof(left), "%c%c%s --%s %s",
			       row->letter ? '-' : ' ',
			       row->letter ? row->letter : ' ',
			       row->letter ? "," : " ", row->name,
			       row->value ? row->value : "");
		(void)fprintf(stream, "  %-22s  %s\n", left, row->help);
	}
	(void)fprintf(stream, "\nSee s3-ingestor(1).\n");
}

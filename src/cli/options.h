#ifndef S3I_CLI_OPTIONS_H
#define S3I_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/cycle.h"
#include "base/error.h"

enum options_mode {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_LISTEN,
	OPTIONS_CUSTOMIZER_WORKER /* a run starts it: not in --help */
};

/* What the command line and S3_INGESTOR_HOME, S3_INGESTOR_PREFIX say. Texts
 * are borrowed from argv and the environment. */
struct options {
	enum options_mode mode;
	enum cycle_action action;
	const char *home;
	const char *prefix;
	int64_t wait_s;
	int64_t splay_s;
	int64_t max_runtime_s; /* 0: no limit */
	bool if_due;
	bool dry_run;
	bool recheck;
	bool standalone;
	bool json;
	bool quiet;
	bool verbose;
};

/* Options may be bundled (-nv), take values as -pNAME, -p NAME, --prefix=NAME
 * or --prefix NAME; "--" ends them. ERROR_USAGE says what is wrong. */
int options_parse(int argc, char *const *argv, struct options *options,
		  struct error *err);

/* The text of --help, made from the same table. */
void options_print_help(FILE *stream);

#endif

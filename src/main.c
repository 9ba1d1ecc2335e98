#include <stdio.h>

#include "agent/cycle.h"
#include "agent/exit_status.h"
#include "agent/listen.h"
#include "base/error.h"
#include "base/http.h"
#include "base/version.h"
#include "cli/options.h"
#include "cli/show_json.h"
#include "cli/show_text.h"
#include "ingest/customizer_js.h"
#include "platform/clock.h"
#include "platform/system.h"

/* sysexits.h has these numbers, but not every system has sysexits.h */
enum { STATUS_DONE = 0, STATUS_USAGE = 64, STATUS_BUG = 70, STATUS_LOCAL = 74 };

static int run(const struct options *options)
{
	struct show_text text;
	struct show_json json = {.is_verbose = options->verbose};
	struct event_sink sink = {.emit = show_text_event,
				  .context = &text,
				  .is_brief = !options->verbose};
	struct cycle_report report = {0};
	struct error err = {0};

	show_text_init(&text, options->quiet, options->verbose);
	if (options->json) {
		sink.emit = show_json_event;
		sink.context = &json;
	}
	const struct cycle_options cycle = {
	    .action = options->action,
	    .home = options->home,
	    .prefix = options->prefix,
	    .dry_run = options->dry_run,
	    .recheck = options->recheck,
	    .standalone = options->standalone,
	    .repeat_problems = options->json || options->verbose,
	    .if_due = options->if_due,
	    .splay_s = options->splay_s,
	    .wait_ms = options->wait_s * 1000,
	    .events = &sink,
	};
	int status = cycle_run(&cycle, &report, &err);
	if (options->json)
		show_json_end(&report, status, &err);
	else if (!report.was_not_due)
		show_text_end(&text, &report, &err);
	cycle_report_clear(&report);
	return status;
}

static int mode_run(const struct options *options)
{
	struct error err = {0};

	system_keep_private();
	stop_catch();
	if (options->max_runtime_s > 0)
		stop_after_ms(options->max_runtime_s * 1000);
	if (http_global_init(&err)) {
		(void)fprintf(stderr, "s3-ingestor: %s\n", err.text);
		return STATUS_BUG;
	}
	int status = run(options);
	http_global_clear();
	return status;
}

static void say_ready(const char *text)
{
	(void)printf("%s\n", text);
	(void)fflush(stdout);
}

static int mode_listen(const struct options *options)
{
	struct show_text text;
	const struct event_sink sink = {.emit = show_text_event,
					.context = &text};
	const struct listen_options listen = {
	    .home = options->home,
	    .prefix = options->prefix,
	    .ready = say_ready,
	    .events = &sink,
	};
	struct error err = {0};

	show_text_init(&text, options->quiet, options->verbose);
	system_keep_private();
	stop_catch();
	int code = listen_run(&listen, &err);
	if (code == 0)
		return STATUS_DONE;
	(void)fprintf(stderr, "s3-ingestor: %s\n", err.text);
	return exit_status_of(err.code);
}

static int mode_help(const struct options *options)
{
	(void)options;
	options_print_help(stdout);
	return STATUS_DONE;
}

static int mode_version(const struct options *options)
{
	(void)options;
	(void)printf("s3-ingestor %s\n", S3I_VERSION);
	return STATUS_DONE;
}

static int mode_customizer_worker(const struct options *options)
{
	(void)options;
	return customizer_js_work();
}

static int (*const modes[])(const struct options *options) = {
    [OPTIONS_RUN] = mode_run,
    [OPTIONS_HELP] = mode_help,
    [OPTIONS_VERSION] = mode_version,
    [OPTIONS_LISTEN] = mode_listen,
    [OPTIONS_CUSTOMIZER_WORKER] = mode_customizer_worker,
};

int main(int argc, char **argv)
{
	struct options options;
	struct error err = {0};

	/* before anything is opened; nobody could be told that it failed */
	if (system_open_standard())
		return STATUS_LOCAL;
	if (options_parse(argc, argv, &options, &err)) {
		(void)fprintf(stderr,
			      "s3-ingestor: %s\n"
			      "s3-ingestor: see s3-ingestor --help\n",
			      err.text);
		return STATUS_USAGE;
	}
	int status = modes[options.mode](&options);
	/* what was said must have been heard */
	if (fflush(stdout) != 0 && status == STATUS_DONE)
		status = STATUS_LOCAL;
	return status;
}

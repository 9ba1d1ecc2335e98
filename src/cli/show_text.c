#include "cli/show_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/cycle.h"
#include "base/error.h"
#include "platform/clock.h"
#include "platform/system.h"

#define PROGRESS_NS ((int64_t)100 * 1000 * 1000)

/* as many as the result names in errors */
enum { FAILED_NAMED = 20 };
enum { COLUMNS_CEILING = 200, STANDARD_ERROR = 2, STANDARD_OUTPUT = 1 };

void show_text_init(struct show_text *show, bool is_quiet, bool is_verbose)
{
	*show = (struct show_text){
	    .is_quiet = is_quiet,
	    .is_verbose = is_verbose,
	    .columns = system_terminal_columns(STANDARD_ERROR),
	};
}

static void hide_progress(struct show_text *show)
{
	if (show->has_progress)
		(void)fputs("\r\033[K", stderr);
	show->has_progress = false;
}

/* Names come from anybody: no control byte reaches the terminal. */
static void print_clean(FILE *stream, const char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		(void)fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, stream);
	}
}

static void print_bytes(FILE *stream, int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	(void)fprintf(stream, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void show_problem(struct show_text *show, const struct event *event)
{
	hide_progress(show);
	(void)fputs("s3-ingestor: ", stderr);
	if (event->name) {
		print_clean(stderr, event->name);
		(void)fputs(": ", stderr);
	}
	print_clean(stderr, event->text ? event->text : "failed");
	(void)fputc('\n', stderr);
}

static void show_decision(struct show_text *show, const struct event *event)
{
	hide_progress(show);
	(void)printf("%-12s ", event_what_name(event->what));
	print_clean(stdout, event->name);
	if (event->key) {
		(void)printf(" -> s3://%s/", event->bucket);
		print_clean(stdout, event->key);
	}
	if (event->text) {
		(void)fputs(" (", stdout);
		print_clean(stdout, event->text);
		(void)fputc(')', stdout);
	}
	(void)fputc('\n', stdout);
}

static void show_line(struct show_text *show, const struct event *event)
{
	hide_progress(show);
	print_clean(stdout, event->text);
	(void)fputc('\n', stdout);
}

static void show_progress(struct show_text *show, const struct event *event)
{
	int64_t now_ns = clock_steady_ns();
	char line[COLUMNS_CEILING];
	int columns =
	    show->columns < COLUMNS_CEILING ? show->columns : COLUMNS_CEILING;

	if (now_ns - show->progress_ns < PROGRESS_NS)
		return;
	show->progress_ns = now_ns;
	(void)snprintf(line, sizeof(line),
		       "%" PRId64 " files seen, %" PRId64 " uploaded, %.1f MiB",
		       event->files_seen, event->files_done,
		       (double)event->bytes_done / (1024 * 1024));
	(void)fprintf(stderr, "\r\033[K%.*s", columns - 1, line);
	(void)fflush(stderr);
	show->has_progress = true;
}

static void show_file(struct show_text *show, const struct event *event)
{
	if (event->what == EVENT_FAILED) {
		show->files_failed++;
		if (show->is_verbose || show->files_failed <= FAILED_NAMED)
			show_problem(show, event);
	} else if (show->is_verbose || event->what == EVENT_WOULD_UPLOAD) {
		show_decision(show, event);
	}
}

void show_text_event(void *context, const struct event *event)
{
	struct show_text *show = context;

	switch (event->kind) {
	case EVENT_FILE:
		show_file(show, event);
		break;
	case EVENT_PROBLEM:
		show_problem(show, event);
		break;
	case EVENT_LOG:
		if (!show->is_quiet)
			show_problem(show, event);
		break;
	case EVENT_DETAIL:
	case EVENT_CONTACT:
		if (show->is_verbose)
			show_line(show, event);
		break;
	case EVENT_PROGRESS:
		if (show->columns > 1 && !show->is_quiet)
			show_progress(show, event);
		break;
	}
}

static void print_count(int64_t count, const char *word, bool *any)
{
	if (count == 0)
		return;
	(void)printf("%s%" PRId64 " %s", *any ? ", " : "", count, word);
	*any = true;
}

static void print_summary(const struct cycle_report *report)
{
	const struct ingest_result *result = &report->result;
	bool any = false;

	if (report->action)
		(void)printf("%s%s%s: ", report->action,
			     report->state[0] ? ", " : "", report->state);
	if (!report->policies_ran) {
		(void)printf("nothing uploaded\n");
		return;
	}
	print_count(result->added, "added", &any);
	print_count(result->updated, "updated", &any);
	print_count(result->skipped, "skipped", &any);
	print_count(result->ignored, "ignored", &any);
	print_count(result->unchanged, "unchanged", &any);
	print_count(result->delayed, "delayed", &any);
	print_count(result->failed, "failed", &any);
	if (!any)
		(void)fputs("no files", stdout);
	(void)fputs(", ", stdout);
	print_bytes(stdout, result->bytes);
	(void)printf(" sent in %.1f s\n", (double)report->duration_ms / 1000);
}

void show_text_end(struct show_text *show, const struct cycle_report *report,
		   const struct error *err)
{
	bool wants_summary =
	    show->is_verbose ||
	    (!show->is_quiet && system_terminal_columns(STANDARD_OUTPUT) > 0);

	hide_progress(show);
	if (!show->is_verbose && show->files_failed > FAILED_NAMED)
		(void)fprintf(stderr,
			      "s3-ingestor: %d more files failed (-v names "
			      "them)\n",
			      show->files_failed - FAILED_NAMED);
	if (err->text[0] != '\0')
		(void)fprintf(stderr, "s3-ingestor: %s\n", err->text);
	if (wants_summary)
		print_summary(report);
}

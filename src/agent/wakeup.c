#include "agent/wakeup.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/environment.h"
#include "platform/child.h"
#include "platform/system.h"

enum { PATH_BYTES = 4096, READ_BYTES = 4096, LINE_CEILING_BYTES = 64 * 1024 };

void wakeup_init(struct wakeup *wakeup, const char *home, const char *prefix)
{
	*wakeup = (struct wakeup){.home = home, .prefix = prefix};
}

void wakeup_clear(struct wakeup *wakeup)
{
	child_free(wakeup->child);
	buffer_clear(&wakeup->said);
	buffer_clear(&wakeup->summary);
	*wakeup = (struct wakeup){0};
}

void wakeup_ask(struct wakeup *wakeup)
{
	wakeup->is_wanted = true;
}

static int start(struct wakeup *wakeup)
{
	char program[PATH_BYTES];
	struct environment environment;
	int code = environment_init(&environment);

	if (code == 0)
		code = system_own_executable(program, sizeof(program));
	const char *const argv[] = {
	    program,	"--action",	"wakeup", "--wait",
	    "3600",	"--json",	"--home", wakeup->home,
	    "--prefix", wakeup->prefix, NULL,
	};
	const struct child_options options = {
	    .argv = argv,
	    .environment = (const char *const *)environment.values,
	    .reads_output = true,
	};
	if (code == 0)
		code = child_start(&options, &wakeup->child);
	environment_clear(&environment);
	return code;
}

/* The last line of a run that came to its end; one that was killed has none. */
static bool is_summary(const struct buffer *line)
{
	static const char begin[] = "{\"event\":\"summary\",";
	size_t size = sizeof(begin) - 1;

	return line->size >= size && line->size < LINE_CEILING_BYTES &&
	       memcmp(line->data, begin, size) == 0;
}

static void take_line(struct wakeup *wakeup)
{
	if (is_summary(&wakeup->said)) {
		buffer_reset(&wakeup->summary);
		/* without memory there is no summary to show */
		(void)buffer_append(&wakeup->summary, wakeup->said.data,
				    wakeup->said.size);
	}
	buffer_reset(&wakeup->said);
}

static void take_output(struct wakeup *wakeup, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			take_line(wakeup);
		else if (wakeup->said.size < LINE_CEILING_BYTES)
			(void)buffer_append(&wakeup->said, data + i, 1);
	}
}

/* Whether the run is at its end. */
static bool follow(struct wakeup *wakeup)
{
	char data[READ_BYTES];
	size_t got = 0;
	int status = 0;
	int code;

	do {
		code = child_read(wakeup->child, data, sizeof(data), 0, &got);
		take_output(wakeup, data, got);
	} while (code == 0 && got > 0);
	return code != ETIMEDOUT &&
	       child_wait(wakeup->child, 0, &status) != ETIMEDOUT;
}

int wakeup_turn(struct wakeup *wakeup, struct error *err)
{
	if (wakeup->child && follow(wakeup)) {
		child_free(wakeup->child);
		wakeup->child = NULL;
		buffer_reset(&wakeup->said);
	}
	if (wakeup->child || !wakeup->is_wanted)
		return 0;
	wakeup->is_wanted = false;
	int code = start(wakeup);
	return code ? error_set_system(err, code, "start a run") : 0;
}

void wakeup_rest(struct wakeup *wakeup, int64_t wait_ms)
{
	char data[READ_BYTES];
	size_t got = 0;
	int status = 0;

	if (!wakeup->child)
		return;
	int code = child_read(wakeup->child, data, sizeof(data), wait_ms, &got);
	take_output(wakeup, data, got);
	if (code == 0 && got == 0)
		(void)child_wait(wakeup->child, wait_ms, &status);
}

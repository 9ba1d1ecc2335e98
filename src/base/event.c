#include "base/event.h"

#include <stdarg.h>
#include <stdio.h>

enum { EVENT_TEXT_BYTES = 4096 };

void event_emit(const struct event_sink *sink, const struct event *event)
{
	if (sink && sink->emit)
		sink->emit(sink->context, event);
}

__attribute__((format(printf, 3, 0))) static void emit_text(
    const struct event_sink *sink, enum event_kind kind, const char *format,
    va_list arguments)
{
	char text[EVENT_TEXT_BYTES];
	if (!sink || !sink->emit)
		return;
	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		return;
	const struct event event = {.kind = kind, .text = text};
	event_emit(sink, &event);
}

void event_problem(const struct event_sink *sink, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	emit_text(sink, EVENT_PROBLEM, format, arguments);
	va_end(arguments);
}

void event_detail(const struct event_sink *sink, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	emit_text(sink, EVENT_DETAIL, format, arguments);
	va_end(arguments);
}

const char *event_what_name(enum event_what what)
{
	switch (what) {
	case EVENT_ADDED:
		return "added";
	case EVENT_UPDATED:
		return "updated";
	case EVENT_SKIPPED:
		return "skipped";
	case EVENT_IGNORED:
		return "ignored";
	case EVENT_UNCHANGED:
		return "unchanged";
	case EVENT_DELAYED:
		return "delayed";
	case EVENT_FAILED:
		return "failed";
	case EVENT_DELETED:
		return "deleted";
	case EVENT_MOVED:
		return "moved";
	case EVENT_WOULD_UPLOAD:
		return "would upload";
	case EVENT_ADOPTED:
		return "adopted";
	case EVENT_NOTHING:
		break;
	}
	return "nothing";
}

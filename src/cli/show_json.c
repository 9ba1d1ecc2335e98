#include "cli/show_json.h"

#include <stdio.h>
#include <string.h>

#include "agent/cycle.h"
#include "base/error.h"
#include "base/json.h"

/* A line that cannot be made for want of memory is left out. */
static void print_take(json_t *object)
{
	struct buffer line = {0};

	if (object && json_append(object, false, &line, NULL) == 0)
		(void)printf("%s\n", line.data);
	buffer_clear(&line);
	json_decref(object);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		(void)json_object_set_new(
		    object, key, json_text_of_bytes(bytes_of_text(text)));
}

static const char *event_name(const struct event *event)
{
	switch (event->kind) {
	case EVENT_FILE:
		return "file";
	case EVENT_PROBLEM:
		return "problem";
	case EVENT_CONTACT:
		return "contact";
	case EVENT_LOG:
		return "log";
	default:
		return "detail";
	}
}

static bool is_wanted(const struct show_json *show, const struct event *event)
{
	if (event->kind == EVENT_PROGRESS)
		return false;
	if (show->is_verbose)
		return true;
	return event->kind != EVENT_DETAIL &&
	       !(event->kind == EVENT_FILE && event->what == EVENT_UNCHANGED);
}

void show_json_event(void *context, const struct event *event)
{
	json_t *object;

	if (!is_wanted(context, event))
		return;
	object = json_object();
	set_text(object, "event", event_name(event));
	if (event->kind == EVENT_FILE) {
		set_text(object, "what", event_what_name(event->what));
		set_text(object, "name", event->name);
		set_text(object, "bucket", event->key ? event->bucket : NULL);
		set_text(object, "key", event->key);
		(void)json_object_set_new(object, "size",
					  json_integer(event->size_bytes));
	}
	if (event->kind == EVENT_LOG)
		set_text(object, "name", event->name);
	set_text(object, event->kind == EVENT_FILE ? "reason" : "text",
		 event->text);
	print_take(object);
}

static json_t *errors_of(const struct ingest_result *result)
{
	json_t *errors = json_array();

	for (size_t i = 0; i < result->error_count; i++)
		(void)json_array_append_new(
		    errors,
		    json_text_of_bytes(bytes_of_text(result->errors[i])));
	return errors;
}

void show_json_end(const struct cycle_report *report, int exit_status,
		   const struct error *err)
{
	const struct ingest_result *result = &report->result;
	const struct {
		const char *name;
		int64_t value;
	} counters[] = {
	    {"added", result->added},	      {"updated", result->updated},
	    {"skipped", result->skipped},     {"ignored", result->ignored},
	    {"unchanged", result->unchanged}, {"delayed", result->delayed},
	    {"failed", result->failed},	      {"deleted", result->deleted},
	    {"bytes", result->bytes},
	};
	json_t *object = json_object();

	set_text(object, "event", "summary");
	set_text(object, "action", report->action);
	set_text(object, "state", report->state);
	(void)json_object_set_new(object, "policies_ran",
				  json_boolean(report->policies_ran));
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		(void)json_object_set_new(object, counters[i].name,
					  json_integer(counters[i].value));
	(void)json_object_set_new(object, "errors", errors_of(result));
	(void)json_object_set_new(object, "contacts",
				  json_integer(report->contacts));
	(void)json_object_set_new(object, "duration_ms",
				  json_integer(report->duration_ms));
	(void)json_object_set_new(object, "exit_status",
				  json_integer(exit_status));
	set_text(object, "error", err->text[0] ? err->text : NULL);
	print_take(object);
}

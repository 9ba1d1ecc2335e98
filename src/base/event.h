#ifndef S3I_BASE_EVENT_H
#define S3I_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What happens in a run, told upward: the layers below emit, main wires a sink
 * that prints text, JSON or progress. Texts are borrowed for the call.
 */
enum event_kind {
	EVENT_FILE,    /* one file was dealt with: name, key, what, reason */
	EVENT_PROBLEM, /* a person should know: text */
	EVENT_DETAIL,  /* -v only: text */
	EVENT_LOG,     /* what a script said: text */
	EVENT_CONTACT, /* one exchange with the mothership: what, text */
	EVENT_PROGRESS /* counters moved */
};

/* what happened to a file; the words of the counters */
enum event_what {
	EVENT_NOTHING,
	EVENT_ADDED,
	EVENT_UPDATED,
	EVENT_SKIPPED,
	EVENT_IGNORED,
	EVENT_UNCHANGED,
	EVENT_DELAYED,
	EVENT_FAILED,
	EVENT_DELETED,	    /* the local file, after its upload */
	EVENT_MOVED,	    /* the same; text: to where */
	EVENT_WOULD_UPLOAD, /* --dry-run */
	EVENT_ADOPTED
};

struct event {
	enum event_kind kind;
	enum event_what what;
	const char *name;   /* file, else NULL */
	const char *bucket; /* where there is a key */
	const char *key;    /* NULL if none */
	const char *text;   /* reason, problem, action */
	int64_t size_bytes; /* of the file */
	int64_t files_done; /* EVENT_PROGRESS */
	int64_t files_seen;
	int64_t bytes_done;
	int64_t bytes_total;
};

struct event_sink {
	void (*emit)(void *context, const struct event *event);
	void *context;
	bool is_brief; /* files that are unchanged need not be told of */
};

/* sink may be NULL, then nothing happens. */
void event_emit(const struct event_sink *sink, const struct event *event);
void event_problem(const struct event_sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void event_detail(const struct event_sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "added", "updated", ... */
const char *event_what_name(enum event_what what);

#endif

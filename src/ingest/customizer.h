#ifndef S3I_INGEST_CUSTOMIZER_H
#define S3I_INGEST_CUSTOMIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ingest/customizer_pipe.h"

struct event_sink;

/*
 * What makes keys of filenames: FOLDER/NAME.js in a child of this program
 * (customizer_js.h), else an executable FOLDER/NAME. The child is started at
 * the first question. It has a time for each file; when it is over, or the
 * child ends, or says what is no answer, that file fails, and another child is
 * asked for the rest.
 */
struct customizer;

enum { CUSTOMIZER_QUESTIONS = 256, CUSTOMIZER_NAME_BYTES = 255 };

/* All borrowed until customizer_free. */
struct customizer_options {
	const char *folder;   /* customizers/ */
	const char *name;     /* see customizer_is_name; NULL: any question is
				 whether the syntax of all scripts is sound */
	const char *settings; /* a JSON object on one line */
	const char *program;  /* that runs scripts; NULL: this one */
	struct customizer_pipe_wake wake; /* an answer may be there */
	const struct event_sink *events;  /* for console.log */
};

/* Whether a name stays in the folder: no segment is empty or begins with a
 * dot, no byte is a control, a quote or a backslash. Pure. */
bool customizer_is_name(const char *name);

/* NULL: no memory. */
struct customizer *customizer_new(const struct customizer_options *options,
				  struct error *err);

/* Ends the child. NULL is allowed. */
void customizer_free(struct customizer *customizer);

/* Put a question in line. 0 or ERROR_LOCAL. At most CUSTOMIZER_QUESTIONS
 * should wait. */
int customizer_ask(struct customizer *customizer, struct bytes filename,
		   void *context, struct error *err);

/* Questions that are not answered. */
size_t customizer_waiting(const struct customizer *customizer);

enum customizer_says {
	CUSTOMIZER_KEY,
	CUSTOMIZER_IGNORES, /* the file gets no key */
	CUSTOMIZER_FAILED
};

struct customizer_answer {
	void *context;
	enum customizer_says says;
	struct bytes key;   /* valid until the next call */
	const char *reason; /* of a failure; the same */
};

/* The next answer, in the order of the questions; false: none yet. Never
 * waits; also watches the time, so it is to be called often while questions
 * wait. */
bool customizer_collect(struct customizer *customizer,
			struct customizer_answer *answer);

/* After 20 children that ended without a single answer there are no more:
 * why, else NULL. Questions that wait stay unanswered. */
const char *customizer_has_given_up(const struct customizer *customizer);

#endif

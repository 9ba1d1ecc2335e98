#include "ingest/customizer.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/json.h"
#include "ingest/customizer_files.h"
#include "ingest/customizer_line.h"
#include "platform/child.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/system.h"

#define NS_PER_MS INT64_C(1000000)

enum {
	SCRIPT_LIMIT_MS = 1000,
	EXECUTABLE_LIMIT_MS = 10000,
	READY_LIMIT_MS = 30000, /* of the program itself, on a busy machine */
	DEATHS_CEILING = 20,
	/* what a pipe holds, so that writing does not wait for reading */
	SENT_CEILING_BYTES = 16 * 1024,
	QUOTE_BYTES = 60,
	REASON_BYTES = 1024,
	PATH_BYTES = 4096,
	ENVIRONMENT_MOST = 3
};

struct question {
	struct question *next;
	void *context;
	char *filename;	   /* a JSON string */
	size_t sent_bytes; /* 0: not sent */
};

struct customizer {
	struct customizer_options options;
	struct question *first;
	struct question **last;
	size_t count;
	/* of those, from the first on */
	struct question *unsent;
	size_t sent_bytes;
	/* the child */
	struct customizer_pipe *pipe;
	bool is_script;
	bool is_ready;	  /* it took its first line */
	int64_t since_ns; /* the time of the first question counts from */
	int deaths;	  /* since the last answer */
	char broken[REASON_BYTES]; /* it cannot be started: all fail */
	bool has_given_up;
	/* of the last answer */
	char reason[REASON_BYTES];
	struct buffer line;
	json_t *answer;
};

bool customizer_is_name(const char *name)
{
	if (strlen(name) > CUSTOMIZER_NAME_BYTES)
		return false;
	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		if (*c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\')
			return false;
	while (true) {
		size_t length = strcspn(name, "/");

		if (length == 0 || name[0] == '.')
			return false;
		if (name[length] == '\0')
			return true;
		name += length + 1;
	}
}

struct customizer *customizer_new(const struct customizer_options *options,
				  struct error *err)
{
	struct customizer *customizer = calloc(1, sizeof(*customizer));

	if (!customizer) {
		(void)error_set_memory(err);
		return NULL;
	}
	customizer->options = *options;
	customizer->last = &customizer->first;
	return customizer;
}

/* ---- questions ---- */

static struct question *question_new(struct bytes filename)
{
	struct question *question = calloc(1, sizeof(*question));
	json_t *text = json_text_of_bytes(filename);

	if (question && text)
		question->filename =
		    json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(text);
	if (question && question->filename)
		return question;
	free(question);
	return NULL;
}

int customizer_ask(struct customizer *customizer, struct bytes filename,
		   void *context, struct error *err)
{
	struct question *question = question_new(filename);

	if (!question)
		return error_set_memory(err);
	question->context = context;
	*customizer->last = question;
	customizer->last = &question->next;
	if (!customizer->unsent)
		customizer->unsent = question;
	if (customizer->count++ == 0)
		customizer->since_ns = clock_steady_ns();
	return 0;
}

size_t customizer_waiting(const struct customizer *customizer)
{
	return customizer->count;
}

/* The first one is answered; its context. */
static void *pop(struct customizer *customizer)
{
	struct question *question = customizer->first;
	void *context = question->context;

	if (customizer->unsent == question)
		customizer->unsent = question->next;
	customizer->sent_bytes -= question->sent_bytes;
	customizer->first = question->next;
	if (!customizer->first)
		customizer->last = &customizer->first;
	customizer->count--;
	customizer->since_ns = clock_steady_ns();
	free(question->filename);
	free(question);
	return context;
}

/* An executable is told the settings with each of them. */
static int make_line(const struct customizer *customizer,
		     const struct question *question, struct buffer *line)
{
	if (customizer->is_script)
		return buffer_append_format(line, "%s\n", question->filename);
	return buffer_append_format(line, "{\"filename\":%s,\"settings\":%s}\n",
				    question->filename,
				    customizer->options.settings);
}

/* Without memory it is tried again at the next turn. */
static void send_questions(struct customizer *customizer)
{
	struct buffer line = {0};

	while (customizer->unsent) {
		struct question *question = customizer->unsent;

		buffer_reset(&line);
		if (make_line(customizer, question, &line) != 0 ||
		    (customizer->sent_bytes > 0 &&
		     customizer->sent_bytes + line.size > SENT_CEILING_BYTES) ||
		    customizer_pipe_send(customizer->pipe,
					 buffer_bytes(&line)) != 0)
			break;
		question->sent_bytes = line.size;
		customizer->sent_bytes += line.size;
		customizer->unsent = question->next;
	}
	buffer_clear(&line);
}

/* ---- the child ---- */

/* What its environment is: nothing of ours but these. */
struct environment {
	char *values[ENVIRONMENT_MOST + 1];
	size_t count;
};

static int add_variable(struct environment *environment, const char *name,
			const char *otherwise)
{
	const char *value = system_environment(name);

	if (!value)
		value = otherwise;
	if (!value)
		return 0;
	char *text = text_format("%s=%s", name, value);
	if (!text)
		return ENOMEM;
	environment->values[environment->count++] = text;
	return 0;
}

static void environment_clear(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++)
		free(environment->values[i]);
}

static int open_pipe(struct customizer *customizer, const char *const *argv,
		     const struct environment *environment, const char *folder)
{
	const struct child_options options = {
	    .argv = argv,
	    .environment = (const char *const *)environment->values,
	    .folder = folder,
	    .writes_input = true,
	    .reads_output = true,
	};

	return customizer_pipe_open(&options, CUSTOMIZER_LINE_BYTES,
				    &customizer->options.wake,
				    &customizer->pipe);
}

/* The zone of dates is named, so that it is not looked for behind the fence:
 * what glibc has once read under a name it keeps. */
static int open_worker(struct customizer *customizer)
{
	struct environment environment = {.count = 0};
	char own[PATH_BYTES];
	const char *program = customizer->options.program;
	int code = add_variable(&environment, "TZ", ":/etc/localtime");

	if (code == 0 && !program) {
		code = system_own_executable(own, sizeof(own));
		program = own;
	}
	const char *const argv[] = {program, "--customizer-worker", NULL};
	if (code == 0)
		code = open_pipe(customizer, argv, &environment, NULL);
	environment_clear(&environment);
	return code;
}

/* The first line that the worker reads. */
static int append_beginning(const struct customizer_options *options,
			    const struct buffer *modules, struct buffer *line)
{
	int code = buffer_append_format(
	    line, "{\"modules\":%s,\"main\":", modules->data);

	if (code == 0 && options->name)
		code = buffer_append_format(line, "\"%s.js\"", options->name);
	else if (code == 0)
		code = buffer_append_text(line, "null");
	return code ? code
		    : buffer_append_format(line, ",\"settings\":%s}\n",
					   options->settings);
}

static int begin_script(struct customizer *customizer, struct error *err)
{
	const struct customizer_options *options = &customizer->options;
	struct buffer modules = {0};
	struct buffer line = {0};
	int rc = customizer_files_modules(options->folder, &modules, err);

	if (rc == 0)
		rc = append_beginning(options, &modules, &line);
	buffer_clear(&modules);
	if (rc != 0 && !err->code)
		(void)error_set_memory(err);
	if (rc == 0) {
		int code = open_worker(customizer);

		if (code)
			rc = error_set_system(err, code, "start a child");
	}
	if (rc == 0 &&
	    customizer_pipe_send(customizer->pipe, buffer_bytes(&line)) != 0)
		rc = error_set_memory(err);
	buffer_clear(&line);
	return rc;
}

static int begin_executable(struct customizer *customizer, struct error *err)
{
	struct environment environment = {.count = 0};
	char *folder = NULL;
	char *path = NULL;
	int code = file_resolve(customizer->options.folder, &folder);

	if (code == 0)
		path = text_format("%s/%s", folder, customizer->options.name);
	if (code == 0 && !path)
		code = ENOMEM;
	if (code == 0)
		code = add_variable(&environment, "PATH",
				    "/usr/local/bin:/usr/bin:/bin");
	if (code == 0)
		code = add_variable(&environment, "LANG", NULL);
	const char *const argv[] = {path, NULL};
	if (code == 0)
		code = open_pipe(customizer, argv, &environment, folder);
	environment_clear(&environment);
	free(path);
	free(folder);
	return code ? error_set_system(err, code, "start it") : 0;
}

static bool is_there(const struct customizer *customizer, const char *ending)
{
	struct file_facts facts;
	char *path = text_format("%s/%s%s", customizer->options.folder,
				 customizer->options.name, ending);
	bool found = path && file_stat_path(path, &facts) == 0;

	free(path);
	return found;
}

/* What is wrong now will be for the whole run. */
static void begin(struct customizer *customizer)
{
	struct error problem = {0};
	const char *name = customizer->options.name;
	int rc = 0;

	customizer->is_script = !name || is_there(customizer, ".js");
	customizer->is_ready = !customizer->is_script;
	if (customizer->is_script)
		rc = begin_script(customizer, &problem);
	else if (is_there(customizer, ""))
		rc = begin_executable(customizer, &problem);
	else
		rc = error_set(&problem, ERROR_MISSING,
			       "there is neither %s.js nor an executable %s",
			       name, name);
	if (rc)
		(void)snprintf(customizer->broken, sizeof(customizer->broken),
			       "customizer %s: %.800s", name, problem.text);
	customizer->since_ns = clock_steady_ns();
}

/* End the child; what was sent to it is sent to the next one. */
static int end(struct customizer *customizer, bool with_mercy)
{
	int status = customizer_pipe_close(customizer->pipe, with_mercy);

	customizer->pipe = NULL;
	customizer->unsent = customizer->first;
	customizer->sent_bytes = 0;
	for (struct question *q = customizer->first; q; q = q->next)
		q->sent_bytes = 0;
	return status;
}

void customizer_free(struct customizer *customizer)
{
	if (!customizer)
		return;
	(void)end(customizer, customizer->count == 0); /* it is over */
	while (customizer->first)
		(void)pop(customizer); /* nobody waits for it */
	json_decref(customizer->answer);
	buffer_clear(&customizer->line);
	free(customizer);
}

/* ---- answers ---- */

static bool fail(struct customizer *customizer,
		 struct customizer_answer *answer)
{
	*answer = (struct customizer_answer){
	    .context = pop(customizer),
	    .says = CUSTOMIZER_FAILED,
	    .reason = customizer->reason,
	};
	return true;
}

__attribute__((format(printf, 2, 3))) static void set_reason(
    struct customizer *customizer, const char *format, ...)
{
	char text[REASON_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)snprintf(customizer->reason, sizeof(customizer->reason),
		       "customizer %s: %.700s", customizer->options.name, text);
}

/* The child is gone: the first question is answered by that. */
static bool die(struct customizer *customizer, struct customizer_answer *answer)
{
	if (!customizer->first)
		return false;
	if (++customizer->deaths >= DEATHS_CEILING)
		customizer->has_given_up = true;
	return fail(customizer, answer);
}

static bool die_by_itself(struct customizer *customizer,
			  struct customizer_answer *answer)
{
	int status = end(customizer, true);

	if (status > 128)
		set_reason(customizer, "ended by signal %d", status - 128);
	else
		set_reason(customizer, "ended with exit status %d", status);
	return die(customizer, answer);
}

static bool kill_it(struct customizer *customizer,
		    struct customizer_answer *answer)
{
	(void)end(customizer, false); /* the reason is known */
	return die(customizer, answer);
}

static bool is_late(struct customizer *customizer)
{
	int64_t limit_ms = SCRIPT_LIMIT_MS;

	if (!customizer->is_ready)
		limit_ms = READY_LIMIT_MS;
	else if (!customizer->is_script)
		limit_ms = EXECUTABLE_LIMIT_MS;
	if (!customizer->first ||
	    clock_steady_ns() - customizer->since_ns < limit_ms * NS_PER_MS)
		return false;
	set_reason(customizer, "no answer within %d s", (int)(limit_ms / 1000));
	return true;
}

static void tell_log(const struct customizer *customizer, const char *text)
{
	event_emit(customizer->options.events,
		   &(struct event){.kind = EVENT_LOG,
				   .name = customizer->options.name,
				   .text = text});
}

/* A line that answers nothing. */
static bool is_aside(struct customizer *customizer)
{
	const char *log = json_member_text(customizer->answer, "log");

	if (customizer->is_script && !customizer->is_ready) {
		customizer->is_ready = true;
		customizer->since_ns = clock_steady_ns();
		return true;
	}
	if (!customizer->is_script || !log)
		return false;
	tell_log(customizer, log);
	return true;
}

static bool answer_with(struct customizer *customizer,
			struct customizer_answer *answer)
{
	const json_t *value = customizer->answer;
	const char *error = json_member_text(value, "error");

	customizer->deaths = 0;
	if (error) {
		set_reason(customizer, "%s", error);
		return fail(customizer, answer);
	}
	*answer = (struct customizer_answer){.context = pop(customizer)};
	answer->says = CUSTOMIZER_IGNORES;
	if (json_is_string(value) && json_string_length(value) > 0) {
		answer->says = CUSTOMIZER_KEY;
		answer->key = (struct bytes){json_string_value(value),
					     json_string_length(value)};
	}
	return true;
}

static bool is_answer(const json_t *value)
{
	return json_is_string(value) || json_is_null(value) ||
	       json_is_false(value) || json_member_text(value, "error");
}

/* A line that is no answer may be one of several: the next child counts from
 * one again. */
static bool read_line(struct customizer *customizer,
		      struct customizer_answer *answer)
{
	const struct buffer *line = &customizer->line;
	json_error_t problem;

	json_decref(customizer->answer);
	customizer->answer =
	    line->size > CUSTOMIZER_LINE_BYTES
		? NULL
		: json_loadb(line->data ? line->data : "", line->size,
			     JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
	if (customizer->answer && is_aside(customizer))
		return false;
	if (customizer->answer && is_answer(customizer->answer) &&
	    customizer->first && customizer->first->sent_bytes > 0)
		return answer_with(customizer, answer);
	set_reason(customizer, "said what is no answer: %.*s",
		   line->size < QUOTE_BYTES ? (int)line->size : QUOTE_BYTES,
		   line->data ? line->data : "");
	return kill_it(customizer, answer);
}

/* Whether it said something, or will say nothing more. */
static bool listen(struct customizer *customizer,
		   struct customizer_answer *answer)
{
	bool found = false;

	while (!found && customizer->pipe) {
		/* asked first: a line may come in between */
		enum customizer_pipe_end is_over =
		    customizer_pipe_end(customizer->pipe);

		if (customizer_pipe_take(customizer->pipe, &customizer->line)) {
			found = read_line(customizer, answer);
		} else if (is_over == CUSTOMIZER_PIPE_TOO_LONG) {
			set_reason(customizer, "answered more than 16 KiB");
			return kill_it(customizer, answer);
		} else if (is_over == CUSTOMIZER_PIPE_CLOSED) {
			return die_by_itself(customizer, answer);
		} else if (is_late(customizer)) {
			return kill_it(customizer, answer);
		} else {
			return false;
		}
	}
	return found;
}

bool customizer_collect(struct customizer *customizer,
			struct customizer_answer *answer)
{
	if (customizer->has_given_up ||
	    (!customizer->first && !customizer->pipe))
		return false;
	if (!customizer->pipe && customizer->broken[0] == '\0')
		begin(customizer);
	if (customizer->broken[0] != '\0') {
		(void)snprintf(customizer->reason, sizeof(customizer->reason),
			       "%s", customizer->broken);
		return customizer->first && fail(customizer, answer);
	}
	if (customizer->is_ready)
		send_questions(customizer);
	return listen(customizer, answer);
}

const char *customizer_has_given_up(const struct customizer *customizer)
{
	return customizer->has_given_up ? customizer->reason : NULL;
}

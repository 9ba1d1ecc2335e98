#include "ingest/customizer_js.h"

#include <duktape.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ingest/customizer_line.h"
#include "ingest/customizer_memory.h"
#include "platform/fence.h"

#define MIB		     ((size_t)1024 * 1024)
#define SCRIPT_CEILING_BYTES (64 * MIB)
/* what the program itself needs beside them */
#define FENCE_BYTES ((int64_t)(SCRIPT_CEILING_BYTES + 64 * MIB))

enum {
	STATUS_DONE = 0,
	STATUS_BUG = 70,
	NAME_BYTES = 1024,
	PIECE_BYTES = 16 * 1024,
	REASON_BYTES = 700,
	LOG_BYTES = 2000,
	LOG_LINES = 1000
};

/* Names in the stash, which no script can reach. */
#define KEY_MODULES  "modules"
#define KEY_LOADED   "loaded"
#define KEY_SETTINGS "settings"
#define KEY_MAIN     "main"
#define KEY_FUNCTION "function"
#define KEY_THROWN   "thrown"
#define KEY_FOLDER   DUK_HIDDEN_SYMBOL("folder")

struct worker {
	duk_context *js;
	struct customizer_memory memory;
	int log_lines;
	bool is_loaded;
	bool is_broken;	    /* and line says why */
	struct buffer line; /* what is answered */
};

/* ---- memory ---- */

static void *take(void *context, duk_size_t size)
{
	struct worker *worker = context;

	return customizer_memory_take(&worker->memory, size);
}

static void *resize(void *context, void *data, duk_size_t size)
{
	struct worker *worker = context;

	return customizer_memory_resize(&worker->memory, data, size);
}

static void give(void *context, void *data)
{
	struct worker *worker = context;

	customizer_memory_give(&worker->memory, data);
}

/* Outside of any protected call: there is nothing to go back to. */
static void give_up(void *context, const char *message)
{
	(void)context;
	(void)fprintf(stderr, "s3-ingestor: customizer: %s\n",
		      message ? message : "?");
	abort();
}

static struct worker *worker_of(duk_context *js)
{
	duk_memory_functions functions;

	duk_get_memory_functions(js, &functions);
	return functions.udata;
}

/* Throw; the place is where the script is, not here. */
static duk_ret_t fail(duk_context *js, const char *format, const char *name)
{
	duk_error_raw(js, DUK_ERR_ERROR, NULL, 0, format, name);
	return 0;
}

/* ---- console ---- */

static void say_line(struct worker *worker)
{
	(void)fwrite(worker->line.data, 1, worker->line.size, stdout);
	(void)fputc('\n', stdout);
	/* nobody reads any more: the next read finds the end */
	(void)fflush(stdout);
}

static duk_ret_t as_json(duk_context *js, void *context)
{
	(void)context;
	duk_json_encode(js, -1);
	return 1;
}

/* Plain objects as JSON; one that cannot be is "[object Object]". */
static const char *to_text(duk_context *js, duk_idx_t index)
{
	duk_dup(js, index);
	if (duk_is_object(js, -1) && !duk_is_error(js, -1) &&
	    !duk_is_function(js, -1)) {
		if (duk_safe_call(js, as_json, NULL, 1, 1) != 0 ||
		    !duk_is_string(js, -1)) {
			duk_pop(js);
			duk_dup(js, index);
		}
	}
	const char *text = duk_safe_to_string(js, -1);
	duk_replace(js, index);
	return text;
}

static duk_ret_t console_log(duk_context *js)
{
	struct worker *worker = worker_of(js);
	duk_idx_t count = duk_get_top(js);
	bool is_whole;

	if (++worker->log_lines > LOG_LINES)
		return 0;
	duk_push_string(js, " ");
	duk_insert(js, 0);
	for (duk_idx_t i = 1; i <= count; i++)
		(void)to_text(js, i);
	duk_join(js, count);
	duk_size_t size;
	const char *text = duk_get_lstring(js, -1, &size);
	const struct bytes said = {text, size < LOG_BYTES ? size : LOG_BYTES};
	buffer_reset(&worker->line);
	int rc = buffer_append_text(&worker->line, "{\"log\":");
	if (rc == 0)
		rc = customizer_line_append(&worker->line, said, &is_whole);
	if (rc == 0)
		rc = buffer_append_text(&worker->line, "}");
	if (rc == 0)
		say_line(worker);
	return 0;
}

/* ---- modules ---- */

static void push_stashed(duk_context *js, const char *key)
{
	duk_push_global_stash(js);
	duk_get_prop_string(js, -1, key);
	duk_remove(js, -2);
}

/* folder and "./a/../b" made one name beneath the root; false: it is none */
static bool resolve(const char *folder, const char *path, char name[NAME_BYTES])
{
	size_t size = strlen(folder);

	if (size >= NAME_BYTES)
		return false;
	memcpy(name, folder, size + 1);
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0) {
			if (size == 0)
				return false;
			/* "a/b/" to "a/" */
			do
				size--;
			while (size > 0 && name[size - 1] != '/');
		} else if (length > 0 && !(length == 1 && *path == '.')) {
			if (size + length + 2 > NAME_BYTES)
				return false;
			memcpy(name + size, path, length);
			size += length;
			if (path[length] == '/')
				name[size++] = '/';
		}
		name[size] = '\0';
		path += length + (path[length] == '/');
	}
	return size > 0;
}

/* Push the source of a name that is given, else nothing. */
static bool push_source(duk_context *js, const char *name)
{
	push_stashed(js, KEY_MODULES);
	duk_get_prop_string(js, -1, name);
	duk_remove(js, -2);
	if (duk_is_string(js, -1))
		return true;
	duk_pop(js);
	return false;
}

static bool find_source(duk_context *js, char name[NAME_BYTES])
{
	static const char *const endings[] = {"", ".js", ".json", "/index.js"};
	size_t size = strlen(name);

	if (name[size - 1] == '/')
		name[--size] = '\0';
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (size + strlen(endings[i]) >= NAME_BYTES)
			continue;
		(void)strcpy(name + size, endings[i]);
		if (push_source(js, name))
			return true;
	}
	return false;
}

static bool has_ending(const char *name, const char *ending)
{
	size_t size = strlen(name);
	size_t length = strlen(ending);

	return size > length && strcmp(name + size - length, ending) == 0;
}

static duk_ret_t require(duk_context *js);

static void push_require(duk_context *js, const char *name)
{
	const char *slash = strrchr(name, '/');

	duk_push_c_function(js, require, 1);
	duk_push_lstring(js, name, slash ? (duk_size_t)(slash - name) + 1 : 0);
	duk_put_prop_string(js, -2, KEY_FOLDER);
}

/* [ source ] -> [ function ]; on one line, so that lines keep their numbers */
static void compile(duk_context *js, const char *name)
{
	duk_size_t size;
	const char *source = duk_get_lstring(js, -1, &size);
	bool has_mark = size >= 3 && memcmp(source, "\xef\xbb\xbf", 3) == 0;

	if (has_mark) {
		source += 3;
		size -= 3;
	}
	duk_push_string(js, "function (exports, require, module, __filename, "
			    "__dirname) {");
	if (size >= 2 && memcmp(source, "#!", 2) == 0)
		duk_push_string(js, "//");
	else
		duk_push_string(js, "");
	duk_push_lstring(js, source, size);
	duk_push_string(js, "\n}");
	duk_concat(js, 4);
	duk_remove(js, -2);
	duk_push_string(js, name);
	duk_compile(js, DUK_COMPILE_FUNCTION);
}

/* [ function ] -> [ ]: run the body of a module into module.exports */
static duk_int_t run_body(duk_context *js, const char *name)
{
	duk_idx_t module = duk_push_object(js);

	duk_push_object(js);
	duk_put_prop_string(js, module, "exports");
	duk_push_string(js, name);
	duk_put_prop_string(js, module, "id");
	push_stashed(js, KEY_LOADED);
	duk_dup(js, module);
	duk_put_prop_string(js, -2, name);
	duk_pop(js);
	duk_dup(js, module - 1);
	duk_get_prop_string(js, module, "exports");
	push_require(js, name);
	duk_dup(js, module);
	duk_push_string(js, name);
	duk_push_string(js, ".");
	duk_int_t rc = duk_pcall(js, 5);
	if (rc != 0) {
		push_stashed(js, KEY_LOADED);
		duk_del_prop_string(js, -1, name);
		duk_pop(js);
		return rc;
	}
	duk_pop_3(js);
	return 0;
}

/* Push what a module exports; [ source ] is taken. Throws. */
static void load(duk_context *js, const char *name)
{
	push_stashed(js, KEY_LOADED);
	if (duk_get_prop_string(js, -1, name)) {
		duk_get_prop_string(js, -1, "exports");
		duk_replace(js, -4);
		duk_pop_2(js);
		return;
	}
	duk_pop_2(js);
	if (has_ending(name, ".json")) {
		duk_json_decode(js, -1);
		return;
	}
	compile(js, name);
	if (run_body(js, name) != 0)
		(void)duk_throw(js);
	push_stashed(js, KEY_LOADED);
	duk_get_prop_string(js, -1, name);
	duk_get_prop_string(js, -1, "exports");
	duk_replace(js, -3);
	duk_pop(js);
}

static duk_ret_t require(duk_context *js)
{
	const char *path = duk_require_string(js, 0);
	char name[NAME_BYTES];

	duk_push_current_function(js);
	duk_get_prop_string(js, -1, KEY_FOLDER);
	const char *folder = duk_require_string(js, -1);
	bool is_relative =
	    strncmp(path, "./", 2) == 0 || strncmp(path, "../", 3) == 0;
	if (!is_relative || !resolve(folder, path, name) ||
	    !find_source(js, name))
		return fail(js, "require: no module '%s' in customizers/",
			    path);
	load(js, name);
	return 1;
}

/* ---- the world that scripts see ---- */

/* Where something is thrown that does not know it itself: a text, a number. */
static duk_ret_t note_thrown(duk_context *js)
{
	duk_push_global_stash(js);
	duk_push_string(js, "");
	for (duk_int_t level = -2; level > -8; level--) {
		duk_inspect_callstack_entry(js, level);
		if (!duk_is_object(js, -1)) {
			duk_pop(js);
			break;
		}
		duk_get_prop_string(js, -1, "lineNumber");
		duk_int_t line = duk_get_int(js, -1);
		duk_get_prop_string(js, -2, "function");
		duk_get_prop_string(js, -1, "fileName");
		if (line > 0 && duk_is_string(js, -1)) {
			duk_push_sprintf(js, "%s:%ld", duk_get_string(js, -1),
					 (long)line);
			duk_replace(js, 2);
			break;
		}
		duk_pop_n(js, 4);
	}
	duk_dup(js, 2);
	duk_put_prop_string(js, 1, KEY_THROWN);
	duk_set_top(js, 1);
	return 1;
}

static void freeze(duk_context *js, int depth)
{
	duk_require_stack(js, 8);
	if (!duk_is_object(js, -1) || depth > 100)
		return;
	duk_enum(js, -1, DUK_ENUM_OWN_PROPERTIES_ONLY);
	while (duk_next(js, -1, 1)) {
		freeze(js, depth + 1);
		duk_pop_2(js);
	}
	duk_pop(js);
	duk_freeze(js, -1);
}

static void add_console(duk_context *js)
{
	static const char *const names[] = {"log", "info", "warn", "error",
					    "debug"};

	duk_push_object(js);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		duk_push_c_function(js, console_log, DUK_VARARGS);
		duk_put_prop_string(js, -2, names[i]);
	}
	duk_put_global_string(js, "console");
}

/* The library's own object lets scripts into its workings: it is not theirs.
 * Its hook stays in force. */
static void take_away_library(duk_context *js)
{
	duk_get_global_string(js, "Duktape");
	duk_push_c_function(js, note_thrown, 1);
	duk_put_prop_string(js, -2, "errThrow");
	duk_pop(js);
	duk_push_global_object(js);
	duk_del_prop_string(js, -1, "Duktape");
	duk_pop(js);
}

/* [ line ] -> [ ]: modules, main and settings into the stash. */
static duk_ret_t prepare(duk_context *js, void *context)
{
	(void)context;
	/* the zone's file is read now: behind the fence nothing can be */
	duk_eval_string_noresult(js, "new Date(0).getTimezoneOffset()");
	duk_json_decode(js, -1);
	duk_push_global_stash(js);
	duk_get_prop_string(js, -2, KEY_MODULES);
	duk_push_undefined(js);
	duk_set_prototype(js, -2);
	duk_put_prop_string(js, -2, KEY_MODULES);
	duk_get_prop_string(js, -2, KEY_MAIN);
	duk_put_prop_string(js, -2, KEY_MAIN);
	duk_get_prop_string(js, -2, KEY_SETTINGS);
	freeze(js, 0);
	duk_put_prop_string(js, -2, KEY_SETTINGS);
	(void)duk_push_bare_object(js);
	duk_put_prop_string(js, -2, KEY_LOADED);
	duk_push_string(js, "");
	duk_put_prop_string(js, -2, KEY_THROWN);
	duk_set_top(js, 0);
	add_console(js);
	take_away_library(js);
	return 0;
}

/* ---- questions ---- */

static duk_ret_t load_main(duk_context *js, void *context)
{
	char name[NAME_BYTES];

	(void)context;
	push_stashed(js, KEY_MAIN);
	(void)snprintf(name, sizeof(name), "%s", duk_require_string(js, -1));
	if (!push_source(js, name))
		return fail(js, "%s is not there", name);
	load(js, name);
	if (!duk_is_function(js, -1))
		return fail(js, "%s: module.exports is no function", name);
	duk_push_global_stash(js);
	duk_insert(js, -2);
	duk_put_prop_string(js, -2, KEY_FUNCTION);
	return 0;
}

/* -> [ null ]: compile every script, run none */
static duk_ret_t check_all(duk_context *js, void *context)
{
	(void)context;
	push_stashed(js, KEY_MODULES);
	duk_enum(js, -1, DUK_ENUM_OWN_PROPERTIES_ONLY);
	while (duk_next(js, -1, 1)) {
		const char *name = duk_require_string(js, -2);

		if (has_ending(name, ".js"))
			compile(js, name);
		duk_pop_2(js);
	}
	duk_push_null(js);
	return 1;
}

static bool has_main(duk_context *js)
{
	push_stashed(js, KEY_MAIN);
	bool found = duk_is_string(js, -1);
	duk_pop(js);
	return found;
}

/* -> [ null, or a text ] */
static duk_ret_t ask(duk_context *js, void *context)
{
	const struct bytes *question = context;

	push_stashed(js, KEY_FUNCTION);
	duk_push_lstring(js, question->data, question->size);
	duk_json_decode(js, -1);
	push_stashed(js, KEY_SETTINGS);
	duk_call(js, 2);
	duk_dup(js, -1);
	if (!duk_to_boolean(js, -1)) {
		duk_push_null(js);
		return 1;
	}
	duk_pop(js);
	if (duk_is_number(js, -1))
		(void)duk_to_string(js, -1);
	if (!duk_is_string(js, -1) || duk_is_symbol(js, -1))
		return fail(js, "the answer is no text: %s",
			    duk_safe_to_string(js, -1));
	return 1;
}

/* [ thrown ] -> [ "message (file:line)" ] */
static duk_ret_t describe(duk_context *js, void *context)
{
	(void)context;
	duk_dup(js, 0);
	const char *message = duk_safe_to_string(js, -1);
	if (!duk_is_error(js, 0)) {
		push_stashed(js, KEY_THROWN);
		const char *where = duk_get_string(js, -1);
		duk_push_sprintf(js, where && *where ? "%s (%s)" : "%s",
				 message, where);
		return 1;
	}
	/* a syntax error says its line twice */
	const char *again = strstr(message, " (line ");
	int size = again ? (int)(again - message) : (int)strlen(message);
	duk_get_prop_string(js, 0, "fileName");
	duk_get_prop_string(js, 0, "lineNumber");
	const char *file = duk_get_string(js, -2);
	if (!file || size > REASON_BYTES)
		duk_push_sprintf(js, "%.*s", REASON_BYTES, message);
	else
		duk_push_sprintf(js, "%.*s (%s:%ld)", size, message, file,
				 (long)duk_get_int(js, -1));
	return 1;
}

static void put_error(struct worker *worker, struct bytes text)
{
	bool is_whole;

	if (text.size > REASON_BYTES)
		text.size = REASON_BYTES;
	buffer_reset(&worker->line);
	if (buffer_append_text(&worker->line, "{\"error\":") != 0 ||
	    customizer_line_append(&worker->line, text, &is_whole) != 0 ||
	    buffer_append_text(&worker->line, "}") != 0)
		buffer_reset(&worker->line);
}

static void put_thrown(struct worker *worker)
{
	duk_context *js = worker->js;
	const char *text = "an error that cannot be shown";

	if (duk_safe_call(js, describe, NULL, 1, 1) == 0)
		text = duk_get_string(js, -1);
	put_error(worker, bytes_of_text(text));
	duk_pop(js);
}

static void put_answer(struct worker *worker)
{
	duk_size_t size = 0;
	const char *text = duk_get_lstring(worker->js, -1, &size);
	bool is_whole = true;
	int rc = 0;

	buffer_reset(&worker->line);
	if (!text)
		rc = buffer_append_text(&worker->line, "null");
	else if (size <= CUSTOMIZER_LINE_BYTES)
		rc = customizer_line_append(
		    &worker->line, (struct bytes){text, size}, &is_whole);
	if (size > CUSTOMIZER_LINE_BYTES ||
	    worker->line.size > CUSTOMIZER_LINE_BYTES)
		put_error(worker,
			  bytes_of_text("the answer is longer than 16 KiB"));
	else if (!is_whole)
		put_error(worker, bytes_of_text("the answer is no Unicode"));
	else if (rc != 0)
		buffer_reset(&worker->line);
	duk_pop(worker->js);
}

/* Into the worker's line. */
static void answer(struct worker *worker, struct bytes question)
{
	duk_context *js = worker->js;

	if (!has_main(js)) {
		if (duk_safe_call(js, check_all, NULL, 0, 1) == 0)
			put_answer(worker);
		else
			put_thrown(worker);
		return;
	}
	if (!worker->is_loaded) {
		worker->is_loaded = true;
		worker->is_broken =
		    duk_safe_call(js, load_main, NULL, 0, 1) != 0;
		if (worker->is_broken) {
			put_thrown(worker);
			return;
		}
		duk_pop(js);
	}
	if (worker->is_broken) /* its line is still the answer */
		return;
	if (duk_safe_call(js, ask, &question, 0, 1) == 0)
		put_answer(worker);
	else
		put_thrown(worker);
}

/* ---- lines ---- */

/* One line without its end; false at the end of the input. */
static bool read_line(struct buffer *line)
{
	char piece[PIECE_BYTES];

	buffer_reset(line);
	while (fgets(piece, sizeof(piece), stdin)) {
		size_t size = strlen(piece);
		bool is_end = size > 0 && piece[size - 1] == '\n';

		if (buffer_append(line, piece, size - is_end) != 0)
			return false;
		if (is_end)
			return true;
	}
	return false;
}

static int begin(struct worker *worker, struct buffer *line)
{
	if (!read_line(line))
		return STATUS_BUG;
	duk_push_lstring(worker->js, line->data, line->size);
	buffer_clear(line);
	if (duk_safe_call(worker->js, prepare, NULL, 1, 1) != 0) {
		(void)fprintf(stderr, "s3-ingestor: customizer: %s\n",
			      duk_safe_to_string(worker->js, -1));
		return STATUS_BUG;
	}
	duk_pop(worker->js);
	if (fence_close(FENCE_BYTES) != 0) {
		(void)fputs("s3-ingestor: customizer: no fence here\n", stderr);
		return STATUS_BUG;
	}
	return fputs("true\n", stdout) < 0 || fflush(stdout) != 0 ? STATUS_BUG
								  : STATUS_DONE;
}

int customizer_js_work(void)
{
	struct worker worker = {
	    .memory.ceiling_bytes = SCRIPT_CEILING_BYTES,
	};
	struct buffer line = {0};
	int status = STATUS_BUG;

	worker.js = duk_create_heap(take, resize, give, &worker, give_up);
	if (worker.js)
		status = begin(&worker, &line);
	while (status == STATUS_DONE && read_line(&line)) {
		answer(&worker, buffer_bytes(&line));
		if (worker.line.size == 0)
			put_error(&worker, bytes_of_text("out of memory"));
		say_line(&worker);
	}
	if (worker.js)
		duk_destroy_heap(worker.js);
	buffer_clear(&worker.line);
	buffer_clear(&line);
	return status;
}

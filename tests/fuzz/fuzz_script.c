#include <fcntl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "ingest/customizer_js.h"
#include "ingest/customizer_line.h"
#include "platform/fence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * The worker of scripts, from its first line on. The first byte of an input
 * says what the rest is: the first line as it is; the source of a script,
 * which is looked at and not run; or, up to a NUL, a module of JSON and then
 * the lines of questions to a script that does what each question says. What
 * runs is never the input's own: it could run for ever, and who asks keeps the
 * time.
 *
 * This program is linked without src/platform/posix/fence.c: behind the fence
 * no fuzzer could go on.
 */
enum { AS_FIRST_LINE, AS_SOURCE, AS_QUESTIONS, WAYS };

enum { OWN_INPUT = 0, OWN_OUTPUT = 1 };

static const char script[] =
    "var other = require('./lib/a.js');\n"
    "module.exports = function (name, settings) {\n"
    "  var rest = name.slice(1);\n"
    "  switch (name.charAt(0)) {\n"
    "  case 'r': return require(rest);\n"
    "  case 'l': console.log(rest, settings, {a: rest}, [rest], other);\n"
    "    return rest;\n"
    "  case 't': throw rest;\n"
    "  case 'e': throw new Error(rest);\n"
    "  case 's': return eval('1' + JSON.stringify(rest) + '(');\n"
    "  case 'o': throw {toString: function () { throw rest; }};\n"
    "  case 'j': return JSON.parse(rest);\n"
    "  case 'd': return require('./data.json');\n"
    "  case 'c': return rest.split('').reverse().join('');\n"
    "  case 'm': return Array(2000).join(rest);\n"
    "  case 'f': settings.a.b = rest; return settings.a.b;\n"
    "  default: return name;\n"
    "  }\n"
    "};\n";
static const char library[] = "exports.b = require('../lib/b');\n";
static const char circle[] = "exports.a = require('./a.js');\n";

static int input;
static int output;
static int real_output;

#define require(condition) require_at(condition, #condition)

static void require_at(bool condition, const char *text)
{
	if (condition)
		return;
	(void)fprintf(stderr, "not so: %s\n", text);
	abort();
}

/* ---- the door that stays open ---- */

int fence_close(int64_t memory_bytes)
{
	require(memory_bytes > 0);
	return 0;
}

/* ---- the streams of a worker ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	input = memfd_create("input", 0);
	output = memfd_create("output", 0);
	real_output = dup(OWN_OUTPUT);
	require(input >= 0 && output >= 0 && real_output >= 0);
	require(dup2(input, OWN_INPUT) == OWN_INPUT);
	return 0;
}

static void write_input(const struct buffer *text)
{
	require(ftruncate(input, 0) == 0);
	require(pwrite(input, text->data, text->size, 0) ==
		(ssize_t)text->size);
	__fpurge(stdin); /* fseek would keep what it has */
	clearerr(stdin);
	require(lseek(OWN_INPUT, 0, SEEK_SET) == 0);
}

static struct buffer read_output(void)
{
	struct buffer text = {0};
	char data[4096];
	ssize_t got = 1;
	off_t at = 0;

	for (; got > 0; at += got) {
		got = pread(output, data, sizeof(data), at);
		require(got >= 0 &&
			buffer_append(&text, data, (size_t)got) == 0);
	}
	return text;
}

static struct buffer work(const struct buffer *text, int *status)
{
	write_input(text);
	require(ftruncate(output, 0) == 0);
	require(fflush(stdout) == 0 && dup2(output, OWN_OUTPUT) == OWN_OUTPUT);
	require(lseek(OWN_OUTPUT, 0, SEEK_SET) == 0);
	*status = customizer_js_work();
	require(fflush(stdout) == 0 &&
		dup2(real_output, OWN_OUTPUT) == OWN_OUTPUT);
	return read_output();
}

/* ---- what it is told ---- */

static void add_json(struct buffer *text, struct bytes value)
{
	bool is_whole;

	require(customizer_line_append(text, value, &is_whole) == 0);
}

static void add_text(struct buffer *text, const char *value)
{
	require(buffer_append_text(text, value) == 0);
}

static void add_bytes(struct buffer *text, const uint8_t *data, size_t size)
{
	require(buffer_append(text, data, size) == 0);
}

static void add_source(struct buffer *text, const uint8_t *data, size_t size)
{
	add_text(text, "{\"modules\":{\"a.js\":");
	add_json(text, (struct bytes){(const char *)data, size});
	add_text(text,
		 ",\"b.txt\":\"(\"},\"main\":null,\"settings\":{}}\n\"\"\n");
}

static void add_questions(struct buffer *text, const uint8_t *data, size_t size)
{
	const uint8_t *gap = size ? memchr(data, '\0', size) : NULL;
	size_t module_size = gap ? (size_t)(gap - data) : size;

	add_text(text, "{\"modules\":{\"main.js\":");
	add_json(text, bytes_of_text(script));
	add_text(text, ",\"lib/a.js\":");
	add_json(text, bytes_of_text(library));
	add_text(text, ",\"lib/b/index.js\":");
	add_json(text, bytes_of_text(circle));
	add_text(text, ",\"lib/b.js\":");
	add_json(text, bytes_of_text(circle));
	add_text(text, ",\"data.json\":");
	add_json(text, (struct bytes){(const char *)data, module_size});
	add_text(text, "},\"main\":\"main.js\",\"settings\":{\"a\":{}}}\n");
	if (gap) /* what asks writes ASCII: no other NUL */
		add_bytes(
		    text, gap + 1,
		    strnlen((const char *)gap + 1, size - module_size - 1));
	add_text(text, "\n");
}

/* ---- what it says ---- */

static size_t count_lines(const struct buffer *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->size; i++)
		count += text->data[i] == '\n';
	return count;
}

/* The first is true; each other one is a string, null, or says an error or
 * what is logged. */
static size_t check_lines(const struct buffer *said)
{
	size_t answers = 0;
	size_t at = 0;

	for (int line = 0; at < said->size; line++) {
		const char *end =
		    memchr(said->data + at, '\n', said->size - at);
		require(end != NULL);
		size_t size = (size_t)(end - said->data) - at;
		require(size <= CUSTOMIZER_LINE_BYTES);
		json_t *value =
		    json_loadb(said->data + at, size,
			       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		require(line > 0
			    ? json_is_string(value) || json_is_null(value) ||
				  json_object_size(value) == 1
			    : json_is_true(value));
		answers += line > 0 && !json_object_get(value, "log");
		json_decref(value);
		at += size + 1;
	}
	return answers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer text = {0};
	int status = 0;

	if (size < 1)
		return 0;
	int way = data[0] % WAYS;
	/* its script would run */
	if (way == AS_FIRST_LINE && memmem(data, size, "main", 4))
		return 0;
	if (way == AS_FIRST_LINE)
		add_bytes(&text, data + 1,
			  strnlen((const char *)data + 1, size - 1));
	else if (way == AS_SOURCE)
		add_source(&text, data + 1, size - 1);
	else
		add_questions(&text, data + 1, size - 1);
	struct buffer said = work(&text, &status);
	if (status == 0) {
		size_t answers = check_lines(&said);
		require(way == AS_FIRST_LINE ||
			answers == count_lines(&text) - 1);
	} else {
		require(way == AS_FIRST_LINE);
	}
	buffer_clear(&said);
	buffer_clear(&text);
	return 0;
}

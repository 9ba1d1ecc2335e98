#include "ingest/pattern_brace.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ingest/pattern.h"

enum { DIGITS_CEILING = 15, NUMBER_BYTES = 24 };

/* Where a pair of braces lies; both are PATTERN_CEILING_BYTES if none does. */
struct pair {
	size_t open;
	size_t close;
	bool has_comma;
};

/* {first..last..step} */
struct sequence {
	int64_t first;
	int64_t last;
	int64_t step;
	bool is_letters;
	size_t width; /* with zeros in front up to it; 0: none */
};

/* What is known of each '{' that is not closed yet. */
struct open_brace {
	uint16_t at;
	bool has_comma;
	bool is_variable; /* "${" */
};

void pattern_texts_clear(struct pattern_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct pattern_texts){0};
}

static int texts_take(struct pattern_texts *texts, char *text,
		      struct error *err)
{
	if (!text)
		return error_set_memory(err);
	if (texts->count == texts->capacity) {
		size_t capacity = texts->capacity ? 2 * texts->capacity : 8;
		char **items = realloc(texts->items, capacity * sizeof(*items));
		if (!items) {
			free(text);
			return error_set_memory(err);
		}
		texts->items = items;
		texts->capacity = capacity;
	}
	texts->items[texts->count++] = text;
	return 0;
}

/* ------------------------------------------------ sequences */

/* A number of a few digits at *at, which is moved behind it. */
static bool read_number(const char **at, int64_t *number)
{
	bool is_negative = **at == '-';
	const char *digit = *at + is_negative;
	const char *start = digit;

	*number = 0;
	while (*digit >= '0' && *digit <= '9' && digit - start < DIGITS_CEILING)
		*number = *number * 10 + (*digit++ - '0');
	if (digit == start)
		return false;
	*number = is_negative ? -*number : *number;
	*at = digit;
	return true;
}

static bool read_letter(const char **at, int64_t *letter)
{
	char c = **at;

	if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return false;
	*letter = (unsigned char)c;
	++*at;
	return true;
}

static bool read_dots(const char **at)
{
	if (strncmp(*at, "..", 2) != 0)
		return false;
	*at += 2;
	return true;
}

/* Whether a number as written, up to its end, has zeros in front. */
static bool is_padded(const char *text, const char *end)
{
	text += *text == '-';
	return *text == '0' && end - text > 1;
}

static size_t greater(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The first two terms; *at is behind them afterwards. */
static bool read_ends(const char **at, struct sequence *sequence)
{
	const char *first = *at;

	sequence->is_letters = read_letter(at, &sequence->first);
	if (sequence->is_letters)
		return read_dots(at) && read_letter(at, &sequence->last);
	if (!read_number(at, &sequence->first))
		return false;
	const char *first_end = *at;
	if (!read_dots(at))
		return false;
	const char *last = *at;
	if (!read_number(at, &sequence->last))
		return false;
	if (is_padded(first, first_end) || is_padded(last, *at))
		sequence->width =
		    greater((size_t)(first_end - first), (size_t)(*at - last));
	return true;
}

static bool read_sequence(const char *text, const struct pair *pair,
			  struct sequence *sequence)
{
	const char *at = text + pair->open + 1;
	const char *end = text + pair->close;

	*sequence = (struct sequence){.step = 1};
	if (!read_ends(&at, sequence))
		return false;
	if (at != end &&
	    (!read_dots(&at) || !read_number(&at, &sequence->step)))
		return false;
	if (sequence->step < 0)
		sequence->step = -sequence->step;
	if (sequence->step == 0)
		sequence->step = 1;
	return at == end;
}

/* What one term is as text, pattern characters escaped (between "Z" and "a"
 * there are some). */
static void format_term(const struct sequence *sequence, int64_t term,
			char text[NUMBER_BYTES])
{
	if (!sequence->is_letters) {
		(void)snprintf(text, NUMBER_BYTES, "%0*lld",
			       (int)sequence->width, (long long)term);
		return;
	}
	bool is_letter =
	    (term >= 'a' && term <= 'z') || (term >= 'A' && term <= 'Z');
	(void)snprintf(text, NUMBER_BYTES, is_letter ? "%c" : "\\%c",
		       (char)term);
}

/* ------------------------------------------------ one pair */

/* The first pair that stands for something; false if there is none. Done in
 * one pass: a pattern may consist of braces only. */
static bool find_pair(const char *text, struct pair *found)
{
	struct open_brace open[PATTERN_CEILING_BYTES];
	size_t depth = 0;
	struct sequence sequence;

	*found = (struct pair){.open = SIZE_MAX};
	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '\\' && text[i + 1])
			i++;
		else if (text[i] == '{')
			open[depth++] = (struct open_brace){
			    .at = (uint16_t)i,
			    .is_variable = i > 0 && text[i - 1] == '$',
			};
		else if (text[i] == ',' && depth > 0)
			open[depth - 1].has_comma = true;
		else if (text[i] == '}' && depth > 0) {
			const struct open_brace *top = &open[--depth];
			const struct pair pair = {top->at, i, top->has_comma};
			if (top->at < found->open && !top->is_variable &&
			    (top->has_comma ||
			     read_sequence(text, &pair, &sequence)))
				*found = pair;
		}
	}
	return found->open != SIZE_MAX;
}

/* Text with part in place of the pair. */
static int push_with(const char *text, const struct pair *pair,
		     struct bytes part, struct pattern_texts *open,
		     struct error *err)
{
	if (open->count >= PATTERN_CEILING_ALTERNATIVES)
		return error_set(err, ERROR_CONFIG,
				 "the pattern's braces stand for more than "
				 "%d alternatives",
				 PATTERN_CEILING_ALTERNATIVES);
	return texts_take(open,
			  text_format("%.*s%.*s%s", (int)pair->open, text,
				      (int)part.size, part.data,
				      text + pair->close + 1),
			  err);
}

static int push_sequence(const char *text, const struct pair *pair,
			 const struct sequence *sequence,
			 struct pattern_texts *open, struct error *err)
{
	bool is_down = sequence->last < sequence->first;
	int64_t term = sequence->first;
	char part[NUMBER_BYTES];
	int code = 0;

	while (code == 0 &&
	       (is_down ? term >= sequence->last : term <= sequence->last)) {
		format_term(sequence, term, part);
		code = push_with(text, pair, bytes_of_text(part), open, err);
		term += is_down ? -sequence->step : sequence->step;
	}
	return code;
}

static int push_options(const char *text, const struct pair *pair,
			struct pattern_texts *open, struct error *err)
{
	size_t start = pair->open + 1;
	size_t depth = 0;
	int code = 0;

	for (size_t i = start; i <= pair->close && code == 0; i++) {
		if (text[i] == '\\') {
			i++;
			continue;
		}
		depth += text[i] == '{';
		if (i == pair->close || (text[i] == ',' && depth == 0)) {
			const struct bytes part = {text + start, i - start};
			code = push_with(text, pair, part, open, err);
			start = i + 1;
		}
		depth -= i < pair->close && text[i] == '}';
	}
	return code;
}

/* ------------------------------------------------ all of them */

/* Take one text apart, or, if nothing is left to expand, move it over. */
static int expand_one(char *text, struct pattern_texts *open,
		      struct pattern_texts *done, struct error *err)
{
	struct pair pair;
	struct sequence sequence;
	int code = 0;

	if (!find_pair(text, &pair))
		return texts_take(done, text, err);
	code = pair.has_comma || !read_sequence(text, &pair, &sequence)
		   ? push_options(text, &pair, open, err)
		   : push_sequence(text, &pair, &sequence, open, err);
	free(text);
	return code;
}

int pattern_brace_expand(const char *text, struct pattern_texts *texts,
			 struct error *err)
{
	struct pattern_texts open = {0};
	int code = texts_take(&open, text_dup(text), err);

	*texts = (struct pattern_texts){0};
	while (code == 0 && open.count > 0) {
		code = expand_one(open.items[--open.count], &open, texts, err);
		if (code == 0 &&
		    open.count + texts->count > PATTERN_CEILING_ALTERNATIVES)
			code = error_set(err, ERROR_CONFIG,
					 "the pattern's braces stand for more "
					 "than %d alternatives",
					 PATTERN_CEILING_ALTERNATIVES);
	}
	pattern_texts_clear(&open);
	return code;
}

#include "agent/problems.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* Beyond these a problem is said each time it is met. */
enum { PROBLEMS_CEILING = 200 };

struct problem {
	char *text;
	enum problem_kind kind;
	int64_t said_ms;
	bool is_met;
};

struct problems {
	struct problem list[PROBLEMS_CEILING];
	size_t count;
};

static struct problem *add(struct problems *problems, enum problem_kind kind,
			   const char *text)
{
	if (problems->count == PROBLEMS_CEILING)
		return NULL;
	struct problem *problem = &problems->list[problems->count];
	*problem = (struct problem){.text = text_dup(text), .kind = kind};
	if (!problem->text)
		return NULL;
	problems->count++;
	return problem;
}

static void load(struct problems *problems, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *text = json_member_text(item, "text");
		json_int_t kind =
		    json_integer_value(json_object_get(item, "kind"));
		struct problem *problem = NULL;
		if (text && kind > 0 && kind <= PROBLEM_CONTACT)
			problem = add(problems, (enum problem_kind)kind, text);
		if (problem)
			problem->said_ms = json_integer_value(
			    json_object_get(item, "said_ms"));
	}
}

struct problems *problems_new(const char *stored, struct error *err)
{
	struct problems *problems = calloc(1, sizeof(*problems));

	if (!problems) {
		(void)error_set_memory(err); /* NULL is the answer */
		return NULL;
	}
	json_t *list = stored ? json_parse(bytes_of_text(stored), NULL) : NULL;
	load(problems, list);
	json_decref(list);
	return problems;
}

void problems_free(struct problems *problems)
{
	if (!problems)
		return;
	for (size_t i = 0; i < problems->count; i++)
		free(problems->list[i].text);
	free(problems);
}

static const char *skip_digits(const char *text)
{
	while (isdigit((unsigned char)*text))
		text++;
	return text;
}

static bool is_same_but_for_digits(const char *a, const char *b)
{
	for (;;) {
		bool digits =
		    isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
		if (digits) {
			a = skip_digits(a);
			b = skip_digits(b);
		} else if (*a != *b) {
			return false;
		} else if (*a == '\0') {
			return true;
		} else {
			a++;
			b++;
		}
	}
}

static bool is_same(const struct problem *problem, enum problem_kind kind,
		    const char *text)
{
	if (problem->kind != kind)
		return false;
	if (kind == PROBLEM_FILE)
		return strcmp(problem->text, text) == 0;
	return is_same_but_for_digits(problem->text, text);
}

static struct problem *find(struct problems *problems, enum problem_kind kind,
			    const char *text)
{
	for (size_t i = 0; i < problems->count; i++)
		if (is_same(&problems->list[i], kind, text))
			return &problems->list[i];
	return NULL;
}

bool problems_meet(struct problems *problems, enum problem_kind kind,
		   const char *text, int64_t now_ms)
{
	struct problem *problem = find(problems, kind, text);
	bool is_new = !problem;

	if (is_new)
		problem = add(problems, kind, text);
	if (!problem)
		return true;
	problem->is_met = true;
	/* a clock that was set back does not silence anything */
	if (!is_new && now_ms >= problem->said_ms &&
	    now_ms - problem->said_ms < DAY_MS)
		return false;
	problem->said_ms = now_ms;
	return true;
}

static void forget(struct problems *problems, size_t index)
{
	free(problems->list[index].text);
	problems->count--;
	memmove(&problems->list[index], &problems->list[index + 1],
		(problems->count - index) * sizeof(problems->list[0]));
}

bool problems_take_ended(struct problems *problems, int kinds, char *text,
			 size_t size)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		if (problem->is_met || !((int)problem->kind & kinds))
			continue;
		(void)snprintf(text, size, "%s", problem->text);
		forget(problems, i);
		return true;
	}
	return false;
}

char *problems_store(const struct problems *problems)
{
	struct buffer text = {0};
	json_t *list = json_array();

	for (size_t i = 0; list && i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		json_t *shown =
		    json_text_of_bytes(bytes_of_text(problem->text));
		/* one that finds no memory is said again tomorrow */
		(void)json_array_append_new(
		    list, json_pack("{s:o,s:i,s:I}", "text", shown, "kind",
				    (int)problem->kind, "said_ms",
				    (json_int_t)problem->said_ms));
	}
	if (json_array_size(list) > 0)
		(void)json_append(list, false, &text, NULL); /* as above */
	json_decref(list);
	return buffer_steal(&text);
}

#include "base/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"

enum { FIELD_TEXT_CEILING_BYTES = 4096, SHOWN_BYTES = 64 };

static void *place_of(const struct field *field, void *target)
{
	return (char *)target + field->offset;
}

static const void *const_place_of(const struct field *field, const void *target)
{
	return (const char *)target + field->offset;
}

/* ------------------------------------------------ what a value is */

/* Whole numbers only; 3.0 is one, 3.5 and 1e300 are none. */
static bool read_whole(const json_t *value, int64_t *number)
{
	if (json_is_integer(value)) {
		*number = json_integer_value(value);
		return true;
	}
	double real = json_real_value(value);
	const double limit = 9223372036854775808.0; /* 2^63, exact */
	if (!json_is_real(value) || real < -limit || real >= limit)
		return false;
	*number = (int64_t)real;
	return (double)*number == real;
}

static bool is_number_of(const struct field *field, const json_t *value)
{
	int64_t number;
	return read_whole(value, &number) && number >= field->minimum &&
	       number <= field->maximum;
}

static bool is_word(const json_t *value, const char *word)
{
	const char *text = json_string_value(value);
	return text && strcmp(text, word) == 0;
}

static bool is_text(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);
	return text && size <= FIELD_TEXT_CEILING_BYTES && strlen(text) == size;
}

/* Index of a choice, else -1. */
static int choice_of(const struct field *field, const json_t *value)
{
	for (int i = 0; field->choices[i]; i++)
		if (is_word(value, field->choices[i]))
			return i;
	return -1;
}

/* The first element that is not what all must be, else NULL. */
static const json_t *odd_element(const struct field *field, json_t *value)
{
	json_t *element;
	if (field->type == FIELD_TEXT_MAP) {
		const char *key;
		json_object_foreach (value, key, element) {
			if (!is_text(element))
				return element;
		}
		return NULL;
	}
	size_t index;
	json_array_foreach (value, index, element) {
		bool good = field->type == FIELD_TEXT_LIST
				? is_text(element)
				: json_is_object(element);
		if (!good)
			return element;
	}
	return NULL;
}

static bool is_collection(const struct field *field, const json_t *value)
{
	if (field->type == FIELD_TEXT_MAP)
		return json_is_object(value);
	return json_is_array(value);
}

/* The library has no way to walk a const object; nothing is changed. */
static json_t *walkable(const json_t *value)
{
	return (json_t *)(uintptr_t)value;
}

static bool is_good(const struct field *field, const json_t *value)
{
	switch (field->type) {
	case FIELD_BOOL:
		return json_is_boolean(value);
	case FIELD_INTEGER:
		return is_number_of(field, value);
	case FIELD_TEXT:
		return is_text(value);
	case FIELD_CHOICE:
		return choice_of(field, value) >= 0;
	case FIELD_NUMBER_OR_AUTO:
		return is_word(value, "auto") || is_number_of(field, value);
	case FIELD_BOOL_OR_NUMBER:
		return json_is_boolean(value) || is_number_of(field, value);
	case FIELD_FOLLOW:
		return json_is_boolean(value) || is_word(value, "inside");
	case FIELD_TEXT_LIST:
	case FIELD_TEXT_MAP:
	case FIELD_OBJECT_LIST:
		return is_collection(field, value) &&
		       !odd_element(field, walkable(value));
	}
	return false;
}

/* ------------------------------------------------ what is wrong with it */

static const char *kind_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		if (json_string_length(value) > FIELD_TEXT_CEILING_BYTES)
			return "a text of more than 4,096 bytes";
		if (!is_text(value))
			return "a text with a NUL";
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* A text field may hold a secret, so what it should have been is not shown. */
static int describe_value(const struct field *field, const json_t *value,
			  struct buffer *out)
{
	if (is_collection(field, value) && field->type >= FIELD_TEXT_LIST)
		return buffer_append_format(
		    out, "%s with %s in it", kind_name(value),
		    kind_name(odd_element(field, walkable(value))));
	if (field->type == FIELD_TEXT || json_is_object(value) ||
	    json_is_array(value))
		return buffer_append_text(out, kind_name(value));

	int code = json_append(value, false, out, NULL);
	if (code != 0 || out->size <= SHOWN_BYTES)
		return code;
	out->size = SHOWN_BYTES;
	while (out->size > 0 &&
	       ((unsigned char)out->data[out->size] & 0xc0) == 0x80)
		out->size--;
	return buffer_append_text(out, "...");
}

static int describe_range(const struct field *field, const char *front,
			  struct buffer *out)
{
	return buffer_append_format(
	    out, "%sa whole number from %" PRId64 " to %" PRId64, front,
	    field->minimum, field->maximum);
}

static int describe_choices(const struct field *field, struct buffer *out)
{
	int code = buffer_append_text(out, "one of ");
	for (int i = 0; code == 0 && field->choices[i]; i++)
		code = buffer_append_format(out, "%s\"%s\"", i ? ", " : "",
					    field->choices[i]);
	return code;
}

static int describe_wanted(const struct field *field, struct buffer *out)
{
	switch (field->type) {
	case FIELD_BOOL:
		return buffer_append_text(out, "true or false");
	case FIELD_INTEGER:
		return describe_range(field, "", out);
	case FIELD_TEXT:
		return buffer_append_text(
		    out, "a text of at most 4,096 bytes without NUL");
	case FIELD_CHOICE:
		return describe_choices(field, out);
	case FIELD_NUMBER_OR_AUTO:
		return describe_range(field, "\"auto\" or ", out);
	case FIELD_BOOL_OR_NUMBER:
		return describe_range(field, "true, false or ", out);
	case FIELD_FOLLOW:
		return buffer_append_text(out, "true, false or \"inside\"");
	case FIELD_TEXT_LIST:
		return buffer_append_text(out, "a list of texts");
	case FIELD_TEXT_MAP:
		return buffer_append_text(out, "an object of texts");
	case FIELD_OBJECT_LIST:
		return buffer_append_text(out, "a list of objects");
	}
	return 0;
}

int fields_check(const struct field *field, const json_t *value,
		 struct error *err)
{
	if (!value || json_is_null(value) || is_good(field, value))
		return 0;

	int code;
	struct buffer found = {0};
	struct buffer wanted = {0};
	if (describe_value(field, value, &found) != 0 ||
	    describe_wanted(field, &wanted) != 0)
		code = error_set_memory(err);
	else
		code = error_set(err, ERROR_CONFIG, "%s: %s is not %s",
				 field->name, found.data, wanted.data);
	buffer_clear(&found);
	buffer_clear(&wanted);
	return code;
}

/* ------------------------------------------------ into the struct */

static void set_nothing(const struct field *field, void *place)
{
	switch (field->type) {
	case FIELD_BOOL:
		*(bool *)place = false;
		break;
	case FIELD_INTEGER:
	case FIELD_NUMBER_OR_AUTO:
	case FIELD_BOOL_OR_NUMBER:
		*(int64_t *)place = 0;
		break;
	case FIELD_CHOICE:
	case FIELD_FOLLOW:
		*(int *)place = 0;
		break;
	case FIELD_TEXT:
		*(char **)place = NULL;
		break;
	case FIELD_TEXT_LIST:
	case FIELD_TEXT_MAP:
	case FIELD_OBJECT_LIST:
		*(json_t **)place = NULL;
		break;
	}
}

static int set_text(char **place, const json_t *value, struct error *err)
{
	char *text = text_dup(json_string_value(value));
	if (!text)
		return error_set_memory(err);
	free(*place);
	*place = text;
	return 0;
}

/* A copy of its own: the document it came from may be changed later. */
static int set_json(json_t **place, const json_t *value, struct error *err)
{
	json_t *copy = json_deep_copy(value);
	if (!copy)
		return error_set_memory(err);
	json_decref(*place);
	*place = copy;
	return 0;
}

/* A number, or the value that stands for one. */
static int64_t number_of(const json_t *value)
{
	int64_t number = 0;
	if (json_is_false(value))
		return -1;
	(void)read_whole(value, &number); /* true and "auto" are 0 */
	return number;
}

/* value is good. */
static int set_value(const struct field *field, const json_t *value,
		     void *place, struct error *err)
{
	switch (field->type) {
	case FIELD_BOOL:
		*(bool *)place = json_is_true(value);
		break;
	case FIELD_INTEGER:
	case FIELD_NUMBER_OR_AUTO:
	case FIELD_BOOL_OR_NUMBER:
		*(int64_t *)place = number_of(value);
		break;
	case FIELD_CHOICE:
		*(int *)place = choice_of(field, value);
		break;
	case FIELD_FOLLOW:
		*(int *)place = json_is_true(value)	? 2
				: json_is_string(value) ? 1
							: 0;
		break;
	case FIELD_TEXT:
		return set_text(place, value, err);
	case FIELD_TEXT_LIST:
	case FIELD_TEXT_MAP:
	case FIELD_OBJECT_LIST:
		return set_json(place, value, err);
	}
	return 0;
}

static int set_checked(const struct field *field, const json_t *value,
		       void *target, struct error *err)
{
	if (!value || json_is_null(value))
		return 0;
	int code = fields_check(field, value, err);
	if (code == 0)
		code = set_value(field, value, place_of(field, target), err);
	return code;
}

static json_t *parse_default(const struct field *field, struct error *err)
{
	json_t *value = json_parse(bytes_of_text(field->default_json), err);
	if (!value && err && err->code == ERROR_INVALID)
		err->code = ERROR_BUG;
	return value;
}

static int load_default(const struct field *field, void *target,
			struct error *err)
{
	if (!field->default_json) {
		if (field->type == FIELD_BOOL_OR_NUMBER)
			*(int64_t *)place_of(field, target) = -1; /* false */
		return 0;
	}
	struct error problem = {0};
	json_t *value = parse_default(field, &problem);
	int code = (int)problem.code;
	if (value)
		code = set_checked(field, value, target, &problem);
	json_decref(value);
	if (code != 0)
		(void)error_set(err, (enum error_code)code, "default of %s: %s",
				field->name, problem.text);
	return code;
}

int fields_load(const struct field *table, size_t count, const json_t *object,
		void *target, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		set_nothing(&table[i], place_of(&table[i], target));

	int code = 0;
	for (size_t i = 0; code == 0 && i < count; i++)
		code = load_default(&table[i], target, err);
	for (size_t i = 0; code == 0 && i < count; i++)
		code = set_checked(&table[i],
				   json_object_get(object, table[i].name),
				   target, err);
	return code;
}

void fields_clear(const struct field *table, size_t count, void *target)
{
	for (size_t i = 0; i < count; i++) {
		void *place = place_of(&table[i], target);
		if (table[i].type == FIELD_TEXT)
			free(*(char **)place);
		else if (table[i].type >= FIELD_TEXT_LIST)
			json_decref(*(json_t **)place);
		set_nothing(&table[i], place);
	}
}

/* ------------------------------------------------ questions */

const struct field *fields_find(const struct field *table, size_t count,
				const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static bool is_same(const json_t *a, const json_t *b)
{
	int64_t number_a;
	int64_t number_b;
	if (read_whole(a, &number_a) && read_whole(b, &number_b))
		return number_a == number_b;
	return json_equal(a, b) == 1;
}

bool fields_is_default(const struct field *field, const json_t *value)
{
	if (!value || json_is_null(value))
		return true;
	if (!field->default_json)
		return false;
	json_t *standard = parse_default(field, NULL);
	bool same = standard && is_same(standard, value);
	json_decref(standard);
	return same;
}

/* ------------------------------------------------ out of the struct */

static json_t *store_value(const struct field *field, const void *place)
{
	int64_t number;
	int index;
	switch (field->type) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)place);
	case FIELD_INTEGER:
		return json_integer(*(const int64_t *)place);
	case FIELD_NUMBER_OR_AUTO:
		number = *(const int64_t *)place;
		return number ? json_integer(number) : json_string("auto");
	case FIELD_BOOL_OR_NUMBER:
		number = *(const int64_t *)place;
		return number > 0 ? json_integer(number)
				  : json_boolean(number == 0);
	case FIELD_FOLLOW:
		index = *(const int *)place;
		return index == 1 ? json_string("inside")
				  : json_boolean(index == 2);
	case FIELD_CHOICE:
		return json_string(field->choices[*(const int *)place]);
	case FIELD_TEXT:
		if (!*(char *const *)place)
			return json_null();
		return json_string(*(char *const *)place);
	case FIELD_TEXT_LIST:
	case FIELD_TEXT_MAP:
	case FIELD_OBJECT_LIST:
		if (!*(json_t *const *)place)
			return json_null();
		return json_deep_copy(*(json_t *const *)place);
	}
	return NULL;
}

json_t *fields_store(const struct field *table, size_t count,
		     const void *target)
{
	json_t *object = json_object();
	for (size_t i = 0; object && i < count; i++) {
		json_t *value =
		    store_value(&table[i], const_place_of(&table[i], target));
		if (json_set_take(object, table[i].name, value, NULL) == 0)
			continue;
		json_decref(object);
		object = NULL;
	}
	return object;
}

/*
 * What the manual page of the configuration has to say of each key: a line
 * "settings KEY: TYPE, RANGE; default: VALUE" or "policies KEY: ..." for each
 * row of the two tables. The instance is called P.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/settings.h"
#include "base/fields.h"
#include "base/json.h"
#include "ingest/policy.h"

static void print_range(const struct field *field)
{
	if (field->maximum == INT64_MAX)
		(void)printf("%" PRId64 " or more", field->minimum);
	else
		(void)printf("%" PRId64 " to %" PRId64, field->minimum,
			     field->maximum);
}

static void print_choices(const struct field *field)
{
	(void)printf("One of ");
	for (size_t i = 0; field->choices[i]; i++)
		(void)printf("%s%s", i ? ", " : "", field->choices[i]);
}

static void print_type(const struct field *field)
{
	static const char *const names[] = {
	    [FIELD_BOOL] = "True or false",
	    [FIELD_INTEGER] = "Integer, ",
	    [FIELD_TEXT] = "Text",
	    [FIELD_CHOICE] = "",
	    [FIELD_NUMBER_OR_AUTO] = "The word auto, or an integer, ",
	    [FIELD_BOOL_OR_NUMBER] = "True, false, or an integer, ",
	    [FIELD_FOLLOW] = "True, false, or the word inside",
	    [FIELD_TEXT_LIST] = "List of texts",
	    [FIELD_TEXT_MAP] = "Object of texts",
	    [FIELD_OBJECT_LIST] = "List of objects",
	};

	(void)printf("%s", names[field->type]);
	if (field->type == FIELD_CHOICE)
		print_choices(field);
	if (field->type == FIELD_INTEGER ||
	    field->type == FIELD_NUMBER_OR_AUTO ||
	    field->type == FIELD_BOOL_OR_NUMBER)
		print_range(field);
}

static void print_default(const json_t *value)
{
	struct buffer text = {0};

	if (!value || json_is_null(value)) {
		(void)printf("; no default\n");
		return;
	}
	(void)printf("; default: ");
	if (json_is_string(value))
		(void)printf("%s", json_string_value(value));
	else if (json_append(value, false, &text, NULL) == 0)
		(void)printf("%s", text.data);
	(void)printf("\n");
	buffer_clear(&text);
}

/* The effective defaults, which a report shows. */
static int print_settings(void)
{
	struct settings settings = {0};
	json_t *empty = json_object();
	size_t count;
	const struct field *table = settings_table(&count);
	json_t *report = NULL;

	if (settings_load(empty, "P", &settings, NULL) == 0)
		report = settings_report(&settings, NULL);
	for (size_t i = 0; report && i < count; i++) {
		(void)printf("settings %s: ", table[i].name);
		print_type(&table[i]);
		if (table[i].flags & SETTING_LOCAL)
			(void)printf(", only in the local file");
		print_default(json_object_get(report, table[i].name));
	}
	int status = report ? 0 : 70;
	json_decref(report);
	json_decref(empty);
	settings_clear(&settings);
	return status;
}

/* A policy takes from the settings what has the same name there. */
static void print_policies(void)
{
	size_t count;
	const struct field *table = policy_table(&count);

	for (size_t i = 0; i < count; i++) {
		(void)printf("policies %s: ", table[i].name);
		print_type(&table[i]);
		if (settings_find(table[i].name)) {
			(void)printf("; default: the setting\n");
			continue;
		}
		json_t *value = NULL;
		if (table[i].default_json)
			value = json_parse(bytes_of_text(table[i].default_json),
					   NULL);
		print_default(value);
		json_decref(value);
	}
}

int main(void)
{
	int status = print_settings();

	print_policies();
	return status;
}

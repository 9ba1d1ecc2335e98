#ifndef S3I_BASE_FIELDS_H
#define S3I_BASE_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A table that ties the members of a JSON object to the members of a struct:
 * one row says name, type, range, default and place. Settings and policies
 * are two such tables.
 */
enum field_type {
	FIELD_BOOL,    /* bool */
	FIELD_INTEGER, /* int64_t, minimum..maximum; integral reals are taken */
	FIELD_TEXT,    /* char *, NULL when none; at most 4,096 bytes, no NUL */
	FIELD_CHOICE,  /* int, index into choices */
	FIELD_NUMBER_OR_AUTO, /* int64_t, 0 for "auto" (also the word "auto") */
	FIELD_BOOL_OR_NUMBER, /* int64_t: false -1, true 0, else the number */
	FIELD_FOLLOW,	      /* int: 0 false, 1 "inside", 2 true */
	FIELD_TEXT_LIST,      /* json_t *, array of strings */
	FIELD_TEXT_MAP,	      /* json_t *, object with string values */
	FIELD_OBJECT_LIST     /* json_t *, array of objects */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	int64_t minimum;
	int64_t maximum;
	const char *const *choices; /* FIELD_CHOICE, NULL-terminated */
	const char *default_json;   /* JSON text; NULL: none */
	unsigned flags;		    /* the owner's own bits */
};

/* Fill the struct (what it held before is overwritten, not freed; rows without
 * default become false, 0, NULL): defaults first, then the members of object
 * that the table knows; unknown ones are left alone. null counts as not set.
 * ERROR_CONFIG naming the field, what it is and what it must be; then the
 * struct holds defaults or partial values and must still be cleared. */
int fields_load(const struct field *table, size_t count, const json_t *object,
		void *target, struct error *err);

/* Check one member alone by its row, as fields_load does. */
int fields_check(const struct field *field, const json_t *value,
		 struct error *err);

/* Free what _load allocated and set everything to zero. */
void fields_clear(const struct field *table, size_t count, void *target);

/* Row of that name, else NULL. */
const struct field *fields_find(const struct field *table, size_t count,
				const char *name);

/* Whether a value is what the row has as its default (numbers by value). */
bool fields_is_default(const struct field *field, const json_t *value);

/* All values of the struct as an object in the order of the table: new
 * reference, NULL when there is no memory. A NULL text is null. */
json_t *fields_store(const struct field *table, size_t count,
		     const void *target);

#endif

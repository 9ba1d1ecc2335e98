#ifndef S3I_AGENT_PROBLEMS_H
#define S3I_AGENT_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * What was said to a person who reads the mail of cron: the same problem is
 * said once a day, and once more when it ends. Pure; the clock is passed in.
 */
struct problems;

/* When a problem that is not met again may be taken for ended. */
enum problem_kind {
	PROBLEM_ANY = 1,    /* with every run */
	PROBLEM_FILE = 2,   /* when the policies ran */
	PROBLEM_CONTACT = 4 /* when the mothership was asked */
};

/* From what problems_store gave; NULL or something else: none are known. */
struct problems *problems_new(const char *stored, struct error *err);
void problems_free(struct problems *problems);

/* A problem was met: whether it is to be said now. Digits in a text make no
 * difference, but for files, which they may name. */
bool problems_meet(struct problems *problems, enum problem_kind kind,
		   const char *text, int64_t now_ms);

/* A problem of one of the kinds (bits) that was not met since _new; it is
 * forgotten, its text copied into text[size]. false: no more. */
bool problems_take_ended(struct problems *problems, int kinds, char *text,
			 size_t size);

/* As JSON text, NULL if there are none; the caller frees it. */
char *problems_store(const struct problems *problems);

#endif

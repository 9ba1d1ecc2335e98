#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static void the_first_text_stays(void)
{
	struct error err = {0};
	CHECK_INT(error_set(&err, ERROR_REFUSED, "key %d", 1), ERROR_REFUSED);
	CHECK_INT(error_set(&err, ERROR_LOCAL, "key %d", 2), ERROR_LOCAL);
	CHECK_INT(err.code, ERROR_REFUSED);
	CHECK_TEXT(err.text, "key 1");
	error_clear(&err);
	CHECK_INT(err.code, ERROR_NONE);
	CHECK_TEXT(err.text, "");
	CHECK_INT(error_set_memory(&err), ERROR_LOCAL);
	CHECK_TEXT(err.text, "out of memory");
}

static void no_storage_is_no_problem(void)
{
	CHECK_INT(error_set(NULL, ERROR_BUG, "x"), ERROR_BUG);
	CHECK_INT(error_set_system(NULL, ENOENT, "x"), ERROR_MISSING);
	CHECK_INT(error_set_memory(NULL), ERROR_LOCAL);
	CHECK_INT(error_prefix(NULL, "x"), ERROR_NONE);
	error_clear(NULL);
}

static void control_bytes_are_shown_as_question_marks(void)
{
	struct error err = {0};
	(void)error_set(&err, ERROR_LOCAL, "a\nb\x1b[1mc\x7f\xc3\xa4");
	CHECK_TEXT(err.text, "a?b?[1mc?\xc3\xa4");
	(void)error_prefix(&err, "x\ty");
	CHECK_TEXT(err.text, "x?y: a?b?[1mc?\xc3\xa4");
}

static void system_errors_have_the_systems_words(void)
{
	struct error err = {0};
	CHECK_INT(error_set_system(&err, ENOENT, "open %s", "a"),
		  ERROR_MISSING);
	CHECK(strncmp(err.text, "open a: ", 8) == 0);
	CHECK(strlen(err.text) > 8);
	error_clear(&err);
	CHECK_INT(error_set_system(&err, ENOTDIR, "x"), ERROR_MISSING);
	error_clear(&err);
	CHECK_INT(error_set_system(&err, EACCES, "x"), ERROR_LOCAL);
	CHECK_INT(err.code, ERROR_LOCAL);
}

static void context_goes_in_front(void)
{
	struct error err = {0};
	CHECK_INT(error_prefix(&err, "put"), ERROR_NONE);
	CHECK_TEXT(err.text, "");
	(void)error_set(&err, ERROR_REFUSED, "403");
	CHECK_INT(error_prefix(&err, "put"), ERROR_REFUSED);
	CHECK_INT(error_prefix(&err, "upload %s", "a.gz"), ERROR_REFUSED);
	CHECK_TEXT(err.text, "upload a.gz: put: 403");
}

static void long_texts_lose_their_end(void)
{
	char text[3 * ERROR_TEXT_BYTES];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct error err = {0};
	(void)error_set(&err, ERROR_LOCAL, "%s", text);
	CHECK_INT(strlen(err.text), ERROR_TEXT_BYTES - 1);
	(void)error_prefix(&err, "front");
	CHECK_INT(strlen(err.text), ERROR_TEXT_BYTES - 1);
	CHECK(strncmp(err.text, "front: xxx", 10) == 0);
	(void)error_prefix(&err, "%s", text);
	CHECK_INT(strlen(err.text), ERROR_TEXT_BYTES - 1);
	error_clear(&err);
	(void)error_set_system(&err, EIO, "%s", text);
	CHECK_INT(strlen(err.text), ERROR_TEXT_BYTES - 1);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_first_text_stays),
	    CHECK_TEST(no_storage_is_no_problem),
	    CHECK_TEST(control_bytes_are_shown_as_question_marks),
	    CHECK_TEST(system_errors_have_the_systems_words),
	    CHECK_TEST(context_goes_in_front),
	    CHECK_TEST(long_texts_lose_their_end),
	};
	return CHECK_RUN(tests);
}

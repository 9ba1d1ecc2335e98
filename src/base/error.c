#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/system.h"

enum { SYSTEM_TEXT_BYTES = 256 };

/* One line stays one line, and a terminal is never given orders. */
static void mask_controls(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

__attribute__((format(printf, 3, 0))) static void note(struct error *err,
						       enum error_code code,
						       const char *format,
						       va_list arguments)
{
	err->code = code;
	if (vsnprintf(err->text, sizeof(err->text), format, arguments) < 0)
		err->text[0] = '\0';
	mask_controls(err->text);
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
	if (!err || err->code != ERROR_NONE)
		return (int)code;
	va_list arguments;
	va_start(arguments, format);
	note(err, code, format, arguments);
	va_end(arguments);
	return (int)code;
}

int error_set_system(struct error *err, int system_code, const char *format,
		     ...)
{
	enum error_code code = ERROR_LOCAL;
	if (system_code == ENOENT || system_code == ENOTDIR)
		code = ERROR_MISSING;
	if (!err || err->code != ERROR_NONE)
		return (int)code;

	va_list arguments;
	va_start(arguments, format);
	note(err, code, format, arguments);
	va_end(arguments);

	char reason[SYSTEM_TEXT_BYTES];
	const char *words =
	    system_error_text(system_code, reason, sizeof(reason));
	size_t used = strlen(err->text);
	/* cut off at the end is fine: the start names the object */
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		       words);
	mask_controls(err->text);
	return (int)code;
}

int error_prefix(struct error *err, const char *format, ...)
{
	if (!err || err->code == ERROR_NONE)
		return ERROR_NONE;

	/* room for ": " behind the longest context */
	char context[ERROR_TEXT_BYTES - 2];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(context, sizeof(context), format, arguments);
	va_end(arguments);
	if (length < 0)
		return (int)err->code;
	mask_controls(context);

	size_t front = strlen(context);
	size_t kept = strlen(err->text);
	size_t room = sizeof(err->text) - 1 - front - 2;
	if (kept > room)
		kept = room; /* a long text loses its end */
	memmove(err->text + front + 2, err->text, kept);
	memcpy(err->text, context, front);
	memcpy(err->text + front, ": ", 2);
	err->text[front + 2 + kept] = '\0';
	return (int)err->code;
}

void error_clear(struct error *err)
{
	if (!err)
		return;
	err->code = ERROR_NONE;
	err->text[0] = '\0';
}

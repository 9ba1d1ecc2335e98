#ifndef S3I_BASE_ERROR_H
#define S3I_BASE_ERROR_H

/* Codes are named after what the caller can do about it. */
enum error_code {
	ERROR_NONE = 0,
	ERROR_LATER,	   /* the same again later may work: lock, left work */
	ERROR_UNREACHABLE, /* nobody answered, or nobody sane */
	ERROR_LOCAL,	   /* this machine: files, disk, memory */
	ERROR_REFUSED,	   /* credentials or rights */
	ERROR_CONFIG,	   /* somebody has to change the configuration */
	ERROR_USAGE,	   /* ... or the command line */
	ERROR_MISSING,	   /* what was asked for is not there */
	ERROR_INVALID,	   /* what came from outside is not what it must be */
	ERROR_STOPPED,	   /* a signal or a deadline ended it */
	ERROR_BUG
};

enum { ERROR_TEXT_BYTES = 1024 };

/* Caller's storage; {0} is "no error". The first text stays. */
struct error {
	enum error_code code;
	char text[ERROR_TEXT_BYTES];
};

/* Note an error unless one is noted already; bytes below 0x20 and 0x7f are
 * shown as '?'. Returns code, for `return error_set(...)`. err may be NULL. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the system's words for an errno value behind it.
 * ENOENT and ENOTDIR give ERROR_MISSING, everything else ERROR_LOCAL. */
int error_set_system(struct error *err, int system_code, const char *format,
		     ...) __attribute__((format(printf, 3, 4)));

/* ERROR_LOCAL, "out of memory". */
static inline int error_set_memory(struct error *err)
{
	(void)error_set(err, ERROR_LOCAL, "out of memory");
	return ERROR_LOCAL;
}

/* Put context and ": " in front of the text. Returns err->code. */
int error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

#endif

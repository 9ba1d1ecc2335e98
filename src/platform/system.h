#ifndef S3I_PLATFORM_SYSTEM_H
#define S3I_PLATFORM_SYSTEM_H

#include <stddef.h>

/*
 * Conventions of the whole folder: a function that can fail returns 0 or a
 * positive errno value (the constants of <errno.h>, on Windows too). Text is
 * UTF-8 on the way in and raw bytes of the system on the way out. No function
 * writes to a stream.
 */

/* The system's words for an errno value, written into text[size]. */
const char *system_error_text(int code, char *text, size_t size);

/* The value of an environment variable; NULL if unset or empty. Borrowed. */
const char *system_environment(const char *name);

/* Name of this program's own executable, absolute. 0 or errno. */
int system_own_executable(char *path, size_t size);

/* Fill data with bytes that nobody can foresee. 0 or errno. */
int system_random_bytes(void *data, size_t size);

/* New files and folders are private from here on (umask 077). Call first. */
void system_keep_private(void);

/* Where standard input, output or error is closed, it leads nowhere from here
 * on: else the next file that is opened would be taken for it. Call first. 0 or
 * errno. */
int system_open_standard(void);

/* Whether standard output (1) or error (2) is a terminal; its width, else 0. */
int system_terminal_columns(int stream);

/* Overwrite memory in a way that the compiler keeps. */
void system_wipe(void *data, size_t size);

#endif

#include "platform/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMNS_WHERE_UNKNOWN = 80 };

const char *system_error_text(int code, char *text, size_t size)
{
	return strerror_r(code, text, size);
}

const char *system_environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

int system_own_executable(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size);

	if (length < 0)
		return errno;
	if ((size_t)length >= size)
		return ENAMETOOLONG;
	path[length] = '\0';
	return 0;
}

int system_random_bytes(void *data, size_t size)
{
	char *place = data;

	while (size > 0) {
		ssize_t got = getrandom(place, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		place += got;
		size -= (size_t)got;
	}
	return 0;
}

void system_keep_private(void)
{
	(void)umask(077);
}

int system_open_standard(void)
{
	int descriptor = open("/dev/null", O_RDWR);

	/* the lowest that is free, so the closed ones come first */
	while (descriptor >= 0 && descriptor <= STDERR_FILENO)
		descriptor = open("/dev/null", O_RDWR);
	if (descriptor < 0)
		return errno;
	(void)close(descriptor);
	return 0;
}

int system_terminal_columns(int stream)
{
	struct winsize window = {0};

	if (!isatty(stream))
		return 0;
	if (ioctl(stream, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
		return COLUMNS_WHERE_UNKNOWN;
	return window.ws_col;
}

void system_wipe(void *data, size_t size)
{
	explicit_bzero(data, size);
}

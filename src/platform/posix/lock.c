#include "platform/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/file.h"

enum { STEP_MS = 50 };

struct lock {
	int descriptor;
};

static int wait_for(int descriptor, int64_t wait_ms)
{
	int64_t until_ns = clock_deadline_ns(wait_ms);

	while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return errno;
		if (clock_steady_ns() >= until_ns || stop_requested())
			return EWOULDBLOCK;
		clock_sleep_ms(STEP_MS);
	}
	return 0;
}

int lock_take(const char *path, int64_t wait_ms, struct lock **lock)
{
	*lock = NULL;
	int descriptor =
	    open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
		 S_IRUSR | S_IWUSR);
	if (descriptor < 0)
		return errno;
	int code = wait_for(descriptor, wait_ms);
	if (code == 0) {
		*lock = malloc(sizeof(**lock));
		code = *lock ? 0 : ENOMEM;
	}
	if (code) {
		(void)close(descriptor);
		return code;
	}
	(*lock)->descriptor = descriptor;
	/* when it was taken; without it only a warning is less precise */
	(void)futimens(descriptor, NULL);
	return 0;
}

void lock_release(struct lock *lock)
{
	if (!lock)
		return;
	(void)close(lock->descriptor);
	free(lock);
}

int lock_taken_ns(const char *path, int64_t *taken_ns)
{
	struct file_facts facts;
	int code = file_lstat_path(path, &facts);

	if (code == 0)
		*taken_ns = facts.mtime_ns;
	return code;
}

/*
 * stopwatch COMMAND [ARG...]: run it and say on stderr, as the last line, its
 *
 *	wall-µs user-µs system-µs peak-KiB status start-µs
 *
 * with the start on the monotonic clock. It is small itself, and linked with
 * nothing, since the peak of a child counts from its parent's size.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long as_us(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status = 0;
	pid_t child = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: stopwatch COMMAND [ARG...]\n");
		return 64;
	}
	long long start = now_us();
	int problem =
	    posix_spawnp(&child, argv[1], NULL, NULL, argv + 1, environ);
	if (problem) {
		fprintf(stderr, "stopwatch: %s: %s\n", argv[1],
			strerror(problem));
		return 127;
	}
	while (wait4(child, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return 70;
	long long wall_us = now_us() - start;
	status =
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	fprintf(stderr, "%lld %lld %lld %ld %d %lld\n", wall_us,
		as_us(usage.ru_utime), as_us(usage.ru_stime), usage.ru_maxrss,
		status, start);
	return status;
}

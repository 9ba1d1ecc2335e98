/*
 * Loaded with LD_PRELOAD: calls that change or read files fail as on a bad
 * disk. By the environment:
 *
 *     DISK_FAULT_PATH   only files whose path begins so
 *     DISK_FAULT_CALLS  "write" (all that change something), "sync" (of them
 *                       those that wait for the disk) or "read"
 *     DISK_FAULT_AT     the first call that fails, from 1
 *     DISK_FAULT_FOR    how many fail; 0: all from there on
 *     DISK_FAULT_ERRNO  what they fail with
 *     DISK_FAULT_LOG    a file that is made when one failed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls;

static const char *word(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool is_below(const char *path)
{
	const char *wanted = word("DISK_FAULT_PATH");

	return strncmp(path, wanted, strlen(wanted)) == 0;
}

static bool is_ours(int descriptor)
{
	char link[64];
	char path[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
	return syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1) >
		   0 &&
	       is_below(path);
}

static bool is_ours_at(int folder, const char *name)
{
	return name[0] == '/' ? is_below(name)
	       : folder == AT_FDCWD
		   ? is_below("") /* never used by the program */
		   : is_ours(folder);
}

static void leave_mark(void)
{
	int mark = (int)syscall(SYS_openat, AT_FDCWD, word("DISK_FAULT_LOG"),
				O_CREAT | O_WRONLY, 0600);

	if (mark >= 0)
		syscall(SYS_close, mark);
}

/* Count a call; whether it fails. */
static bool fails(const char *kind, bool ours)
{
	if (!ours || strcmp(word("DISK_FAULT_CALLS"), kind) != 0)
		return false;
	long first = atol(word("DISK_FAULT_AT"));
	long most = atol(word("DISK_FAULT_FOR"));

	pthread_mutex_lock(&lock);
	long number = ++calls;
	pthread_mutex_unlock(&lock);
	if (number < first || (most > 0 && number >= first + most))
		return false;
	leave_mark();
	errno = atoi(word("DISK_FAULT_ERRNO"));
	return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void *data, size_t size)
{
	if (fails("write", is_ours(descriptor)))
		return -1;
	return REAL(write)(descriptor, data, size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
	if (fails("write", is_ours(descriptor)))
		return -1;
	return REAL(pwrite64)(descriptor, data, size, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
	return pwrite64(descriptor, data, size, offset);
}

static bool sync_fails(int descriptor)
{
	bool ours = is_ours(descriptor);

	return fails("write", ours) || fails("sync", ours);
}

int fsync(int descriptor)
{
	if (sync_fails(descriptor))
		return -1;
	return REAL(fsync)(descriptor);
}

int fdatasync(int descriptor)
{
	if (sync_fails(descriptor))
		return -1;
	return REAL(fdatasync)(descriptor);
}

int ftruncate64(int descriptor, off64_t size)
{
	if (fails("write", is_ours(descriptor)))
		return -1;
	return REAL(ftruncate64)(descriptor, size);
}

int ftruncate(int descriptor, off_t size)
{
	return ftruncate64(descriptor, size);
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t size)
{
	if (fails("write", is_ours(descriptor)))
		return errno;
	return REAL(posix_fallocate64)(descriptor, offset, size);
}

int rename(const char *from, const char *to)
{
	if (fails("write", is_below(to)))
		return -1;
	return REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	if (fails("write", is_ours_at(to_folder, to)))
		return -1;
	return REAL(renameat)(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to,
	      unsigned flags)
{
	if (fails("write", is_ours_at(to_folder, to)))
		return -1;
	return REAL(renameat2)(from_folder, from, to_folder, to, flags);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
	if (fails("write", is_ours_at(folder, name)))
		return -1;
	return REAL(mkdirat)(folder, name, mode);
}

static int creates(int flags)
{
	return flags & (O_CREAT | O_TRUNC);
}

int open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = creates(flags) ? va_arg(more, mode_t) : 0;
	va_end(more);
	if (creates(flags) && fails("write", is_below(path)))
		return -1;
	return REAL(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = creates(flags) ? va_arg(more, mode_t) : 0;
	va_end(more);
	return open64(path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = creates(flags) ? va_arg(more, mode_t) : 0;
	va_end(more);
	if (creates(flags) && fails("write", is_ours_at(folder, path)))
		return -1;
	return REAL(openat64)(folder, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = creates(flags) ? va_arg(more, mode_t) : 0;
	va_end(more);
	return openat64(folder, path, flags, mode);
}

ssize_t pread64(int descriptor, void *data, size_t size, off64_t offset)
{
	if (fails("read", is_ours(descriptor)))
		return -1;
	return REAL(pread64)(descriptor, data, size, offset);
}

ssize_t pread(int descriptor, void *data, size_t size, off_t offset)
{
	return pread64(descriptor, data, size, offset);
}

ssize_t read(int descriptor, void *data, size_t size)
{
	if (fails("read", is_ours(descriptor)))
		return -1;
	return REAL(read)(descriptor, data, size);
}

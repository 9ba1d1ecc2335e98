#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/posix/file_posix.h"

#define NS_PER_S ((int64_t)1000000000)

int64_t file_time_ns(const struct timespec *time)
{
	/* ext4 knows times up to 2446, tmpfs any */
	if (time->tv_sec >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	if (time->tv_sec <= INT64_MIN / NS_PER_S)
		return INT64_MIN;
	return (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
}

static enum file_type type_of_mode(mode_t mode)
{
	if (S_ISREG(mode))
		return FILE_REGULAR;
	if (S_ISDIR(mode))
		return FILE_FOLDER;
	return S_ISLNK(mode) ? FILE_LINK : FILE_OTHER;
}

void file_facts_of_stat(const struct stat *status, struct file_facts *facts)
{
#ifdef __APPLE__
	const struct timespec *mtime = &status->st_mtimespec;
	const struct timespec *ctime = &status->st_ctimespec;
#else
	const struct timespec *mtime = &status->st_mtim;
	const struct timespec *ctime = &status->st_ctim;
#endif
	*facts = (struct file_facts){
	    .size_bytes = status->st_size,
	    .mtime_ns = file_time_ns(mtime),
	    .ctime_ns = file_time_ns(ctime),
	    .file_id = status->st_ino,
	    .device = status->st_dev,
	    .type = type_of_mode(status->st_mode),
	    .links = (uint32_t)status->st_nlink,
	};
}

bool file_facts_equal(const struct file_facts *a, const struct file_facts *b)
{
	return a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->file_id == b->file_id;
}

int file_take_descriptor(int descriptor, struct file **file)
{
	*file = malloc(sizeof(**file));
	if (!*file) {
		(void)close(descriptor);
		return ENOMEM;
	}
	(*file)->descriptor = descriptor;
	return 0;
}

static int open_path(const char *path, int flags, mode_t mode,
		     struct file **file)
{
	int descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);

	*file = NULL;
	if (descriptor < 0)
		return errno;
	return file_take_descriptor(descriptor, file);
}

int file_open(const char *path, struct file **file)
{
	return open_path(path, O_RDONLY | O_NONBLOCK, 0, file);
}

int file_create_private(const char *path, struct file **file)
{
	return open_path(path, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR,
			 file);
}

int file_stat(const struct file *file, struct file_facts *facts)
{
	struct stat status;

	if (fstat(file->descriptor, &status) != 0)
		return errno;
	file_facts_of_stat(&status, facts);
	return 0;
}

int file_stat_path(const char *path, struct file_facts *facts)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return errno;
	file_facts_of_stat(&status, facts);
	return 0;
}

int file_lstat_path(const char *path, struct file_facts *facts)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return errno;
	file_facts_of_stat(&status, facts);
	return 0;
}

int file_read_at(const struct file *file, int64_t offset, void *data,
		 size_t size, size_t *got)
{
	char *place = data;

	*got = 0;
	while (*got < size) {
		ssize_t n = pread(file->descriptor, place + *got, size - *got,
				  (off_t)(offset + (int64_t)*got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return 0;
}

int file_write(struct file *file, const void *data, size_t size)
{
	const char *place = data;

	while (size > 0) {
		ssize_t n = write(file->descriptor, place, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		place += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_copy_facts(const struct file *from, struct file *to)
{
	struct stat status;

	if (fstat(from->descriptor, &status) != 0)
		return errno;
	const struct timespec times[2] = {status.st_atim, status.st_mtim};
	if (fchmod(to->descriptor, status.st_mode & 07777) != 0 ||
	    futimens(to->descriptor, times) != 0)
		return errno;
	return 0;
}

int file_make_executable(struct file *file)
{
	return fchmod(file->descriptor, S_IRWXU) == 0 ? 0 : errno;
}

int file_set_modified(struct file *file, int64_t mtime_ns)
{
	int64_t second = mtime_ns / NS_PER_S;
	int64_t rest_ns = mtime_ns % NS_PER_S;

	/* before 1970: nanoseconds count forward all the same */
	if (rest_ns < 0) {
		second--;
		rest_ns += NS_PER_S;
	}
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT},
	    {.tv_sec = (time_t)second, .tv_nsec = (long)rest_ns},
	};

	return futimens(file->descriptor, times) == 0 ? 0 : errno;
}

int file_sync(struct file *file)
{
	return fsync(file->descriptor) == 0 ? 0 : errno;
}

void file_close(struct file *file)
{
	if (!file)
		return;
	/* what had to be durable was synced: nothing is lost here */
	(void)close(file->descriptor);
	free(file);
}

int file_replace(const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : errno;
}

int file_remove(const char *path)
{
	return unlink(path) == 0 ? 0 : errno;
}

int file_sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length >= sizeof(folder))
		return ENAMETOOLONG;
	memcpy(folder, path, length);
	folder[length] = '\0';
	if (!slash)
		(void)snprintf(folder, sizeof(folder), ".");
	else if (length == 0)
		(void)snprintf(folder, sizeof(folder), "/");
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor < 0)
		/* one that is only searched cannot be synced, and the change
		 * in it has been made */
		return errno == EACCES ? 0 : errno;
	int code = fsync(descriptor) == 0 ? 0 : errno;
	(void)close(descriptor);
	/* some file systems cannot sync a folder; they order renames anyway */
	return code == EINVAL ? 0 : code;
}

int file_rename_no_replace(const char *from, const char *to)
{
	if (link(from, to) == 0)
		return unlink(from) == 0 ? 0 : errno;
	return errno;
}

int file_make_folder(const char *path)
{
	return mkdir(path, S_IRWXU) == 0 ? 0 : errno;
}

int file_resolve(const char *path, char **resolved)
{
	*resolved = realpath(path, NULL);
	return *resolved ? 0 : errno;
}

int file_change_folder(const char *path)
{
	return chdir(path) == 0 ? 0 : errno;
}

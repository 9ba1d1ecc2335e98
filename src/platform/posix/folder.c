#include "platform/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include "platform/posix/file_posix.h"

enum { FIRST_ENTRIES = 64, FIRST_NAME_BYTES = 4096, LISTED_BYTES = 64 * 1024 };

struct folder {
	int descriptor;
};

static int descriptor_of(const struct folder *folder)
{
	return folder ? folder->descriptor : AT_FDCWD;
}

#ifdef __linux__
static int open_resolved(const struct folder *parent, const char *name,
			 int flags, unsigned long long resolve)
{
	const struct open_how how = {
	    .flags = (unsigned int)(flags | O_CLOEXEC),
	    .resolve = resolve,
	};

	return (int)syscall(SYS_openat2, descriptor_of(parent), name, &how,
			    sizeof(how));
}
#else
static int open_resolved(const struct folder *parent, const char *name,
			 int flags, unsigned long long resolve)
{
	(void)parent, (void)name, (void)flags, (void)resolve;
	errno = ENOSYS;
	return -1;
}
enum { RESOLVE_BENEATH = 0, RESOLVE_NO_SYMLINKS = 0 };
#endif

/* Where the kernel has no openat2 (before 5.6): the strictest reading, no
 * link anywhere, one segment at a time. */
static int open_by_segment(const struct folder *parent, const char *name,
			   int flags)
{
	int at = descriptor_of(parent);
	char *copy = strdup(name);
	char *rest = copy;
	int result = -1;

	if (!copy)
		return -1;
	for (;;) {
		char *slash = strchr(rest, '/');

		if (slash)
			*slash = '\0';
		if (strcmp(rest, "..") == 0)
			errno = EXDEV;
		else
			result =
			    openat(at, rest,
				   (slash ? O_RDONLY | O_DIRECTORY : flags) |
				       O_NOFOLLOW | O_CLOEXEC);
		if (at != descriptor_of(parent))
			(void)close(at);
		if (result < 0 || !slash || strcmp(rest, "..") == 0)
			break;
		at = result;
		result = -1;
		rest = slash + 1;
	}
	free(copy);
	return result;
}

/* The absolute path of an open file, as the kernel knows it (proc(5)). */
static int path_of(int descriptor, char path[PATH_MAX])
{
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
	ssize_t size = readlink(link, path, PATH_MAX - 1);
	if (size <= 0)
		return -1;
	path[size] = '\0';
	return 0;
}

/* What is left of a path beneath a folder, "." of the folder itself; NULL if
 * it does not lie there. */
static const char *rest_of(const char *path, const char *folder)
{
	size_t size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

	if (strcmp(path, folder) == 0)
		return ".";
	return strncmp(path, folder, size) == 0 && path[size] == '/'
		   ? path + size + 1
		   : NULL;
}

/* A link with an absolute target may lead beneath the folder all the same,
 * which RESOLVE_BENEATH refuses. Where it leads to is opened again from the
 * folder without any link, so nothing that changes meanwhile leads out. */
static int open_by_target(const struct folder *parent, const char *name,
			  int flags)
{
	char target[PATH_MAX];
	char folder[PATH_MAX];
	const char *rest = NULL;
	int found = openat(parent->descriptor, name, O_PATH | O_CLOEXEC);

	if (found < 0)
		return -1;
	if (path_of(found, target) == 0 &&
	    path_of(parent->descriptor, folder) == 0)
		rest = rest_of(target, folder);
	(void)close(found);
	if (!rest) {
		errno = EXDEV;
		return -1;
	}
	int descriptor = open_resolved(parent, rest, flags,
				       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (descriptor < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_segment(parent, rest, flags);
	return descriptor;
}

static int open_beneath(const struct folder *parent, const char *name,
			int flags, enum folder_follow follow)
{
	if (follow == FOLDER_FOLLOW_ALL)
		return openat(descriptor_of(parent), name, flags | O_CLOEXEC);
	if (follow == FOLDER_FOLLOW_NONE && !strchr(name, '/'))
		return openat(descriptor_of(parent), name,
			      flags | O_NOFOLLOW | O_CLOEXEC);
	int descriptor =
	    open_resolved(parent, name, flags,
			  follow == FOLDER_FOLLOW_INSIDE ? RESOLVE_BENEATH
							 : RESOLVE_NO_SYMLINKS);
	if (descriptor >= 0)
		return descriptor;
	bool is_refused = errno == EXDEV || errno == ELOOP;
	bool is_unknown = errno == ENOSYS || errno == EPERM;
	if (follow == FOLDER_FOLLOW_INSIDE && parent &&
	    (is_refused || is_unknown))
		return open_by_target(parent, name, flags);
	return is_unknown ? open_by_segment(parent, name, flags) : -1;
}

int folder_open(const struct folder *parent, const char *name,
		enum folder_follow follow, struct folder **folder)
{
	*folder = NULL;
	int descriptor =
	    open_beneath(parent, name, O_RDONLY | O_DIRECTORY, follow);
	if (descriptor < 0 && errno == EACCES)
		/* may be searched, if not listed */
		descriptor =
		    open_beneath(parent, name, O_PATH | O_DIRECTORY, follow);
	if (descriptor < 0)
		return errno;
	*folder = malloc(sizeof(**folder));
	if (!*folder) {
		(void)close(descriptor);
		return ENOMEM;
	}
	(*folder)->descriptor = descriptor;
	return 0;
}

void folder_close(struct folder *folder)
{
	if (!folder)
		return;
	(void)close(folder->descriptor);
	free(folder);
}

int folder_stat_self(const struct folder *folder, struct file_facts *facts)
{
	struct stat status;

	if (fstat(folder->descriptor, &status) != 0)
		return errno;
	file_facts_of_stat(&status, facts);
	return 0;
}

bool folder_has_stable_ids(const struct folder *folder)
{
	/* MSDOS, FUSE, NFS, SMB, CIFS, SMB2, exFAT, NTFS, 9p */
	static const unsigned long unstable[] = {
	    0x4d44,	0x65735546, 0x6969,	0x517b,	   0xff534d42,
	    0xfe534d42, 0x2011bab0, 0x5346544e, 0x01021997};
	struct statfs status;

	if (fstatfs(folder->descriptor, &status) != 0)
		return false;
	for (size_t i = 0; i < sizeof(unstable) / sizeof(unstable[0]); i++)
		if ((unsigned long)status.f_type == unstable[i])
			return false;
	return true;
}

/* ---- listing ---- */

struct growing {
	size_t limit; /* 0: none */
	struct folder_entry *entries;
	size_t count;
	size_t capacity;
	char *names;
	size_t names_size;
	size_t names_capacity;
};

static int make_room(void **memory, size_t *capacity, size_t wanted,
		     size_t item_size)
{
	size_t capacity_new = *capacity;
	void *memory_new;

	while (capacity_new < wanted)
		capacity_new *= 2;
	if (capacity_new == *capacity && *memory)
		return 0;
	if (capacity_new > SIZE_MAX / 2 / item_size)
		return ENOMEM;
	memory_new = realloc(*memory, capacity_new * item_size);
	if (!memory_new)
		return ENOMEM;
	*memory = memory_new;
	*capacity = capacity_new;
	return 0;
}

static enum file_type type_of_entry(unsigned char type)
{
	switch (type) {
	case DT_REG:
		return FILE_REGULAR;
	case DT_DIR:
		return FILE_FOLDER;
	case DT_LNK:
		return FILE_LINK;
	case DT_UNKNOWN:
		return FILE_UNKNOWN;
	default:
		return FILE_OTHER;
	}
}

/* Note an entry, but for "." and "..". */
static int keep_entry(struct growing *growing, const char *name,
		      unsigned char type)
{
	size_t size = strlen(name) + 1;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (growing->limit && growing->count >= growing->limit)
		return EOVERFLOW;
	int code = make_room((void **)&growing->entries, &growing->capacity,
			     growing->count + 1, sizeof(*growing->entries));
	if (code == 0)
		code = make_room((void **)&growing->names,
				 &growing->names_capacity,
				 growing->names_size + size, 1);
	if (code)
		return code;
	/* the names may move while they grow: an offset until all are there */
	growing->entries[growing->count++] = (struct folder_entry){
	    .name = (const char *)growing->names_size,
	    .type = type_of_entry(type),
	};
	memcpy(growing->names + growing->names_size, name, size);
	growing->names_size += size;
	return 0;
}

#ifdef __linux__
/* What getdents64(2) writes: entries of different sizes, one behind the
 * other. */
struct listed {
	uint64_t file_id;
	int64_t next;
	uint16_t size;
	unsigned char type;
	char name[];
};

static int keep_listed(struct growing *growing, const char *block, size_t size)
{
	int code = 0;

	for (size_t at = 0; code == 0 && at < size;) {
		/* the kernel aligns them */
		const struct listed *listed = (const void *)(block + at);

		code = keep_entry(growing, listed->name, listed->type);
		at += listed->size;
	}
	return code;
}

/* readdir(3) would open the folder once more, and ask what it is. */
static int read_entries(const struct folder *folder, struct growing *growing)
{
	_Alignas(struct listed) char block[LISTED_BYTES];
	int code = lseek(folder->descriptor, 0, SEEK_SET) < 0 ? errno : 0;

	while (code == 0) {
		long size = syscall(SYS_getdents64, folder->descriptor, block,
				    sizeof(block));
		if (size < 0)
			code = errno;
		else if (size == 0)
			break;
		else
			code = keep_listed(growing, block, (size_t)size);
	}
	/* opened to be searched only */
	return code == EBADF ? EACCES : code;
}
#else
static int read_stream(DIR *stream, struct growing *growing)
{
	int code = 0;

	while (code == 0) {
		errno = 0;
		const struct dirent *entry = readdir(stream);

		if (!entry)
			return errno;
		code = keep_entry(growing, entry->d_name, entry->d_type);
	}
	return code;
}

static int read_entries(const struct folder *folder, struct growing *growing)
{
	int descriptor =
	    openat(folder->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = descriptor < 0 ? NULL : fdopendir(descriptor);

	if (!stream) {
		int problem = errno;

		if (descriptor >= 0)
			(void)close(descriptor);
		return problem;
	}
	int code = read_stream(stream, growing);
	(void)closedir(stream);
	return code;
}
#endif

static void fix_names(struct growing *growing)
{
	for (size_t i = 0; i < growing->count; i++)
		growing->entries[i].name =
		    growing->names + (size_t)growing->entries[i].name;
}

int folder_list(const struct folder *folder, size_t limit,
		struct folder_listing *listing)
{
	struct growing growing = {.limit = limit,
				  .capacity = FIRST_ENTRIES,
				  .names_capacity = FIRST_NAME_BYTES};
	int code = read_entries(folder, &growing);

	*listing = (struct folder_listing){0};
	if (code) {
		free(growing.entries);
		free(growing.names);
		return code;
	}
	fix_names(&growing);
	listing->entries = growing.entries;
	listing->count = growing.count;
	listing->memory = growing.names;
	return 0;
}

void folder_listing_clear(struct folder_listing *listing)
{
	free(listing->entries);
	free(listing->memory);
	*listing = (struct folder_listing){0};
}

/* ---- files beneath ---- */

static int stat_descriptor(int descriptor, struct file_facts *facts)
{
	struct stat status;

	if (descriptor < 0)
		return errno;
	int code = fstat(descriptor, &status) == 0 ? 0 : errno;
	(void)close(descriptor);
	if (code == 0)
		file_facts_of_stat(&status, facts);
	return code;
}

int folder_stat(const struct folder *folder, const char *name,
		enum folder_follow follow, struct file_facts *facts)
{
	struct stat status;
	bool is_plain = follow == FOLDER_FOLLOW_ALL ||
			(follow == FOLDER_FOLLOW_NONE && !strchr(name, '/'));

	if (!is_plain)
		return stat_descriptor(open_beneath(folder, name,
						    follow == FOLDER_FOLLOW_NONE
							? O_PATH | O_NOFOLLOW
							: O_PATH,
						    follow),
				       facts);
	if (fstatat(descriptor_of(folder), name, &status,
		    follow == FOLDER_FOLLOW_ALL ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	file_facts_of_stat(&status, facts);
	return 0;
}

int folder_open_file(const struct folder *folder, const char *name,
		     enum folder_follow follow, struct file **file)
{
	struct file_facts facts = {0};
	int code = folder_stat(folder, name, follow, &facts);

	*file = NULL;
	if (code)
		return code;
	if (facts.type == FILE_LINK)
		return ELOOP;
	/* opening a device may do things: look before */
	if (facts.type != FILE_REGULAR)
		return ENXIO;
	int descriptor = open_beneath(folder, name,
				      O_RDONLY | O_NONBLOCK | O_NOCTTY, follow);
	if (descriptor < 0)
		return errno;
	return file_take_descriptor(descriptor, file);
}

#ifdef __linux__
enum file_writer file_hold(const struct file *file)
{
	/* a lease to read is refused while somebody has it open for writing;
	 * breaking it would signal us with SIGIO */
	if (signal(SIGIO, SIG_IGN) == SIG_ERR)
		return FILE_WRITER_UNKNOWN;
	if (fcntl(file->descriptor, F_SETLEASE, F_RDLCK) == 0)
		return FILE_WRITER_NO;
	return errno == EAGAIN ? FILE_WRITER_YES : FILE_WRITER_UNKNOWN;
}

bool file_is_held(const struct file *file)
{
	/* one that is being broken is told as what it has to become */
	return fcntl(file->descriptor, F_GETLEASE) == F_RDLCK;
}

enum file_writer file_find_writer(const struct file *file)
{
	enum file_writer writer = file_hold(file);

	if (writer == FILE_WRITER_NO)
		(void)fcntl(file->descriptor, F_SETLEASE, F_UNLCK);
	return writer;
}
#else
enum file_writer file_hold(const struct file *file)
{
	(void)file;
	return FILE_WRITER_UNKNOWN;
}

bool file_is_held(const struct file *file)
{
	(void)file;
	return false;
}

enum file_writer file_find_writer(const struct file *file)
{
	(void)file;
	return FILE_WRITER_UNKNOWN;
}
#endif

/* ---- changes ---- */

/* For folders, and where a file has one name only: somebody may take the name
 * between the look and the rename. */
static int rename_if_free(const struct folder *from, const char *name,
			  const struct folder *to, const char *new_name)
{
	struct stat status;

	if (fstatat(to->descriptor, new_name, &status, AT_SYMLINK_NOFOLLOW) ==
	    0)
		return EEXIST;
	return renameat(from->descriptor, name, to->descriptor, new_name) == 0
		   ? 0
		   : errno;
}

/* Without the call, or on a file system that does not know it: a second name,
 * then the first one goes; killed in between, both are there. */
int folder_rename_no_replace(const struct folder *from, const char *name,
			     const struct folder *to, const char *new_name)
{
#ifdef RENAME_NOREPLACE
	if (renameat2(from->descriptor, name, to->descriptor, new_name,
		      RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL)
		return errno;
#endif
	if (linkat(from->descriptor, name, to->descriptor, new_name, 0) == 0)
		return folder_remove_file(from, name);
	return errno == EPERM ? rename_if_free(from, name, to, new_name)
			      : errno;
}

int folder_rename(const struct folder *folder, const char *name,
		  const char *new_name)
{
	return renameat(folder->descriptor, name, folder->descriptor,
			new_name) == 0
		   ? 0
		   : errno;
}

int folder_remove_file(const struct folder *folder, const char *name)
{
	return unlinkat(folder->descriptor, name, 0) == 0 ? 0 : errno;
}

int folder_remove_folder(const struct folder *folder, const char *name)
{
	return unlinkat(folder->descriptor, name, AT_REMOVEDIR) == 0 ? 0
								     : errno;
}

int folder_make_folder(const struct folder *folder, const char *name)
{
	return mkdirat(folder->descriptor, name, S_IRWXU) == 0 ? 0 : errno;
}

int folder_create_file(const struct folder *folder, const char *name,
		       struct file **file)
{
	int descriptor =
	    openat(folder->descriptor, name,
		   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		   S_IRUSR | S_IWUSR);

	*file = NULL;
	return descriptor < 0 ? errno : file_take_descriptor(descriptor, file);
}

int folder_exchange(const struct folder *folder, const char *name,
		    const char *other)
{
#ifdef RENAME_EXCHANGE
	return renameat2(folder->descriptor, name, folder->descriptor, other,
			 RENAME_EXCHANGE) == 0
		   ? 0
		   : errno;
#else
	(void)folder;
	(void)name;
	(void)other;
	return ENOSYS;
#endif
}

int folder_sync(const struct folder *folder)
{
	/* one that is only searched cannot be synced, and need not be */
	return fsync(folder->descriptor) == 0 || errno == EBADF ? 0 : errno;
}

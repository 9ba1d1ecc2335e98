#ifndef S3I_PLATFORM_POSIX_FILE_POSIX_H
#define S3I_PLATFORM_POSIX_FILE_POSIX_H

#include "platform/file.h"

struct stat;
struct timespec;

/* What file.c and folder.c share. */
struct file {
	int descriptor;
};

/* Nanoseconds; those beyond what they can count are the first or the last. */
int64_t file_time_ns(const struct timespec *time);

void file_facts_of_stat(const struct stat *status, struct file_facts *facts);

/* Take a descriptor into a new struct file; closes it on failure. */
int file_take_descriptor(int descriptor, struct file **file);

#endif

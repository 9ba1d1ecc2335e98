#ifndef S3I_PLATFORM_POSIX_FILE_POSIX_H
#define S3I_PLATFORM_POSIX_FILE_POSIX_H

#include "platform/file.h"

struct stat;

/* What file.c and folder.c share. */
struct file {
	int descriptor;
};

void file_facts_of_stat(const struct stat *status, struct file_facts *facts);

/* Take a descriptor into a new struct file; closes it on failure. */
int file_take_descriptor(int descriptor, struct file **file);

#endif

#ifndef S3I_PLATFORM_FENCE_H
#define S3I_PLATFORM_FENCE_H

#include <stdint.h>

/*
 * From here on this process can read and write the descriptors that it has,
 * use up to memory_bytes of data, and end: it can open nothing, connect to
 * nothing, start nothing. On Linux the kernel holds it to that (seccomp: a
 * forbidden call ends the process), elsewhere limits do as far as they go. To
 * be closed before anything runs that came from outside, by a process with one
 * thread. 0 or errno: then nothing from outside may run.
 */
int fence_close(int64_t memory_bytes);

#endif

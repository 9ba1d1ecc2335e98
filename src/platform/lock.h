#ifndef S3I_PLATFORM_LOCK_H
#define S3I_PLATFORM_LOCK_H

#include <stdint.h>

struct lock;

/* Take the kernel lock on a file (created 0600 if missing; flock, LockFileEx),
 * waiting at most wait_ms. EWOULDBLOCK: another process holds it. The lock is
 * not inherited by children and ends with the process. */
int lock_take(const char *path, int64_t wait_ms, struct lock **lock);

/* NULL is allowed. The file stays. */
void lock_release(struct lock *lock);

/* When the lock was last taken (real time, ns), for "held for over a day". */
int lock_taken_ns(const char *path, int64_t *taken_ns);

#endif

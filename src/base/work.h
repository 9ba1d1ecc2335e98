#ifndef S3I_BASE_WORK_H
#define S3I_BASE_WORK_H

#include <stdbool.h>

/*
 * A few threads that do blocking work (hashing) for one loop. Jobs are
 * intrusive: the owner embeds one and owns its memory until it was collected.
 */
struct work_job {
	void (*run)(struct work_job *job); /* on a worker */
	struct work_job *next;		   /* the pool's */
};

struct work;

/* wake(context) is called by a worker after each finished job. Threads are
 * started at the first job. NULL when there is no memory. */
struct work *work_new(int threads, void (*wake)(void *context), void *context);

/* 0 or ERROR_LOCAL. */
int work_submit(struct work *work, struct work_job *job);

/* A finished job, else NULL; never blocks. */
struct work_job *work_collect(struct work *work);

/* Jobs that were submitted and not collected. */
int work_pending(const struct work *work);

/* Waits for jobs that run; those that wait are dropped. */
void work_free(struct work *work);

#endif

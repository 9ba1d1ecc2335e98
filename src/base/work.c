#include "base/work.h"

#include <stdlib.h>

#include "base/error.h"
#include "platform/thread.h"

enum { STACK_BYTES = 128 * 1024, THREADS_CEILING = 16 };

struct jobs {
	struct work_job *first;
	struct work_job **last;
};

struct work {
	struct mutex *mutex;
	struct condition *has_jobs;
	struct jobs waiting;
	struct jobs finished;
	void (*wake)(void *context);
	void *context;
	struct thread *threads[THREADS_CEILING];
	int thread_count;
	int started_count;
	int pending; /* the owner's thread only */
	bool is_ending;
};

static void jobs_append(struct jobs *jobs, struct work_job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct work_job *jobs_take(struct jobs *jobs)
{
	struct work_job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	return job;
}

struct work *work_new(int threads, void (*wake)(void *context), void *context)
{
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	work->waiting.last = &work->waiting.first;
	work->finished.last = &work->finished.first;
	work->wake = wake;
	work->context = context;
	work->thread_count = threads < 1 ? 1 : threads;
	if (work->thread_count > THREADS_CEILING)
		work->thread_count = THREADS_CEILING;
	if (mutex_new(&work->mutex) || condition_new(&work->has_jobs)) {
		work_free(work);
		return NULL;
	}
	return work;
}

static void run_jobs(void *context)
{
	struct work *work = context;

	mutex_lock(work->mutex);
	while (!work->is_ending) {
		struct work_job *job = jobs_take(&work->waiting);

		if (!job) {
			condition_wait(work->has_jobs, work->mutex);
			continue;
		}
		mutex_unlock(work->mutex);
		job->run(job);
		mutex_lock(work->mutex);
		jobs_append(&work->finished, job);
		mutex_unlock(work->mutex);
		work->wake(work->context);
		mutex_lock(work->mutex);
	}
	mutex_unlock(work->mutex);
}

/* One more thread for each job until all are there. */
static int start_thread(struct work *work)
{
	if (work->started_count == work->thread_count)
		return 0;
	int code = thread_start(STACK_BYTES, run_jobs, work,
				&work->threads[work->started_count]);
	if (code == 0)
		work->started_count++;
	return work->started_count > 0 ? 0 : code;
}

int work_submit(struct work *work, struct work_job *job)
{
	if (start_thread(work))
		return ERROR_LOCAL;
	work->pending++;
	mutex_lock(work->mutex);
	jobs_append(&work->waiting, job);
	condition_signal(work->has_jobs);
	mutex_unlock(work->mutex);
	return 0;
}

struct work_job *work_collect(struct work *work)
{
	mutex_lock(work->mutex);
	struct work_job *job = jobs_take(&work->finished);
	mutex_unlock(work->mutex);
	if (job)
		work->pending--;
	return job;
}

int work_pending(const struct work *work)
{
	return work->pending;
}

void work_free(struct work *work)
{
	if (!work)
		return;
	if (work->started_count > 0) {
		mutex_lock(work->mutex);
		work->is_ending = true;
		condition_broadcast(work->has_jobs);
		mutex_unlock(work->mutex);
	}
	for (int i = 0; i < work->started_count; i++)
		thread_join(work->threads[i]);
	condition_free(work->has_jobs);
	mutex_free(work->mutex);
	free(work);
}

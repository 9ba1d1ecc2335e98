#include "workplace.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "base/work.h"

enum { MANY = 1000, TOO_MANY_THREADS = 1000, WATCHDOG_S = 300 };

/* One pool and what its jobs do; of the test that runs. */
static sem_t wakes;
static atomic_int wake_count;
static atomic_int run_count;
static atomic_int running_now;
static atomic_int running_most;
static pthread_barrier_t barrier;
static sem_t gate;
static sem_t gate_reached;

struct job {
	struct work_job job;
	int number;
	int turn; /* how many ran before it */
	atomic_int times_run;
	int times_collected;
};

static struct job jobs[MANY];

static struct job *job_of(struct work_job *job)
{
	return (struct job *)((char *)job - offsetof(struct job, job));
}

static void wake(void *context)
{
	CHECK(context == &wakes);
	atomic_fetch_add(&wake_count, 1);
	must(sem_post(&wakes) == 0, "sem_post");
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0)
		must(errno == EINTR, "sem_wait");
}

static struct work *start(int threads)
{
	must(sem_init(&wakes, 0, 0) == 0 && sem_init(&gate, 0, 0) == 0 &&
		 sem_init(&gate_reached, 0, 0) == 0,
	     "sem_init");
	atomic_store(&wake_count, 0);
	atomic_store(&run_count, 0);
	atomic_store(&running_now, 0);
	atomic_store(&running_most, 0);
	memset(jobs, 0, sizeof(jobs));
	struct work *work = work_new(threads, wake, &wakes);
	must(work != NULL, "work_new");
	CHECK_INT(work_pending(work), 0);
	CHECK(work_collect(work) == NULL);
	return work;
}

static void submit(struct work *work, int number,
		   void (*run)(struct work_job *))
{
	jobs[number].job.run = run;
	jobs[number].number = number;
	CHECK_INT(work_submit(work, &jobs[number].job), 0);
}

/* As a loop does it: all that is there after each wake. */
static void collect(struct work *work, int count)
{
	int collected = 0;

	while (collected < count) {
		wait_for(&wakes);
		for (;;) {
			struct work_job *job = work_collect(work);
			if (!job)
				break;
			job_of(job)->times_collected++;
			collected++;
		}
	}
	CHECK_INT(collected, count);
}

static void note_run(struct work_job *job)
{
	job_of(job)->turn = atomic_fetch_add(&run_count, 1);
	atomic_fetch_add(&job_of(job)->times_run, 1);
}

/* ------------------------------------------------ jobs */

static void check_all_done(int threads)
{
	struct work *work = start(threads);

	for (int i = 0; i < MANY; i++) {
		submit(work, i, note_run);
		CHECK_INT(work_pending(work), i + 1);
	}
	collect(work, MANY);
	CHECK_INT(work_pending(work), 0);
	CHECK(work_collect(work) == NULL);
	work_free(work);
	CHECK_INT(wake_count, MANY);
	for (int i = 0; i < MANY; i++) {
		CHECK_INT(jobs[i].times_run, 1);
		CHECK_INT(jobs[i].times_collected, 1);
	}
}

static void each_job_is_done_once(void)
{
	check_all_done(1);
	check_all_done(2);
	check_all_done(16);
	check_all_done(TOO_MANY_THREADS);
	check_all_done(0);
	check_all_done(-1);
}

static void one_thread_keeps_the_order(void)
{
	struct work *work = start(1);

	for (int i = 0; i < MANY; i++)
		submit(work, i, note_run);
	for (int i = 0; i < MANY; i++) {
		wait_for(&wakes);
		struct work_job *job = work_collect(work);
		if (!CHECK(job != NULL))
			break;
		CHECK_INT(job_of(job)->number, i);
		CHECK_INT(job_of(job)->turn, i);
	}
	work_free(work);
}

static void a_job_may_be_submitted_again(void)
{
	struct work *work = start(3);

	for (int i = 0; i < MANY; i++) {
		submit(work, 0, note_run);
		collect(work, 1);
	}
	CHECK_INT(jobs[0].times_run, MANY);
	CHECK_INT(jobs[0].times_collected, MANY);
	CHECK_INT(work_pending(work), 0);
	work_free(work);
}

static void stop_at_the_gate(struct work_job *job)
{
	must(sem_post(&gate_reached) == 0, "sem_post");
	wait_for(&gate);
	note_run(job);
}

static void a_job_that_runs_is_not_collected_yet(void)
{
	struct work *work = start(2);

	submit(work, 0, stop_at_the_gate);
	wait_for(&gate_reached);
	CHECK(work_collect(work) == NULL);
	CHECK_INT(work_pending(work), 1);
	CHECK_INT(wake_count, 0);
	/* nobody waits for it */
	submit(work, 1, note_run);
	collect(work, 1);
	CHECK_INT(jobs[1].times_collected, 1);
	CHECK_INT(work_pending(work), 1);
	must(sem_post(&gate) == 0, "sem_post");
	collect(work, 1);
	CHECK_INT(jobs[0].times_collected, 1);
	CHECK_INT(work_pending(work), 0);
	work_free(work);
}

/* ------------------------------------------------ threads */

static void meet(struct work_job *job)
{
	/* ends when all of them are here */
	(void)pthread_barrier_wait(&barrier);
	note_run(job);
}

static void as_many_run_at_once_as_there_are_threads(void)
{
	static const int counts[] = {1, 2, 7};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct work *work = start(counts[i]);
		must(pthread_barrier_init(&barrier, NULL,
					  (unsigned)counts[i]) == 0,
		     "barrier");
		for (int job = 0; job < counts[i]; job++)
			submit(work, job, meet);
		collect(work, counts[i]);
		CHECK_INT(run_count, counts[i]);
		work_free(work);
		(void)pthread_barrier_destroy(&barrier);
	}
}

static void note_company(struct work_job *job)
{
	int now = atomic_fetch_add(&running_now, 1) + 1;
	int most = atomic_load(&running_most);

	while (now > most &&
	       !atomic_compare_exchange_weak(&running_most, &most, now))
		;
	note_run(job);
	atomic_fetch_sub(&running_now, 1);
}

static void no_more_run_at_once_than_threads(void)
{
	for (int threads = 1; threads <= 3; threads++) {
		struct work *work = start(threads);
		for (int i = 0; i < MANY; i++)
			submit(work, i, note_company);
		collect(work, MANY);
		work_free(work);
		CHECK(running_most >= 1 && running_most <= threads);
	}
}

static int count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;

	must(tasks != NULL, "/proc/self/task");
	for (const struct dirent *task; (task = readdir(tasks)) != NULL;)
		count += task->d_name[0] != '.';
	(void)closedir(tasks);
	return count;
}

static bool has_threads_when_there_is_work(const void *context)
{
	(void)context;
	check_failures = 0;
	int before = count_threads();
	struct work *work = start(4);
	CHECK_INT(count_threads(), before);
	submit(work, 0, stop_at_the_gate);
	wait_for(&gate_reached);
	CHECK_INT(count_threads(), before + 1);
	must(sem_post(&gate) == 0, "sem_post");
	work_free(work);
	(void)fflush(stdout);
	return check_failures == 0;
}

/* In a child: threads of earlier tests may still be on their way out. */
static void threads_are_started_at_the_first_job(void)
{
	helper_end(helper_start(has_threads_when_there_is_work, NULL));
}

static bool forbid_threads(void)
{
#ifdef SYS_clone3
	if (!forbid_call(SYS_clone3))
		return false;
#endif
	return forbid_call(SYS_clone);
}

static bool fails_without_a_thread(const void *context)
{
	(void)context;
	check_failures = 0;
	struct work *work = start(2);
	must(forbid_threads(), "seccomp");
	jobs[0].job.run = note_run;
	CHECK_INT(work_submit(work, &jobs[0].job), ERROR_LOCAL);
	CHECK_INT(work_pending(work), 0);
	CHECK(work_collect(work) == NULL);
	work_free(work);
	CHECK_INT(jobs[0].times_run, 0);
	(void)fflush(stdout);
	return check_failures == 0;
}

static bool goes_on_with_the_threads_that_it_has(const void *context)
{
	(void)context;
	check_failures = 0;
	struct work *work = start(4);
	submit(work, 0, note_run);
	must(forbid_threads(), "seccomp");
	for (int i = 1; i < MANY; i++)
		submit(work, i, note_run);
	collect(work, MANY);
	CHECK_INT(work_pending(work), 0);
	work_free(work);
	CHECK_INT(run_count, MANY);
	(void)fflush(stdout);
	return check_failures == 0;
}

static void without_a_thread_nothing_is_submitted(void)
{
	helper_end(helper_start(fails_without_a_thread, NULL));
	helper_end(helper_start(goes_on_with_the_threads_that_it_has, NULL));
}

/* ------------------------------------------------ the end */

/* Stands in for that of libc, which work_free calls when it has told the
 * workers to end: only now may the job that runs come to its end. */
int pthread_join(pthread_t thread, void **result)
{
	const struct timespec never = {.tv_sec = INT32_MAX};

	must(sem_post(&gate) == 0, "sem_post");
	return pthread_timedjoin_np(thread, result, &never);
}

static void the_end_waits_for_what_runs_and_drops_what_waits(void)
{
	struct work *work = start(1);

	submit(work, 0, stop_at_the_gate);
	for (int i = 1; i < MANY; i++)
		submit(work, i, note_run);
	wait_for(&gate_reached);
	CHECK_INT(work_pending(work), MANY);
	work_free(work);
	CHECK_INT(jobs[0].times_run, 1);
	CHECK_INT(run_count, 1);
	CHECK_INT(wake_count, 1);
}

static void the_end_needs_no_job_and_no_collecting(void)
{
	work_free(NULL);
	work_free(start(4));
	struct work *work = start(2);
	for (int i = 0; i < 10; i++)
		submit(work, i, note_run);
	for (int i = 0; i < 10; i++)
		wait_for(&wakes);
	CHECK_INT(work_pending(work), 10);
	work_free(work);
	CHECK_INT(run_count, 10);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(each_job_is_done_once),
	    CHECK_TEST(one_thread_keeps_the_order),
	    CHECK_TEST(a_job_may_be_submitted_again),
	    CHECK_TEST(a_job_that_runs_is_not_collected_yet),
	    CHECK_TEST(as_many_run_at_once_as_there_are_threads),
	    CHECK_TEST(no_more_run_at_once_than_threads),
	    CHECK_TEST(threads_are_started_at_the_first_job),
	    CHECK_TEST(without_a_thread_nothing_is_submitted),
	    CHECK_TEST(the_end_waits_for_what_runs_and_drops_what_waits),
	    CHECK_TEST(the_end_needs_no_job_and_no_collecting),
	};

	/* a pool that hangs ends the test, not the day */
	(void)alarm(WATCHDOG_S);
	return CHECK_RUN(tests);
}

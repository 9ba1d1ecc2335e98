#include "platform/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct thread {
	pthread_t id;
	void (*run)(void *context);
	void *context;
};

struct mutex {
	pthread_mutex_t own;
};

struct condition {
	pthread_cond_t own;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;

	thread->run(thread->context);
	return NULL;
}

/* Signals are the main thread's. */
static int create_quiet(struct thread *thread, const pthread_attr_t *attributes)
{
	sigset_t all;
	sigset_t before;

	(void)sigfillset(&all);
	int code = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (code)
		return code;
	code = pthread_create(&thread->id, attributes, run_thread, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

int thread_start(size_t stack_bytes, void (*run)(void *context), void *context,
		 struct thread **out)
{
	pthread_attr_t attributes;
	struct thread *thread = malloc(sizeof(*thread));

	*out = NULL;
	int code = pthread_attr_init(&attributes);
	if (!thread || code) {
		free(thread);
		return code ? code : ENOMEM;
	}
	thread->run = run;
	thread->context = context;
	code = pthread_attr_setstacksize(&attributes, stack_bytes);
	if (code == 0)
		code = create_quiet(thread, &attributes);
	(void)pthread_attr_destroy(&attributes);
	if (code)
		free(thread);
	else
		*out = thread;
	return code;
}

void thread_join(struct thread *thread)
{
	if (!thread)
		return;
	(void)pthread_join(thread->id, NULL);
	free(thread);
}

int mutex_new(struct mutex **mutex)
{
	*mutex = malloc(sizeof(**mutex));
	if (!*mutex)
		return ENOMEM;
	return pthread_mutex_init(&(*mutex)->own, NULL);
}

void mutex_free(struct mutex *mutex)
{
	if (mutex)
		(void)pthread_mutex_destroy(&mutex->own);
	free(mutex);
}

void mutex_lock(struct mutex *mutex)
{
	(void)pthread_mutex_lock(&mutex->own);
}

void mutex_unlock(struct mutex *mutex)
{
	(void)pthread_mutex_unlock(&mutex->own);
}

int condition_new(struct condition **condition)
{
	*condition = malloc(sizeof(**condition));
	if (!*condition)
		return ENOMEM;
	return pthread_cond_init(&(*condition)->own, NULL);
}

void condition_free(struct condition *condition)
{
	if (condition)
		(void)pthread_cond_destroy(&condition->own);
	free(condition);
}

void condition_wait(struct condition *condition, struct mutex *mutex)
{
	(void)pthread_cond_wait(&condition->own, &mutex->own);
}

void condition_signal(struct condition *condition)
{
	(void)pthread_cond_signal(&condition->own);
}

void condition_broadcast(struct condition *condition)
{
	(void)pthread_cond_broadcast(&condition->own);
}

#ifndef S3I_PLATFORM_THREAD_H
#define S3I_PLATFORM_THREAD_H

#include <stddef.h>

struct thread;
struct mutex;
struct condition;

/* Start run(context) with a stack of that size. 0 or errno. */
int thread_start(size_t stack_bytes, void (*run)(void *context), void *context,
		 struct thread **thread);

/* Wait for its end and free it. NULL is allowed. */
void thread_join(struct thread *thread);

int mutex_new(struct mutex **mutex);
void mutex_free(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

int condition_new(struct condition **condition);
void condition_free(struct condition *condition);
void condition_wait(struct condition *condition, struct mutex *mutex);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);

#endif

#include "platform/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "platform/posix/file_posix.h"

#define NS_PER_S  ((int64_t)1000000000)
#define NS_PER_MS 1000000

enum { SLICE_MS = 250 };

static volatile sig_atomic_t stop_flag;
static int64_t stop_at_ns; /* set before there are threads; 0: never */

static int64_t read_clock(clockid_t id)
{
	struct timespec now = {0};

	/* cannot fail for these clocks on any system that we run on */
	(void)clock_gettime(id, &now);
	return file_time_ns(&now);
}

int64_t clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_steady_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_since_boot_ns(void)
{
#ifdef CLOCK_BOOTTIME
	return read_clock(CLOCK_BOOTTIME);
#else
	return -1;
#endif
}

int64_t clock_deadline_ns(int64_t wait_ms)
{
	int64_t now_ns = clock_steady_ns();

	if (wait_ms > (INT64_MAX - now_ns) / NS_PER_MS)
		return INT64_MAX;
	return wait_ms > 0 ? now_ns + wait_ms * NS_PER_MS : now_ns;
}

void clock_sleep_ms(int64_t duration_ms)
{
	int64_t until_ns = clock_deadline_ns(duration_ms);

	while (!stop_requested()) {
		int64_t rest_ns = until_ns - clock_steady_ns();

		if (rest_ns <= 0)
			return;
		/* in slices: a signal may come just before the sleep */
		if (rest_ns > (int64_t)SLICE_MS * NS_PER_MS)
			rest_ns = (int64_t)SLICE_MS * NS_PER_MS;
		const struct timespec slice = {
		    .tv_sec = (time_t)(rest_ns / NS_PER_S),
		    .tv_nsec = (long)(rest_ns % NS_PER_S),
		};
		(void)nanosleep(&slice, NULL);
	}
}

static void note_stop(int signal_number)
{
	stop_flag = signal_number;
}

void stop_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = note_stop;
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

void stop_after_ms(int64_t duration_ms)
{
	stop_at_ns = clock_deadline_ns(duration_ms);
}

bool stop_requested(void)
{
	return stop_flag != 0 ||
	       (stop_at_ns != 0 && clock_steady_ns() >= stop_at_ns);
}

int stop_signal(void)
{
	return stop_flag;
}

const char *stop_reason(void)
{
	return stop_flag ? "stopped by a signal" : "stopped: its time is over";
}

#include "workplace.h"

#include <sys/time.h>
#include <time.h>

#include "platform/clock.h"

#define NS_PER_S ((int64_t)1000000000)

enum { MANY = 100000, AN_HOUR_MS = 3600 * 1000, WATCHDOG_S = 300 };

/* ------------------------------------------------ clocks */

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	must(clock_gettime(id, &now) == 0, "clock_gettime");
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Between two readings of the system's own clock. */
static bool is_clock(int64_t (*read)(void), clockid_t id)
{
	int64_t before_ns = read_clock(id);
	int64_t now_ns = read();
	int64_t after_ns = read_clock(id);

	return before_ns <= now_ns && now_ns <= after_ns;
}

static void the_clocks_are_those_of_the_system(void)
{
	/* once more if somebody has set the clock just then */
	CHECK(is_clock(clock_real_ns, CLOCK_REALTIME) ||
	      is_clock(clock_real_ns, CLOCK_REALTIME));
	CHECK(is_clock(clock_steady_ns, CLOCK_MONOTONIC));
	CHECK(is_clock(clock_since_boot_ns, CLOCK_BOOTTIME));
}

static void the_steady_clock_never_goes_back(void)
{
	int64_t last_ns = clock_steady_ns();

	for (int i = 0; i < MANY; i++) {
		int64_t now_ns = clock_steady_ns();
		if (!CHECK(now_ns >= last_ns))
			break;
		last_ns = now_ns;
	}
}

/* ------------------------------------------------ sleep */

static void interrupt(int signal_number)
{
	(void)signal_number;
}

static void send_stop(int signal_number)
{
	(void)signal_number;
	(void)raise(SIGTERM);
}

/* A signal that is none of ours, each millisecond from now on. */
static void start_alarms(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};
	const struct itimerval each_ms = {.it_interval = {.tv_usec = 1000},
					  .it_value = {.tv_usec = 1000}};

	must(sigaction(SIGALRM, &action, NULL) == 0 &&
		 setitimer(ITIMER_REAL, &each_ms, NULL) == 0,
	     "setitimer");
}

static void end_alarms(void)
{
	const struct itimerval none = {0};

	must(setitimer(ITIMER_REAL, &none, NULL) == 0 &&
		 signal(SIGALRM, SIG_DFL) != SIG_ERR,
	     "setitimer");
	(void)alarm(WATCHDOG_S);
}

static void a_sleep_is_not_shorter_than_asked_for(void)
{
	int64_t start_ns = clock_steady_ns();

	clock_sleep_ms(20);
	CHECK(clock_steady_ns() - start_ns >= 20 * NS_PER_S / 1000);
	/* longer than one of its slices, and interrupted all the time */
	start_alarms(interrupt);
	start_ns = clock_steady_ns();
	clock_sleep_ms(300);
	CHECK(clock_steady_ns() - start_ns >= 300 * NS_PER_S / 1000);
	end_alarms();
}

static void no_time_is_no_sleep(void)
{
	/* they come back: more cannot be said */
	clock_sleep_ms(0);
	clock_sleep_ms(-1);
	clock_sleep_ms(-AN_HOUR_MS);
	CHECK(!stop_requested());
}

static void a_deadline_is_never_in_the_past(void)
{
	int64_t now_ns = clock_steady_ns();

	CHECK(clock_deadline_ns(1) >= now_ns + NS_PER_S / 1000);
	CHECK(clock_deadline_ns(0) >= now_ns);
	CHECK(clock_deadline_ns(INT64_MIN) >= now_ns);
	CHECK(clock_deadline_ns(INT64_MAX) == INT64_MAX);
	CHECK(clock_deadline_ns(INT64_MAX / 1000000) == INT64_MAX);
}

/* ------------------------------------------------ stop */

static bool is_stopped_by(const void *context)
{
	int signal_number = *(const int *)context;

	(void)alarm(WATCHDOG_S);
	if (stop_requested() || stop_signal() != 0)
		return false;
	stop_catch();
	if (stop_requested() || stop_signal() != 0)
		return false;
	if (raise(signal_number) != 0 || !stop_requested() ||
	    stop_signal() != signal_number)
		return false;
	clock_sleep_ms(AN_HOUR_MS);
	/* and it stays */
	return stop_requested() && stop_signal() == signal_number;
}

static void three_signals_request_a_stop(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		helper_end(helper_start(is_stopped_by, &signals[i]));
	CHECK(!stop_requested());
}

static bool is_woken(const void *context)
{
	(void)context;
	stop_catch();
	start_alarms(send_stop);
	clock_sleep_ms(AN_HOUR_MS);
	return stop_requested() && stop_signal() == SIGTERM;
}

static void a_stop_ends_a_sleep(void)
{
	helper_end(helper_start(is_woken, NULL));
}

static bool survives_a_pipe_without_reader(const void *context)
{
	int ends[2];

	(void)context;
	stop_catch();
	must(pipe(ends) == 0 && close(ends[0]) == 0, "pipe");
	return write(ends[1], "x", 1) < 0 && errno == EPIPE &&
	       !stop_requested();
}

static void a_pipe_without_reader_is_an_error_only(void)
{
	helper_end(helper_start(survives_a_pipe_without_reader, NULL));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_clocks_are_those_of_the_system),
	    CHECK_TEST(the_steady_clock_never_goes_back),
	    CHECK_TEST(a_sleep_is_not_shorter_than_asked_for),
	    CHECK_TEST(no_time_is_no_sleep),
	    CHECK_TEST(a_deadline_is_never_in_the_past),
	    CHECK_TEST(three_signals_request_a_stop),
	    CHECK_TEST(a_stop_ends_a_sleep),
	    CHECK_TEST(a_pipe_without_reader_is_an_error_only),
	};

	/* a sleep that does not end ends the test, not the day */
	(void)alarm(WATCHDOG_S);
	return CHECK_RUN(tests);
}

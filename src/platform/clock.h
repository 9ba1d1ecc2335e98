#ifndef S3I_PLATFORM_CLOCK_H
#define S3I_PLATFORM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds since 1970-01-01 UTC; may jump. */
int64_t clock_real_ns(void);

/* Nanoseconds of a clock that never goes back; its start is arbitrary. */
int64_t clock_steady_ns(void);

/* Nanoseconds since the machine was booted, sleep counted in; -1: unknown. */
int64_t clock_since_boot_ns(void);

/* The steady clock's time so many milliseconds from now; the end of all time
 * if that is further off. */
int64_t clock_deadline_ns(int64_t wait_ms);

/* Sleep; ends at once when a stop was requested. */
void clock_sleep_ms(int64_t duration_ms);

/* SIGINT, SIGTERM and SIGHUP request a stop from now on; SIGPIPE is ignored. */
void stop_catch(void);

/* Request a stop by itself after so long. */
void stop_after_ms(int64_t duration_ms);

/* Whether a stop was requested, and by what, for people: "stopped by a
 * signal", "stopped: its time is over". */
bool stop_requested(void);
const char *stop_reason(void);

/* The signal that requested it; 0: none did. */
int stop_signal(void);

#endif

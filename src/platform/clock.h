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

/* Sleep; ends at once when a stop was requested. */
void clock_sleep_ms(int64_t duration_ms);

/* SIGINT, SIGTERM and SIGHUP request a stop from now on; SIGPIPE is ignored. */
void stop_catch(void);

/* Whether a stop was requested, and by which signal (0: none). */
bool stop_requested(void);
int stop_signal(void);

#endif

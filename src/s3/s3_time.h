#ifndef S3I_S3_S3_TIME_H
#define S3I_S3_S3_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Calendar without the C library's, which knows local zones. UTC only. */

/* 20130524T000000Z (ISO 8601 basic), for x-amz-date. */
void s3_time_format(int64_t seconds, char text[17]);

/* "Fri, 24 May 2013 00:00:00 GMT" (RFC 9110 5.6.7, the form in use) or
 * "2013-05-24T00:00:00[.000]Z"; seconds since 1970. False: neither. */
bool s3_time_parse(const char *text, int64_t *seconds);

#endif

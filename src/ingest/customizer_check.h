#ifndef S3I_INGEST_CUSTOMIZER_CHECK_H
#define S3I_INGEST_CUSTOMIZER_CHECK_H

#include "base/error.h"

/* Whether the syntax of all *.js of a folder is sound, by a child behind the
 * fence that compiles them and runs none. ERROR_INVALID with message, file and
 * line of the first that is not; ERROR_STOPPED. */
int customizer_check(const char *folder, struct error *err);

#endif

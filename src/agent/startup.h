#ifndef S3I_AGENT_STARTUP_H
#define S3I_AGENT_STARTUP_H

#include <stdbool.h>

#include "base/error.h"

struct ledger;

/* Whether `startup` is due by what the ledger knows: the machine was booted or
 * the program changed since the last one that got a good reply, or an action
 * asked for it. */
int startup_is_due(struct ledger *ledger, bool *is_due, struct error *err);

/* The next run shall be one. */
int startup_make_due(struct ledger *ledger, const char *why, struct error *err);

/* One got a good reply. */
int startup_note(struct ledger *ledger, struct error *err);

#endif

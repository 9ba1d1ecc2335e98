#ifndef S3I_INGEST_REMOVAL_RECOVER_H
#define S3I_INGEST_REMOVAL_RECOVER_H

#include "base/error.h"

struct folder;
struct ledger;

/* At the start of a run, before anything is looked at: files that stand aside
 * since a run was cut off in the middle of their removal get their names back,
 * whatever became of their policy. Their rows know them by that name, but for
 * the next look at their content. One that cannot be put back stays aside, and
 * the next run tries again. 0, or the ledger's error. */
int removal_recover(struct ledger *ledger, const struct folder *home,
		    struct error *err);

#endif

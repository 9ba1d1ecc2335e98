#ifndef S3I_INGEST_GONE_H
#define S3I_INGEST_GONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct folder;
struct ledger;
struct ledger_facts;

/*
 * What the ledger keeps of files that are no more. A row is dropped once its
 * file has been gone for 30 days; never while the folder that it was in is
 * missing, for that may be a disk that is not mounted, unless this program
 * removed the file itself. A clock that is set back makes it stay longer.
 */
struct gone {
	struct ledger *ledger;
	const struct folder *home;
	int64_t policy_id;
	int64_t now_ms;	      /* real time */
	struct buffer folder; /* the one that was looked at last */
	bool folder_is_there;
};

/* One for each policy and run; borrows. */
void gone_init(struct gone *gone, struct ledger *ledger,
	       const struct folder *home, int64_t policy_id);
void gone_clear(struct gone *gone);

/* A row without a file, in a folder that could be read, or that was looked up
 * in vain. */
int gone_note(struct gone *gone, const struct ledger_facts *row,
	      struct error *err);

/* A row whose file is there: it is not gone any more. */
int gone_note_back(struct gone *gone, const struct ledger_facts *row,
		   struct error *err);

/* After a pass that saw everything: forget what was put off and is no regular
 * file any more; where nothing was put off, all of it. */
int gone_settle_pending(struct gone *gone, bool nothing_was_put_off,
			struct error *err);

#endif

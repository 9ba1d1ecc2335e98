#ifndef S3I_INGEST_KEY_OWNER_H
#define S3I_INGEST_KEY_OWNER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

struct bucket;
struct file_facts;
struct folder;
struct ledger;
struct ledger_row;

/* A file that would have a key. */
struct key_claim {
	struct ledger *ledger;
	const struct folder *home;
	const struct bucket *bucket;
	struct bytes name;
	struct bytes key;
	const struct file_facts *facts;
};

/* Who has the key already: the name of another file that the ledger holds
 * under it and that still exists, yours to free, or NULL. The same file by
 * another name is no other one. */
int key_owner_find(const struct key_claim *claim, char **owner,
		   struct error *err);

/* What any policy recorded for the same file and key; *found. The row's bytes
 * are valid until the next call of any ledger function. */
int key_owner_adopt(const struct key_claim *claim, struct ledger_row *row,
		    bool *found, struct error *err);

#endif

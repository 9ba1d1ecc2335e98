#ifndef S3I_INGEST_KEY_OWNER_H
#define S3I_INGEST_KEY_OWNER_H

#include "base/buffer.h"
#include "base/error.h"

struct bucket;
struct file_facts;
struct folder;
struct ledger;

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

#endif

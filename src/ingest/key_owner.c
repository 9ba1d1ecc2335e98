#include "ingest/key_owner.h"

#include <stdlib.h>

#include "ingest/bucket.h"
#include "ingest/ledger.h"
#include "platform/folder.h"

static bool is_other_file(const struct key_claim *claim, const char *name)
{
	const struct file_facts *facts = claim->facts;
	struct file_facts other;

	if (folder_stat(claim->home, name, FOLDER_FOLLOW_ALL, &other))
		return false;
	return other.device != facts->device ||
	       other.size_bytes != facts->size_bytes ||
	       other.mtime_ns != facts->mtime_ns ||
	       other.file_id != facts->file_id || facts->file_id == 0;
}

int key_owner_find(const struct key_claim *claim, char **owner,
		   struct error *err)
{
	const struct ledger_policy where = {
	    .endpoint = claim->bucket->place.endpoint,
	    .bucket = claim->bucket->place.bucket,
	};

	*owner = NULL;
	int rc = ledger_find_key_holder(claim->ledger, &where, claim->key,
					claim->name, owner, err);
	if (rc == 0 && *owner && !is_other_file(claim, *owner)) {
		free(*owner);
		*owner = NULL;
	}
	return rc;
}

int key_owner_adopt(const struct key_claim *claim, struct ledger_row *row,
		    bool *found, struct error *err)
{
	const struct file_facts *facts = claim->facts;
	const struct ledger_row wanted = {
	    .name = claim->name,
	    .size_bytes = facts->size_bytes,
	    .mtime_ns = facts->mtime_ns,
	    .ctime_ns = facts->ctime_ns,
	    .file_id = facts->file_id,
	    .key = claim->key,
	};

	return ledger_find_adoptable(
	    claim->ledger, claim->bucket->place.endpoint,
	    claim->bucket->place.bucket, &wanted, row, found, err);
}

#include "ingest/key_owner.h"

#include <stdbool.h>
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

#include "ingest/candidate.h"

#include <stdlib.h>
#include <string.h>

static struct bytes put(char **at, struct bytes text)
{
	struct bytes copy = {*at, text.size};

	if (text.size > 0)
		memcpy(*at, text.data, text.size);
	(*at)[text.size] = '\0';
	*at += text.size + 1;
	return copy;
}

struct candidate_kept *candidate_keep(const struct candidate *candidate)
{
	struct bytes name = candidate->name;
	struct bytes key = {0};
	struct candidate_kept *kept = calloc(1, sizeof(*kept));

	if (candidate->row)
		key = candidate->row->key;
	/* both come from the ledger or the scan, which hold them to ceilings */
	char *texts = malloc(name.size + key.size + 2);
	if (!kept || !texts) {
		free(kept);
		free(texts);
		return NULL;
	}
	kept->texts = texts;
	kept->candidate = *candidate;
	kept->candidate.key = (struct buffer){0};
	kept->candidate.answer = (struct bytes){0};
	kept->candidate.name = put(&texts, name);
	kept->file = *candidate->file;
	kept->file.name = kept->candidate.name;
	kept->file.reason = NULL;
	kept->candidate.file = &kept->file;
	kept->candidate.question.facts = &kept->file.facts;
	if (candidate->row) {
		kept->row = *candidate->row;
		kept->row.name = kept->candidate.name;
		kept->row.key = put(&texts, key);
		kept->candidate.row = &kept->row;
		kept->candidate.question.row = &kept->row;
	}
	return kept;
}

void candidate_move_key(struct candidate *candidate,
			struct candidate_kept *kept)
{
	buffer_clear(&kept->candidate.key);
	kept->candidate.key = candidate->key;
	candidate->key = (struct buffer){0};
}

void candidate_kept_free(struct candidate_kept *kept)
{
	if (!kept)
		return;
	buffer_clear(&kept->candidate.key);
	free(kept->texts);
	free(kept);
}

#include "ingest/decide.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "ingest/ledger.h"
#include "ingest/policy.h"
#include "platform/file.h"

#define NS_PER_S INT64_C(1000000000)

/* An inode of 0 means that inodes are not stable there: it says nothing. */
static bool is_same_id(uint64_t id, uint64_t known)
{
	return id == 0 || known == 0 || id == known;
}

static bool is_same(const struct file_facts *facts,
		    const struct ledger_facts *known)
{
	return facts->size_bytes == known->size_bytes &&
	       facts->mtime_ns == known->mtime_ns &&
	       facts->ctime_ns == known->ctime_ns &&
	       is_same_id(facts->file_id, known->file_id);
}

static bool is_as_its_row(const struct decide_case *c)
{
	if (!c->row)
		return false;
	const struct ledger_facts known = {
	    .size_bytes = c->row->size_bytes,
	    .mtime_ns = c->row->mtime_ns,
	    .ctime_ns = c->row->ctime_ns,
	    .file_id = c->row->file_id,
	};
	return is_same(c->facts, &known);
}

bool decide_is_unchanged(const struct file_facts *facts,
			 const struct ledger_facts *known,
			 const struct policy *policy)
{
	return is_same(facts, known) && !known->is_racy &&
	       known->state != LEDGER_IGNORED && !policy->force_upload;
}

static bool is_fresh(const struct decide_case *c)
{
	int64_t delay_ns = c->policy->delay_upload_s * NS_PER_S;
	if (delay_ns <= 0)
		return false;
	int64_t since_ns = c->facts->mtime_ns;
	if (since_ns > c->now_ns) {
		since_ns = c->first_seen_ns;
		/* Seen for the first time just now; or in the future, for the
		 * clock was set back since: the wait begins anew, and that is
		 * written down. */
		if (since_ns == 0 || since_ns > c->now_ns)
			return true;
	}
	return since_ns > c->now_ns - delay_ns;
}

enum decision decide(const struct decide_case *c)
{
	bool same = is_as_its_row(c);
	if (same && c->row->state == LEDGER_IGNORED)
		return DECISION_IGNORED;
	if (same && !c->policy->force_upload)
		return c->row->is_racy ? DECISION_REHASH : DECISION_UNCHANGED;
	if (is_fresh(c))
		return DECISION_DELAYED;
	if (c->policy->force_upload)
		return DECISION_FORCED;
	if (!c->row)
		return DECISION_NEW;
	if (c->row->has_sha256 && c->row->state != LEDGER_IGNORED &&
	    c->row->size_bytes == c->facts->size_bytes)
		return DECISION_TOUCHED;
	return DECISION_CHANGED;
}

/* What differs, the most telling first. */
static void describe_difference(const struct decide_case *c, const char *word,
				char *text, size_t size)
{
	const char *what = "file id";
	if (c->facts->size_bytes != c->row->size_bytes) {
		(void)snprintf(text, size, "%s: size %" PRId64 " -> %" PRId64,
			       word, c->row->size_bytes, c->facts->size_bytes);
		return;
	}
	if (c->facts->mtime_ns != c->row->mtime_ns)
		what = "modification time";
	else if (c->facts->ctime_ns != c->row->ctime_ns)
		what = "status change time";
	(void)snprintf(text, size, "%s: other %s", word, what);
}

static void describe_delay(const struct decide_case *c, char *text, size_t size)
{
	const char *what = "modified";
	if (c->facts->mtime_ns > c->now_ns)
		what = "modified in the future, first seen";
	(void)snprintf(text, size, "too fresh: %s less than %" PRId64 " s ago",
		       what, c->policy->delay_upload_s);
}

const char *decide_reason(const struct decide_case *c, enum decision decision,
			  char *text, size_t size)
{
	switch (decision) {
	case DECISION_UNCHANGED:
		(void)snprintf(text, size, "unchanged");
		break;
	case DECISION_IGNORED:
		(void)snprintf(text, size, "the customizer gave no key");
		break;
	case DECISION_CHANGED:
		describe_difference(c, "changed", text, size);
		break;
	case DECISION_FORCED:
		(void)snprintf(text, size, "force_upload");
		break;
	case DECISION_REHASH:
		(void)snprintf(text, size,
			       "recorded while it may have been changing: "
			       "compare its content");
		break;
	case DECISION_TOUCHED:
		describe_difference(c, "touched", text, size);
		break;
	case DECISION_NEW:
		(void)snprintf(text, size, "new");
		break;
	case DECISION_DELAYED:
		describe_delay(c, text, size);
		break;
	}
	return text;
}

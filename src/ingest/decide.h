#ifndef S3I_INGEST_DECIDE_H
#define S3I_INGEST_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_facts;
struct ledger_facts;
struct ledger_row;
struct policy;

/* What would happen to a file: the one answer for the run, --dry-run and
 * --explain. Pure. */
enum decision {
	DECISION_UNCHANGED, /* the ledger knows it in this state */
	DECISION_IGNORED,   /* the same, and it gave no key */
	DECISION_CHANGED,   /* known, but in another state: upload */
	DECISION_FORCED,    /* force_upload */
	DECISION_REHASH,    /* same facts, but racy: compare the content */
	DECISION_TOUCHED,   /* same size, other times: compare the content */
	DECISION_NEW,	    /* not in the ledger: ask the bucket */
	DECISION_DELAYED    /* too fresh */
};

/* row NULL: not in the ledger. first_seen_ns: when a file that is put off was
 * first seen, 0 if it is not (an mtime in the future counts from there). */
struct decide_case {
	const struct file_facts *facts;
	const struct ledger_row *row;
	const struct policy *policy;
	int64_t now_ns;
	int64_t first_seen_ns;
};
enum decision decide(const struct decide_case *c);

/* Whether decide() would say no more than DECISION_UNCHANGED, which most files
 * are, of a row with these facts. */
bool decide_is_unchanged(const struct file_facts *facts,
			 const struct ledger_facts *known,
			 const struct policy *policy);

/* "new", "changed: size 3 -> 5", ...: the reason for people. */
const char *decide_reason(const struct decide_case *c, enum decision decision,
			  char *text, size_t size);

#endif

#ifndef S3I_INGEST_ORPHANS_H
#define S3I_INGEST_ORPHANS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct event_sink;
struct folder;
struct http_route;
struct ledger;
struct s3_key_source;

/*
 * Multipart uploads of ours that nobody will finish: they cost money until they
 * are aborted. Only what the ledger knows is touched, never what others began.
 * Trouble is told with -v and left for the next run; without the right to list
 * uploads a lifecycle rule has to serve.
 */
struct orphans_options {
	struct ledger *ledger;
	const struct folder *home;
	const struct http_route *route;
	const struct s3_key_source *keys;
	const struct event_sink *events;
};

/* Before files are sent: uploads that may have been created by a run that was
 * killed before it learned their id. They are looked for by their exact key,
 * from when they were intended on. 0, or the ledger's error. */
int orphans_clear_intents(const struct orphans_options *options,
			  struct error *err);

/* After all policies have run: those whose policy is none of ids, or whose file
 * is gone or another one now. */
int orphans_clear_gone(const struct orphans_options *options,
		       const int64_t *ids, size_t count, struct error *err);

#endif

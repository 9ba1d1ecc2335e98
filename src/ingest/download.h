#ifndef S3I_INGEST_DOWNLOAD_H
#define S3I_INGEST_DOWNLOAD_H

#include <stdbool.h>
#include <stddef.h>

struct bucket;
struct folder;
struct http_route;
struct ledger;
struct policy;
struct s3_key_source;
struct tally;

/*
 * The handler "download": objects become files of a folder. Each is written
 * beside, compared with its checksum, synced, given the object's time and
 * renamed; a file that has the object's size and time is left alone.
 */
struct download_options {
	const struct policy *policies; /* all of them: several may share a
					  folder */
	size_t policy_count;
	const struct policy *policy; /* the one to run */
	struct bucket *bucket;
	const struct s3_key_source *keys;
	const struct http_route *route;
	struct ledger *ledger;
	const struct folder *home;
	struct tally *tally;
};

struct file_facts;

/* What fails is told: one file, or all of it. *target: of the folder that they
 * came into; false if there is none. */
bool download_run(const struct download_options *options,
		  struct file_facts *target);

#endif

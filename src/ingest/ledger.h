#ifndef S3I_INGEST_LEDGER_H
#define S3I_INGEST_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"

/*
 * The ledger: what was uploaded, what is in progress, notes. One SQLite file,
 * one connection, used by one thread. Changes gather in an open batch;
 * ledger_commit makes them durable, a failure undoes them all. Where there is
 * no file, none is made until something is written; what is so already is not
 * written again. An endpoint of NULL is "".
 */
struct ledger;

/* Open or create. A file that is not a sound ledger is set aside as PATH.bad
 * with its journals (*was_corrupt, if not NULL, says so) and a new one
 * begun, which remembers this until ledger_forget_doubt; damage that is met
 * later (also a row with values that none has, or out of order) is ERROR_LOCAL
 * and has the same effect at the next ledger_open. A
 * schema newer than ours is ERROR_CONFIG and left alone. ERROR_LATER: in use
 * by another process. read_only: nothing is written, every change is silently
 * none; where there is no sound file, an empty one in memory serves. */
int ledger_open(const char *path, bool read_only, struct ledger **ledger,
		bool *was_corrupt, struct error *err);

/* Commits the open batch, then closes. NULL is allowed. */
int ledger_close(struct ledger *ledger, struct error *err);

/* Make the open batch durable; nothing to do is no transaction. */
int ledger_commit(struct ledger *ledger, struct error *err);

/* Records changed since the last commit. */
int64_t ledger_batch_size(const struct ledger *ledger);

/* Give the space of dropped rows back to the disk, where it is much: over
 * half of the file and at least a MiB. The batch is committed first. A stop
 * that is asked for, or a full disk, leaves the file as it is: no error. */
int ledger_vacuum(struct ledger *ledger, struct error *err);

/* Whether rows were lost (a corrupt file was set aside, and no complete pass
 * has been recorded since). */
int ledger_is_in_doubt(struct ledger *ledger, bool *doubt, struct error *err);
int ledger_forget_doubt(struct ledger *ledger, struct error *err);

/* Before objects are replaced: durable until _end says that each row tells
 * again what the bucket has. _was_cut_off: a run before did not come to its
 * end, and an object may be another than its row says. */
int ledger_sending_begin(struct ledger *ledger, struct error *err);
int ledger_sending_end(struct ledger *ledger, struct error *err);
int ledger_was_cut_off(struct ledger *ledger, bool *cut_off, struct error *err);

/* ---- policies ---- */

/* Id of a policy by its fingerprint (64 hex digits), made if new (*is_new).
 * position is its place in the config; one that stands there twice keeps its
 * first. A read_only ledger gives 0 for a new one. */
struct ledger_policy {
	const char *fingerprint;
	const char *endpoint;
	const char *bucket;
	int position;
};
int ledger_policy_get(struct ledger *ledger, const struct ledger_policy *policy,
		      int64_t *id, bool *is_new, struct error *err);

/* All policies but those ids get position null (retired); their rows stay for
 * adoption. ledger_policies_drop_retired removes them, in pieces that it
 * commits: call it after one complete pass of all policies. */
int ledger_policies_retire_others(struct ledger *ledger, const int64_t *ids,
				  size_t count, struct error *err);
int ledger_policies_drop_retired(struct ledger *ledger, struct error *err);

/* ---- files ---- */

enum ledger_state { LEDGER_UPLOADED, LEDGER_PRESENT, LEDGER_IGNORED };
enum ledger_proof {
	LEDGER_PROOF_NONE,
	LEDGER_PROOF_SIZE,
	LEDGER_PROOF_CHECKSUM
};

struct ledger_row {
	struct bytes name;
	enum ledger_state state;
	int64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t file_id;
	bool is_racy;	  /* the file may have changed in the same clock tick */
	struct bytes key; /* empty where ignored */
	bool has_sha256;
	unsigned char sha256[HASH_SHA256_BYTES];
	enum ledger_proof proof;
	int64_t at_ms;	  /* when S3 confirmed it */
	int64_t gone_ms;  /* when the file was first missed; 0: it is there */
	bool was_removed; /* by this program */
};

/* What tells whether a file is as its row says, and no more: a walk reads it
 * for every file. */
struct ledger_facts {
	struct bytes name;
	enum ledger_state state;
	bool is_racy;
	int64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t file_id;
	int64_t gone_ms;
};

/* Insert or replace the row (policy, name), in the open batch, as one whose
 * file is there; totals of the policy follow; a pending row of the same name
 * is cleared. */
int ledger_record(struct ledger *ledger, int64_t policy,
		  const struct ledger_row *row, struct error *err);

/* An object of that key was sent: no row that has it is known by its content
 * any more, nor has proof. Those of the file in the state that was sent
 * (sent_as, its size and times) are left; NULL: nobody knows what was. */
int ledger_doubt_key(struct ledger *ledger, struct bytes key,
		     const struct ledger_row *sent_as, struct error *err);

/* Remove the row and the pending row of that name; none is no error. */
int ledger_forget(struct ledger *ledger, int64_t policy, struct bytes name,
		  struct error *err);

/* Note when the file of a row was first missed, and whether it was this
 * program that removed it; gone_ms 0: it is there again. */
struct ledger_gone {
	int64_t gone_ms;
	bool was_removed;
};
int ledger_gone_set(struct ledger *ledger, int64_t policy, struct bytes name,
		    const struct ledger_gone *gone, struct error *err);

/* One row by name; *found. The row's bytes are valid until the next call of
 * any ledger function. */
int ledger_find(struct ledger *ledger, int64_t policy, struct bytes name,
		struct ledger_row *row, bool *found, struct error *err);

/* A row of any policy, live or retired, at the same endpoint and bucket, with
 * this key and these facts: what adoption copies. Where a file id is 0, the
 * name must be the same too. */
int ledger_find_adoptable(struct ledger *ledger, const char *endpoint,
			  const char *bucket, const struct ledger_row *wanted,
			  struct ledger_row *row, bool *found,
			  struct error *err);

/* Who else holds the key at that endpoint and bucket: the name in a live
 * policy that is not (name): copied into *holder (free it; NULL: nobody). */
int ledger_find_key_holder(struct ledger *ledger,
			   const struct ledger_policy *where, struct bytes key,
			   struct bytes name, char **holder, struct error *err);

/* The facts of one policy's rows in ascending order of name, read in pages of
 * 512 and never by an open statement. */
struct ledger_rows;
int ledger_rows_open(struct ledger *ledger, int64_t policy,
		     struct ledger_rows **rows, struct error *err);
/* Those of the next row without passing it; NULL at the end. Valid until
 * _advance. */
int ledger_rows_peek(struct ledger_rows *rows, const struct ledger_facts **row,
		     struct error *err);
void ledger_rows_advance(struct ledger_rows *rows);
void ledger_rows_close(struct ledger_rows *rows);

/* Totals of a policy, without what is ignored. */
int ledger_policy_totals(struct ledger *ledger, int64_t policy, int64_t *files,
			 int64_t *bytes, struct error *err);

/* ---- pending: delayed and failed ---- */

enum ledger_pending_state { LEDGER_DELAYED, LEDGER_FAILED };

/* Note that a file was put off; since_ms of an earlier note with the same
 * state stays and is given back (*first_ms may be NULL), unless it lies in the
 * future: then now_ms. */
int ledger_pending_set(struct ledger *ledger, int64_t policy, struct bytes name,
		       enum ledger_pending_state state, int64_t now_ms,
		       const char *reason, int64_t *first_ms,
		       struct error *err);
int ledger_pending_find(struct ledger *ledger, int64_t policy,
			struct bytes name, int64_t *first_ms, bool *found,
			struct error *err);
int ledger_pending_clear(struct ledger *ledger, int64_t policy,
			 struct bytes name, struct error *err);
/* The first one behind a name; *found. The name is valid until the next call
 * of any ledger function. */
int ledger_pending_next(struct ledger *ledger, int64_t policy,
			struct bytes after, struct bytes *name, bool *found,
			struct error *err);
int ledger_pending_count(struct ledger *ledger, int64_t *count,
			 struct error *err);

/* ---- multipart uploads in progress ---- */

struct ledger_upload {
	int64_t policy;
	struct bytes name;
	struct bytes key;
	char upload_id[1025]; /* "": Create was intended */
	int64_t part_size_bytes;
	int64_t size_bytes;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint64_t file_id;
	int64_t started_ms;
	char endpoint[512];
	char bucket[256];
	bool has_crc64;	    /* created with CRC64NVME */
	bool may_have_twin; /* begun since started_ms, by a Create whose reply
			       was lost */
};
struct ledger_part {
	int number;
	char etag[256];
	unsigned char sha256[HASH_SHA256_BYTES];
	uint64_t crc64;
};

/* Insert or replace by (policy, name); with another upload_id the parts go. An
 * upload outlives its policy, until it is forgotten. */
int ledger_upload_record(struct ledger *ledger,
			 const struct ledger_upload *upload, struct error *err);
int ledger_upload_find(struct ledger *ledger, int64_t policy, struct bytes name,
		       struct ledger_upload *upload, bool *found,
		       struct error *err);
/* Removes the upload and its parts. */
int ledger_upload_forget(struct ledger *ledger, int64_t policy,
			 struct bytes name, struct error *err);
int ledger_part_record(struct ledger *ledger, int64_t policy, struct bytes name,
		       const struct ledger_part *part, struct error *err);
/* All parts in order of number; caller frees *parts. */
int ledger_parts_list(struct ledger *ledger, int64_t policy, struct bytes name,
		      struct ledger_part **parts, size_t *count,
		      struct error *err);
/* All uploads; caller frees with ledger_uploads_clear. name and key of each
 * are owned by the list. */
struct ledger_uploads {
	struct ledger_upload *uploads;
	size_t count;
	void *memory;
};
int ledger_uploads_list(struct ledger *ledger, struct ledger_uploads *uploads,
			struct error *err);
void ledger_uploads_clear(struct ledger_uploads *uploads);

/* ---- removals ---- */

/* A local file that is to go once it is due. */
struct ledger_removal {
	int64_t policy; /* as it was read; _plan has its own */
	struct bytes name;
	int64_t due_ms;	      /* real time */
	size_t literal_bytes; /* see scan.h */
};

/* One that is planned already stays as it is. */
int ledger_removal_plan(struct ledger *ledger, int64_t policy,
			const struct ledger_removal *removal,
			struct error *err);
/* The first planned one behind a name; *found. The name is valid until the
 * next call of any ledger function. */
int ledger_removal_next(struct ledger *ledger, int64_t policy,
			struct bytes after, struct ledger_removal *removal,
			bool *found, struct error *err);
/* The same over all policies, in order of (policy, name). */
int ledger_removal_next_of_all(struct ledger *ledger, int64_t policy,
			       struct bytes after,
			       struct ledger_removal *removal, bool *found,
			       struct error *err);
int ledger_removal_forget(struct ledger *ledger, int64_t policy,
			  struct bytes name, struct error *err);

/* Before the first file stands aside: durable until _end, by which all have
 * gone or have their names again. _was_cut_off: a run before did not come to
 * that. */
int ledger_removing_begin(struct ledger *ledger, struct error *err);
int ledger_removing_end(struct ledger *ledger, struct error *err);
int ledger_removing_was_cut_off(struct ledger *ledger, bool *cut_off,
				struct error *err);

/* ---- endpoints ---- */

struct ledger_endpoint {
	char region[64];		    /* "": not learned */
	int64_t skew_ms;		    /* server minus us */
	int concurrency;		    /* 0: not learned */
	int64_t put_crc64_refused_ms;	    /* when, 0: never */
	int64_t multipart_crc64_refused_ms; /* when, 0: never */
	bool list_denied;
	bool head_denied;
	bool keeps_condition;	    /* If-None-Match: * on a PUT */
	int64_t condition_found_ms; /* when that was found out, 0: never */
};
/* Facts of (endpoint, bucket); all zero if none. */
int ledger_endpoint_find(struct ledger *ledger, const char *endpoint,
			 const char *bucket, struct ledger_endpoint *facts,
			 struct error *err);
/* Unchanged facts are not written. */
int ledger_endpoint_record(struct ledger *ledger, const char *endpoint,
			   const char *bucket,
			   const struct ledger_endpoint *facts,
			   struct error *err);

/* ---- notes ---- */

/* A small text by name; *value is the caller's to free, NULL if none. */
int ledger_note_get(struct ledger *ledger, const char *name, char **value,
		    struct error *err);
/* Unchanged values are not written; NULL removes. */
int ledger_note_set(struct ledger *ledger, const char *name, const char *value,
		    struct error *err);

#endif

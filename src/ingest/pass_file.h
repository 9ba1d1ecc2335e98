#ifndef S3I_INGEST_PASS_FILE_H
#define S3I_INGEST_PASS_FILE_H

#include "base/error.h"

struct bucket_listed;
struct candidate;
struct pass;

/*
 * One file of a pass, from what was decided of it to the upload that comes of
 * it. Each counts the file, tells of it and writes down what has to be known
 * later. 0, or what ends the run.
 */

/* What the walk found: decide, and do what is due. */
int pass_file_decide(struct pass *pass, struct candidate *candidate,
		     struct error *err);

/* Its key can be made now: the customizer answered, or there is none. */
int pass_file_go_on(struct pass *pass, struct candidate *candidate,
		    struct error *err);

/* Send it, or ask for it; listed: what a page of the bucket told of its key,
 * NULL: none did. */
int pass_file_upload(struct pass *pass, const struct candidate *candidate,
		     const struct bucket_listed *listed, struct error *err);

/* The customizer gave no key: written down, so that it is not asked again. */
int pass_file_ignore(struct pass *pass, const struct candidate *candidate,
		     struct error *err);

int pass_file_put_off(struct pass *pass, const struct candidate *candidate,
		      const char *reason, struct error *err);

/* Failed; the first for a reason of its own, the second because the bucket is
 * asked no more. */
int pass_file_fail(struct pass *pass, const struct candidate *candidate,
		   const char *reason, struct error *err);
int pass_file_note_failed(struct pass *pass, const struct candidate *candidate,
			  const char *reason, struct error *err);

#endif

#ifndef S3I_INGEST_PASS_H
#define S3I_INGEST_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pass;

/* context->ended and ->owner are wired to the pass. */
int pass_open(struct pass *pass, struct error *err);
void pass_close(struct pass *pass);

/* Whether files may be taken from the walk now; whether there is something to
 * come, from the walk, the customizer or the bucket; whether the customizer is
 * being waited for; whether a request runs that belongs to no upload. */
bool pass_may_pull(const struct pass *pass);
bool pass_has_more(const struct pass *pass);
bool pass_is_waiting(const struct pass *pass);
bool pass_is_asking(const struct pass *pass);

/* Take one file from the walk and do what is due. now_ns: real time, which may
 * be some files old. */
int pass_pull(struct pass *pass, int64_t now_ns, struct error *err);

/* Do what the answers of the bucket and the customizer ask for, as long as
 * fewer than limit uploads are active. */
int pass_collect(struct pass *pass, size_t limit, struct error *err);

/* Forget what was put off in earlier runs and is no matter any more, if this
 * one saw everything. */
int pass_settle(struct pass *pass, struct error *err);

/* Why the customizer is asked no more; NULL if it is. */
const char *pass_problem(const struct pass *pass);

/* Free the uploads that have ended. */
void pass_sweep(struct pass *pass);

#endif

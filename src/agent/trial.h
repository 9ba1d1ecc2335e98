#ifndef S3I_AGENT_TRIAL_H
#define S3I_AGENT_TRIAL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * Settings by which the mothership is reached, set from outside: the proven
 * ones are kept until the new ones got a good reply. A trial is a small JSON
 * object {old, new, runs}, kept as a note. Pure.
 */
enum { TRIAL_RUNS = 3 };

/* Begin or go on with a trial when config changes to changed; running may be
 * NULL. New reference, NULL when no such setting differs from the proven ones
 * (or, with err set, when there is no memory). */
json_t *trial_begin(const json_t *running, const json_t *config,
		    const json_t *changed, struct error *err);

/* Whether the config still holds what is on trial; else somebody has changed
 * it by hand and the trial is over. */
bool trial_is_about(const json_t *trial, const json_t *config);

/* Count one run; how many there were. */
int trial_count_run(json_t *trial);

/* How many runs there were without a good reply. */
int trial_runs(const json_t *trial);

/* The config with the proven settings put back. New reference; NULL when there
 * is no memory. */
json_t *trial_restore(const json_t *trial, const json_t *config,
		      struct error *err);

#endif

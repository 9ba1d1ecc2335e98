#ifndef S3I_AGENT_INSTANCE_H
#define S3I_AGENT_INSTANCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/context.h"
#include "agent/paths.h"
#include "agent/settings.h"
#include "base/error.h"

struct event_sink;
struct ledger;
struct lock;

/* One instance while a run has it: its files, read, and its ledger. */
struct instance {
	struct paths paths;
	const struct event_sink *events;
	struct lock *lock;
	struct ledger *ledger;
	json_t *config;		     /* P.json, or the last good one */
	struct error config_problem; /* why P.json is not used */
	struct settings settings;    /* of config */
	struct context context;
	int64_t started_ms;    /* real time, when it was opened */
	int config_generation; /* grows when what is effective changes */
	int keys_generation;   /* grows when new keys are saved */
	int64_t keys_came_ns;  /* steady time; 0: not in this run */
	char *owed_error;      /* for the next POST; NULL: none */
	bool owed_is_noted;    /* the ledger has one */
};

struct instance_options {
	const char *home;
	const char *prefix;
	int64_t wait_ms; /* for the lock */
	bool read_only;	 /* no lock, nothing is written */
	const struct event_sink *events;
};

/* Lock and ledger. ERROR_LATER naming the lock's file when another run has
 * it. instance_close is due in any case. */
int instance_open(struct instance *instance,
		  const struct instance_options *options, struct error *err);

/* Read config and context. A config that cannot be used leaves the last good
 * one, with config_problem; ERROR_CONFIG where there is none. */
int instance_load(struct instance *instance, struct error *err);

/* Writes what is owed, commits, closes, releases the lock. */
int instance_close(struct instance *instance, struct error *err);

bool instance_config_is_broken(const struct instance *instance);

/* Put a checked config into force and into the file; the reference is taken
 * even on failure. A trial of connection settings begins with it. */
int instance_change_config_take(struct instance *instance, json_t *config,
				struct error *err);

/* Tell the mothership with the next POST. */
int instance_owe_error(struct instance *instance, const char *text,
		       struct error *err);

/* The mothership took note of what was owed. */
void instance_forget_owed(struct instance *instance);

/* Connection settings on trial: count a run that asks the mothership; when
 * there were enough without an answer, put the proven ones back. */
int instance_trial_begin_run(struct instance *instance, struct error *err);
int instance_trial_failed(struct instance *instance, struct error *err);
int instance_trial_passed(struct instance *instance, struct error *err);

#endif

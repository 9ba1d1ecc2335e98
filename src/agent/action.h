#ifndef S3I_AGENT_ACTION_H
#define S3I_AGENT_ACTION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

struct instance;

/* What came of an action of the mothership. */
struct action_outcome {
	struct error problem; /* it failed */
	json_t *result;	      /* NULL: none */
	bool is_unknown;      /* nobody knows an action of that name */
	bool ends_run;
	bool next_is_startup;
};

/* Perform an action by its name. Never fails itself. */
void action_perform(struct instance *instance, const char *name,
		    struct action_outcome *outcome);
void action_outcome_clear(struct action_outcome *outcome);

#endif

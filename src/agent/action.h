#ifndef S3I_AGENT_ACTION_H
#define S3I_AGENT_ACTION_H

#include "agent/action_outcome.h"

struct instance;

/* Perform an action by its name. Never fails itself. */
void action_perform(struct instance *instance, const char *name,
		    struct action_outcome *outcome);
void action_outcome_clear(struct action_outcome *outcome);

#endif

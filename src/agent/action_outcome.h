#ifndef S3I_AGENT_ACTION_OUTCOME_H
#define S3I_AGENT_ACTION_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* What came of an action of the mothership. */
struct action_outcome {
	struct error problem; /* it failed */
	json_t *result;	      /* NULL: none */
	bool is_unknown;      /* nobody knows an action of that name */
	bool ends_run;
	bool next_is_startup;
	bool runs_policies; /* they run before it is told, with their result */
	bool reboots;	    /* once it is told: action_reboot_now */
};

#endif

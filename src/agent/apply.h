#ifndef S3I_AGENT_APPLY_H
#define S3I_AGENT_APPLY_H

#include <jansson.h>

#include "base/error.h"

struct instance;

/* What a reply led to. */
struct applied {
	json_t *actions;	     /* list of texts to perform */
	struct error config_problem; /* config was refused whole */
	struct error keys_problem;   /* aws_keys were refused */
};

/*
 * Apply a reply as one commit: saved whole, put into keys, config and context,
 * removed. A refused config or refused keys do not stop the rest. Where
 * nothing would change, nothing is written. applied_clear in any case.
 */
int apply_reply(struct instance *instance, const json_t *object,
		struct applied *applied, struct error *err);
void applied_clear(struct applied *applied);

/* Finish a reply that an earlier run left; problems are owed to the
 * mothership. */
int apply_left_reply(struct instance *instance, struct error *err);

#endif

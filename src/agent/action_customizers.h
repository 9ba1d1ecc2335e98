#ifndef S3I_AGENT_ACTION_CUSTOMIZERS_H
#define S3I_AGENT_ACTION_CUSTOMIZERS_H

#include "base/error.h"

struct action_outcome;
struct instance;

/*
 * Bring the customizers from the bucket: everything below
 * s3_customizers_prefix into a new folder, checked, then put in the place of
 * the old one in one step. On any failure the old ones stay.
 */
void action_customizers(struct instance *instance,
			struct action_outcome *outcome);

/* After a run that was killed in the middle: either all old or all new. */
int action_customizers_repair(const struct instance *instance,
			      struct error *err);

#endif

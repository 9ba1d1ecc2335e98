#ifndef S3I_AGENT_ACTION_UPGRADE_H
#define S3I_AGENT_ACTION_UPGRADE_H

#include "base/error.h"

struct action_outcome;
struct instance;

/* Run upgrade_command; result is its status and the end of what it said. */
void action_upgrade(struct instance *instance, struct action_outcome *outcome);

/* Whether the machine may be booted now: at most once an hour, and not within
 * 10 minutes of a boot. The command runs after the POST that says so. */
void action_reboot(struct instance *instance, struct action_outcome *outcome);

/* Run reboot_command. It is noted before, so that nothing repeats it soon. */
int action_reboot_now(struct instance *instance, struct error *err);

#endif

#include "agent/action.h"

#include <string.h>

#include "agent/action_customizers.h"
#include "agent/action_upgrade.h"
#include "agent/instance.h"

static void report(struct instance *instance, struct action_outcome *outcome)
{
	outcome->result =
	    settings_report(&instance->settings, &outcome->problem);
}

/* A program that runs once has nothing to restart. */
static void restart(struct instance *instance, struct action_outcome *outcome)
{
	(void)instance;
	outcome->ends_run = true;
	outcome->next_is_startup = true;
}

static const struct action {
	const char *name;
	bool is_guarded; /* not over plain http */
	void (*perform)(struct instance *instance,
			struct action_outcome *outcome);
} actions[] = {
    {"report", false, report},
    {"restart", false, restart},
    {"customizers", true, action_customizers},
    {"upgrade", true, action_upgrade},
    {"reboot", true, action_reboot},
};

static const struct action *find(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

void action_perform(struct instance *instance, const char *name,
		    struct action_outcome *outcome)
{
	const struct action *action = find(name);

	*outcome = (struct action_outcome){0};
	if (!action) {
		outcome->is_unknown = true;
		(void)error_set(&outcome->problem, ERROR_INVALID,
				"unknown action \"%s\"", name);
	} else if (action->is_guarded &&
		   settings_is_plain(&instance->settings) &&
		   !instance->settings.allow_plain_http) {
		(void)error_set(&outcome->problem, ERROR_CONFIG,
				"action \"%s\" came over plain http: refused "
				"unless allow_plain_http is true",
				name);
	} else {
		action->perform(instance, outcome);
	}
}

void action_outcome_clear(struct action_outcome *outcome)
{
	json_decref(outcome->result);
	*outcome = (struct action_outcome){0};
}

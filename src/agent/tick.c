#include "agent/tick.h"

#include "agent/due.h"
#include "agent/instance.h"
#include "agent/startup.h"
#include "platform/clock.h"
#include "platform/host.h"
#include "platform/system.h"

#define NS_PER_MS 1000000

enum { MS_PER_S = 1000, STANDARD_OUTPUT = 1, STANDARD_ERROR = 2 };

static int ask(const struct tick *tick, struct instance *instance, bool *is_due,
	       struct error *err)
{
	struct due_facts facts;
	struct due_case question = {
	    .now_ms = clock_real_ns() / NS_PER_MS,
	    .period_ms = instance->settings.heartbeat_period_s * MS_PER_S,
	    .is_action_named = tick->is_action_named,
	};
	int code = due_facts_get(instance->ledger, &facts, err);

	if (code == 0 && !tick->is_standalone)
		code = startup_is_due(instance->ledger,
				      &question.is_startup_due, err);
	question.last_ms = tick->is_standalone ? facts.last_finished_ms
					       : facts.last_contact_ms;
	question.left_until_ms = facts.left_until_ms;
	*is_due = code != 0 || due_is_now(&question);
	return code;
}

static bool is_due_now(const struct tick *tick)
{
	const struct instance_options options = {
	    .home = tick->home,
	    .prefix = tick->prefix,
	    .read_only = true,
	};
	struct instance instance;
	struct error ignored = {0};
	bool is_due = true;
	int code = instance_open(&instance, &options, &ignored);

	if (code == 0)
		code = instance_load(&instance, &ignored);
	if (code == 0)
		(void)ask(tick, &instance, &is_due, &ignored);
	(void)instance_close(&instance, &ignored); /* nothing was written */
	return is_due;
}

static int sleep_splay(const struct tick *tick, struct error *err)
{
	struct host_facts host;
	bool is_watched = system_terminal_columns(STANDARD_OUTPUT) > 0 ||
			  system_terminal_columns(STANDARD_ERROR) > 0;

	if (tick->splay_s == 0 || is_watched)
		return 0;
	/* a host without a name sleeps as all such hosts do */
	if (host_facts_get(&host) != 0)
		host.name[0] = '\0';
	clock_sleep_ms(due_splay_ms(host.name, tick->prefix, tick->splay_s));
	return stop_requested()
		   ? error_set(err, ERROR_STOPPED, "%s", stop_reason())
		   : 0;
}

int tick_wait(const struct tick *tick, bool *is_due, struct error *err)
{
	*is_due = !tick->if_due || is_due_now(tick);
	return *is_due ? sleep_splay(tick, err) : 0;
}

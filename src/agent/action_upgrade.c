#include "agent/action_upgrade.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/action_outcome.h"
#include "agent/instance.h"
#include "agent/shell.h"
#include "ingest/ledger.h"
#include "platform/clock.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS	  (60 * MINUTE_MS)
#define NS_PER_MS 1000000

/* A package manager may wait for its mirror for long, but not for ever. */
#define UPGRADE_LIMIT_MS (30 * MINUTE_MS)
#define REBOOT_LIMIT_MS	 (2 * MINUTE_MS)
#define AFTER_BOOT_MS	 (10 * MINUTE_MS)
#define BETWEEN_BOOTS_MS HOUR_MS

static const char NOTE_REBOOT[] = "reboot_ms";

static int run(const struct instance *instance, const char *text,
	       int64_t limit_ms, struct shell_outcome *outcome,
	       struct error *err)
{
	const struct shell_command command = {
	    .text = text,
	    .folder = instance->paths.home,
	    .limit_ms = limit_ms,
	};

	return shell_run(&command, outcome, err);
}

void action_upgrade(struct instance *instance, struct action_outcome *outcome)
{
	const char *command = instance->settings.upgrade_command;
	struct shell_outcome said;
	struct error problem = {0};

	if (!command) {
		(void)error_set(&outcome->problem, ERROR_CONFIG,
				"upgrade_command is not set");
		return;
	}
	outcome->ends_run = true;
	outcome->next_is_startup = true;
	if (run(instance, command, UPGRADE_LIMIT_MS, &said, &problem)) {
		(void)error_set(&outcome->problem, problem.code,
				"upgrade_command: %s%s%s", problem.text,
				said.tail[0] ? "; it said: " : "", said.tail);
		return;
	}
	outcome->result =
	    json_pack("{s:i, s:s}", "status", said.status, "output", said.tail);
	if (!outcome->result)
		(void)error_set_memory(&outcome->problem);
}

/* -1: never, as far as the ledger knows, or the clock was set back since. */
static int64_t since_reboot_ms(struct instance *instance, struct error *err)
{
	char *text = NULL;
	int64_t now_ms = clock_real_ns() / NS_PER_MS;
	int64_t since_ms = -1;

	if (ledger_note_get(instance->ledger, NOTE_REBOOT, &text, err) == 0 &&
	    text)
		since_ms = now_ms - strtoll(text, NULL, 10);
	free(text);
	return since_ms;
}

void action_reboot(struct instance *instance, struct action_outcome *outcome)
{
	struct error *problem = &outcome->problem;
	int64_t up_ns = clock_since_boot_ns();
	int64_t since_ms = since_reboot_ms(instance, problem);

	if (problem->code)
		return;
	if (!instance->settings.reboot_command)
		(void)error_set(problem, ERROR_CONFIG,
				"reboot_command is not set");
	else if (up_ns >= 0 && up_ns / NS_PER_MS < AFTER_BOOT_MS)
		(void)error_set(problem, ERROR_LATER,
				"booted less than 10 minutes ago");
	else if (since_ms >= 0 && since_ms < BETWEEN_BOOTS_MS)
		(void)error_set(problem, ERROR_LATER,
				"the last reboot is less than an hour ago");
	else
		outcome->reboots = true;
	outcome->ends_run = outcome->reboots;
}

int action_reboot_now(struct instance *instance, struct error *err)
{
	struct shell_outcome said;
	struct error problem = {0};
	char stamp[32];

	(void)snprintf(stamp, sizeof(stamp), "%" PRId64,
		       clock_real_ns() / NS_PER_MS);
	int code = ledger_note_set(instance->ledger, NOTE_REBOOT, stamp, err);
	if (code == 0)
		code = ledger_commit(instance->ledger, err);
	if (code)
		return code;
	code = run(instance, instance->settings.reboot_command, REBOOT_LIMIT_MS,
		   &said, &problem);
	if (code)
		return error_set(err, problem.code, "reboot_command: %s",
				 problem.text);
	return said.status == 0
		   ? 0
		   : error_set(err, ERROR_LOCAL,
			       "reboot_command: ended with status %d; it "
			       "said: %s",
			       said.status, said.tail);
}

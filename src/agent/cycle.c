#include "agent/cycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/action.h"
#include "agent/action_customizers.h"
#include "agent/action_upgrade.h"
#include "agent/apply.h"
#include "agent/due.h"
#include "agent/exit_status.h"
#include "agent/instance.h"
#include "agent/policies.h"
#include "agent/problem_filter.h"
#include "agent/protocol.h"
#include "agent/startup.h"
#include "agent/talk.h"
#include "agent/tick.h"
#include "base/event.h"
#include "ingest/ledger.h"
#include "platform/clock.h"
#include "platform/system.h"

#define NS_PER_MS 1000000

enum { POLICIES_RUNS_CEILING = 2, STANDARD_ERROR = 2, MS_PER_S = 1000 };

static const char NOTE_PLAIN_HTTP[] = "plain_http_said_ms";

static const char *const action_names[] = {
    [CYCLE_AUTO] = "auto",	     [CYCLE_STARTUP] = "startup",
    [CYCLE_HEARTBEAT] = "heartbeat", [CYCLE_WAKEUP] = "wakeup",
    [CYCLE_UPLOAD] = "upload",
};

struct cycle {
	const struct cycle_options *options;
	struct cycle_report *report;
	struct instance instance;
	struct problem_filter filter;
	struct problem_filter_seen seen;
	struct talk talk;
	struct exit_reasons reasons;
	/* of the last try of the policies: what went well then is good */
	struct exit_reasons policies_reasons;
	struct error contact_problem;
	bool has_ended;	   /* by an action */
	bool has_answered; /* the orders of a reply: an action, an upload */
	/* the policies: how often they ran or could not, and with what */
	int tries;
	int tried_config;
	int tried_keys;
	bool failed_for_keys;
};

/* What a try of the policies has to say in a POST. */
struct policies_said {
	json_t *result; /* NULL: they did not run */
	struct error problem;
};

static void note_error(struct cycle *cycle, const struct error *problem)
{
	exit_reasons_add_error(&cycle->reasons, problem);
}

/* ---- the policies ---- */

/* What only files did makes a status, and no words: they were said. */
static void judge_result(struct cycle *cycle,
			 const struct ingest_result *result)
{
	const char *first = result->error_count ? result->errors[0] : NULL;
	struct exit_reasons *reasons = &cycle->policies_reasons;

	if (result->is_misconfigured)
		exit_reasons_add(reasons, EXIT_STATUS_CONFIG, first);
	if (result->is_refused)
		exit_reasons_add(reasons, EXIT_STATUS_REFUSED, NULL);
	if (result->has_local_failure)
		exit_reasons_add(reasons, EXIT_STATUS_LOCAL, NULL);
	if (result->is_unreachable)
		exit_reasons_add(reasons, EXIT_STATUS_UNREACHABLE, NULL);
	if (result->has_other_failure || result->is_stopped)
		exit_reasons_add(reasons, EXIT_STATUS_LATER, NULL);
}

static void keep_result(struct cycle *cycle, struct ingest_result *result)
{
	ingest_result_clear(&cycle->report->result);
	cycle->report->result = *result;
	cycle->report->policies_ran = true;
	cycle->seen.files = true;
}

/* What was done is durable before it is told: a lost reply may make it count
 * twice, but nothing makes it count never. */
static void add_sums(struct cycle *cycle, const struct ingest_result *result,
		     struct policies_said *said)
{
	struct talk *talk = &cycle->talk;
	int code = 0;

	sums_add(&talk->sums, result);
	if (sums_has_work(&talk->sums))
		code = talk_note_sums(talk, &said->problem);
	if (code == 0 && sums_has_work(&talk->sums))
		code = ledger_commit(cycle->instance.ledger, &said->problem);
	if (code == 0)
		said->result = sums_result(&talk->sums, result, &said->problem);
}

static void try_policies(struct cycle *cycle, struct policies_said *said)
{
	const struct policies_options options = {
	    .recheck = cycle->options->recheck,
	};
	struct ingest_result result;
	bool ran;

	*said = (struct policies_said){0};
	cycle->policies_reasons = (struct exit_reasons){0};
	cycle->tries++;
	cycle->tried_config = cycle->instance.config_generation;
	cycle->tried_keys = cycle->instance.keys_generation;
	int code = policies_run(&cycle->instance, &options, &result, &ran,
				&said->problem);
	cycle->failed_for_keys =
	    code == ERROR_REFUSED || (ran && result.is_refused);
	if (ran) {
		judge_result(cycle, &result);
		add_sums(cycle, &result, said);
		keep_result(cycle, &result);
	}
	exit_reasons_add_error(&cycle->policies_reasons, &said->problem);
}

static bool may_run_policies(const struct cycle *cycle)
{
	return !instance_config_is_broken(&cycle->instance) &&
	       context_is_configured(&cycle->instance.context) &&
	       cycle->tries < POLICIES_RUNS_CEILING && !stop_requested();
}

static enum protocol protocol_of(const struct cycle *cycle)
{
	return (enum protocol)cycle->instance.settings.protocol;
}

/* The dialect of node answers one reply a run, that to its phone-home: by an
 * action or by the policies. */
static bool may_answer(const struct cycle *cycle)
{
	return protocol_of(cycle) != PROTOCOL_NODE || !cycle->has_answered;
}

/* Step 4 of a run: whether the policies have something to do yet. A state
 * that was not configured is one in which they have not run. */
static bool are_policies_due(const struct cycle *cycle)
{
	const struct instance *instance = &cycle->instance;

	if (cycle->has_ended || !may_run_policies(cycle))
		return false;
	if (cycle->tries > 0 && !may_answer(cycle))
		return false;
	if (cycle->tries == 0 ||
	    cycle->tried_config != instance->config_generation)
		return true;
	return cycle->failed_for_keys &&
	       cycle->tried_keys != instance->keys_generation;
}

/* ---- the mothership ---- */

static void post(struct cycle *cycle, const struct talk_message *message)
{
	struct error problem = {0};

	cycle->seen.contact = true;
	if (talk_post(&cycle->talk, message, &problem) == 0)
		return;
	if (!cycle->contact_problem.code)
		cycle->contact_problem = problem;
	note_error(cycle, &problem);
}

static void post_failure(struct cycle *cycle, const char *failed_action,
			 const char *text)
{
	char name[256];
	bool is_node = protocol_of(cycle) == PROTOCOL_NODE;

	post(cycle,
	     &(struct talk_message){
		 .action = protocol_error_name(
		     protocol_of(cycle), failed_action, name, sizeof(name)),
		 .error = text,
		 .failed_action = is_node ? NULL : failed_action,
	     });
}

/* What trouble the policies had, as text; NULL: none. A result says itself
 * what failed, but node has no place for it there. */
static const char *policies_trouble(const struct cycle *cycle,
				    const struct policies_said *said)
{
	const struct ingest_result *result = &cycle->report->result;

	if (said->problem.code)
		return said->problem.text;
	if (said->result && protocol_of(cycle) == PROTOCOL_NODE &&
	    result->error_count > 0)
		return result->errors[0];
	return NULL;
}

static void post_policies(struct cycle *cycle, const char *action,
			  const struct policies_said *said, const char *trouble)
{
	char name[64];

	if (trouble)
		action = protocol_trouble_name(protocol_of(cycle), action, name,
					       sizeof(name));
	post(cycle, &(struct talk_message){
			.action = action,
			.result = said->result,
			.has_sums = said->result != NULL,
			.error = trouble,
		    });
}

/* The first POST of a run; policies before it, where its result is wanted. */
static void post_first(struct cycle *cycle, enum cycle_action action,
		       bool may_ask)
{
	const struct instance *instance = &cycle->instance;
	struct policies_said said = {0};
	bool is_upload = action == CYCLE_UPLOAD;

	if ((is_upload || action == CYCLE_HEARTBEAT) && are_policies_due(cycle))
		try_policies(cycle, &said);
	const char *trouble = instance_config_is_broken(instance)
				  ? instance->config_problem.text
				  : policies_trouble(cycle, &said);
	cycle->has_answered = is_upload;
	if (may_ask && !stop_requested())
		post_policies(cycle,
			      is_upload
				  ? protocol_upload_name(protocol_of(cycle))
				  : action_names[action],
			      &said, trouble);
	json_decref(said.result);
}

static void run_policies_and_tell(struct cycle *cycle)
{
	const char *name = protocol_upload_name(protocol_of(cycle));
	struct policies_said said;

	cycle->has_answered = true;
	try_policies(cycle, &said);
	if (stop_requested())
		/* the sums are kept; whoever stops us wants it now */
		event_detail(cycle->instance.events, "%s", stop_reason());
	else if (said.result)
		post_policies(cycle, name, &said,
			      policies_trouble(cycle, &said));
	else
		post_failure(cycle, name, said.problem.text);
	json_decref(said.result);
}

static void tell_done(struct cycle *cycle, const char *action,
		      const struct action_outcome *outcome)
{
	struct policies_said said = {0};
	char name[256];

	(void)protocol_done_name(protocol_of(cycle), action, name,
				 sizeof(name));
	if (!outcome->runs_policies || !may_run_policies(cycle)) {
		post(cycle, &(struct talk_message){.action = name,
						   .result = outcome->result});
		return;
	}
	try_policies(cycle, &said);
	post_policies(cycle, name, &said, policies_trouble(cycle, &said));
	json_decref(said.result);
}

static void reboot(struct cycle *cycle, const char *action)
{
	struct error problem = {0};

	if (cycle->talk.has_failed ||
	    action_reboot_now(&cycle->instance, &problem) == 0)
		return;
	post_failure(cycle, action, problem.text);
}

static void perform(struct cycle *cycle, const char *action)
{
	struct action_outcome outcome;

	cycle->has_answered = true;
	action_perform(&cycle->instance, action, &outcome);
	if (outcome.is_unknown && !protocol_refuses_unknown(protocol_of(cycle)))
		error_clear(&outcome.problem);
	if (outcome.next_is_startup)
		/* trouble with it becomes the outcome */
		(void)startup_make_due(cycle->instance.ledger, action,
				       &outcome.problem);
	if (outcome.problem.code)
		post_failure(cycle, action, outcome.problem.text);
	else
		tell_done(cycle, action, &outcome);
	if (outcome.reboots)
		reboot(cycle, action);
	cycle->has_ended = outcome.ends_run;
	action_outcome_clear(&outcome);
}

/* What is said once a run, however often the mothership asks for it. */
struct told {
	bool config;
	bool keys;
};

/* One step of the conversation; false when nothing is left to say. */
static bool go_on(struct cycle *cycle, struct told *told)
{
	struct talk *talk = &cycle->talk;

	if (talk->config_problem.code && !told->config) {
		struct error problem = talk->config_problem;
		told->config = true;
		post_failure(cycle, "config", problem.text);
		return true;
	}
	if (talk->keys_problem.code && !told->keys) {
		struct error problem = talk->keys_problem;
		told->keys = true;
		post_failure(cycle, "aws_keys", problem.text);
		return true;
	}
	char *action = talk_take_action(talk);
	if (action)
		perform(cycle, action);
	else if (are_policies_due(cycle) && may_answer(cycle))
		run_policies_and_tell(cycle);
	else
		return false;
	free(action);
	return true;
}

static void converse(struct cycle *cycle)
{
	struct told told = {0};

	while (!cycle->talk.has_failed && !cycle->has_ended &&
	       !stop_requested()) {
		if (cycle->talk.posts >= TALK_POSTS_CEILING) {
			event_detail(cycle->instance.events,
				     "%d POSTs in one run: the rest waits",
				     (int)TALK_POSTS_CEILING);
			return;
		}
		if (!go_on(cycle, &told))
			return;
	}
}

/* ---- one run ---- */

static int choose_action(struct cycle *cycle, enum cycle_action *action,
			 struct error *err)
{
	const struct context *context = &cycle->instance.context;
	bool is_due = false;

	*action = cycle->options->action;
	if (*action != CYCLE_AUTO)
		return 0;
	int code = startup_is_due(cycle->instance.ledger, &is_due, err);
	bool has_context = context->stored || context->is_broken;
	*action = is_due || !has_context ? CYCLE_STARTUP : CYCLE_HEARTBEAT;
	return code;
}

/* After failures a run that nobody asked for in person leaves the mothership
 * alone for a while. */
static int may_ask_now(struct cycle *cycle, bool *may_ask, struct error *err)
{
	int64_t wait_ms = 0;
	int code = 0;

	*may_ask = true;
	if (cycle->options->action != CYCLE_AUTO ||
	    system_terminal_columns(STANDARD_ERROR) > 0)
		return 0;
	code = talk_backoff_ms(&cycle->talk, &wait_ms, err);
	if (code == 0 && wait_ms > 0) {
		*may_ask = false;
		exit_reasons_add(&cycle->reasons, EXIT_STATUS_UNREACHABLE,
				 NULL);
		event_detail(cycle->instance.events,
			     "the mothership did not answer: it is asked "
			     "again in %d s",
			     (int)(wait_ms / 1000));
	}
	return code;
}

static int check_reachable_by_config(struct cycle *cycle, struct error *err)
{
	const struct instance *instance = &cycle->instance;

	if (!instance->settings.host_dns)
		return error_set(err, ERROR_CONFIG,
				 "host_dns is not set in %s (--standalone "
				 "works without a mothership)",
				 instance->paths.config);
	if (!settings_is_plain(&instance->settings))
		return 0;
	char text[ERROR_TEXT_BYTES];
	(void)snprintf(text, sizeof(text),
		       "plain http to %s: anybody on the way can read and "
		       "change what is said",
		       instance->settings.host_dns);
	return problem_filter_remind(&cycle->filter, instance->ledger,
				     NOTE_PLAIN_HTTP, text, err);
}

/* The policies without a word to anybody: offline, or when all was said. */
static void run_policies_silently(struct cycle *cycle)
{
	struct policies_said said;

	try_policies(cycle, &said);
	json_decref(said.result);
}

static void tell_why_nothing(const struct cycle *cycle)
{
	const struct context *context = &cycle->instance.context;

	if (cycle->tries == 0 && !context_is_configured(context))
		event_detail(cycle->instance.events,
			     "the state is \"%s\": nothing is uploaded before "
			     "the mothership says \"configured\"",
			     context_state(context));
}

static int run_with_mothership(struct cycle *cycle, struct error *err)
{
	enum cycle_action action = CYCLE_STARTUP;
	bool may_ask = true;
	int code = apply_left_reply(&cycle->instance, err);

	if (code == 0)
		code = check_reachable_by_config(cycle, err);
	if (code == 0)
		code = choose_action(cycle, &action, err);
	if (code == 0)
		code = may_ask_now(cycle, &may_ask, err);
	if (code == 0 && may_ask)
		code = instance_trial_begin_run(&cycle->instance, err);
	if (code != 0)
		return code;
	cycle->report->action = action_names[action];
	if (instance_config_is_broken(&cycle->instance))
		note_error(cycle, &cycle->instance.config_problem);
	post_first(cycle, action, may_ask);
	if (may_ask)
		converse(cycle);
	if (are_policies_due(cycle))
		run_policies_silently(cycle);
	tell_why_nothing(cycle);
	if (stop_requested())
		exit_reasons_add(&cycle->reasons, EXIT_STATUS_LATER,
				 stop_reason());
	return talk_note_sums(&cycle->talk, err);
}

static int run_standalone(struct cycle *cycle, struct error *err)
{
	cycle->report->action = "upload";
	if (instance_config_is_broken(&cycle->instance))
		return error_set(err, ERROR_CONFIG, "%s",
				 cycle->instance.config_problem.text);
	run_policies_silently(cycle);
	return 0;
}

static int run_dry(struct cycle *cycle, struct error *err)
{
	const struct policies_options options = {.dry_run = true};
	struct instance *instance = &cycle->instance;
	struct ingest_result result;
	bool ran;

	cycle->report->action = "upload";
	if (instance_config_is_broken(instance))
		return error_set(err, ERROR_CONFIG, "%s",
				 instance->config_problem.text);
	if (!cycle->options->standalone &&
	    !context_is_configured(&instance->context)) {
		event_problem(instance->events,
			      "the state is \"%s\": nothing would be uploaded "
			      "(--standalone asks what would be without a "
			      "mothership)",
			      context_state(&instance->context));
		return 0;
	}
	int code = policies_run(instance, &options, &result, &ran, err);
	if (ran) {
		judge_result(cycle, &result);
		keep_result(cycle, &result);
	}
	return code;
}

static int run(struct cycle *cycle, struct error *err)
{
	const struct cycle_options *options = cycle->options;
	const struct instance_options open = {
	    .home = options->home,
	    .prefix = options->prefix,
	    .wait_ms = options->wait_ms,
	    .read_only = options->dry_run,
	    .events = options->events,
	};
	bool filters = !options->dry_run && !options->repeat_problems &&
		       system_terminal_columns(STANDARD_ERROR) == 0;
	int code = instance_open(&cycle->instance, &open, err);

	if (code == 0)
		code =
		    problem_filter_open(&cycle->filter, options->events,
					cycle->instance.ledger, filters, err);
	if (code == 0) {
		cycle->instance.events = &cycle->filter.sink;
		code = instance_load(&cycle->instance, err);
	}
	if (code == 0 && !options->dry_run)
		code = action_customizers_repair(&cycle->instance, err);
	if (code == 0)
		code = talk_init(&cycle->talk, &cycle->instance, err);
	if (code == 0 && options->dry_run)
		return run_dry(cycle, err);
	if (code == 0 && options->standalone)
		return run_standalone(cycle, err);
	return code ? code : run_with_mothership(cycle, err);
}

/* ---- the end ---- */

static void fill_report(struct cycle *cycle)
{
	struct cycle_report *report = cycle->report;
	const char *state = context_state(&cycle->instance.context);

	if (!cycle->options->standalone && cycle->instance.config)
		(void)snprintf(report->state, sizeof(report->state), "%s",
			       state);
	report->contacts = cycle->talk.good_replies;
}

/* The reason that made the status goes to the caller, the others are told. */
static void say_reasons(struct cycle *cycle, struct error *err)
{
	const struct exit_reasons *reasons = &cycle->reasons;
	size_t winner = exit_reasons_winner(reasons);

	for (size_t i = 0; i < reasons->count; i++) {
		const char *text = reasons->reasons[i].error.text;
		bool is_contact =
		    strcmp(text, cycle->contact_problem.text) == 0;
		if (!problem_filter_passes(&cycle->filter, text, is_contact))
			continue;
		if (i == winner)
			*err = reasons->reasons[i].error;
		else
			event_problem(cycle->filter.behind, "%s", text);
	}
}

/* For --if-due; a dry run is none. */
static int note_run(struct cycle *cycle, struct error *err)
{
	const struct due_run run = {
	    .started_ms = cycle->instance.started_ms,
	    .period_ms = cycle->instance.settings.heartbeat_period_s * MS_PER_S,
	    .had_contact = cycle->talk.good_replies > 0,
	    .has_left_work = cycle->policies_reasons.status != 0 ||
			     cycle->talk.posts >= TALK_POSTS_CEILING ||
			     stop_requested(),
	};

	if (cycle->options->dry_run)
		return 0;
	return due_note_run(cycle->instance.ledger, &run, err);
}

static void close_cycle(struct cycle *cycle)
{
	struct error problem = {0};

	if (cycle->instance.ledger)
		(void)problem_filter_close(&cycle->filter,
					   cycle->instance.ledger, &cycle->seen,
					   &problem);
	if (cycle->instance.ledger)
		(void)note_run(cycle, &problem); /* is in problem */
	problem_filter_free(&cycle->filter);
	talk_clear(&cycle->talk);
	(void)instance_close(&cycle->instance, &problem); /* is in problem */
	if (!problem.code)
		return;
	note_error(cycle, &problem);
	event_problem(cycle->options->events, "%s", problem.text);
}

static int wait_for_tick(struct cycle *cycle, bool *is_due, struct error *err)
{
	const struct cycle_options *options = cycle->options;
	const struct tick tick = {
	    .home = options->home,
	    .prefix = options->prefix,
	    .is_action_named = options->action != CYCLE_AUTO,
	    .is_standalone = options->standalone,
	    .if_due = options->if_due,
	    .splay_s = options->splay_s,
	};

	return tick_wait(&tick, is_due, err);
}

int cycle_run(const struct cycle_options *options, struct cycle_report *report,
	      struct error *err)
{
	int64_t started_ns = clock_steady_ns();
	struct error problem = {0};
	struct cycle cycle = {
	    .options = options,
	    .report = report,
	    .filter = {.behind = options->events},
	};

	*report = (struct cycle_report){
	    .action = action_names[options->action],
	};
	bool is_due = true;
	int code = wait_for_tick(&cycle, &is_due, &problem);
	report->was_not_due = !is_due;
	if (code == 0 && is_due)
		code = run(&cycle, &problem);
	if (code != 0)
		note_error(&cycle, &problem);
	exit_reasons_merge(&cycle.reasons, &cycle.policies_reasons);
	fill_report(&cycle);
	say_reasons(&cycle, err);
	close_cycle(&cycle);
	report->duration_ms = (clock_steady_ns() - started_ns) / NS_PER_MS;
	return cycle.reasons.status;
}

void cycle_report_clear(struct cycle_report *report)
{
	ingest_result_clear(&report->result);
}

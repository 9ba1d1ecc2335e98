#include "agent/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/apply.h"
#include "agent/contact.h"
#include "agent/contact_body.h"
#include "agent/host.h"
#include "agent/instance.h"
#include "agent/reply.h"
#include "agent/route.h"
#include "agent/startup.h"
#include "base/event.h"
#include "base/json.h"
#include "base/version.h"
#include "ingest/ledger.h"
#include "platform/clock.h"

#define NS_PER_MS 1000000

/* The first failures cost nothing: whoever starts the program again by hand,
 * or each minute, wants it tried. */
enum { BACKOFF_FREE_FAILURES = 2, BACKOFF_FIRST_MS = 30000, MS_PER_S = 1000 };

static const char NOTE_SUMS[] = "unacknowledged_sums";
static const char NOTE_FAILURES[] = "contact_failures";
static const char NOTE_GOOD_RUN[] = "last_good_contact_ms";

int talk_init(struct talk *talk, struct instance *instance, struct error *err)
{
	char *stored = NULL;

	*talk = (struct talk){
	    .instance = instance,
	    .waiting = json_array(),
	    .performed = json_array(),
	};
	if (!talk->waiting || !talk->performed)
		return error_set_memory(err);
	int code = ledger_note_get(instance->ledger, NOTE_SUMS, &stored, err);
	talk->sums_are_noted = stored != NULL;
	sums_load(&talk->sums, stored);
	free(stored);
	return code;
}

void talk_clear(struct talk *talk)
{
	json_decref(talk->waiting);
	json_decref(talk->performed);
	*talk = (struct talk){0};
}

/* ---- sums ---- */

int talk_note_sums(struct talk *talk, struct error *err)
{
	struct ledger *ledger = talk->instance->ledger;
	char *text = sums_store(&talk->sums);
	int code = 0;

	if (text || talk->sums_are_noted)
		code = ledger_note_set(ledger, NOTE_SUMS, text, err);
	if (code == 0)
		talk->sums_are_noted = text != NULL;
	free(text);
	return code;
}

/* ---- failures and backoff ---- */

/* They belong to one address: another one is tried at once. */
struct failures {
	int64_t count;
	int64_t next_ms;
};

static bool read_failures(const char *text, const char *url,
			  struct failures *failures)
{
	int url_at = 0;

	return sscanf(text, "%" SCNd64 " %" SCNd64 " %n", &failures->count,
		      &failures->next_ms, &url_at) == 2 &&
	       strcmp(text + url_at, url) == 0;
}

static int get_failures(struct talk *talk, const char *url,
			struct failures *failures, struct error *err)
{
	char *text = NULL;
	int code =
	    ledger_note_get(talk->instance->ledger, NOTE_FAILURES, &text, err);

	*failures = (struct failures){0};
	if (text && !read_failures(text, url, failures))
		*failures = (struct failures){0};
	free(text);
	return code;
}

static int64_t wait_after(int64_t failures, int64_t ceiling_ms)
{
	int64_t wait_ms = BACKOFF_FIRST_MS;

	if (failures <= BACKOFF_FREE_FAILURES)
		return 0;
	for (int64_t i = BACKOFF_FREE_FAILURES + 1;
	     i < failures && wait_ms < ceiling_ms; i++)
		wait_ms *= 2;
	return wait_ms < ceiling_ms ? wait_ms : ceiling_ms;
}

static int put_failure(struct talk *talk, const char *url, struct error *err)
{
	const struct instance *instance = talk->instance;
	int64_t period_ms = instance->settings.heartbeat_period_s * MS_PER_S;
	struct failures failures;
	int code = get_failures(talk, url, &failures, err);

	if (code != 0)
		return code;
	failures.count++;
	failures.next_ms =
	    clock_real_ns() / NS_PER_MS + wait_after(failures.count, period_ms);
	char *text = text_format("%" PRId64 " %" PRId64 " %s", failures.count,
				 failures.next_ms, url);
	if (!text)
		return error_set_memory(err);
	code = ledger_note_set(instance->ledger, NOTE_FAILURES, text, err);
	free(text);
	return code;
}

static int note_failure(struct talk *talk, struct error *err)
{
	char *url = settings_mothership_url(&talk->instance->settings);
	int code = url ? put_failure(talk, url, err) : error_set_memory(err);

	free(url);
	return code;
}

int talk_backoff_ms(struct talk *talk, int64_t *wait_ms, struct error *err)
{
	const struct settings *settings = &talk->instance->settings;
	int64_t period_ms = settings->heartbeat_period_s * MS_PER_S;
	struct failures failures;
	char *url = settings_mothership_url(settings);

	*wait_ms = 0;
	if (!url)
		return error_set_memory(err);
	int code = get_failures(talk, url, &failures, err);
	int64_t left_ms = failures.next_ms - clock_real_ns() / NS_PER_MS;
	/* more than a period is left only after the clock was set back */
	if (code == 0 && failures.count > BACKOFF_FREE_FAILURES &&
	    left_ms > 0 && left_ms <= period_ms)
		*wait_ms = left_ms;
	free(url);
	return code;
}

/* ---- one POST ---- */

/* The message's own error, then what is owed; NULL: neither. */
static int join_errors(const struct talk *talk,
		       const struct talk_message *message, char **text,
		       struct error *err)
{
	const char *owed = talk->instance->owed_error;

	*text = NULL;
	if (!message->error && !owed)
		return 0;
	if (message->error && owed)
		*text = text_format("%s; %s", message->error, owed);
	else
		*text = text_dup(message->error ? message->error : owed);
	return *text ? 0 : error_set_memory(err);
}

static json_t *make_body(const struct talk *talk,
			 const struct talk_message *message, struct error *err)
{
	const struct instance *instance = talk->instance;
	bool is_startup = strcmp(message->action, "startup") == 0;
	char *error = NULL;
	json_t *body = NULL;
	json_t *info = host_info_new(instance->settings.hostname_override,
				     is_startup, err);

	if (info && join_errors(talk, message, &error, err) == 0) {
		const struct contact_message said = {
		    .protocol = (enum protocol)instance->settings.protocol,
		    .context = instance->context.stored,
		    .state = context_state(&instance->context),
		    .version = S3I_VERSION,
		    .action = message->action,
		    .info = info,
		    .result = message->result,
		    .error = error,
		    .failed_action = message->failed_action,
		};
		body = contact_body_new(&said, err);
	}
	json_decref(info);
	free(error);
	return body;
}

static int exchange(struct talk *talk, const struct talk_message *message,
		    json_t **reply, struct error *err)
{
	struct route route = {0};
	char *url = settings_mothership_url(&talk->instance->settings);
	json_t *body = make_body(talk, message, err);
	int code = ERROR_LOCAL; /* without a body err says why */

	if (!url)
		code = error_set_memory(err);
	else if (body)
		code = route_init_mothership(&route, talk->instance, err);
	if (code == 0)
		code = contact_post(&route.http, url, body, reply, err);
	if (code == 0)
		talk->good_replies++;
	route_clear(&route);
	json_decref(body);
	free(url);
	return code;
}

/* Over plain http anybody on the way may have written it. */
static int refuse_guarded(struct talk *talk, json_t *reply, struct error *err)
{
	const struct settings *settings = &talk->instance->settings;

	if (!settings_is_plain(settings) || settings->allow_plain_http)
		return 0;
	json_t *refused = json_array();
	int code = refused ? reply_refuse_guarded(reply, refused, err)
			   : error_set_memory(err);
	for (size_t i = 0; code == 0 && i < json_array_size(refused); i++) {
		char text[128];
		(void)snprintf(text, sizeof(text),
			       "refused over plain http: %s",
			       json_string_value(json_array_get(refused, i)));
		code = instance_owe_error(talk->instance, text, err);
	}
	json_decref(refused);
	return code;
}

static int note_good_reply(struct talk *talk,
			   const struct talk_message *message,
			   struct error *err)
{
	struct ledger *ledger = talk->instance->ledger;
	char now[32];

	(void)snprintf(now, sizeof(now), "%" PRId64,
		       clock_real_ns() / NS_PER_MS);
	int code = ledger_note_set(ledger, NOTE_GOOD_RUN, now, err);
	if (code == 0)
		code = ledger_note_set(ledger, NOTE_FAILURES, NULL, err);
	if (code == 0 && strcmp(message->action, "startup") == 0)
		code = startup_note(ledger, err);
	if (code == 0 && message->has_sums) {
		talk->sums = (struct sums){0};
		code = talk_note_sums(talk, err);
	}
	return code;
}

static int queue_actions(struct talk *talk, const char *posted, json_t *actions,
			 struct error *err)
{
	const struct settings *settings = &talk->instance->settings;

	if (!protocol_acts_on_reply((enum protocol)settings->protocol, posted))
		return 0;
	if (json_array_extend(talk->waiting, actions) != 0)
		return error_set_memory(err);
	return 0;
}

static int take_reply(struct talk *talk, const struct talk_message *message,
		      json_t *reply, struct error *err)
{
	struct applied applied = {0};

	instance_forget_owed(talk->instance);
	/* before the reply, which may begin the next trial */
	int code = instance_trial_passed(talk->instance, err);
	if (code == 0)
		code = refuse_guarded(talk, reply, err);
	if (code == 0)
		code = apply_reply(talk->instance, reply, &applied, err);
	if (code == 0)
		code = note_good_reply(talk, message, err);
	if (code == 0)
		code =
		    queue_actions(talk, message->action, applied.actions, err);
	talk->config_problem = applied.config_problem;
	talk->keys_problem = applied.keys_problem;
	applied_clear(&applied);
	return code;
}

/* What went wrong stays the error; trouble with noting it comes second. */
static void take_failure(struct talk *talk)
{
	struct error second = {0};

	talk->has_failed = true;
	if (note_failure(talk, &second) != 0 ||
	    instance_trial_failed(talk->instance, &second) != 0)
		event_problem(talk->instance->events, "%s", second.text);
}

/* Whoever stopped us cut it off: that says nothing about the mothership. */
static void take_cut(struct talk *talk, struct error *problem)
{
	talk->has_failed = true;
	*problem = (struct error){0};
	(void)error_set(problem, ERROR_STOPPED, "%s", stop_reason());
}

static void tell(const struct talk *talk, const struct talk_message *message,
		 const struct error *problem)
{
	char text[ERROR_TEXT_BYTES + 128];

	(void)snprintf(text, sizeof(text), "%s: %s", message->action,
		       problem->code ? problem->text
				     : context_state(&talk->instance->context));
	event_emit(talk->instance->events,
		   &(struct event){.kind = EVENT_CONTACT, .text = text});
}

int talk_post(struct talk *talk, const struct talk_message *message,
	      struct error *err)
{
	struct error problem = {0};
	json_t *reply = NULL;

	talk->posts++;
	int code = exchange(talk, message, &reply, &problem);
	if (code != 0 && stop_requested())
		take_cut(talk, &problem);
	else if (code != 0)
		take_failure(talk);
	else if (take_reply(talk, message, reply, &problem) != 0)
		talk->has_failed = true;
	tell(talk, message, &problem);
	json_decref(reply);
	if (problem.code)
		return error_set(err, problem.code, "%s", problem.text);
	return 0;
}

/* ---- actions ---- */

static bool was_performed(const struct talk *talk, const char *name)
{
	for (size_t i = 0; i < json_array_size(talk->performed); i++)
		if (strcmp(
			json_string_value(json_array_get(talk->performed, i)),
			name) == 0)
			return true;
	return false;
}

char *talk_take_action(struct talk *talk)
{
	while (json_array_size(talk->waiting) > 0) {
		json_t *first = json_incref(json_array_get(talk->waiting, 0));
		const char *name = json_string_value(first);
		bool is_new = !was_performed(talk, name);
		char *taken = is_new ? text_dup(name) : NULL;

		(void)json_array_remove(talk->waiting, 0); /* it is there */
		/* one that cannot be marked as taken is not taken */
		if (is_new && json_array_append(talk->performed, first) != 0) {
			free(taken);
			taken = NULL;
		}
		json_decref(first);
		if (taken)
			return taken;
	}
	return NULL;
}

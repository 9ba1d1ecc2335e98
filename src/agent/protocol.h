#ifndef S3I_AGENT_PROTOCOL_H
#define S3I_AGENT_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The words of the two dialects: the documented one, and the one of
 * motherships written for the NodeJS agent 0.3/0.4. Pure.
 */
enum protocol { PROTOCOL_DOCUMENTED, PROTOCOL_NODE };

/* What the POST is called that carries the result of the policies. */
const char *protocol_upload_name(enum protocol protocol);

/* The action of a POST that says that failed_action failed: "error", or
 * "NAME+error". Written into text[size]; returns text. */
const char *protocol_error_name(enum protocol protocol,
				const char *failed_action, char *text,
				size_t size);

/* The action of a POST with the outcome of policies that had trouble. What is
 * said before policies run (startup, wakeup) keeps its name. */
const char *protocol_trouble_name(enum protocol protocol, const char *action,
				  char *text, size_t size);

/* Whether an error is an object with a message, not a text. */
bool protocol_has_error_object(enum protocol protocol);

/* The action of a POST that says that an action was done. */
const char *protocol_done_name(enum protocol protocol, const char *action,
			       char *text, size_t size);

/* Whether the reply to a POST of that action may give orders. */
bool protocol_acts_on_reply(enum protocol protocol, const char *posted);

/* Whether an action in a reply is one of our own words coming back. */
bool protocol_is_echo(const char *action);

/* Whether an action that nobody knows is an error, or is echoed as done. */
bool protocol_refuses_unknown(enum protocol protocol);

/* Whether a reply may hold a list of `actions` beside `action`. */
bool protocol_takes_list(enum protocol protocol);

/* Whether what is left of a reply is the context as it is (own words and a
 * missing state included). */
bool protocol_keeps_reply_whole(enum protocol protocol);

#endif

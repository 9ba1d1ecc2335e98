#include "agent/protocol.h"

#include <stdio.h>
#include <string.h>

/* One row a dialect: what it says where the other says something else. */
struct dialect {
	const char *upload;
	const char *error_suffix; /* NULL: the word "error" alone */
	bool acts_on_all_replies;
	bool refuses_unknown;
	bool takes_list;
	bool keeps_reply_whole;
};

static const struct dialect dialects[] = {
    [PROTOCOL_DOCUMENTED] = {"upload", NULL, true, true, true, false},
    [PROTOCOL_NODE] = {"ack", "+error", false, false, false, true},
};

/* What we call our own phone-homes. */
static const char *const own_names[] = {"startup", "heartbeat", "wakeup",
					"upload",  "ack",	"error"};

static bool is_name(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && memcmp(wanted, name, length) == 0;
}

static bool is_own_name(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (is_name(name, length, own_names[i]))
			return true;
	return false;
}

const char *protocol_upload_name(enum protocol protocol)
{
	return dialects[protocol].upload;
}

const char *protocol_error_name(enum protocol protocol,
				const char *failed_action, char *text,
				size_t size)
{
	const char *suffix = dialects[protocol].error_suffix;

	/* a name that is cut off is still one that ends in the suffix */
	if (suffix && size > strlen(suffix))
		(void)snprintf(text, size, "%.*s%s",
			       (int)(size - 1 - strlen(suffix)), failed_action,
			       suffix);
	else
		(void)snprintf(text, size, "error");
	return text;
}

const char *protocol_trouble_name(enum protocol protocol, const char *action,
				  char *text, size_t size)
{
	bool precedes_policies =
	    strcmp(action, "startup") == 0 || strcmp(action, "wakeup") == 0;

	if (dialects[protocol].error_suffix && !precedes_policies)
		return protocol_error_name(protocol, action, text, size);
	(void)snprintf(text, size, "%s", action);
	return text;
}

bool protocol_has_error_object(enum protocol protocol)
{
	return dialects[protocol].error_suffix != NULL;
}

const char *protocol_done_name(enum protocol protocol, const char *action,
			       char *text, size_t size)
{
	bool acks =
	    protocol == PROTOCOL_NODE && strcmp(action, "customizers") == 0;

	(void)snprintf(text, size, "%s%s", acks ? "ack+" : "", action);
	return text;
}

bool protocol_acts_on_reply(enum protocol protocol, const char *posted)
{
	size_t length = strcspn(posted, "+");

	if (dialects[protocol].acts_on_all_replies)
		return true;
	if (posted[length] != '\0' && strcmp(posted + length, "+error") != 0)
		return false;
	return is_name(posted, length, "startup") ||
	       is_name(posted, length, "heartbeat") ||
	       is_name(posted, length, "wakeup");
}

bool protocol_is_echo(const char *action)
{
	const char *plus = strchr(action, '+');
	size_t length = strlen(action);

	if (!plus)
		return is_own_name(action, length);
	return is_own_name(action, (size_t)(plus - action)) ||
	       strcmp(strrchr(action, '+'), "+error") == 0;
}

bool protocol_refuses_unknown(enum protocol protocol)
{
	return dialects[protocol].refuses_unknown;
}

bool protocol_takes_list(enum protocol protocol)
{
	return dialects[protocol].takes_list;
}

bool protocol_keeps_reply_whole(enum protocol protocol)
{
	return dialects[protocol].keeps_reply_whole;
}

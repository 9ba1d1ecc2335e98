#include "agent/contact_body.h"

#include "base/json.h"

/* Written anew in each POST, whatever a context stored before holds. */
static const char *const own_words[] = {"version", "action", "info",
					"result",  "error",  "failed_action"};

static json_t *begin(const struct contact_message *message)
{
	json_t *context =
	    message->context ? json_deep_copy(message->context) : json_object();

	for (size_t i = 0; i < sizeof(own_words) / sizeof(own_words[0]); i++)
		/* fails only if it is not there */
		(void)json_object_del(context, own_words[i]);
	return context;
}

static int set_text(json_t *context, const char *key, const char *text,
		    struct error *err)
{
	if (!text)
		return 0;
	/* texts may hold names of files, that is any bytes */
	return json_set_take(context, key,
			     json_text_of_bytes(bytes_of_text(text)), err);
}

static int set_value(json_t *context, const char *key, json_t *value,
		     struct error *err)
{
	if (!value)
		return 0;
	return json_set_take(context, key, json_incref(value), err);
}

/* The dialect of node has an object where the other has a text. */
static int set_error(json_t *context, const struct contact_message *message,
		     struct error *err)
{
	json_t *error;
	int code;

	if (!message->error)
		return 0;
	if (!protocol_has_error_object(message->protocol))
		return set_text(context, "error", message->error, err);
	error = json_object();
	code = set_text(error, "message", message->error, err);
	if (code == 0)
		code = set_value(context, "error", error, err);
	json_decref(error);
	return code;
}

static int fill(json_t *context, const struct contact_message *message,
		struct error *err)
{
	/* a stored context that was replaced whole may have no state */
	bool is_whole =
	    message->context && protocol_keeps_reply_whole(message->protocol);
	int code = 0;

	if (!is_whole && !json_object_get(context, "state"))
		code = set_text(context, "state", message->state, err);
	if (code == 0)
		code = set_text(context, "version", message->version, err);
	if (code == 0)
		code = set_text(context, "action", message->action, err);
	if (code == 0)
		code = set_value(context, "info", message->info, err);
	if (code == 0)
		code = set_value(context, "result", message->result, err);
	if (code == 0)
		code = set_error(context, message, err);
	if (code == 0)
		code = set_text(context, "failed_action",
				message->failed_action, err);
	return code;
}

json_t *contact_body_new(const struct contact_message *message,
			 struct error *err)
{
	json_t *context = begin(message);
	json_t *body = json_object();

	if (!context || !body) {
		(void)error_set_memory(err); /* NULL is the answer */
		json_decref(context);
		json_decref(body);
		return NULL;
	}
	int code = fill(context, message, err);
	if (code == 0)
		code = json_set_take(body, "context", context, err);
	else
		json_decref(context);
	if (code == 0)
		return body;
	json_decref(body);
	return NULL;
}

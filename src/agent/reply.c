#include "agent/reply.h"

#include <string.h>

#include "base/json.h"

/* Words of ours that a mothership may send back. */
static const char *const own_words[] = {"version", "info", "result", "error",
					"failed_action"};

static const char *const guarded_settings[] = {"upgrade_command",
					       "reboot_command"};

enum { ACTION_SHOWN_BYTES = 100 };

/* Move a member out of an object; null counts as not there. */
static json_t *take_member(json_t *object, const char *key)
{
	json_t *value = json_incref(json_object_get(object, key));

	(void)json_object_del(object, key); /* fails only if it is not there */
	if (json_is_null(value))
		return NULL;
	return value;
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) ==
		    0)
			return true;
	return false;
}

static int append_text(json_t *list, const char *text, struct error *err)
{
	if (json_array_append_new(list, json_string(text)) != 0)
		return error_set_memory(err);
	return 0;
}

/* An action that is no text cannot be known: it is named by how it looks. */
static int add_odd_action(json_t *actions, const json_t *value,
			  struct error *err)
{
	struct buffer shown = {0};
	int code = json_append(value, false, &shown, err);

	if (code == 0 && shown.size > ACTION_SHOWN_BYTES)
		code = append_text(actions, "(not a text)", err);
	else if (code == 0)
		code = append_text(actions, shown.data, err);
	buffer_clear(&shown);
	return code;
}

static int add_action(json_t *actions, const json_t *value, struct error *err)
{
	const char *name = json_string_value(value);

	if (json_is_null(value))
		return 0;
	if (!name || strlen(name) != json_string_length(value) ||
	    name[0] == '\0')
		return add_odd_action(actions, value, err);
	if (protocol_is_echo(name) || has_text(actions, name))
		return 0;
	return append_text(actions, name, err);
}

/* One action, or a list of them. */
static int add_actions(json_t *actions, const json_t *value, struct error *err)
{
	int code = 0;

	if (!json_is_array(value))
		return value ? add_action(actions, value, err) : 0;
	for (size_t i = 0; code == 0 && i < json_array_size(value); i++)
		code = add_action(actions, json_array_get(value, i), err);
	return code;
}

static int finish_context(json_t *context, const struct reply_rules *rules,
			  struct error *err)
{
	if (protocol_keeps_reply_whole(rules->protocol))
		return 0;
	for (size_t i = 0; i < sizeof(own_words) / sizeof(own_words[0]); i++)
		/* fails only if it is not there */
		(void)json_object_del(context, own_words[i]);
	if (json_member_text(context, "state"))
		return 0;
	return json_set_take(context, "state", json_string(rules->old_state),
			     err);
}

int reply_take(const json_t *object, const struct reply_rules *rules,
	       struct reply *reply, struct error *err)
{
	*reply = (struct reply){0};
	reply->context = json_deep_copy(object);
	reply->actions = json_array();
	if (!reply->context || !reply->actions)
		return error_set_memory(err);

	reply->keys = take_member(reply->context, "aws_keys");
	reply->config = take_member(reply->context, "config");
	json_t *action = take_member(reply->context, "action");
	json_t *actions = protocol_takes_list(rules->protocol)
			      ? take_member(reply->context, "actions")
			      : NULL;
	int code = add_actions(reply->actions, action, err);
	if (code == 0)
		code = add_actions(reply->actions, actions, err);
	if (code == 0)
		code = finish_context(reply->context, rules, err);
	json_decref(action);
	json_decref(actions);
	return code;
}

void reply_clear(struct reply *reply)
{
	json_decref(reply->keys);
	json_decref(reply->config);
	json_decref(reply->actions);
	json_decref(reply->context);
	*reply = (struct reply){0};
}

static int refuse(json_t *object, const char *key, json_t *refused,
		  struct error *err)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	(void)json_object_del(object, key); /* it is there */
	return append_text(refused, key, err);
}

int reply_refuse_guarded(json_t *object, json_t *refused, struct error *err)
{
	json_t *config = json_object_get(object, "config");
	int code = refuse(object, "aws_keys", refused, err);

	for (size_t i = 0; code == 0 && i < sizeof(guarded_settings) /
						sizeof(guarded_settings[0]);
	     i++)
		code = refuse(config, guarded_settings[i], refused, err);
	return code;
}

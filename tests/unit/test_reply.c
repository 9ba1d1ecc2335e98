#include "check.h"

#include "agent/reply.h"
#include "base/json.h"

static json_t *parse(const char *text)
{
	json_t *value = json_parse(bytes_of_text(text), NULL);
	CHECK(value != NULL);
	return value;
}

static void check_json(const json_t *value, const char *wanted)
{
	struct buffer text = {0};

	if (value)
		CHECK_INT(json_append(value, false, &text, NULL), 0);
	CHECK_TEXT(text.data, wanted);
	buffer_clear(&text);
}

struct reply_case {
	const char *object;
	const char *context;
	const char *actions;
	const char *keys;
	const char *config;
};

static void check_case(const struct reply_case *c, enum protocol protocol)
{
	const struct reply_rules rules = {protocol, "discovered"};
	struct reply reply;
	json_t *object = parse(c->object);

	CHECK_INT(reply_take(object, &rules, &reply, NULL), 0);
	check_json(object, c->object); /* not changed */
	check_json(reply.context, c->context);
	check_json(reply.actions, c->actions);
	check_json(reply.keys, c->keys);
	check_json(reply.config, c->config);
	reply_clear(&reply);
	json_decref(object);
}

static void replies_are_taken_apart(void)
{
	static const struct reply_case cases[] = {
	    {"{}", "{\"state\":\"discovered\"}", "[]", NULL, NULL},
	    {"{\"b\":1,\"state\":\"configured\",\"a\":2}",
	     "{\"b\":1,\"state\":\"configured\",\"a\":2}", "[]", NULL, NULL},
	    {"{\"state\":\"x\",\"version\":\"1\",\"info\":{},\"result\":1,"
	     "\"error\":\"e\",\"failed_action\":\"f\",\"id\":7}",
	     "{\"state\":\"x\",\"id\":7}", "[]", NULL, NULL},
	    {"{\"aws_keys\":{\"k\":1},\"config\":{\"c\":2},\"state\":\"x\"}",
	     "{\"state\":\"x\"}", "[]", "{\"k\":1}", "{\"c\":2}"},
	    {"{\"aws_keys\":null,\"config\":null,\"action\":null,"
	     "\"state\":\"x\"}",
	     "{\"state\":\"x\"}", "[]", NULL, NULL},
	    {"{\"action\":\"report\",\"state\":\"x\"}", "{\"state\":\"x\"}",
	     "[\"report\"]", NULL, NULL},
	    {"{\"action\":\"heartbeat\",\"state\":\"x\"}", "{\"state\":\"x\"}",
	     "[]", NULL, NULL},
	    {"{\"actions\":[\"a\",\"b\",\"a\",\"ack+x\",null],\"action\":"
	     "\"b\",\"state\":\"x\"}",
	     "{\"state\":\"x\"}", "[\"b\",\"a\"]", NULL, NULL},
	    {"{\"action\":5,\"state\":\"x\"}", "{\"state\":\"x\"}", "[\"5\"]",
	     NULL, NULL},
	    {"{\"action\":[\"a\",{\"b\":1}],\"state\":\"x\"}",
	     "{\"state\":\"x\"}", "[\"a\",\"{\\\"b\\\":1}\"]", NULL, NULL},
	    {"{\"state\":5}", "{\"state\":\"discovered\"}", "[]", NULL, NULL},
	    {"{\"config\":\"text\",\"state\":\"x\"}", "{\"state\":\"x\"}", "[]",
	     NULL, "\"text\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(&cases[i], PROTOCOL_DOCUMENTED);
}

static void node_keeps_what_is_left_as_it_is(void)
{
	static const struct reply_case c = {
	    "{\"error\":\"e\",\"version\":\"1\",\"action\":\"report\"}",
	    "{\"error\":\"e\",\"version\":\"1\"}", "[\"report\"]", NULL, NULL};

	check_case(&c, PROTOCOL_NODE);
}

static void node_knows_no_list_of_actions(void)
{
	static const struct reply_case c = {
	    "{\"state\":\"x\",\"actions\":[\"reboot\"]}",
	    "{\"state\":\"x\",\"actions\":[\"reboot\"]}", "[]", NULL, NULL};

	check_case(&c, PROTOCOL_NODE);
}

static void keys_and_commands_are_taken_out_over_plain_http(void)
{
	json_t *object =
	    parse("{\"aws_keys\":{},\"config\":{\"upgrade_command\":\"x\","
		  "\"debug\":true,\"reboot_command\":null},\"state\":\"x\"}");
	json_t *refused = json_array();

	CHECK_INT(reply_refuse_guarded(object, refused, NULL), 0);
	check_json(object, "{\"config\":{\"debug\":true,\"reboot_command\":"
			   "null},\"state\":\"x\"}");
	check_json(refused, "[\"aws_keys\",\"upgrade_command\"]");
	json_decref(object);
	json_decref(refused);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(replies_are_taken_apart),
	    CHECK_TEST(node_keeps_what_is_left_as_it_is),
	    CHECK_TEST(node_knows_no_list_of_actions),
	    CHECK_TEST(keys_and_commands_are_taken_out_over_plain_http),
	};
	return CHECK_RUN(tests);
}

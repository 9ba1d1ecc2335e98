#include "check.h"

#include "agent/contact_body.h"
#include "base/json.h"

static void check_body(const struct contact_message *message,
		       const char *wanted)
{
	struct buffer text = {0};
	json_t *body = contact_body_new(message, NULL);

	if (CHECK(body != NULL))
		CHECK_INT(json_append(body, false, &text, NULL), 0);
	CHECK_TEXT(text.data, wanted);
	buffer_clear(&text);
	json_decref(body);
}

static void the_first_message_says_unregistered(void)
{
	json_t *info = json_pack("{s:s}", "hostname", "h");

	check_body(&(struct contact_message){.state = "unregistered",
					     .version = "1",
					     .action = "startup",
					     .info = info},
		   "{\"context\":{\"state\":\"unregistered\",\"version\":"
		   "\"1\",\"action\":\"startup\",\"info\":{\"hostname\":"
		   "\"h\"}}}");
	json_decref(info);
}

static void stored_keys_come_first_in_their_order(void)
{
	json_t *context =
	    json_pack("{s:i,s:s,s:i}", "z", 1, "state", "configured", "a", 2);
	json_t *info = json_object();
	json_t *result = json_pack("{s:i}", "added", 1);
	const struct contact_message message = {
	    .context = context,
	    .state = "configured",
	    .version = "1",
	    .action = "heartbeat",
	    .info = info,
	    .result = result,
	    .error = "e",
	    .failed_action = "f",
	};

	check_body(&message,
		   "{\"context\":{\"z\":1,\"state\":\"configured\",\"a\":2,"
		   "\"version\":\"1\",\"action\":\"heartbeat\",\"info\":{},"
		   "\"result\":{\"added\":1},\"error\":\"e\","
		   "\"failed_action\":\"f\"}}");
	CHECK_INT(json_object_size(context), 3); /* not changed */
	json_decref(context);
	json_decref(info);
	json_decref(result);
}

static void own_words_of_a_stored_context_are_written_anew(void)
{
	json_t *context = json_pack("{s:s,s:s,s:s}", "error", "old", "version",
				    "0", "state", "x");

	check_body(&(struct contact_message){.context = context,
					     .state = "x",
					     .version = "1",
					     .action = "wakeup"},
		   "{\"context\":{\"state\":\"x\",\"version\":\"1\","
		   "\"action\":\"wakeup\"}}");
	json_decref(context);
}

static void node_gets_an_object_for_an_error(void)
{
	check_body(&(struct contact_message){.protocol = PROTOCOL_NODE,
					     .state = "x",
					     .version = "1",
					     .action = "config+error",
					     .error = "e"},
		   "{\"context\":{\"state\":\"x\",\"version\":\"1\","
		   "\"action\":\"config+error\",\"error\":{\"message\":"
		   "\"e\"}}}");
}

static void node_says_no_state_where_the_stored_context_has_none(void)
{
	json_t *context = json_pack("{s:i}", "id", 1);

	check_body(&(struct contact_message){.protocol = PROTOCOL_NODE,
					     .context = context,
					     .state = "unregistered",
					     .version = "1",
					     .action = "heartbeat"},
		   "{\"context\":{\"id\":1,\"version\":\"1\","
		   "\"action\":\"heartbeat\"}}");
	check_body(&(struct contact_message){.protocol = PROTOCOL_NODE,
					     .state = "unregistered",
					     .version = "1",
					     .action = "startup"},
		   "{\"context\":{\"state\":\"unregistered\",\"version\":"
		   "\"1\",\"action\":\"startup\"}}");
	json_decref(context);
}

static void an_error_may_name_a_file_of_any_bytes(void)
{
	check_body(&(struct contact_message){.state = "x",
					     .version = "1",
					     .action = "error",
					     .error = "a\xff: gone"},
		   "{\"context\":{\"state\":\"x\",\"version\":\"1\","
		   "\"action\":\"error\",\"error\":\"a%FF: gone\"}}");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_first_message_says_unregistered),
	    CHECK_TEST(stored_keys_come_first_in_their_order),
	    CHECK_TEST(own_words_of_a_stored_context_are_written_anew),
	    CHECK_TEST(node_gets_an_object_for_an_error),
	    CHECK_TEST(node_says_no_state_where_the_stored_context_has_none),
	    CHECK_TEST(an_error_may_name_a_file_of_any_bytes),
	};
	return CHECK_RUN(tests);
}

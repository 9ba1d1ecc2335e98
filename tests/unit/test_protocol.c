#include "check.h"

#include "agent/protocol.h"

static void the_documented_dialect_has_these_names(void)
{
	char text[64];

	CHECK_TEXT(protocol_upload_name(PROTOCOL_DOCUMENTED), "upload");
	CHECK_TEXT(
	    protocol_error_name(PROTOCOL_DOCUMENTED, "x", text, sizeof(text)),
	    "error");
	CHECK_TEXT(protocol_done_name(PROTOCOL_DOCUMENTED, "customizers", text,
				      sizeof(text)),
		   "customizers");
	CHECK(protocol_refuses_unknown(PROTOCOL_DOCUMENTED));
	CHECK(!protocol_keeps_reply_whole(PROTOCOL_DOCUMENTED));
}

static void the_dialect_of_node_has_others(void)
{
	char text[64];

	CHECK_TEXT(protocol_upload_name(PROTOCOL_NODE), "ack");
	CHECK_TEXT(
	    protocol_error_name(PROTOCOL_NODE, "config", text, sizeof(text)),
	    "config+error");
	CHECK_TEXT(protocol_done_name(PROTOCOL_NODE, "customizers", text,
				      sizeof(text)),
		   "ack+customizers");
	CHECK_TEXT(
	    protocol_done_name(PROTOCOL_NODE, "report", text, sizeof(text)),
	    "report");
	CHECK(!protocol_refuses_unknown(PROTOCOL_NODE));
	CHECK(protocol_keeps_reply_whole(PROTOCOL_NODE));
}

static void a_long_name_keeps_the_end_that_says_error(void)
{
	char text[12];

	CHECK_TEXT(protocol_error_name(PROTOCOL_NODE, "customizers", text,
				       sizeof(text)),
		   "custo+error");
}

static void node_acts_on_replies_to_its_phone_homes_only(void)
{
	CHECK(protocol_acts_on_reply(PROTOCOL_NODE, "startup"));
	CHECK(protocol_acts_on_reply(PROTOCOL_NODE, "heartbeat"));
	CHECK(protocol_acts_on_reply(PROTOCOL_NODE, "wakeup"));
	CHECK(!protocol_acts_on_reply(PROTOCOL_NODE, "ack"));
	CHECK(!protocol_acts_on_reply(PROTOCOL_NODE, "report"));
	CHECK(!protocol_acts_on_reply(PROTOCOL_NODE, "ack+customizers"));
	CHECK(protocol_acts_on_reply(PROTOCOL_DOCUMENTED, "upload"));
	CHECK(protocol_acts_on_reply(PROTOCOL_DOCUMENTED, "report"));
}

static void our_own_words_are_echoes(void)
{
	static const struct {
		const char *action;
		bool is_echo;
	} cases[] = {
	    {"startup", true},
	    {"heartbeat", true},
	    {"wakeup", true},
	    {"upload", true},
	    {"ack", true},
	    {"error", true},
	    {"ack+customizers", true},
	    {"startup+x", true},
	    {"report+error", true},
	    {"upload+", true},
	    {"report", false},
	    {"restart", false},
	    {"a+b", false},
	    {"uploads", false},
	    {"+", false},
	    {"", false},
	    {"Startup", false},
	    {"customizers", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!CHECK(protocol_is_echo(cases[i].action) ==
			   cases[i].is_echo))
			(void)printf("# %s\n", cases[i].action);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_documented_dialect_has_these_names),
	    CHECK_TEST(the_dialect_of_node_has_others),
	    CHECK_TEST(a_long_name_keeps_the_end_that_says_error),
	    CHECK_TEST(node_acts_on_replies_to_its_phone_homes_only),
	    CHECK_TEST(our_own_words_are_echoes),
	};
	return CHECK_RUN(tests);
}

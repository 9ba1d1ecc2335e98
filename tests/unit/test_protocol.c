#include "check.h"

#include "agent/protocol.h"

enum { BOTH = 2 };

/* The order of the columns below. */
static const enum protocol dialects[BOTH] = {PROTOCOL_DOCUMENTED,
					     PROTOCOL_NODE};

enum saying {
	SAYS_UPLOAD,  /* the result of the policies */
	SAYS_TROUBLE, /* of policies that had trouble, with an action */
	SAYS_DONE,    /* an action was done */
	SAYS_ERROR    /* an action failed */
};

static const char *say(enum protocol protocol, enum saying saying,
		       const char *action, char *text, size_t size)
{
	switch (saying) {
	case SAYS_TROUBLE:
		return protocol_trouble_name(protocol, action, text, size);
	case SAYS_DONE:
		return protocol_done_name(protocol, action, text, size);
	case SAYS_ERROR:
		return protocol_error_name(protocol, action, text, size);
	case SAYS_UPLOAD:
		break;
	}
	return protocol_upload_name(protocol);
}

static void each_dialect_has_its_names(void)
{
	static const struct {
		enum saying saying;
		const char *action;
		const char *names[BOTH]; /* documented, node */
	} cases[] = {
	    {SAYS_UPLOAD, "", {"upload", "ack"}},

	    {SAYS_TROUBLE, "heartbeat", {"heartbeat", "heartbeat+error"}},
	    {SAYS_TROUBLE, "upload", {"upload", "upload+error"}},
	    {SAYS_TROUBLE, "ack", {"ack", "ack+error"}},
	    {SAYS_TROUBLE, "startup", {"startup", "startup"}},
	    {SAYS_TROUBLE, "wakeup", {"wakeup", "wakeup"}},

	    {SAYS_DONE, "report", {"report", "report"}},
	    {SAYS_DONE, "customizers", {"customizers", "ack+customizers"}},
	    {SAYS_DONE, "upgrade", {"upgrade", "upgrade"}},
	    {SAYS_DONE, "restart", {"restart", "restart"}},
	    {SAYS_DONE, "reboot", {"reboot", "reboot"}},
	    {SAYS_DONE, "dance", {"dance", "dance"}},

	    {SAYS_ERROR, "config", {"error", "config+error"}},
	    {SAYS_ERROR, "aws_keys", {"error", "aws_keys+error"}},
	    {SAYS_ERROR, "customizers", {"error", "customizers+error"}},
	    {SAYS_ERROR, "upgrade", {"error", "upgrade+error"}},
	    {SAYS_ERROR, "reboot", {"error", "reboot+error"}},
	    {SAYS_ERROR, "ack", {"error", "ack+error"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < BOTH; k++) {
			char text[64];
			CHECK_TEXT(say(dialects[k], cases[i].saying,
				       cases[i].action, text, sizeof(text)),
				   cases[i].names[k]);
		}
}

static void each_dialect_has_its_rules(void)
{
	static const struct {
		bool (*rule)(enum protocol protocol);
		bool holds[BOTH]; /* documented, node */
	} cases[] = {
	    {protocol_refuses_unknown, {true, false}},
	    {protocol_takes_list, {true, false}},
	    {protocol_keeps_reply_whole, {false, true}},
	    {protocol_has_error_object, {false, true}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < BOTH; k++)
			if (!CHECK(cases[i].rule(dialects[k]) ==
				   cases[i].holds[k]))
				(void)printf("# row %zu, column %zu\n", i, k);
}

static void node_acts_on_replies_to_its_phone_homes_only(void)
{
	static const struct {
		const char *posted;
		bool acts[BOTH]; /* documented, node */
	} cases[] = {
	    {"startup", {true, true}},
	    {"heartbeat", {true, true}},
	    {"heartbeat+error", {true, true}},
	    {"wakeup", {true, true}},
	    {"upload", {true, false}},
	    {"ack", {true, false}},
	    {"ack+error", {true, false}},
	    {"ack+customizers", {true, false}},
	    {"customizers+error", {true, false}},
	    {"report", {true, false}},
	    {"error", {true, false}},
	    {"config+error", {true, false}},
	    {"heartbeat+x", {true, false}},
	    {"startu", {true, false}},
	    {"startups", {true, false}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < BOTH; k++)
			if (!CHECK(protocol_acts_on_reply(dialects[k],
							  cases[i].posted) ==
				   cases[i].acts[k]))
				(void)printf("# %s, column %zu\n",
					     cases[i].posted, k);
}

static void a_long_name_keeps_the_end_that_says_error(void)
{
	char text[12];

	CHECK_TEXT(protocol_error_name(PROTOCOL_NODE, "customizers", text,
				       sizeof(text)),
		   "custo+error");
	CHECK_TEXT(protocol_trouble_name(PROTOCOL_NODE, "heartbeat", text,
					 sizeof(text)),
		   "heart+error");
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
	    {"heartbeat+error", true},
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
	    CHECK_TEST(each_dialect_has_its_names),
	    CHECK_TEST(each_dialect_has_its_rules),
	    CHECK_TEST(node_acts_on_replies_to_its_phone_homes_only),
	    CHECK_TEST(a_long_name_keeps_the_end_that_says_error),
	    CHECK_TEST(our_own_words_are_echoes),
	};
	return CHECK_RUN(tests);
}

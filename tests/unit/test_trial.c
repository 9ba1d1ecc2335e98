#include "check.h"

#include "agent/trial.h"
#include "base/json.h"

static void check_json(const json_t *value, const char *wanted)
{
	struct buffer text = {0};

	if (value)
		CHECK_INT(json_append(value, false, &text, NULL), 0);
	CHECK_TEXT(text.data, wanted);
	buffer_clear(&text);
}

static void other_settings_begin_no_trial(void)
{
	json_t *old = json_pack("{s:s}", "host_dns", "a");
	json_t *new = json_pack("{s:s,s:s}", "host_dns", "a", "s3_bucket", "b");

	CHECK(trial_begin(NULL, old, new, NULL) == NULL);
	json_decref(old);
	json_decref(new);
}

static void the_proven_settings_are_kept_over_two_changes(void)
{
	json_t *a = json_pack("{s:s,s:s}", "host_dns", "a", "s3_bucket", "x");
	json_t *b = json_pack("{s:s,s:i}", "host_dns", "b", "host_port", 81);
	json_t *c = json_pack("{s:s,s:i,s:b}", "host_dns", "c", "host_port", 82,
			      "debug", 1);
	json_t *first = trial_begin(NULL, a, b, NULL);
	json_t *second = trial_begin(first, b, c, NULL);

	CHECK(trial_is_about(first, b) && !trial_is_about(first, a));
	CHECK(trial_is_about(second, c) && !trial_is_about(second, b));
	json_t *restored = trial_restore(second, c, NULL);
	check_json(restored, "{\"host_dns\":\"a\",\"debug\":true}");
	CHECK(trial_begin(second, c, a, NULL) == NULL); /* back by itself */
	json_decref(a);
	json_decref(b);
	json_decref(c);
	json_decref(first);
	json_decref(second);
	json_decref(restored);
}

static void runs_are_counted(void)
{
	json_t *a = json_object();
	json_t *b = json_pack("{s:s}", "proxy", "http://p");
	json_t *trial = trial_begin(NULL, a, b, NULL);

	CHECK_INT(trial_runs(trial), 0);
	CHECK_INT(trial_count_run(trial), 1);
	CHECK_INT(trial_count_run(trial), 2);
	CHECK_INT(trial_runs(trial), 2);
	json_decref(a);
	json_decref(b);
	json_decref(trial);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(other_settings_begin_no_trial),
	    CHECK_TEST(the_proven_settings_are_kept_over_two_changes),
	    CHECK_TEST(runs_are_counted),
	};
	return CHECK_RUN(tests);
}

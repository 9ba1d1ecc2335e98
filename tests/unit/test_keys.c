#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/keys.h"
#include "base/files.h"
#include "check.h"
#include "platform/clock.h"
#include "s3/s3_time.h"

#define NS_PER_S INT64_C(1000000000)

static char path[] = "/tmp/s3-ingestor-keys-XXXXXX";

/* A keys file whose keys end so many seconds from now. */
static void write_keys(const char *id, int lives_s)
{
	char text[512];
	char stamp[17];
	struct error err = {0};

	s3_time_format(clock_real_ns() / NS_PER_S + lives_s, stamp);
	(void)snprintf(text, sizeof(text),
		       "{\"access_key_id\":\"%s\",\"secret_access_key\":\"s\","
		       "\"expiration\":\"%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ\"}",
		       id, stamp, stamp + 4, stamp + 6, stamp + 9, stamp + 11,
		       stamp + 13);
	CHECK_INT(files_write(path, bytes_of_text(text), NULL, &err), 0);
}

static const char *id_of(const struct s3_key_source *source)
{
	return source->get(source->context)->access_key_id;
}

static void a_minute_later(struct keys *keys)
{
	keys->looked_ns = clock_steady_ns() - 61 * NS_PER_S;
}

static void keys_that_end_within_five_minutes_are_looked_for_again(void)
{
	struct keys keys;
	struct error err = {0};

	write_keys("first", 290);
	CHECK_INT(keys_load(path, &keys, &err), 0);
	const struct s3_key_source source = keys_source(&keys);
	write_keys("second", 3600);
	/* they were looked for just now */
	CHECK_STR(id_of(&source), "first");
	a_minute_later(&keys);
	CHECK_STR(id_of(&source), "second");
	write_keys("third", 3600);
	a_minute_later(&keys);
	CHECK_STR(id_of(&source), "second");
	keys_clear(&keys);
}

static void those_that_are_there_stay_when_no_others_are(void)
{
	struct keys keys;
	struct error err = {0};

	write_keys("first", 10);
	CHECK_INT(keys_load(path, &keys, &err), 0);
	const struct s3_key_source source = keys_source(&keys);
	CHECK_INT(files_write(path, bytes_of_text("nonsense"), NULL, &err), 0);
	a_minute_later(&keys);
	CHECK_STR(id_of(&source), "first");
	keys_clear(&keys);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(keys_that_end_within_five_minutes_are_looked_for_again),
	    CHECK_TEST(those_that_are_there_stay_when_no_others_are),
	};
	int descriptor = mkstemp(path);

	if (descriptor < 0)
		return 1;
	(void)close(descriptor);
	int status = CHECK_RUN(tests);
	(void)unlink(path);
	return status;
}

#include "check.h"
#include "s3/s3_credentials.h"
#include "s3/s3_credentials_find.h"
#include "s3/s3_metadata.h"

static void a_profile_is_found_in_a_shared_file(void)
{
	static const char file[] = "# of the AWS tools\n"
				   "[default]\n"
				   "aws_access_key_id = D\r\n"
				   "aws_secret_access_key=d/+=\n"
				   "\n"
				   "; another one\n"
				   "[ other ]\n"
				   "region = eu-west-1\n"
				   "  aws_access_key_id =O\n"
				   "aws_secret_access_key = o\n"
				   "aws_session_token = t = t\n"
				   "[half]\n"
				   "aws_access_key_id = H\n"
				   "[empty]";
	static const struct {
		const char *profile;
		bool found;
		const char *id;
		const char *secret;
		const char *token;
	} rows[] = {
	    {"default", true, "D", "d/+=", NULL},
	    {"other", true, "O", "o", "t = t"},
	    {"half", false, NULL, NULL, NULL},
	    {"empty", false, NULL, NULL, NULL},
	    {"nobody", false, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct s3_credentials got = {0};
		struct error err = {0};
		bool found = false;

		CHECK_INT(s3_credentials_parse(bytes_of_text(file),
					       rows[i].profile, &got, &found,
					       &err),
			  0);
		CHECK(found == rows[i].found);
		if (found) {
			CHECK_TEXT(got.access_key_id, rows[i].id);
			CHECK_TEXT(got.secret_access_key, rows[i].secret);
			CHECK_TEXT(got.session_token, rows[i].token);
		}
		s3_credentials_clear(&got);
	}
}

static void a_line_that_is_neither_is_named(void)
{
	static const char *const bad[] = {
	    "[default]\naws_access_key_id\n",
	    "\n[default\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct s3_credentials got = {0};
		struct error err = {0};
		bool found = false;

		CHECK_INT(s3_credentials_parse(bytes_of_text(bad[i]), "default",
					       &got, &found, &err),
			  ERROR_INVALID);
		CHECK_TEXT(err.text, "line 2 is no [profile], no name = value");
		s3_credentials_clear(&got);
	}
}

static void containers_are_asked_over_https_or_nearby(void)
{
	static const struct {
		const char *url;
		bool wanted;
	} rows[] = {
	    {"https://anywhere.example/keys", true},
	    {"http://127.0.0.1:8080/keys", true},
	    {"http://localhost/keys", true},
	    {"http://[::1]:80/keys", true},
	    {"http://169.254.170.2/v2", true},
	    {"http://169.254.170.23", true},
	    {"http://[fd00:ec2::23]/v1", true},
	    {"http://169.254.170.24/", false},
	    {"http://169.254.170.2.evil.example/", false},
	    {"http://127.0.0.1.evil.example/", false},
	    {"http://127.0.0.1@evil.example/", false},
	    {"http://localhost:80@evil.example/", false},
	    {"http://evil.example/?http://127.0.0.1/", false},
	    {"ftp://127.0.0.1/", false},
	    {"file:///etc/passwd", false},
	    {"", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!CHECK(s3_metadata_is_allowed(rows[i].url) ==
			   rows[i].wanted))
			(void)printf("# %s\n", rows[i].url);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_profile_is_found_in_a_shared_file),
	    CHECK_TEST(a_line_that_is_neither_is_named),
	    CHECK_TEST(containers_are_asked_over_https_or_nearby),
	};

	return CHECK_RUN(tests);
}

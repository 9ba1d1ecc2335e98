#include "check.h"

#include <string.h>

#include "s3/s3_uri.h"

static void bytes_are_encoded(void)
{
	static const struct {
		const char *raw;
		bool keep_slash;
		const char *text;
	} rows[] = {
	    {"", true, ""},
	    {"AZaz09-._~", true, "AZaz09-._~"},
	    {"a/b", true, "a/b"},
	    {"a/b", false, "a%2Fb"},
	    {"//", true, "//"},
	    {" +%", true, "%20%2B%25"},
	    {"!\"#$&'()*,:;<=>?@", true,
	     "%21%22%23%24%26%27%28%29%2A%2C%3A%3B%3C%3D%3E%3F%40"},
	    {"[\\]^`{|}", true, "%5B%5C%5D%5E%60%7B%7C%7D"},
	    {"\x01\x1f\x7f\x80\xff", true, "%01%1F%7F%80%FF"},
	    {"\xe2\x82\xac", true, "%E2%82%AC"},
	    {"%2F", true, "%252F"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer text = {0};
		CHECK_INT(s3_uri_encode(bytes_of_text(rows[i].raw),
					rows[i].keep_slash, &text),
			  0);
		CHECK_TEXT(text.data, rows[i].text);
		buffer_clear(&text);
	}
}

static void encoding_appends(void)
{
	struct buffer text = {0};
	CHECK_INT(buffer_append_text(&text, "?k="), 0);
	CHECK_INT(s3_uri_encode((struct bytes){"\0a", 2}, false, &text), 0);
	CHECK_TEXT(text.data, "?k=%00a");
	buffer_clear(&text);
}

static void codes_are_undone(void)
{
	static const struct {
		const char *text;
		const char *raw;
	} rows[] = {
	    {"", ""},
	    {"a/b", "a/b"},
	    {"a%2Fb%2fc", "a/b/c"},
	    {"a+b%2Bc%20d", "a b+c d"},
	    {"%C3%a4", "\xc3\xa4"},
	    {"%25%32%30", "%20"},
	    /* what is no code stays */
	    {"%", "%"},
	    {"%4", "%4"},
	    {"a%", "a%"},
	    {"%g0%0g%41", "%g0%0gA"},
	    {"%%41", "%A"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer raw = {0};
		CHECK_INT(s3_uri_decode(bytes_of_text(rows[i].text), &raw), 0);
		CHECK_TEXT(raw.data, rows[i].raw);
		buffer_clear(&raw);
	}
}

static void all_bytes_come_back(void)
{
	char all[256];
	struct buffer text = {0};
	struct buffer raw = {0};
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	const struct bytes bytes = {all, sizeof(all)};
	for (int keep_slash = 0; keep_slash < 2; keep_slash++) {
		CHECK_INT(s3_uri_encode(bytes, keep_slash, &text), 0);
		CHECK_INT(strlen(text.data), text.size);
		CHECK_INT(s3_uri_decode(buffer_bytes(&text), &raw), 0);
		CHECK(bytes_equal(buffer_bytes(&raw), bytes));
		buffer_reset(&text);
		buffer_reset(&raw);
	}
	buffer_clear(&text);
	buffer_clear(&raw);
}

/* "URL bucket" as requests begin, or the text of the error. */
static const char *place_of(const struct s3_place_options *options)
{
	static char text[2048];
	struct s3_place place;
	struct error err = {0};
	int rc = s3_place_init(&place, options, &err);
	CHECK_INT(rc, err.code);
	if (rc != 0) {
		CHECK_INT(rc, ERROR_CONFIG);
		return memcpy(text, err.text, sizeof(err.text));
	}
	CHECK_TEXT(place.bucket, options->bucket);
	CHECK_TEXT(place.region, options->region);
	CHECK_INT(place.is_aws, options->endpoint == NULL);
	(void)snprintf(text, sizeof(text), "%s %s://%s%s",
		       place.is_virtual ? "virtual" : "path", place.scheme,
		       place.host, place.base_path);
	return text;
}

static void aws_is_found_by_region(void)
{
	static const struct {
		const char *region;
		const char *bucket;
		enum s3_addressing addressing;
		const char *wanted;
	} rows[] = {
	    {"us-east-1", "logs", S3_ADDRESS_AUTO,
	     "virtual https://logs.s3.us-east-1.amazonaws.com"},
	    {"eu-central-1", "logs", S3_ADDRESS_PATH,
	     "path https://s3.eu-central-1.amazonaws.com"},
	    {"cn-north-1", "logs", S3_ADDRESS_AUTO,
	     "virtual https://logs.s3.cn-north-1.amazonaws.com.cn"},
	    {"us-gov-west-1", "logs", S3_ADDRESS_AUTO,
	     "virtual https://logs.s3.us-gov-west-1.amazonaws.com"},
	    /* no certificate covers a dot, no DNS name a capital */
	    {"us-east-1", "logs.example", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "Logs", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "lo_gs", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "-logs", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "logs-", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "lo", S3_ADDRESS_AUTO,
	     "path https://s3.us-east-1.amazonaws.com"},
	    {"us-east-1", "logs.example", S3_ADDRESS_VIRTUAL,
	     "virtual https://logs.example.s3.us-east-1.amazonaws.com"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct s3_place_options options = {
		    NULL, rows[i].region, rows[i].bucket, rows[i].addressing};
		CHECK_TEXT(place_of(&options), rows[i].wanted);
	}
}

static void an_endpoint_is_taken_apart(void)
{
	static const struct {
		const char *endpoint;
		enum s3_addressing addressing;
		const char *wanted;
	} rows[] = {
	    {"https://s3.example.org", S3_ADDRESS_AUTO,
	     "path https://s3.example.org"},
	    {"s3.example.org", S3_ADDRESS_AUTO, "path https://s3.example.org"},
	    {"http://10.0.0.1:9000", S3_ADDRESS_AUTO,
	     "path http://10.0.0.1:9000"},
	    {"https://s3.example.org:443", S3_ADDRESS_AUTO,
	     "path https://s3.example.org"},
	    {"http://s3.example.org:80", S3_ADDRESS_AUTO,
	     "path http://s3.example.org"},
	    {"http://s3.example.org:443", S3_ADDRESS_AUTO,
	     "path http://s3.example.org:443"},
	    {"https://s3.example.org:8443", S3_ADDRESS_AUTO,
	     "path https://s3.example.org:8443"},
	    {"http://[::1]:7480", S3_ADDRESS_AUTO, "path http://[::1]:7480"},
	    {"https://[fe80::80]", S3_ADDRESS_AUTO, "path https://[fe80::80]"},
	    {"https://s3.example.org/", S3_ADDRESS_AUTO,
	     "path https://s3.example.org"},
	    {"https://h.example/a/b//", S3_ADDRESS_AUTO,
	     "path https://h.example/a/b"},
	    {"https://h.example/a%20b", S3_ADDRESS_AUTO,
	     "path https://h.example/a%20b"},
	    {"https://s3.example.org", S3_ADDRESS_VIRTUAL,
	     "virtual https://logs.s3.example.org"},
	    {"http://s3.example.org:9000/x", S3_ADDRESS_VIRTUAL,
	     "virtual http://logs.s3.example.org:9000/x"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct s3_place_options options = {
		    rows[i].endpoint, "us-east-1", "logs", rows[i].addressing};
		CHECK_TEXT(place_of(&options), rows[i].wanted);
	}
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static void a_bad_endpoint_is_refused(void)
{
	static const char *const bad[] = {
	    "",
	    "https://",
	    "https:///path",
	    "https://:9000",
	    "ftp://s3.example.org",
	    "HTTPS://s3.example.org",
	    "http//s3.example.org/a://b",
	    "https://user@s3.example.org",
	    "https://s3.example.org?a=b",
	    "https://s3.example.org/a#b",
	    "https://s3 example.org",
	    "https://s3.example.org\n",
	    "https://s3.ex%41mple.org",
	    "https://s3.example.org/a b",
	    "https://s3.example.org/a\r\nx: y",
	    "https://s3.example.org/\xc3\xa4",
	    "https://s3.example.org/\x7f",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct s3_place_options options = {
		    bad[i], "us-east-1", "logs", S3_ADDRESS_AUTO};
		if (!CHECK(begins_with(place_of(&options), "s3_endpoint: ")))
			(void)printf("# \"%s\"\n", bad[i]);
	}
	const struct s3_place_options secret = {
	    "https://user:hush@s3.example.org", "us-east-1", "logs",
	    S3_ADDRESS_AUTO};
	CHECK(!strstr(place_of(&secret), "hush"));
	/* there is no name in front of a number */
	const struct s3_place_options number = {
	    "http://[::1]:7480", "us-east-1", "logs", S3_ADDRESS_VIRTUAL};
	CHECK(begins_with(place_of(&number), "s3_endpoint: \""));
}

/* "https://" and size bytes of host, dots in it. */
static const char *long_endpoint(size_t size, const char *tail)
{
	static char text[2048];
	size_t used = (size_t)snprintf(text, sizeof(text), "https://");
	for (size_t i = 0; i < size; i++)
		text[used++] = i % 50 == 49 ? '.' : 'h';
	(void)snprintf(text + used, sizeof(text) - used, "%s", tail);
	return text;
}

static void what_is_long_is_whole_or_refused(void)
{
	struct s3_place_options options = {NULL, "us-east-1", "logs",
					   S3_ADDRESS_VIRTUAL};
	char wanted[4096];
	options.endpoint = long_endpoint(252, ":54321");
	(void)snprintf(wanted, sizeof(wanted), "virtual https://logs.%s",
		       options.endpoint + 8);
	CHECK_TEXT(place_of(&options), wanted);
	options.endpoint = long_endpoint(600, "");
	CHECK(begins_with(place_of(&options), "s3_endpoint: "));
	options.endpoint =
	    "https://h/"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp"
	    "ppppppppppppppppppppppppppppppppppppppppppppppppppp";
	CHECK(begins_with(place_of(&options), "s3_endpoint: "));
	char bucket[257];
	memset(bucket, 'b', sizeof(bucket));
	bucket[256] = '\0';
	options.bucket = bucket;
	options.endpoint = NULL;
	CHECK(begins_with(place_of(&options), "s3_bucket: "));
	bucket[255] = '\0';
	(void)snprintf(wanted, sizeof(wanted),
		       "virtual https://%s.s3.us-east-1.amazonaws.com", bucket);
	CHECK_TEXT(place_of(&options), wanted);
	/* each fits, both do not */
	options.endpoint = long_endpoint(400, "");
	CHECK(begins_with(place_of(&options), "s3_"));
}

static void a_bad_bucket_or_region_is_refused(void)
{
	static const char *const bad[] = {"", ".", ".."};
	static const char *const odd[] = {"a/b",  "a b",      "a?b",
					  "a\nb", "\xc3\xa4", "a%b"};
	struct s3_place_options options = {NULL, "us-east-1", NULL,
					   S3_ADDRESS_AUTO};
	CHECK(begins_with(place_of(&options), "s3_bucket: "));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		options.bucket = bad[i];
		CHECK(begins_with(place_of(&options), "s3_bucket: "));
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		options = (struct s3_place_options){NULL, "us-east-1", odd[i],
						    S3_ADDRESS_AUTO};
		CHECK(begins_with(place_of(&options), "s3_bucket: \""));
		options.bucket = "logs";
		options.region = odd[i];
		CHECK(begins_with(place_of(&options), "s3_region: \""));
	}
	options.region = "";
	CHECK(begins_with(place_of(&options), "s3_region: \""));
}

static void the_endpoint_is_told_without_a_slash(void)
{
	static const struct {
		const char *endpoint;
		const char *told;
	} rows[] = {
	    {NULL, "https://s3.amazonaws.com"},
	    {"s3.example.org/", "https://s3.example.org"},
	    {"http://s3.example.org:80//", "http://s3.example.org"},
	    {"http://s3.example.org:9000/a/", "http://s3.example.org:9000/a"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct s3_place_options options = {
		    rows[i].endpoint, "eu-west-1", "logs", S3_ADDRESS_VIRTUAL};
		struct s3_place place;
		struct error err = {0};
		CHECK_INT(s3_place_init(&place, &options, &err), 0);
		CHECK_TEXT(place.endpoint, rows[i].told);
	}
}

static void a_place_moves_to_its_region(void)
{
	struct s3_place_options options = {NULL, "us-east-1", "logs",
					   S3_ADDRESS_AUTO};
	struct s3_place place;
	struct error err = {0};
	CHECK_INT(s3_place_init(&place, &options, &err), 0);
	CHECK_INT(s3_place_move(&place, "cn-north-1", &err), 0);
	CHECK_TEXT(place.host, "logs.s3.cn-north-1.amazonaws.com.cn");
	CHECK_TEXT(place.region, "cn-north-1");
	/* a reply told it: it may be anything */
	CHECK_INT(s3_place_move(&place, "x/y", &err), ERROR_CONFIG);
	CHECK_TEXT(place.region, "cn-north-1");
	CHECK_TEXT(place.host, "logs.s3.cn-north-1.amazonaws.com.cn");
	error_clear(&err);
	CHECK_INT(s3_place_move(&place, "", &err), ERROR_CONFIG);
	options.endpoint = "http://s3.example.org:9000";
	error_clear(&err);
	CHECK_INT(s3_place_init(&place, &options, &err), 0);
	CHECK_INT(s3_place_move(&place, "garage", &err), 0);
	CHECK_TEXT(place.host, "s3.example.org:9000");
	CHECK_TEXT(place.region, "garage");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(bytes_are_encoded),
	    CHECK_TEST(encoding_appends),
	    CHECK_TEST(codes_are_undone),
	    CHECK_TEST(all_bytes_come_back),
	    CHECK_TEST(aws_is_found_by_region),
	    CHECK_TEST(an_endpoint_is_taken_apart),
	    CHECK_TEST(a_bad_endpoint_is_refused),
	    CHECK_TEST(what_is_long_is_whole_or_refused),
	    CHECK_TEST(a_bad_bucket_or_region_is_refused),
	    CHECK_TEST(the_endpoint_is_told_without_a_slash),
	    CHECK_TEST(a_place_moves_to_its_region),
	};
	return CHECK_RUN(tests);
}

#include "check.h"

#include <string.h>

#include "s3/s3_sign.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { MOST_PAIRS = 8 };

/* The keys and the moment of the examples that AWS publishes. */
static const struct s3_keys keys = {
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
static const struct s3_scope scope = {"us-east-1",
				      INT64_C(1369353600) * 1000000000, NULL};

#define HOST                                                                   \
	{                                                                      \
		(char *)"host", (char *)"examplebucket.s3.amazonaws.com"       \
	}
#define PAIR(name, value)                                                      \
	{                                                                      \
		(char *)(name), (char *)(value)                                \
	}

struct request {
	const char *method;
	const char *path;
	const char *payload_sha256;
	struct s3_pair query[MOST_PAIRS];   /* to the first without a name */
	struct s3_pair headers[MOST_PAIRS]; /* likewise */
};

static size_t count_pairs(const struct s3_pair *pairs)
{
	size_t count = 0;
	while (count < MOST_PAIRS && pairs[count].name)
		count++;
	return count;
}

static int sign_as(const struct request *request, const struct s3_keys *who,
		   struct s3_signed *out, struct error *err)
{
	const struct s3_sign_input input = {
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .query_count = count_pairs(request->query),
	    .headers = request->headers,
	    .header_count = count_pairs(request->headers),
	    .payload_sha256 =
		request->payload_sha256 ? request->payload_sha256 : EMPTY,
	};
	return s3_sign(&input, who, &scope, out, err);
}

/* The canonical request from line first on, count lines of it. */
static const char *canonical_lines(const struct request *request,
				   const struct s3_keys *who, int first,
				   int count)
{
	static char text[2048];
	struct s3_signed out;
	struct error err = {0};
	if (sign_as(request, who, &out, &err) != 0)
		return err.text[0] ? "refused" : "refused without a word";
	const char *at = out.canonical_request;
	for (int i = 1; i < first && at; i++)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	(void)snprintf(text, sizeof(text), "%s", at ? at : "(shorter)");
	char *end = text;
	for (int i = 0; i < count && end; i++)
		end = strchr(i ? end + 1 : end, '\n');
	if (end)
		*end = '\0';
	s3_signed_clear(&out);
	return text;
}

/* docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
static const struct example {
	struct request request;
	const char *canonical_sha256;
	const char *signed_names;
	const char *signature;
} examples[] = {
    {{"GET", "/test.txt", EMPTY, {{0}}, {HOST, PAIR("range", "bytes=0-9")}},
     "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {{"PUT",
      "/test%24file.text",
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      {{0}},
      {HOST, PAIR("date", "Fri, 24 May 2013 00:00:00 GMT"),
       PAIR("x-amz-storage-class", "REDUCED_REDUNDANCY")}},
     "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {{"GET", "/", EMPTY, {PAIR("lifecycle", "")}, {HOST}},
     "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {{"GET", "/", EMPTY, {PAIR("max-keys", "2"), PAIR("prefix", "J")}, {HOST}},
     "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void the_examples_of_aws_come_out(void)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		const struct example *e = &examples[i];
		struct s3_signed out;
		struct error err = {0};
		char wanted[1024];
		if (!CHECK_INT(sign_as(&e->request, &keys, &out, &err), 0))
			continue;
		CHECK_TEXT(out.amz_date, "20130524T000000Z");
		(void)snprintf(wanted, sizeof(wanted),
			       "AWS4-HMAC-SHA256\n20130524T000000Z\n"
			       "20130524/us-east-1/s3/aws4_request\n%s",
			       e->canonical_sha256);
		CHECK_TEXT(out.string_to_sign, wanted);
		(void)snprintf(wanted, sizeof(wanted),
			       "AWS4-HMAC-SHA256 Credential=%s/20130524/"
			       "us-east-1/s3/aws4_request,SignedHeaders=%s,"
			       "Signature=%s",
			       keys.access_key_id, e->signed_names,
			       e->signature);
		CHECK_TEXT(out.authorization, wanted);
		s3_signed_clear(&out);
	}
}

static void a_canonical_request_has_its_lines(void)
{
	const struct request bare = {
	    "GET", "/", EMPTY, {PAIR("lifecycle", NULL)}, {HOST}};
	CHECK_TEXT(canonical_lines(&bare, &keys, 1, 99),
		   "GET\n/\nlifecycle=\nhost:examplebucket.s3.amazonaws.com\n"
		   "x-amz-content-sha256:" EMPTY
		   "\nx-amz-date:20130524T000000Z\n\n"
		   "host;x-amz-content-sha256;x-amz-date\n" EMPTY);
}

static void queries_are_encoded_then_sorted(void)
{
	static const struct {
		struct s3_pair query[MOST_PAIRS];
		const char *line;
	} rows[] = {
	    {{{0}}, ""},
	    {{PAIR("b", "2"), PAIR("a", "1")}, "a=1&b=2"},
	    {{PAIR("a", "2"), PAIR("a", "1")}, "a=1&a=2"},
	    {{PAIR("uploads", "")}, "uploads="},
	    {{PAIR("uploads", NULL)}, "uploads="},
	    {{PAIR("prefix", "a/b c")}, "prefix=a%2Fb%20c"},
	    {{PAIR("prefix", "+=&?#%")}, "prefix=%2B%3D%26%3F%23%25"},
	    {{PAIR("prefix", "-._~")}, "prefix=-._~"},
	    {{PAIR("prefix", "\"'()*!,;:@$")},
	     "prefix=%22%27%28%29%2A%21%2C%3B%3A%40%24"},
	    {{PAIR("prefix", "\xc3\xa4\xff\x01")}, "prefix=%C3%A4%FF%01"},
	    /* the order is that of the encoded names: '%' is before 'A' */
	    {{PAIR("A", ""), PAIR("\xc3\xa4", ""), PAIR("a", "")},
	     "%C3%A4=&A=&a="},
	    /* names first: "a" before "a-b", whatever the '=' is */
	    {{PAIR("a-b", "1"), PAIR("a", "2")}, "a=2&a-b=1"},
	    {{PAIR("uploadId", "x"), PAIR("partNumber", "10")},
	     "partNumber=10&uploadId=x"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct request request = {
		    .method = "GET", .path = "/", .headers = {HOST}};
		memcpy(request.query, rows[i].query, sizeof(request.query));
		CHECK_TEXT(canonical_lines(&request, &keys, 3, 1),
			   rows[i].line);
	}
}

static void a_path_is_signed_as_it_is_sent(void)
{
	static const char *const paths[] = {"/", "/a//b/../%2e", "/%25%20",
					    "/~a_b-c.d"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		const struct request request = {
		    "GET", paths[i], EMPTY, {{0}}, {HOST}};
		CHECK_TEXT(canonical_lines(&request, &keys, 2, 1), paths[i]);
	}
	/* an empty path is the root */
	const struct request empty = {"GET", "", EMPTY, {{0}}, {HOST}};
	CHECK_TEXT(canonical_lines(&empty, &keys, 2, 1), "/");
}

static void headers_are_sorted_by_name(void)
{
	const struct request request = {
	    "PUT",
	    "/k",
	    EMPTY,
	    {{0}},
	    {PAIR("x-amz-storage-class", "STANDARD"), PAIR("x-amz-meta-b", "2"),
	     HOST, PAIR("content-type", "text/plain"),
	     PAIR("x-amz-meta-a", "1"), PAIR("content-md5", "Zm9v"),
	     PAIR("if-none-match", "*"), PAIR("x-amz-meta-a-b", "3")}};
	CHECK_TEXT(canonical_lines(&request, &keys, 4, 10),
		   "content-md5:Zm9v\n"
		   "content-type:text/plain\n"
		   "host:examplebucket.s3.amazonaws.com\n"
		   "if-none-match:*\n"
		   "x-amz-content-sha256:" EMPTY "\n"
		   "x-amz-date:20130524T000000Z\n"
		   "x-amz-meta-a:1\n"
		   "x-amz-meta-a-b:3\n"
		   "x-amz-meta-b:2\n"
		   "x-amz-storage-class:STANDARD");
	CHECK_TEXT(canonical_lines(&request, &keys, 15, 1),
		   "content-md5;content-type;host;if-none-match;"
		   "x-amz-content-sha256;x-amz-date;x-amz-meta-a;"
		   "x-amz-meta-a-b;x-amz-meta-b;x-amz-storage-class");
}

static void a_header_that_comes_twice_is_one(void)
{
	const struct request request = {"PUT",
					"/k",
					EMPTY,
					{{0}},
					{HOST, PAIR("x-amz-meta-a", "2"),
					 PAIR("x-amz-meta-b", "3"),
					 PAIR("x-amz-meta-a", "1")}};
	/* the values in the order they are sent in */
	CHECK_TEXT(canonical_lines(&request, &keys, 7, 2),
		   "x-amz-meta-a:2,1\nx-amz-meta-b:3");
	CHECK_TEXT(
	    canonical_lines(&request, &keys, 10, 1),
	    "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-meta-b");
}

static void white_space_of_values_is_folded(void)
{
	static const struct {
		const char *value;
		const char *line;
	} rows[] = {
	    {"a", "x-amz-meta-v:a"},
	    {"", "x-amz-meta-v:"},
	    {NULL, "x-amz-meta-v:"},
	    {"   ", "x-amz-meta-v:"},
	    {" a", "x-amz-meta-v:a"},
	    {"a  ", "x-amz-meta-v:a"},
	    {"a   b  c", "x-amz-meta-v:a b c"},
	    {"\"a   b\"", "x-amz-meta-v:\"a b\""},
	    {"=?UTF-8?B?w6Q=?=", "x-amz-meta-v:=?UTF-8?B?w6Q=?="},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct request request = {
		    "PUT",
		    "/k",
		    EMPTY,
		    {{0}},
		    {HOST, PAIR("x-amz-meta-v", rows[i].value)}};
		CHECK_TEXT(canonical_lines(&request, &keys, 7, 1),
			   rows[i].line);
	}
}

static void a_session_token_is_signed(void)
{
	const struct request request = {"GET", "/", EMPTY, {{0}}, {HOST}};
	struct s3_keys temporary = keys;
	temporary.session_token = "FwoGZXIvYXdzEA//+=";
	CHECK_TEXT(canonical_lines(&request, &temporary, 7, 1),
		   "x-amz-security-token:FwoGZXIvYXdzEA//+=");
	CHECK_TEXT(canonical_lines(&request, &temporary, 9, 1),
		   "host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
	temporary.session_token = "";
	CHECK_TEXT(canonical_lines(&request, &temporary, 8, 1),
		   "host;x-amz-content-sha256;x-amz-date");
}

static void control_bytes_are_refused(void)
{
	static const char *const bad[] = {"a\nb", "\r\n", "a\x7f", "\x01"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct request request = {
		    .method = "GET", .path = "/", .headers = {HOST}};
		struct s3_keys odd = keys;
		struct s3_signed out;
		struct error err = {0};
		odd.access_key_id = bad[i];
		CHECK_INT(sign_as(&request, &odd, &out, &err), ERROR_REFUSED);
		CHECK(!out.authorization);
		CHECK_TEXT(err.text, "control byte in the S3 credentials");
		odd = keys;
		odd.session_token = bad[i];
		error_clear(&err);
		CHECK_INT(sign_as(&request, &odd, &out, &err), ERROR_REFUSED);
		CHECK(!out.authorization);
		request.headers[1] = (struct s3_pair)PAIR("x-amz-acl", bad[i]);
		error_clear(&err);
		CHECK_INT(sign_as(&request, &keys, &out, &err), ERROR_INVALID);
		CHECK_INT(err.code, ERROR_INVALID);
		CHECK(!out.authorization && !out.canonical_request);
	}
}

static void every_part_of_the_scope_counts(void)
{
	const struct request request = {"GET", "/", EMPTY, {{0}}, {HOST}};
	const struct s3_sign_input input = {"GET",	     "/", NULL, 0,
					    request.headers, 1,	  EMPTY};
	static const struct s3_scope scopes[] = {
	    {"us-east-1", INT64_C(1369353600000000000), NULL},
	    {"us-east-2", INT64_C(1369353600000000000), NULL},
	    {"us-east-1", INT64_C(1369353601000000000), NULL},
	    {"us-east-1", INT64_C(1369440000000000000), NULL},
	};
	enum { COUNT = sizeof(scopes) / sizeof(*scopes) };
	struct s3_signed out[COUNT];
	memset(out, 0, sizeof(out));
	for (size_t i = 0; i < COUNT; i++) {
		struct error err = {0};
		CHECK_INT(s3_sign(&input, &keys, &scopes[i], &out[i], &err), 0);
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(strrchr(out[i].authorization, '='),
				     strrchr(out[j].authorization, '=')) != 0);
	}
	for (size_t i = 0; i < COUNT; i++)
		s3_signed_clear(&out[i]);
}

static void a_kept_key_signs_as_a_new_one(void)
{
	const struct request request = {"GET", "/", EMPTY, {{0}}, {HOST}};
	const struct s3_sign_input input = {"GET",	     "/", NULL, 0,
					    request.headers, 1,	  EMPTY};
	const struct s3_keys others = {"AKIDEXAMPLE", "another secret", NULL};
	struct s3_signing_key kept = {0};
	const struct {
		const struct s3_keys *keys;
		const char *region;
		int64_t now_ns;
	} cases[] = {
	    {&keys, "us-east-1", INT64_C(1369353600000000000)},
	    {&keys, "us-east-1", INT64_C(1369353601000000000)},
	    {&others, "us-east-1", INT64_C(1369353601000000000)},
	    {&keys, "us-east-1", INT64_C(1369353601000000000)},
	    {&keys, "us-east-2", INT64_C(1369353601000000000)},
	    {&keys, "us-east-2", INT64_C(1369440000000000000)},
	    {&keys, "us-east-1", INT64_C(1369353600000000000)},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct s3_scope anew = {cases[i].region, cases[i].now_ns,
					      NULL};
		const struct s3_scope with = {cases[i].region, cases[i].now_ns,
					      &kept};
		struct s3_signed wanted = {0};
		struct s3_signed got = {0};
		CHECK_INT(s3_sign(&input, cases[i].keys, &anew, &wanted, NULL),
			  0);
		CHECK_INT(s3_sign(&input, cases[i].keys, &with, &got, NULL), 0);
		CHECK_STR(got.authorization, wanted.authorization);
		s3_signed_clear(&wanted);
		s3_signed_clear(&got);
	}
	s3_signing_key_clear(&kept);
	CHECK(!kept.secret);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_examples_of_aws_come_out),
	    CHECK_TEST(a_canonical_request_has_its_lines),
	    CHECK_TEST(queries_are_encoded_then_sorted),
	    CHECK_TEST(a_path_is_signed_as_it_is_sent),
	    CHECK_TEST(headers_are_sorted_by_name),
	    CHECK_TEST(a_header_that_comes_twice_is_one),
	    CHECK_TEST(white_space_of_values_is_folded),
	    CHECK_TEST(a_session_token_is_signed),
	    CHECK_TEST(control_bytes_are_refused),
	    CHECK_TEST(every_part_of_the_scope_counts),
	    CHECK_TEST(a_kept_key_signs_as_a_new_one),
	};
	return CHECK_RUN(tests);
}

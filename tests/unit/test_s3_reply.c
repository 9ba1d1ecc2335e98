#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "s3/s3.h"

/* Requests as they are judged by: all that counts is what is in them. */
enum kind {
	HEAD,
	GET,
	PUT,
	PUT_GUARDED, /* with a CRC64 */
	COMPLETE
};

static int make_request(enum kind kind, struct s3_request *request)
{
	static const unsigned char sha256[HASH_SHA256_BYTES];
	const struct bytes key = bytes_of_text("k");
	const struct s3_guard guard = {sha256, kind == PUT_GUARDED, 1, NULL};
	const struct s3_object object = {0};
	const struct s3_part part = {.number = 1, .etag = "\"e\""};
	switch (kind) {
	case HEAD:
		return s3_head_object_checksum(request, key);
	case GET:
		return s3_list_objects(request, &(struct s3_list){0});
	case COMPLETE:
		return s3_complete_upload(request, key, "id", &part, 1, NULL);
	default:
		return s3_put_object(request, key, &object, &guard, true);
	}
}

static struct s3_verdict verdict_of(enum kind kind, int status,
				    const char *headers, const char *body)
{
	struct http_reply reply = {.status = status};
	struct s3_request request = {0};
	struct s3_verdict verdict;
	reply.headers.data = (char *)headers;
	reply.headers.size = strlen(headers);
	reply.body.data = (char *)body;
	reply.body.size = strlen(body);
	CHECK_INT(make_request(kind, &request), 0);
	s3_judge(&request, &reply, &verdict);
	CHECK_INT(verdict.status, status);
	s3_request_clear(&request);
	return verdict;
}

#define FAULT(code)                                                            \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" code       \
	"</Code><Message>m</Message><RequestId>1</RequestId></Error>"

static const struct row {
	enum kind kind;
	int status;
	const char *body;
	enum s3_outcome outcome;
	enum retry_class retry;
} rows[] = {
    {HEAD, 200, "", S3_DONE, RETRY_NEVER},
    {GET, 200, "<ListBucketResult/>", S3_DONE, RETRY_NEVER},
    {PUT, 200, "", S3_DONE, RETRY_NEVER},
    {PUT, 201, "", S3_DONE, RETRY_NEVER},
    {PUT, 204, "", S3_DONE, RETRY_NEVER},
    {GET, 206, "", S3_DONE, RETRY_NEVER},
    /* an object's bytes may look like an error */
    {GET, 200, FAULT("InternalError"), S3_DONE, RETRY_NEVER},

    /* Complete sends 200 first and thinks then */
    {COMPLETE, 200, "<CompleteMultipartUploadResult/>", S3_DONE, RETRY_NEVER},
    {COMPLETE, 200, FAULT("InternalError"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {COMPLETE, 200, "\n  \n" FAULT("SlowDown"), S3_TRY_AGAIN, RETRY_THROTTLE},
    {COMPLETE, 200, FAULT("NoSuchUpload"), S3_NO_UPLOAD, RETRY_NEVER},
    {COMPLETE, 200, FAULT("AccessDenied"), S3_DENIED, RETRY_NEVER},
    {COMPLETE, 200, FAULT("NeverHeardOf"), S3_FAILED, RETRY_NEVER},
    {COMPLETE, 404, FAULT("NoSuchUpload"), S3_NO_UPLOAD, RETRY_NEVER},
    /* so says Ceph */
    {COMPLETE, 404, FAULT("NoSuchKey"), S3_NO_UPLOAD, RETRY_NEVER},
    {PUT, 404, FAULT("NoSuchKey"), S3_MISSING, RETRY_NEVER},

    /* without a code the status counts */
    {PUT, 301, "", S3_WRONG_REGION, RETRY_NEVER},
    {PUT, 307, "", S3_WRONG_REGION, RETRY_NEVER},
    {PUT, 302, "", S3_FAILED, RETRY_NEVER},
    {PUT, 400, "", S3_FAILED, RETRY_NEVER},
    {PUT, 401, "", S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 403, "", S3_DENIED, RETRY_NEVER},
    {PUT, 404, "", S3_MISSING, RETRY_NEVER},
    {PUT, 405, "", S3_FAILED, RETRY_NEVER},
    {PUT, 408, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 411, "", S3_FAILED, RETRY_NEVER},
    {PUT, 412, "", S3_EXISTS, RETRY_NEVER},
    {PUT, 413, "", S3_FAILED, RETRY_NEVER},
    {PUT, 429, "", S3_TRY_AGAIN, RETRY_THROTTLE},
    {PUT, 500, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 501, "", S3_FAILED, RETRY_NEVER},
    {PUT, 502, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 503, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 504, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 507, "", S3_FAILED, RETRY_NEVER},
    {PUT, 509, "", S3_TRY_AGAIN, RETRY_THROTTLE},
    /* ... also where the body is something else */
    {PUT, 502, "<html><h1>Bad Gateway</h1>", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 403, "<html><Code>SlowDown</Code></html>", S3_DENIED, RETRY_NEVER},
    {PUT, 503, "{\"Code\":\"AccessDenied\"}", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 500, FAULT("NeverHeardOf"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 500, FAULT(""), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 500, "<!DOCTYPE x>" FAULT("AccessDenied"), S3_TRY_AGAIN,
     RETRY_TRANSIENT},

    /* with a code it is the code */
    {GET, 404, FAULT("NoSuchKey"), S3_MISSING, RETRY_NEVER},
    {GET, 404, FAULT("NoSuchBucket"), S3_NO_BUCKET, RETRY_NEVER},
    {PUT, 412, FAULT("PreconditionFailed"), S3_EXISTS, RETRY_NEVER},
    {PUT, 409, FAULT("ConditionalRequestConflict"), S3_TRY_AGAIN,
     RETRY_TRANSIENT},
    {PUT, 409, FAULT("OperationAborted"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 301, FAULT("PermanentRedirect"), S3_WRONG_REGION, RETRY_NEVER},
    {PUT, 307, FAULT("TemporaryRedirect"), S3_WRONG_REGION, RETRY_NEVER},
    {PUT, 400, FAULT("AuthorizationHeaderMalformed"), S3_WRONG_REGION,
     RETRY_NEVER},
    {PUT, 403, FAULT("RequestTimeTooSkewed"), S3_WRONG_CLOCK, RETRY_NEVER},
    {PUT, 403, FAULT("AccessDenied"), S3_DENIED, RETRY_NEVER},
    {PUT, 403, FAULT("InvalidAccessKeyId"), S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 403, FAULT("SignatureDoesNotMatch"), S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 400, FAULT("ExpiredToken"), S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 400, FAULT("InvalidToken"), S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 400, FAULT("TokenRefreshRequired"), S3_BAD_KEYS, RETRY_NEVER},
    {PUT, 400, FAULT("RequestTimeout"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 400, FAULT("IncompleteBody"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 500, FAULT("InternalError"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT, 503, FAULT("SlowDown"), S3_TRY_AGAIN, RETRY_THROTTLE},
    {PUT, 503, FAULT("ServiceUnavailable"), S3_TRY_AGAIN, RETRY_THROTTLE},
    {PUT, 429, FAULT("TooManyRequests"), S3_TRY_AGAIN, RETRY_THROTTLE},
    {PUT, 400, FAULT("EntityTooLarge"), S3_FAILED, RETRY_NEVER},
    {PUT, 501, FAULT("NotImplemented"), S3_FAILED, RETRY_NEVER},
    {PUT, 400, FAULT("slowdown"), S3_FAILED, RETRY_NEVER},

    /* a server that does not know the checksum says so in many ways */
    {PUT_GUARDED, 501, FAULT("NotImplemented"), S3_GUARD_REFUSED, RETRY_NEVER},
    {PUT_GUARDED, 400, FAULT("InvalidRequest"), S3_GUARD_REFUSED, RETRY_NEVER},
    {PUT_GUARDED, 400, FAULT("InvalidPart"), S3_GUARD_REFUSED, RETRY_NEVER},
    {PUT_GUARDED, 400, "", S3_GUARD_REFUSED, RETRY_NEVER},
    {PUT_GUARDED, 400, FAULT("RequestTimeout"), S3_TRY_AGAIN, RETRY_TRANSIENT},
    {PUT_GUARDED, 403, "", S3_DENIED, RETRY_NEVER},
    {PUT_GUARDED, 400, FAULT("BadDigest"), S3_GUARD_MISMATCH, RETRY_TRANSIENT},
    {PUT, 400, FAULT("BadDigest"), S3_GUARD_MISMATCH, RETRY_TRANSIENT},
    {PUT, 400, FAULT("XAmzContentSHA256Mismatch"), S3_GUARD_MISMATCH,
     RETRY_TRANSIENT},

    /* HEAD has no body: only so much can be known */
    {HEAD, 404, "", S3_MISSING, RETRY_NEVER},
    {HEAD, 403, "", S3_UNKNOWN, RETRY_NEVER},
    {HEAD, 400, "", S3_UNKNOWN, RETRY_NEVER},
    {HEAD, 301, "", S3_WRONG_REGION, RETRY_NEVER},
    {HEAD, 412, "", S3_EXISTS, RETRY_NEVER},
    {HEAD, 503, "", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {HEAD, 501, "", S3_FAILED, RETRY_NEVER},
};

static void replies_mean_what_the_table_says(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct s3_verdict verdict =
		    verdict_of(row->kind, row->status, "", row->body);
		bool fits = CHECK_INT(verdict.outcome, row->outcome);
		fits = CHECK_INT(verdict.retry, row->retry) && fits;
		if (!fits)
			(void)printf("# row %zu: %d %s\n", i, row->status,
				     row->body);
		CHECK_INT(verdict.retry_after_ms, -1);
		CHECK_INT(verdict.server_ms, 0);
		CHECK_TEXT(verdict.region, "");
	}
}

static void a_failure_needs_no_status(void)
{
	static const struct {
		enum http_failure failure;
		enum s3_outcome outcome;
		enum retry_class retry;
	} failures[] = {
	    {HTTP_UNREACHABLE, S3_UNREACHABLE, RETRY_TRANSIENT},
	    {HTTP_TLS, S3_UNREACHABLE, RETRY_NEVER},
	    {HTTP_BROKEN, S3_UNREACHABLE, RETRY_TRANSIENT},
	    {HTTP_REUSED_BROKEN, S3_UNREACHABLE, RETRY_AT_ONCE},
	    {HTTP_TOO_LARGE, S3_FAILED, RETRY_NEVER},
	    {HTTP_LOCAL, S3_LOCAL, RETRY_NEVER},
	    {HTTP_BODY_SHORT, S3_LOCAL, RETRY_NEVER},
	};
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		const struct s3_request request = {.method = "PUT"};
		struct http_reply reply = {.failure = failures[i].failure,
					   .status = 200};
		struct s3_verdict verdict;
		(void)snprintf(reply.failure_text, sizeof(reply.failure_text),
			       "no route");
		s3_judge(&request, &reply, &verdict);
		CHECK_INT(verdict.outcome, failures[i].outcome);
		CHECK_INT(verdict.retry, failures[i].retry);
		CHECK_INT(verdict.retry_after_ms, -1);
		CHECK_TEXT(verdict.text, "no route");
	}
}

static void a_redirect_tells_the_region(void)
{
	static const char in_body[] =
	    "<Error><Code>AuthorizationHeaderMalformed</Code>"
	    "<Region>eu-west-1</Region></Error>";
	static const char in_none[] =
	    "<Error><Code>PermanentRedirect</Code><Region/></Error>";
	static const struct {
		enum kind kind;
		int status;
		const char *headers;
		const char *body;
		enum s3_outcome outcome;
		const char *region;
	} cases[] = {
	    {PUT, 400, "", in_body, S3_WRONG_REGION, "eu-west-1"},
	    {PUT, 301, "x-amz-bucket-region: eu-west-2\n",
	     FAULT("PermanentRedirect"), S3_WRONG_REGION, "eu-west-2"},
	    {PUT, 301, "x-amz-bucket-region: eu-west-2\n", in_none,
	     S3_WRONG_REGION, "eu-west-2"},
	    {PUT, 301, "", in_none, S3_WRONG_REGION, ""},
	    {HEAD, 301, "x-amz-bucket-region: eu-west-2\n", "", S3_WRONG_REGION,
	     "eu-west-2"},
	    {HEAD, 400, "x-amz-bucket-region: eu-west-2\n", "", S3_WRONG_REGION,
	     "eu-west-2"},
	    {HEAD, 403, "x-amz-bucket-region: eu-west-2\n", "", S3_UNKNOWN,
	     "eu-west-2"},
	    {HEAD, 200, "x-amz-bucket-region: eu-west-2\n", "", S3_DONE,
	     "eu-west-2"},
	    {PUT, 301, "x-amz-bucket-region: eu\x01west\xc3\n", "",
	     S3_WRONG_REGION, "eu?west?"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct s3_verdict verdict =
		    verdict_of(cases[i].kind, cases[i].status, cases[i].headers,
			       cases[i].body);
		CHECK_INT(verdict.outcome, cases[i].outcome);
		CHECK_TEXT(verdict.region, cases[i].region);
	}
}

#define DATE "date: Fri, 24 May 2013 00:00:00 GMT\n"

static void a_skewed_clock_is_told_the_time(void)
{
	struct s3_verdict verdict =
	    verdict_of(PUT, 403, DATE, FAULT("RequestTimeTooSkewed"));
	CHECK_INT(verdict.outcome, S3_WRONG_CLOCK);
	CHECK_INT(verdict.server_ms, INT64_C(1369353600000));
	verdict = verdict_of(PUT, 403, "date: yesterday\n",
			     FAULT("RequestTimeTooSkewed"));
	CHECK_INT(verdict.outcome, S3_WRONG_CLOCK);
	CHECK_INT(verdict.server_ms, 0);
	verdict = verdict_of(HEAD, 403, DATE, "");
	CHECK_INT(verdict.server_ms, INT64_C(1369353600000));
}

static void a_wish_to_wait_is_read(void)
{
	static const struct {
		const char *headers;
		int64_t wait_ms;
	} cases[] = {
	    {"retry-after: 0\n", 0},
	    {"retry-after: 7\n", 7000},
	    {"retry-after: 86400\n", 86400000},
	    {"retry-after: -1\n", -1},
	    {"retry-after: \n", -1},
	    {"retry-after: soon\n", -1},
	    {"retry-after: 7s\n", -1},
	    {"retry-after: 99999999999999999999\n", -1},
	    {"x-amz-retry-after: 250\n", 250},
	    {"x-amz-retry-after: 250\nretry-after: 7\n", 250},
	    {"x-amz-retry-after: soon\nretry-after: 7\n", 7000},
	    {DATE "retry-after: Fri, 24 May 2013 00:00:09 GMT\n", 9000},
	    {DATE "retry-after: Thu, 23 May 2013 23:59:59 GMT\n", 0},
	    /* the server's own date is wanted: ours may be skewed */
	    {"retry-after: Fri, 24 May 2013 00:00:09 GMT\n", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct s3_verdict verdict =
		    verdict_of(PUT, 503, cases[i].headers, "");
		if (!CHECK_INT(verdict.retry_after_ms, cases[i].wait_ms))
			(void)printf("# %s", cases[i].headers);
	}
}

static void a_verdict_has_words(void)
{
	CHECK_TEXT(verdict_of(PUT, 200, "", "").text, "200");
	CHECK_TEXT(verdict_of(PUT, 502, "", "<html>").text, "502");
	CHECK_TEXT(verdict_of(HEAD, 403, "", FAULT("AccessDenied")).text,
		   "403");
	struct s3_verdict verdict =
	    verdict_of(PUT, 403, "", FAULT("AccessDenied"));
	CHECK_TEXT(verdict.text, "403 AccessDenied: m");
	CHECK_TEXT(verdict.code, "AccessDenied");
	/* no control byte reaches a terminal */
	CHECK_TEXT(verdict_of(PUT, 400, "",
			      "<Error><Message>a&#10;b\xc2\x9b</Message>"
			      "<Code>X&#13;</Code></Error>")
		       .text,
		   "400 X?: a?b??");
	CHECK_TEXT(verdict_of(COMPLETE, 200, "", FAULT("InternalError")).text,
		   "200 InternalError: m");
}

static void long_words_are_cut(void)
{
	char body[2048];
	(void)snprintf(body, sizeof(body),
		       "<Error><Code>%0*d</Code><Message>%0*d</Message>"
		       "<Region>%0*d</Region></Error>",
		       500, 0, 500, 0, 500, 0);
	struct s3_verdict verdict = verdict_of(PUT, 400, "", body);
	CHECK_INT(strlen(verdict.code), sizeof(verdict.code) - 1);
	CHECK_INT(strlen(verdict.region), sizeof(verdict.region) - 1);
	CHECK(strlen(verdict.text) < sizeof(verdict.text));
	CHECK_INT(verdict.outcome, S3_FAILED);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(replies_mean_what_the_table_says),
	    CHECK_TEST(a_failure_needs_no_status),
	    CHECK_TEST(a_redirect_tells_the_region),
	    CHECK_TEST(a_skewed_clock_is_told_the_time),
	    CHECK_TEST(a_wish_to_wait_is_read),
	    CHECK_TEST(a_verdict_has_words),
	    CHECK_TEST(long_words_are_cut),
	};
	return CHECK_RUN(tests);
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "s3/s3.h"
#include "s3/s3_time.h"
#include "s3/s3_xml.h"

enum { MESSAGE_BYTES = 200, MS_PER_S = 1000 };

/* What the codes mean (docs.aws.amazon.com/AmazonS3/latest/API/
 * ErrorResponses.html, and what Ceph, MinIO and others send). */
static const struct code_row {
	const char *code;
	enum s3_outcome outcome;
	enum retry_class retry;
} code_rows[] = {
    {"NoSuchKey", S3_MISSING, RETRY_NEVER},
    {"NoSuchBucket", S3_NO_BUCKET, RETRY_NEVER},
    {"NoSuchUpload", S3_NO_UPLOAD, RETRY_NEVER},
    {"PreconditionFailed", S3_EXISTS, RETRY_NEVER},
    {"PermanentRedirect", S3_WRONG_REGION, RETRY_NEVER},
    {"TemporaryRedirect", S3_WRONG_REGION, RETRY_NEVER},
    {"Redirect", S3_WRONG_REGION, RETRY_NEVER},
    {"AuthorizationHeaderMalformed", S3_WRONG_REGION, RETRY_NEVER},
    {"IllegalLocationConstraintException", S3_WRONG_REGION, RETRY_NEVER},
    {"RequestTimeTooSkewed", S3_WRONG_CLOCK, RETRY_NEVER},
    {"AccessDenied", S3_DENIED, RETRY_NEVER},
    {"AllAccessDisabled", S3_DENIED, RETRY_NEVER},
    {"AccountProblem", S3_BAD_KEYS, RETRY_NEVER},
    {"ExpiredToken", S3_BAD_KEYS, RETRY_NEVER},
    {"InvalidAccessKeyId", S3_BAD_KEYS, RETRY_NEVER},
    {"InvalidSecurity", S3_BAD_KEYS, RETRY_NEVER},
    {"InvalidToken", S3_BAD_KEYS, RETRY_NEVER},
    {"NotSignedUp", S3_BAD_KEYS, RETRY_NEVER},
    {"SignatureDoesNotMatch", S3_BAD_KEYS, RETRY_NEVER},
    {"TokenRefreshRequired", S3_BAD_KEYS, RETRY_NEVER},
    {"BadDigest", S3_GUARD_MISMATCH, RETRY_TRANSIENT},
    {"XAmzContentSHA256Mismatch", S3_GUARD_MISMATCH, RETRY_TRANSIENT},
    {"XAmzContentChecksumMismatch", S3_GUARD_MISMATCH, RETRY_TRANSIENT},
    {"InternalError", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"InternalFailure", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"RequestTimeout", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"IncompleteBody", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"OperationAborted", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"ConditionalRequestConflict", S3_TRY_AGAIN, RETRY_TRANSIENT},
    {"BandwidthLimitExceeded", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"RequestLimitExceeded", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"ServiceUnavailable", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"SlowDown", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"Throttling", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"ThrottlingException", S3_TRY_AGAIN, RETRY_THROTTLE},
    {"TooManyRequests", S3_TRY_AGAIN, RETRY_THROTTLE},
};

/* Where there is no code, or one that nobody knows. */
static const struct status_row {
	int status;
	enum s3_outcome outcome;
	enum retry_class retry;
} status_rows[] = {
    {301, S3_WRONG_REGION, RETRY_NEVER},  {307, S3_WRONG_REGION, RETRY_NEVER},
    {401, S3_BAD_KEYS, RETRY_NEVER},	  {403, S3_DENIED, RETRY_NEVER},
    {404, S3_MISSING, RETRY_NEVER},	  {408, S3_TRY_AGAIN, RETRY_TRANSIENT},
    {412, S3_EXISTS, RETRY_NEVER},	  {429, S3_TRY_AGAIN, RETRY_THROTTLE},
    {500, S3_TRY_AGAIN, RETRY_TRANSIENT}, {502, S3_TRY_AGAIN, RETRY_TRANSIENT},
    {503, S3_TRY_AGAIN, RETRY_TRANSIENT}, {504, S3_TRY_AGAIN, RETRY_TRANSIENT},
    {509, S3_TRY_AGAIN, RETRY_THROTTLE},
};

static const struct failure_row {
	enum s3_outcome outcome;
	enum retry_class retry;
} failure_rows[] = {
    [HTTP_UNREACHABLE] = {S3_UNREACHABLE, RETRY_TRANSIENT},
    [HTTP_TLS] = {S3_UNREACHABLE, RETRY_NEVER},
    [HTTP_BROKEN] = {S3_UNREACHABLE, RETRY_TRANSIENT},
    [HTTP_REUSED_BROKEN] = {S3_UNREACHABLE, RETRY_AT_ONCE},
    [HTTP_TOO_LARGE] = {S3_FAILED, RETRY_NEVER},
    [HTTP_LOCAL] = {S3_LOCAL, RETRY_NEVER},
    [HTTP_BODY_SHORT] = {S3_LOCAL, RETRY_NEVER},
};

/* ---- what the reply says ---- */

struct error_document {
	struct s3_verdict *verdict;
	char message[MESSAGE_BYTES];
	bool is_error;
};

static void keep_text(struct bytes text, char *out, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < text.size && length + 1 < size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		out[length++] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
	}
	out[length] = '\0';
}

static int error_element(void *context, const char *path, struct bytes text)
{
	struct error_document *document = context;
	struct s3_verdict *verdict = document->verdict;

	if (strcmp(path, "Error/Code") == 0) {
		keep_text(text, verdict->code, sizeof(verdict->code));
		document->is_error = true;
	} else if (strcmp(path, "Error/Message") == 0) {
		keep_text(text, document->message, sizeof(document->message));
	} else if (strcmp(path, "Error/Region") == 0 && text.size > 0) {
		keep_text(text, verdict->region, sizeof(verdict->region));
	}
	return 0;
}

static int64_t number_header(const struct http_reply *reply, const char *name,
			     int64_t factor)
{
	char value[64];
	char *end = NULL;

	if (!http_header(reply, name, value, sizeof(value)))
		return -1;
	long long number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || number < 0 || number > 86400000)
		return -1;
	return number * factor;
}

/* Seconds, or a date, which counts from the server's own. */
static int64_t read_retry_after(const struct http_reply *reply,
				int64_t server_ms)
{
	char value[64];
	int64_t seconds;
	int64_t wait_ms = number_header(reply, "x-amz-retry-after", 1);

	if (wait_ms < 0)
		wait_ms = number_header(reply, "retry-after", MS_PER_S);
	if (wait_ms >= 0 || server_ms == 0 ||
	    !http_header(reply, "retry-after", value, sizeof(value)) ||
	    !s3_time_parse(value, &seconds))
		return wait_ms;
	wait_ms = seconds * MS_PER_S - server_ms;
	return wait_ms > 0 ? wait_ms : 0;
}

static void read_headers(const struct http_reply *reply,
			 struct s3_verdict *verdict)
{
	char value[128];
	int64_t seconds;

	if (http_header(reply, "date", value, sizeof(value)) &&
	    s3_time_parse(value, &seconds))
		verdict->server_ms = seconds * MS_PER_S;
	if (http_header(reply, "x-amz-bucket-region", value, sizeof(value)))
		keep_text(bytes_of_text(value), verdict->region,
			  sizeof(verdict->region));
	verdict->retry_after_ms = read_retry_after(reply, verdict->server_ms);
}

/* ---- what it means ---- */

static void judge_status(struct s3_verdict *verdict)
{
	verdict->outcome = S3_FAILED;
	verdict->retry = RETRY_NEVER;
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(*status_rows);
	     i++) {
		if (status_rows[i].status != verdict->status)
			continue;
		verdict->outcome = status_rows[i].outcome;
		verdict->retry = status_rows[i].retry;
	}
}

static bool judge_code(struct s3_verdict *verdict)
{
	for (size_t i = 0; i < sizeof(code_rows) / sizeof(*code_rows); i++) {
		if (strcmp(code_rows[i].code, verdict->code) != 0)
			continue;
		verdict->outcome = code_rows[i].outcome;
		verdict->retry = code_rows[i].retry;
		return true;
	}
	return false;
}

static bool carries_guard(const struct s3_request *request)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strncmp(request->headers[i].name, "x-amz-checksum-", 15) ==
			0 &&
		    strcmp(request->headers[i].name, "x-amz-checksum-mode") !=
			0)
			return true;
	return false;
}

/* A reply to HEAD has no body: little can be known. */
static void judge_head(struct s3_verdict *verdict)
{
	judge_status(verdict);
	if (verdict->status == 400 || verdict->status == 403)
		verdict->outcome = S3_UNKNOWN;
	if (verdict->status == 400 && verdict->region[0] != '\0')
		verdict->outcome = S3_WRONG_REGION;
}

/* Ceph says NoSuchKey of an upload that is gone. */
static bool is_about_upload(const struct s3_request *request)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->query[i].name, "uploadId") == 0)
			return true;
	return false;
}

static void judge_error(const struct s3_request *request,
			struct s3_verdict *verdict)
{
	if (judge_code(verdict)) {
		if (verdict->outcome == S3_MISSING && is_about_upload(request))
			verdict->outcome = S3_NO_UPLOAD;
		return;
	}
	if (carries_guard(request) &&
	    (verdict->status == 400 || verdict->status == 501)) {
		verdict->outcome = S3_GUARD_REFUSED;
		verdict->retry = RETRY_NEVER;
		return;
	}
	judge_status(verdict);
}

static void judge_failure(const struct http_reply *reply,
			  struct s3_verdict *verdict)
{
	verdict->outcome = failure_rows[reply->failure].outcome;
	verdict->retry = failure_rows[reply->failure].retry;
	(void)snprintf(verdict->text, sizeof(verdict->text), "%s",
		       reply->failure_text);
}

static void set_words(struct s3_verdict *verdict, const char *message)
{
	(void)snprintf(verdict->text, sizeof(verdict->text), "%d%s%s%s%s",
		       verdict->status, verdict->code[0] ? " " : "",
		       verdict->code, message[0] ? ": " : "", message);
}

void s3_judge(const struct s3_request *request, const struct http_reply *reply,
	      struct s3_verdict *verdict)
{
	struct error_document document = {.verdict = verdict};
	const struct s3_xml_handler handler = {error_element, &document};
	bool is_head = strcmp(request->method, "HEAD") == 0;

	*verdict =
	    (struct s3_verdict){.status = reply->status, .retry_after_ms = -1};
	if (reply->failure != HTTP_OK) {
		judge_failure(reply, verdict);
		return;
	}
	read_headers(reply, verdict);
	bool may_hold_error =
	    !is_head && reply->body.size > 0 &&
	    (reply->status / 100 != 2 || request->body.size > 0);
	if (may_hold_error)
		/* what is no XML has no code: the status counts */
		(void)s3_xml_parse(buffer_bytes(&reply->body), &handler, NULL);
	set_words(verdict, document.message);
	if (reply->status / 100 == 2 && !document.is_error)
		verdict->outcome = S3_DONE;
	else if (is_head)
		judge_head(verdict);
	else
		judge_error(request, verdict);
}

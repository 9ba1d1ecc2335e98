#include "agent/contact.h"

#include "base/http.h"
#include "base/json.h"

static const char *const headers[] = {"Content-Type: application/json",
				      "Accept: application/json", NULL};

static int judge_failure(const char *url, const struct http_reply *reply,
			 struct error *err)
{
	enum error_code code =
	    reply->failure == HTTP_LOCAL ? ERROR_LOCAL : ERROR_UNREACHABLE;

	return error_set(err, code, "mothership %s: %s", url,
			 reply->failure_text);
}

static int judge_status(const char *url, const struct http_reply *reply,
			struct error *err)
{
	if (reply->status >= 200 && reply->status <= 299)
		return 0;
	if (reply->status == 401 || reply->status == 403)
		return error_set(err, ERROR_REFUSED,
				 "mothership %s: refused with status %d", url,
				 reply->status);
	return error_set(err, ERROR_UNREACHABLE, "mothership %s: status %d",
			 url, reply->status);
}

static int read_body(const char *url, const struct http_reply *reply,
		     json_t **object, struct error *err)
{
	struct error problem = {0};

	if (reply->body.size == 0)
		return error_set(err, ERROR_UNREACHABLE,
				 "mothership %s: the reply is empty", url);
	*object = json_parse_object(buffer_bytes(&reply->body), &problem);
	if (*object)
		return 0;
	return error_set(
	    err, problem.code == ERROR_LOCAL ? ERROR_LOCAL : ERROR_UNREACHABLE,
	    "mothership %s: the reply is not a JSON object: %s", url,
	    problem.text);
}

int contact_post(const struct http_route *route, const char *url,
		 const json_t *body, json_t **reply, struct error *err)
{
	struct buffer text = {0};
	struct http_reply answer = {0};

	*reply = NULL;
	int code = json_append(body, false, &text, err);
	if (code != 0)
		goto cleanup;
	const struct http_request request = {
	    .method = "POST",
	    .url = url,
	    .headers = headers,
	    .body = {.data = text.data, .size_bytes = (int64_t)text.size},
	    .has_body = true,
	    .reply_ceiling_bytes = JSON_CEILING_BYTES,
	};
	code = http_call(route, &request, &answer, err);
	if (code == 0 && answer.failure != HTTP_OK)
		code = judge_failure(url, &answer, err);
	if (code == 0)
		code = judge_status(url, &answer, err);
	if (code == 0)
		code = read_body(url, &answer, reply, err);
cleanup:
	buffer_wipe(&answer.body); /* it may hold keys */
	http_reply_clear(&answer);
	buffer_clear(&text);
	return code;
}

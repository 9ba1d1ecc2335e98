#include "base/http_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/clock.h"
#include "platform/file.h"
#include "platform/system.h"

enum {
	REPLY_DEFAULT_CEILING_BYTES = 1024 * 1024,
	LARGE_BODY_BYTES = 1024 * 1024,
	LARGE_UPLOAD_BUFFER_BYTES = 128 * 1024,
	SMALL_UPLOAD_BUFFER_BYTES = 16 * 1024, /* the least that curl takes */
	ANSWER_BUFFER_BYTES = 4 * 1024, /* to who sends, little is answered */
	/* more than a transfer ever waits for its turn: see http_has_room */
	TURN_CEILING_S = 10
};

/* ------------------------------------------------ what curl calls */

void exchange_note_failure(struct exchange *x, enum http_failure failure,
			   const char *text)
{
	if (x->failure != HTTP_OK)
		return;
	x->failure = failure;
	(void)snprintf(x->local_text, sizeof(x->local_text), "%s", text);
}

static size_t read_file(struct exchange *x, char *data, size_t size)
{
	size_t got = 0;
	int code =
	    file_read_at(x->body.file, x->body.offset + x->body_sent_bytes,
			 data, size, &got);
	if (code != 0) {
		char words[128];
		exchange_note_failure(
		    x, HTTP_LOCAL,
		    system_error_text(code, words, sizeof(words)));
		return CURL_READFUNC_ABORT;
	}
	if (got == 0) {
		exchange_note_failure(
		    x, HTTP_BODY_SHORT,
		    "the file became shorter while it was sent");
		return CURL_READFUNC_ABORT;
	}
	return got;
}

/* How many bytes may move; 0: it waits for its turn. */
static size_t ask(struct exchange *x, size_t bytes)
{
	if (!x->throttle || bytes == 0)
		return bytes;
	return throttle_ask(x->throttle, &x->seat, bytes, clock_steady_ns());
}

static size_t on_send(char *data, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	size_t room = size * count;
	int64_t left = x->body.size_bytes - x->body_sent_bytes;
	if ((int64_t)room > left)
		room = (size_t)left;
	if (room == 0)
		return 0;
	room = ask(x, room);
	if (room == 0)
		return CURL_READFUNC_PAUSE;

	size_t got = room;
	if (x->body.file)
		got = read_file(x, data, room);
	else
		memcpy(data, (const char *)x->body.data + x->body_sent_bytes,
		       room);
	if (got != CURL_READFUNC_ABORT)
		x->body_sent_bytes += (int64_t)got;
	return got;
}

/* curl goes back to the start when a reused connection turns out dead. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct exchange *x = context;
	if (origin != SEEK_SET || offset < 0 || offset > x->body.size_bytes)
		return CURL_SEEKFUNC_FAIL;
	x->body_sent_bytes = offset;
	return CURL_SEEKFUNC_OK;
}

/* Whether to wait instead of taking what came. It comes in pieces of at most
 * 16 KiB, whole or not at all; what a turn does not cover is paid later. */
static bool must_wait(struct exchange *x, size_t bytes)
{
	if (!x->throttle || x->has_body || bytes == 0)
		return false;
	size_t may = ask(x, bytes);
	if (may > 0)
		throttle_charge(x->throttle, (int64_t)(bytes - may));
	return may == 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	if (must_wait(x, size * count))
		return CURL_WRITEFUNC_PAUSE;
	int code = buffer_append(&x->reply.body, data, size * count);
	if (code == 0)
		return size * count;
	if (code == ERROR_INVALID)
		exchange_note_failure(x, HTTP_TOO_LARGE,
				      "the reply is too large");
	else
		exchange_note_failure(x, HTTP_LOCAL, "out of memory");
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trimmed(struct bytes text)
{
	while (text.size > 0 && is_blank(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* A new block: what came before was an interim reply (RFC 9110 section 15.2),
 * or curl has sent the request again. */
static void begin_block(struct exchange *x, struct bytes line)
{
	buffer_reset(&x->reply.headers);
	buffer_reset(&x->reply.body);
	x->is_headers_complete = false;
	x->block_status = 0;

	const char *space = memchr(line.data, ' ', line.size);
	size_t at = space ? (size_t)(space - line.data) + 1 : line.size;
	for (int i = 0; i < 3 && at < line.size; i++, at++)
		if (line.data[at] >= '0' && line.data[at] <= '9')
			x->block_status =
			    x->block_status * 10 + line.data[at] - '0';
}

/* "Name:  value\r\n" becomes "name: value\n". */
static int add_header(struct exchange *x, struct bytes line)
{
	const char *colon = memchr(line.data, ':', line.size);
	if (!colon || is_blank(line.data[0]))
		return 0; /* no header; nothing is lost that we would read */

	struct buffer *headers = &x->reply.headers;
	size_t start = headers->size;
	size_t name_size = (size_t)(colon - line.data);
	struct bytes value =
	    trimmed((struct bytes){colon + 1, line.size - name_size - 1});
	int code = buffer_append(headers, line.data, name_size);
	if (code == 0)
		code = buffer_append(headers, ": ", 2);
	if (code == 0)
		code = buffer_append(headers, value.data, value.size);
	if (code == 0)
		code = buffer_append(headers, "\n", 1);
	if (code != 0)
		return code;
	for (char *c = headers->data + start; *c != ':'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	struct bytes line = {data, size * count};
	x->header_bytes += line.size;
	if (x->header_bytes > HTTP_HEADERS_CEILING_BYTES) {
		exchange_note_failure(x, HTTP_TOO_LARGE,
				      "the headers are too large");
		return 0;
	}

	int code = 0;
	if (line.size >= 5 && memcmp(line.data, "HTTP/", 5) == 0)
		begin_block(x, line);
	else if (trimmed(line).size == 0)
		x->is_headers_complete = x->block_status >= 200;
	else if (!x->is_headers_complete) /* else a trailer: not for us */
		code = add_header(x, line);
	if (code == 0)
		return line.size;
	exchange_note_failure(x, HTTP_LOCAL, "out of memory");
	return 0;
}

/* ------------------------------------------------ setting up a handle */

static void set_number(struct exchange *x, CURLoption option, long value)
{
	if (x->setup == CURLE_OK)
		x->setup = curl_easy_setopt(x->easy, option, value);
}

/* Texts are copied by curl, but for URL-encoded bodies, which are not used. */
static void set_text(struct exchange *x, CURLoption option, const char *value)
{
	if (x->setup == CURLE_OK && value)
		x->setup = curl_easy_setopt(x->easy, option, value);
}

static void set_pointer(struct exchange *x, CURLoption option, void *value)
{
	if (x->setup == CURLE_OK)
		x->setup = curl_easy_setopt(x->easy, option, value);
}

static void set_callbacks(struct exchange *x)
{
	CURLcode result =
	    curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, on_send);
	if (result == CURLE_OK)
		result =
		    curl_easy_setopt(x->easy, CURLOPT_SEEKFUNCTION, on_seek);
	if (result == CURLE_OK)
		result =
		    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
	if (result == CURLE_OK)
		result = curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION,
					  on_header);
	if (x->setup == CURLE_OK)
		x->setup = result;
	set_pointer(x, CURLOPT_READDATA, x);
	set_pointer(x, CURLOPT_SEEKDATA, x);
	set_pointer(x, CURLOPT_WRITEDATA, x);
	set_pointer(x, CURLOPT_HEADERDATA, x);
	set_pointer(x, CURLOPT_PRIVATE, x);
	set_pointer(x, CURLOPT_ERRORBUFFER, x->curl_text);
}

static void set_protocols(struct exchange *x)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	set_text(x, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	set_number(x, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a name server that hangs does not hold up the end of a run */
	set_number(x, CURLOPT_QUICK_EXIT, 1);
#endif
}

static void set_route(struct exchange *x, const struct http_route *route)
{
	set_text(x, CURLOPT_PROXY, route->proxy);
	set_text(x, CURLOPT_CAINFO, route->ca_file);
	set_text(x, CURLOPT_PROXY_CAINFO, route->ca_file);
	set_text(x, CURLOPT_SSLCERT, route->client_cert);
	set_text(x, CURLOPT_SSLKEY, route->client_key);
	set_text(x, CURLOPT_USERAGENT, route->user_agent);
	set_number(x, CURLOPT_CONNECTTIMEOUT_MS, (long)route->connect_ms);
	/* also while nothing but the reply is waited for; to curl a body that
	 * we pause is silent, until it goes on */
	set_number(x, CURLOPT_LOW_SPEED_LIMIT, 1);
	set_number(x, CURLOPT_LOW_SPEED_TIME,
		   (long)((route->silence_ms + 999) / 1000) +
		       (x->throttle ? TURN_CEILING_S : 0));

	set_number(x, CURLOPT_NOSIGNAL, 1);
	set_number(x, CURLOPT_TCP_NODELAY, 1);
	set_number(x, CURLOPT_PATH_AS_IS, 1);
	set_number(x, CURLOPT_FOLLOWLOCATION, 0);
	set_number(x, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
	set_number(x, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_number(x, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	set_number(x, CURLOPT_SSL_VERIFYPEER, 1);
	set_number(x, CURLOPT_SSL_VERIFYHOST, 2);
	set_protocols(x);
}

/* A reply is taken by whole buffers, so with a small limit by small ones. */
static void set_limit(struct exchange *x)
{
	if (x->throttle && x->throttle->quantum_bytes < CURL_MAX_WRITE_SIZE)
		set_number(x, CURLOPT_BUFFERSIZE,
			   (long)x->throttle->quantum_bytes);
}

static void set_body(struct exchange *x)
{
	long upload_buffer_bytes = SMALL_UPLOAD_BUFFER_BYTES;
	if (x->body.size_bytes >= LARGE_BODY_BYTES)
		upload_buffer_bytes = LARGE_UPLOAD_BUFFER_BYTES;
	set_number(x, CURLOPT_UPLOAD_BUFFERSIZE, upload_buffer_bytes);
	set_number(x, CURLOPT_BUFFERSIZE, ANSWER_BUFFER_BYTES);
	set_number(x, CURLOPT_UPLOAD, 1);
	/* the size is always said, so curl never sends in chunks */
	curl_off_t size_bytes = x->body.size_bytes;
	if (x->setup == CURLE_OK)
		x->setup = curl_easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE,
					    size_bytes);
}

/* An upload is a PUT to curl; the other names only replace the word. */
static void set_method(struct exchange *x, const struct http_request *request)
{
	const char *method = request->method;
	if (request->has_body || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "POST") == 0) {
		set_body(x);
		if (strcmp(method, "PUT") != 0)
			set_text(x, CURLOPT_CUSTOMREQUEST, method);
	} else if (strcmp(method, "HEAD") == 0) {
		set_number(x, CURLOPT_NOBODY, 1);
	} else {
		set_number(x, CURLOPT_HTTPGET, 1);
		if (strcmp(method, "GET") != 0)
			set_text(x, CURLOPT_CUSTOMREQUEST, method);
	}
}

/* ------------------------------------------------ request headers */

static bool has_control(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') ||
		    *text == 0x7f)
			return true;
	return false;
}

static int append_line(struct exchange *x, const char *line, struct error *err)
{
	struct curl_slist *longer = curl_slist_append(x->headers, line);
	if (!longer)
		return error_set_memory(err);
	x->headers = longer;
	return 0;
}

static int append_header(struct exchange *x, const char *line,
			 struct error *err)
{
	const char *colon = strchr(line, ':');
	/* the text may hold a credential: only what is wrong is said */
	if (!colon || has_control(line))
		return error_set(err, ERROR_INVALID,
				 "a request header has a bad form");
	if (trimmed(bytes_of_text(colon + 1)).size > 0)
		return append_line(x, line, err);

	/* to curl "Name:" means none, "Name;" means one without value */
	char *without_value = text_format("%.*s;", (int)(colon - line), line);
	if (!without_value)
		return error_set_memory(err);
	int code = append_line(x, without_value, err);
	free(without_value);
	return code;
}

static int set_headers(struct exchange *x, const struct http_request *request,
		       struct error *err)
{
	int code = append_line(
	    x,
	    request->expect_continue ? "Expect: 100-continue" : "Expect:", err);
	const char *const *line = request->headers;
	for (; code == 0 && line && *line; line++)
		code = append_header(x, *line, err);
	if (code == 0)
		set_pointer(x, CURLOPT_HTTPHEADER, x->headers);
	return code;
}

/* They hold tokens, so they are overwritten. */
static void clear_headers(struct exchange *x)
{
	for (struct curl_slist *line = x->headers; line; line = line->next)
		system_wipe(line->data, strlen(line->data));
	curl_slist_free_all(x->headers);
	x->headers = NULL;
}

/* ------------------------------------------------ one exchange */

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	if (x->easy)
		curl_easy_cleanup(x->easy);
	clear_headers(x);
	http_reply_clear(&x->reply);
	free(x);
}

struct exchange *exchange_new(void)
{
	struct exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->easy = curl_easy_init();
	if (x->easy)
		return x;
	free(x);
	return NULL;
}

void exchange_reset(struct exchange *x)
{
	CURL *easy = x->easy;
	clear_headers(x);
	http_reply_clear(&x->reply);
	curl_easy_reset(easy);
	*x = (struct exchange){.easy = easy};
}

int exchange_prepare(struct exchange *x, const struct http_route *route,
		     const struct http_request *request, struct error *err)
{
	x->has_body = request->has_body;
	if (request->has_body)
		x->body = request->body;
	if (x->body.size_bytes < 0)
		return error_set(err, ERROR_BUG, "a body of negative size");
	x->reply.context = request->context;
	x->reply.body.ceiling_bytes = request->reply_ceiling_bytes
					  ? request->reply_ceiling_bytes
					  : REPLY_DEFAULT_CEILING_BYTES;

	int code = set_headers(x, request, err);
	if (code != 0)
		return code;
	set_callbacks(x);
	set_route(x, route);
	set_limit(x);
	set_method(x, request);
	set_number(x, CURLOPT_FRESH_CONNECT, request->is_sent_once);
	set_text(x, CURLOPT_URL, request->url);
	if (x->setup == CURLE_OK)
		return 0;
	return error_set(err, ERROR_LOCAL, "cannot prepare a request: %s",
			 curl_easy_strerror(x->setup));
}

/* ------------------------------------------------ how it ended */

static long info_number(struct exchange *x, CURLINFO info)
{
	long value = 0;
	if (curl_easy_getinfo(x->easy, info, &value) != CURLE_OK)
		return 0;
	return value;
}

static int64_t info_size(struct exchange *x, CURLINFO info)
{
	curl_off_t value = -1;
	if (curl_easy_getinfo(x->easy, info, &value) != CURLE_OK)
		return -1;
	return value;
}

/* A server that refuses early may cut the connection while we still send;
 * what it said counts if all of it arrived. */
static bool is_reply_whole(struct exchange *x)
{
	int64_t size = info_size(x, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
	return x->is_headers_complete && size >= 0 &&
	       x->reply.body.size >= (size_t)size;
}

static enum http_failure lost_failure(struct exchange *x)
{
	/* a proxy that would not connect us closes as well */
	long proxy_status = info_number(x, CURLINFO_HTTP_CONNECTCODE);
	if (proxy_status != 0 && proxy_status / 100 != 2)
		return HTTP_UNREACHABLE;
	bool is_reused = info_number(x, CURLINFO_NUM_CONNECTS) == 0;
	if (is_reused && x->header_bytes == 0 && x->reply.body.size == 0)
		return HTTP_REUSED_BROKEN;
	return HTTP_BROKEN;
}

/* A handshake that was cut says nothing about certificates. */
static enum http_failure handshake_failure(const struct exchange *x)
{
	if (strstr(x->curl_text, "SSL_ERROR_SYSCALL") ||
	    strstr(x->curl_text, "Connection reset") ||
	    strstr(x->curl_text, "unexpected eof"))
		return HTTP_UNREACHABLE;
	return HTTP_TLS;
}

static enum http_failure failure_of(struct exchange *x, CURLcode result)
{
	switch (result) {
	case CURLE_OK:
		return x->is_headers_complete ? HTTP_OK : lost_failure(x);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PROXY:
	case CURLE_INTERFACE_FAILED:
		return HTTP_UNREACHABLE;
	case CURLE_SSL_CONNECT_ERROR:
		return handshake_failure(x);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
		return HTTP_TLS;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		return lost_failure(x);
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_UPLOAD_FAILED:
		return HTTP_BROKEN;
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* also said of an answer that is no HTTP */
		if (info_number(x, CURLINFO_REQUEST_SIZE) > 0)
			return HTTP_BROKEN;
		return HTTP_LOCAL;
	default:
		return HTTP_LOCAL;
	}
}

/* curl's own words name hosts, which help; where they quote a proxy with user
 * and password, the plain words for the code must do. */
static void set_failure_text(struct exchange *x, CURLcode result)
{
	struct http_reply *reply = &x->reply;
	const char *text = x->curl_text;
	if (x->failure != HTTP_OK)
		text = x->local_text;
	else if (result == CURLE_OK)
		text = "the connection ended before a reply";
	else if (text[0] == '\0' || strchr(text, '@') ||
		 strstr(text, "Unsupported proxy"))
		text = curl_easy_strerror(result);
	(void)snprintf(reply->failure_text, sizeof(reply->failure_text), "%s",
		       text);
	for (char *c = reply->failure_text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void exchange_finish(struct exchange *x, CURLcode result)
{
	struct http_reply *reply = &x->reply;
	enum http_failure failure = x->failure;
	if (failure == HTTP_OK)
		failure = failure_of(x, result);
	if ((failure == HTTP_BROKEN || failure == HTTP_REUSED_BROKEN) &&
	    x->failure == HTTP_OK && is_reply_whole(x))
		failure = HTTP_OK;

	reply->failure = failure;
	if (failure == HTTP_OK)
		reply->status = x->block_status;
	else
		set_failure_text(x, result);
	reply->sent_bytes = info_size(x, CURLINFO_SIZE_UPLOAD_T);
	if (reply->sent_bytes < 0)
		reply->sent_bytes = 0;
	clear_headers(x);
}

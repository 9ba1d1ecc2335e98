#include "base/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_exchange.h"
#include "base/throttle.h"
#include "platform/clock.h"
#include "platform/system.h"

#define NS_PER_MS 1000000

enum { KEPT_CONNECTIONS = 256, KEPT_HANDLES = 64, AHEAD_S = 2 };

/* Doubly linked: a request leaves from the middle. */
struct exchange_list {
	struct exchange *first;
	struct exchange *last;
	size_t count;
};

struct http {
	CURLM *multi;
	struct http_route route; /* all texts are ours */
	struct exchange_list running;
	struct exchange_list done;
	struct exchange_list idle; /* handles to be used again */
	struct throttle throttle;
};

int http_global_init(struct error *err)
{
	CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (result == CURLE_OK)
		return 0;
	return error_set(err, ERROR_LOCAL, "cannot start libcurl: %s",
			 curl_easy_strerror(result));
}

void http_global_clear(void)
{
	curl_global_cleanup();
}

/* ------------------------------------------------ lists */

static void list_append(struct exchange_list *list, struct exchange *x)
{
	x->previous = list->last;
	x->next = NULL;
	if (list->last)
		list->last->next = x;
	else
		list->first = x;
	list->last = x;
	list->count++;
}

static void list_remove(struct exchange_list *list, struct exchange *x)
{
	if (x->previous)
		x->previous->next = x->next;
	else
		list->first = x->next;
	if (x->next)
		x->next->previous = x->previous;
	else
		list->last = x->previous;
	list->count--;
}

static void give_reply(struct exchange *x, struct http_reply *reply)
{
	*reply = x->reply;
	x->reply = (struct http_reply){0};
}

/* ------------------------------------------------ many at once */

static int dup_text(const char *text, char **copy)
{
	*copy = text ? text_dup(text) : NULL;
	return text && !*copy ? ERROR_LOCAL : 0;
}

static int route_dup(const struct http_route *from, struct http_route *to)
{
	const char *const texts[] = {from->proxy, from->ca_file,
				     from->client_cert, from->client_key,
				     from->user_agent};
	const char **const places[] = {&to->proxy, &to->ca_file,
				       &to->client_cert, &to->client_key,
				       &to->user_agent};
	to->connect_ms = from->connect_ms;
	to->silence_ms = from->silence_ms;
	to->bytes_per_s = from->bytes_per_s;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *copy;
		if (dup_text(texts[i], &copy) != 0)
			return ERROR_LOCAL;
		*places[i] = copy;
	}
	return 0;
}

static void free_text(const char *text)
{
	free((void *)(uintptr_t)text); /* ours since route_dup */
}

static void route_clear(struct http_route *route)
{
	if (route->proxy) /* may hold a password */
		system_wipe((void *)(uintptr_t)route->proxy,
			    strlen(route->proxy));
	free_text(route->proxy);
	free_text(route->ca_file);
	free_text(route->client_cert);
	free_text(route->client_key);
	free_text(route->user_agent);
	*route = (struct http_route){0};
}

struct http *http_new(const struct http_route *route, struct error *err)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http || route_dup(route, &http->route) != 0)
		goto failed;
	if (route->bytes_per_s > 0)
		throttle_init(&http->throttle, route->bytes_per_s,
			      clock_steady_ns());
	http->multi = curl_multi_init();
	if (!http->multi)
		goto failed;
	/* a connection that stays open saves a handshake to the next file */
	if (curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
			      (long)KEPT_CONNECTIONS) == CURLM_OK)
		return http;
failed:
	(void)error_set_memory(err); /* NULL says it */
	http_free(http);
	return NULL;
}

static void list_free(struct exchange_list *list)
{
	while (list->first) {
		struct exchange *x = list->first;
		list_remove(list, x);
		exchange_free(x);
	}
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->multi)
		http_cancel_all(http);
	list_free(&http->idle);
	if (http->multi)
		(void)curl_multi_cleanup(http->multi); /* nothing is left */
	route_clear(&http->route);
	free(http);
}

static struct exchange *take_idle(struct http *http)
{
	struct exchange *x = http->idle.first;
	if (!x)
		return exchange_new();
	list_remove(&http->idle, x);
	return x;
}

static void put_idle(struct http *http, struct exchange *x)
{
	if (http->idle.count >= KEPT_HANDLES) {
		exchange_free(x);
		return;
	}
	exchange_reset(x);
	list_append(&http->idle, x);
}

static bool is_limited(const struct http *http)
{
	return http->throttle.bytes_per_s > 0;
}

int http_start(struct http *http, const struct http_request *request,
	       struct error *err)
{
	struct exchange *x = take_idle(http);
	if (!x)
		return error_set_memory(err);
	x->throttle = is_limited(http) ? &http->throttle : NULL;
	x->seat.owner = x;
	int code = exchange_prepare(x, &http->route, request, err);
	if (code != 0)
		goto failed;
	CURLMcode result = curl_multi_add_handle(http->multi, x->easy);
	if (result != CURLM_OK) {
		code = error_set(err, ERROR_LOCAL, "cannot start a request: %s",
				 curl_multi_strerror(result));
		goto failed;
	}
	list_append(&http->running, x);
	return 0;
failed:
	put_idle(http, x);
	return code;
}

size_t http_running(const struct http *http)
{
	return http->running.count + http->done.count;
}

bool http_has_room(const struct http *http)
{
	int64_t ahead_bytes = 0;

	if (!is_limited(http))
		return true;
	for (const struct exchange *x = http->running.first; x; x = x->next)
		ahead_bytes += x->body.size_bytes - x->body_sent_bytes;
	return ahead_bytes / AHEAD_S <= http->throttle.bytes_per_s;
}

static void stop(struct http *http, struct exchange *x)
{
	throttle_leave(&x->seat);
	list_remove(&http->running, x);
	/* it was added by http_start */
	(void)curl_multi_remove_handle(http->multi, x->easy);
}

static void end(struct http *http, struct exchange *x, CURLcode result)
{
	stop(http, x);
	exchange_finish(x, result);
	list_append(&http->done, x);
}

static void harvest(struct http *http)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode result = message->data.result;
		CURL *easy = message->easy_handle;
		struct exchange *x = NULL;
		/* cannot fail for a handle that curl just named; the message
		 * is gone after the removal */
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
		end(http, x, result);
	}
}

/* Let those go on whose turn it is. */
static void give_turns(struct http *http)
{
	struct throttle_seat *seat;
	/* one look at the clock: what comes due meanwhile has its time */
	int64_t now_ns = clock_steady_ns();

	if (throttle_wait_ns(&http->throttle, now_ns) > 0)
		return;
	while ((seat = throttle_next(&http->throttle, now_ns))) {
		struct exchange *x = seat->owner;
		/* fails where curl has just begun it anew, which ends the
		 * pause as well; or because of what on_body notes */
		CURLcode result = curl_easy_pause(x->easy, CURLPAUSE_CONT);
		if (result != CURLE_OK && x->failure != HTTP_OK)
			end(http, x, result);
	}
}

static CURLMcode perform(struct http *http)
{
	int running;
	if (is_limited(http))
		give_turns(http);
	CURLMcode result = curl_multi_perform(http->multi, &running);
	harvest(http);
	return result;
}

static int step_wait_ms(const struct http *http, int wait_ms)
{
	if (!is_limited(http))
		return wait_ms;
	int64_t until_ns = throttle_wait_ns(&http->throttle, clock_steady_ns());
	if (until_ns / NS_PER_MS >= wait_ms)
		return wait_ms;
	return (int)(until_ns / NS_PER_MS) + 1;
}

static int step_error(CURLMcode result, struct error *err)
{
	if (result == CURLM_OK)
		return 0;
	return error_set(err, ERROR_LOCAL, "libcurl: %s",
			 curl_multi_strerror(result));
}

int http_step(struct http *http, int wait_ms, struct error *err)
{
	CURLMcode result = perform(http);
	if (result != CURLM_OK || wait_ms <= 0 || http->done.count > 0)
		return step_error(result, err);

	result = curl_multi_poll(http->multi, NULL, 0,
				 step_wait_ms(http, wait_ms), NULL);
	if (result == CURLM_OK)
		result = perform(http);
	return step_error(result, err);
}

void http_wake(struct http *http)
{
	/* fails only if the pipe is full, and then the loop is awake */
	(void)curl_multi_wakeup(http->multi);
}

bool http_collect(struct http *http, struct http_reply *reply)
{
	struct exchange *x = http->done.first;
	if (!x)
		return false;
	list_remove(&http->done, x);
	give_reply(x, reply);
	put_idle(http, x);
	return true;
}

void http_cancel_all(struct http *http)
{
	while (http->running.first) {
		struct exchange *x = http->running.first;
		stop(http, x);
		put_idle(http, x);
	}
	while (http->done.first) {
		struct exchange *x = http->done.first;
		list_remove(&http->done, x);
		put_idle(http, x);
	}
}

/* ------------------------------------------------ one, blocking */

static int on_progress(void *context, curl_off_t download_total,
		       curl_off_t download_now, curl_off_t upload_total,
		       curl_off_t upload_now)
{
	(void)download_total, (void)download_now;
	(void)upload_total, (void)upload_now;
	if (!stop_requested())
		return 0;
	exchange_note_failure(context, HTTP_BROKEN, "stopped");
	return 1;
}

int http_call(const struct http_route *route,
	      const struct http_request *request, struct http_reply *reply,
	      struct error *err)
{
	*reply = (struct http_reply){0};
	struct exchange *x = exchange_new();
	if (!x)
		return error_set_memory(err);
	int code = exchange_prepare(x, route, request, err);
	if (code != 0)
		goto cleanup;
	CURLcode result =
	    curl_easy_setopt(x->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (result == CURLE_OK)
		result = curl_easy_setopt(x->easy, CURLOPT_XFERINFODATA, x);
	if (result == CURLE_OK)
		result = curl_easy_setopt(x->easy, CURLOPT_NOPROGRESS, 0L);
	if (result == CURLE_OK)
		result = curl_easy_perform(x->easy);
	exchange_finish(x, result);
	give_reply(x, reply);
cleanup:
	exchange_free(x);
	return code;
}

/* ------------------------------------------------ replies */

const char *http_header(const struct http_reply *reply, const char *name,
			char *value, size_t size)
{
	size_t name_size = strlen(name);
	const char *found = NULL;
	const char *line = reply->headers.data;
	while (line && *line) {
		if (strncmp(line, name, name_size) == 0 &&
		    strncmp(line + name_size, ": ", 2) == 0)
			found = line + name_size + 2;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	size_t length = found ? strcspn(found, "\n") : 0;
	if (!found || length >= size)
		return NULL;
	memcpy(value, found, length);
	value[length] = '\0';
	return value;
}

void http_reply_clear(struct http_reply *reply)
{
	buffer_clear(&reply->body);
	buffer_clear(&reply->headers);
	*reply = (struct http_reply){0};
}

#ifndef S3I_BASE_HTTP_EXCHANGE_H
#define S3I_BASE_HTTP_EXCHANGE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/http.h"
#include "base/throttle.h"

/* The inside of http.c: for that file only. */

/* One request on its way: its handle, what it sends, what came back. */
struct exchange {
	CURL *easy;
	CURLcode setup; /* the first option that was refused */
	struct curl_slist *headers;
	struct http_body body;
	int64_t body_sent_bytes;
	struct throttle *throttle; /* NULL: no limit */
	struct throttle_seat seat;
	bool has_body;
	struct http_reply reply;
	size_t header_bytes;	   /* of all blocks */
	int block_status;	   /* of the header block that is being read */
	bool is_headers_complete;  /* of the last block */
	enum http_failure failure; /* that a callback found */
	char local_text[128];	   /* for it */
	char curl_text[CURL_ERROR_SIZE];
	struct exchange *previous;
	struct exchange *next;
};

/* NULL when there is no memory. */
struct exchange *exchange_new(void);

/* NULL is allowed. */
void exchange_free(struct exchange *x);

/* Back to a handle that nobody used, but for its memory. */
void exchange_reset(struct exchange *x);

/* Tell the handle what to send and how. 0 or an error code. */
int exchange_prepare(struct exchange *x, const struct http_route *route,
		     const struct http_request *request, struct error *err);

/* After the handle's end: fill x->reply from what curl says and what the
 * callbacks found. */
void exchange_finish(struct exchange *x, CURLcode result);

/* What went wrong inside a callback; the first one stays. */
void exchange_note_failure(struct exchange *x, enum http_failure failure,
			   const char *text);

#endif

#include "s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "platform/system.h"

enum { OWN_HEADERS = 5 }; /* authorization, date, payload, token, NULL */

static int make_path(const struct s3_request *request,
		     const struct s3_place *place, struct buffer *path)
{
	int rc = buffer_append_text(path, place->base_path);

	if (rc == 0 && !place->is_virtual)
		rc =
		    buffer_append_texts(path, "/", place->bucket, (char *)NULL);
	if (rc == 0 && (place->is_virtual || request->key.size > 0))
		rc = buffer_append_text(path, "/");
	if (rc == 0)
		rc = s3_uri_encode(buffer_bytes(&request->key), true, path);
	return rc;
}

static int make_url(const struct s3_request *request,
		    const struct s3_place *place, const char *path, char **url)
{
	struct buffer text = {0};
	int rc = buffer_append_texts(&text, place->scheme, "://", place->host,
				     path, (char *)NULL);

	for (size_t i = 0; rc == 0 && i < request->query_count; i++) {
		const struct s3_pair *pair = &request->query[i];

		rc = buffer_append_text(&text, i ? "&" : "?");
		if (rc == 0)
			rc = s3_uri_encode(bytes_of_text(pair->name), false,
					   &text);
		if (rc == 0)
			rc = buffer_append_text(&text, "=");
		if (rc == 0)
			rc = s3_uri_encode(bytes_of_text(pair->value), false,
					   &text);
	}
	*url = buffer_steal(&text);
	return rc;
}

static int make_headers(const struct s3_request *request,
			const struct s3_keys *keys,
			const struct s3_signed *signature, char ***out)
{
	size_t count = 0;
	bool has_token = keys->session_token && keys->session_token[0];
	char **headers =
	    calloc(request->header_count + OWN_HEADERS, sizeof(*headers));

	*out = headers;
	if (!headers)
		return ERROR_LOCAL;
	headers[count++] = text_join(
	    "authorization: ", signature->authorization, (char *)NULL);
	headers[count++] =
	    text_join("x-amz-date: ", signature->amz_date, (char *)NULL);
	headers[count++] = text_join(
	    "x-amz-content-sha256: ", request->payload_sha256, (char *)NULL);
	if (has_token)
		headers[count++] =
		    text_join("x-amz-security-token: ", keys->session_token,
			      (char *)NULL);
	for (size_t i = 0; i < request->header_count; i++)
		headers[count++] =
		    text_join(request->headers[i].name, ": ",
			      request->headers[i].value, (char *)NULL);
	for (size_t i = 0; i < count; i++) {
		if (headers[i])
			continue;
		/* a gap would end the list: close it, then fail */
		headers[i] = headers[--count];
		headers[count] = NULL;
		return ERROR_LOCAL;
	}
	return 0;
}

/* What s3_prepare was given. */
struct job {
	const struct s3_request *request;
	const struct s3_place *place;
	const struct s3_signer *signer;
};

static int sign(const struct job *job, const char *path,
		struct s3_signed *signature, struct error *err)
{
	const struct s3_request *request = job->request;
	size_t count = request->header_count + 1;
	struct s3_pair *headers = calloc(count, sizeof(*headers));

	if (!headers)
		return error_set_memory(err);
	headers[0] = (struct s3_pair){(char *)"host", (char *)job->place->host};
	if (request->header_count > 0)
		memcpy(headers + 1, request->headers,
		       request->header_count * sizeof(*headers));
	const struct s3_sign_input input = {
	    .method = request->method,
	    .path = path,
	    .query = request->query,
	    .query_count = request->query_count,
	    .headers = headers,
	    .header_count = count,
	    .payload_sha256 = request->payload_sha256,
	};
	const struct s3_scope scope = {job->place->region, job->signer->now_ns,
				       job->signer->kept};
	int rc = s3_sign(&input, job->signer->keys, &scope, signature, err);
	free(headers);
	return rc;
}

int s3_prepare(const struct s3_request *request, const struct s3_place *place,
	       const struct s3_signer *signer, struct s3_prepared *prepared,
	       struct error *err)
{
	const struct job job = {request, place, signer};
	struct buffer path = {0};
	struct s3_signed signature = {0};

	*prepared = (struct s3_prepared){0};
	int rc = make_path(request, place, &path);
	if (rc == 0)
		rc = make_url(request, place, path.data, &prepared->url);
	if (rc == 0)
		rc = sign(&job, path.data, &signature, err);
	if (rc == 0)
		rc = make_headers(request, signer->keys, &signature,
				  &prepared->headers);
	if (rc) {
		(void)error_set_memory(err);
		s3_prepared_clear(prepared);
	}
	s3_signed_clear(&signature);
	buffer_clear(&path);
	return rc;
}

void s3_prepared_clear(struct s3_prepared *prepared)
{
	for (char **header = prepared->headers; header && *header; header++) {
		system_wipe(*header, strlen(*header));
		free(*header);
	}
	free(prepared->headers);
	free(prepared->url);
	*prepared = (struct s3_prepared){0};
}

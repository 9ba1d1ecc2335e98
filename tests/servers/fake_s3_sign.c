#include "fake_s3.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A verifier of Signature Version 4, written from the server's side: it takes
 * the raw target and the headers as they came and asks whether the signature
 * fits them.
 */
enum { CANONICAL_BYTES = 1024 * 1024, SKEW_S = 15 * 60 };

void hex_of(const unsigned char *data, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++)
		sprintf(out + 2 * i, "%02x", data[i]);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void url_decode(const char *text, size_t size, char *out, size_t out_size)
{
	size_t length = 0;

	for (size_t i = 0; i < size && length + 1 < out_size; i++) {
		if (text[i] == '%' && i + 2 < size &&
		    nibble(text[i + 1]) >= 0 && nibble(text[i + 2]) >= 0) {
			out[length++] = (char)(nibble(text[i + 1]) * 16 +
					       nibble(text[i + 2]));
			i += 2;
		} else {
			out[length++] = text[i];
		}
	}
	out[length] = '\0';
}

void url_encode(const char *text, bool keep_slash, char *out, size_t size)
{
	size_t length = 0;

	for (; *text && length + 4 < size; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || strchr("-._~", c) ||
			     (c == '/' && keep_slash);

		if (plain)
			out[length++] = (char)c;
		else
			length += (size_t)sprintf(out + length, "%%%02X", c);
	}
	out[length] = '\0';
}

static void hmac(const void *key, size_t key_size, const char *text,
		 unsigned char out[32])
{
	unsigned size = 32;

	HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text,
	     strlen(text), out, &size);
}

/* What the Authorization header holds. */
struct claim {
	char access_key[129];
	char date[9];
	char region[65];
	char service[17];
	char headers[2049];
	char signature[65];
};

static bool parse_claim(const char *text, struct claim *claim)
{
	const char *credential;
	const char *headers;
	const char *signature;

	if (!text || strncmp(text, "AWS4-HMAC-SHA256 ", 17) != 0)
		return false;
	credential = strstr(text, "Credential=");
	headers = strstr(text, "SignedHeaders=");
	signature = strstr(text, "Signature=");
	return credential && headers && signature &&
	       sscanf(credential,
		      "Credential=%128[^/]/%8[0-9]/%64[^/]/%16[^/]/"
		      "aws4_request",
		      claim->access_key, claim->date, claim->region,
		      claim->service) == 4 &&
	       sscanf(headers, "SignedHeaders=%2048[^, ]", claim->headers) ==
		   1 &&
	       sscanf(signature, "Signature=%64[0-9a-f]", claim->signature) ==
		   1;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The query as it came, its parameters sorted; "x" counts as "x=". */
static void add_query(const char *target, char *out)
{
	char *parts[HEADER_MOST];
	size_t count = 0;
	const char *mark = strchr(target, '?');
	char *copy = strdup(mark ? mark + 1 : "");
	char *save = NULL;

	for (char *part = strtok_r(copy, "&", &save);
	     part && count < HEADER_MOST; part = strtok_r(NULL, "&", &save)) {
		parts[count] = malloc(strlen(part) + 2);
		sprintf(parts[count++], "%s%s", part,
			strchr(part, '=') ? "" : "=");
	}
	qsort(parts, count, sizeof(parts[0]), compare_text);
	for (size_t i = 0; i < count; i++) {
		sprintf(out + strlen(out), "%s%s", i ? "&" : "", parts[i]);
		free(parts[i]);
	}
	strcat(out, "\n");
	free(copy);
}

/* Spaces at the ends go, a run of them inside is one. */
static void add_folded(const char *value, char *out)
{
	size_t size = 0;

	for (; *value; value++) {
		bool is_blank = *value == ' ' || *value == '\t';

		if (is_blank && (size == 0 || out[size - 1] == ' '))
			continue;
		out[size++] = is_blank ? ' ' : *value;
	}
	while (size > 0 && out[size - 1] == ' ')
		size--;
	out[size] = '\0';
}

/* All values of that name, in their order; false if there is none. */
static bool add_values(const struct request *request, const char *name,
		       char *out)
{
	size_t count = 0;

	for (size_t i = 0; i < request->header_count; i++) {
		if (strcmp(request->headers[i].name, name) != 0)
			continue;
		if (count++ > 0)
			strcat(out, ",");
		out += strlen(out);
		add_folded(request->headers[i].value, out);
	}
	return count > 0;
}

static bool add_headers(const struct request *request,
			const struct claim *claim, char *out)
{
	char *copy = strdup(claim->headers);
	char *previous = NULL;
	char *save = NULL;
	bool sound = true;

	out += strlen(out);

	for (char *name = strtok_r(copy, ";", &save); name;
	     name = strtok_r(NULL, ";", &save)) {
		out += sprintf(out, "%s:", name);
		sound = add_values(request, name, out) && sound &&
			(!previous || strcmp(previous, name) < 0);
		strcat(out, "\n");
		out += strlen(out);
		previous = name;
	}
	free(copy);
	return sound;
}

static bool is_listed(const struct claim *claim, const char *name)
{
	size_t size = strlen(name);
	const char *at = claim->headers;

	while ((at = strstr(at, name))) {
		bool starts = at == claim->headers || at[-1] == ';';
		bool ends = at[size] == '\0' || at[size] == ';';

		if (starts && ends)
			return true;
		at += size;
	}
	return false;
}

/* Host and every x-amz-* header must be signed. */
static bool all_signed(const struct request *request, const struct claim *claim)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const char *name = request->headers[i].name;
		bool must = strcmp(name, "host") == 0 ||
			    strcmp(name, "content-md5") == 0 ||
			    strncmp(name, "x-amz-", 6) == 0;

		if (must && !is_listed(claim, name))
			return false;
	}
	return is_listed(claim, "host");
}

static bool signature_fits(const struct request *request,
			   const struct claim *claim, const char *date,
			   const char *payload)
{
	static const char terminator[] = "aws4_request";
	char *canonical = malloc(CANONICAL_BYTES);
	char to_sign[512];
	char secret[256];
	char hex[65];
	unsigned char digest[32];
	unsigned char key[32];
	size_t path_size = strcspn(request->target, "?");

	sprintf(canonical, "%s\n%.*s\n", request->method, (int)path_size,
		request->target);
	add_query(request->target, canonical);
	bool sound = add_headers(request, claim, canonical);
	sprintf(canonical + strlen(canonical), "\n%s\n%s", claim->headers,
		payload);
	EVP_Digest(canonical, strlen(canonical), digest, NULL, EVP_sha256(),
		   NULL);
	free(canonical);
	hex_of(digest, sizeof(digest), hex);
	snprintf(to_sign, sizeof(to_sign),
		 "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/%s\n%s", date, claim->date,
		 claim->region, claim->service, terminator, hex);
	snprintf(secret, sizeof(secret), "AWS4%s", request->server->secret_key);
	hmac(secret, strlen(secret), claim->date, key);
	hmac(key, sizeof(key), claim->region, key);
	hmac(key, sizeof(key), claim->service, key);
	hmac(key, sizeof(key), terminator, key);
	hmac(key, sizeof(key), to_sign, digest);
	hex_of(digest, sizeof(digest), hex);
	return sound && strcmp(hex, claim->signature) == 0;
}

static bool is_skewed(const char *date)
{
	struct tm tm = {0};

	if (!strptime(date, "%Y%m%dT%H%M%SZ", &tm))
		return true;
	long skew = (long)(timegm(&tm) - fault_now());
	return labs(skew) > SKEW_S;
}

static bool refuse(struct request *request, int status, const char *code)
{
	reply_error(request, status, code);
	return false;
}

static bool wrong_region(struct request *request)
{
	reply_header(request, "x-amz-bucket-region", "%s",
		     request->server->region);
	return refuse(request, 400, "AuthorizationHeaderMalformed");
}

bool sign_verify(struct request *request)
{
	const char *date = request_header(request, "x-amz-date");
	const char *payload = request_header(request, "x-amz-content-sha256");
	const char *token = request_header(request, "x-amz-security-token");
	const char *wanted_token = request->server->token;
	struct claim claim = {0};

	if (!parse_claim(request_header(request, "authorization"), &claim))
		return refuse(request, 403, "AccessDenied");
	if (strcmp(claim.access_key, request->server->access_key) != 0)
		return refuse(request, 403, "InvalidAccessKeyId");
	if (!date || !payload || strncmp(date, claim.date, 8) != 0 ||
	    strcmp(claim.service, "s3") != 0)
		return refuse(request, 400, "InvalidRequest");
	if (is_skewed(date))
		return refuse(request, 403, "RequestTimeTooSkewed");
	if (strcmp(claim.region, request->server->region) != 0)
		return wrong_region(request);
	if ((token || wanted_token) &&
	    (!token || !wanted_token || strcmp(token, wanted_token) != 0))
		return refuse(request, 400, "InvalidToken");
	if (!all_signed(request, &claim) ||
	    !signature_fits(request, &claim, date, payload))
		return refuse(request, 403, "SignatureDoesNotMatch");
	return true;
}

#include "s3/s3_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_LEAST_BYTES = 3, BUCKET_MOST_BYTES = 63 };

/* ---- percent encoding ---- */

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

int s3_uri_encode(struct bytes raw, bool keep_slash, struct buffer *text)
{
	static const char digits[] = "0123456789ABCDEF";
	int rc = buffer_reserve(text, raw.size * 3);

	for (size_t i = 0; rc == 0 && i < raw.size; i++) {
		unsigned char c = (unsigned char)raw.data[i];
		const char code[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_unreserved(c) || (c == '/' && keep_slash))
			rc = buffer_append(text, &c, 1);
		else
			rc = buffer_append(text, code, sizeof(code));
	}
	/* an empty text is a text, too */
	return rc ? rc : buffer_append(text, "", 0);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int s3_uri_decode(struct bytes text, struct buffer *raw)
{
	int rc = buffer_reserve(raw, text.size);

	for (size_t i = 0; rc == 0 && i < text.size; i++) {
		char c = text.data[i] == '+' ? ' ' : text.data[i];

		if (c == '%' && i + 2 < text.size &&
		    hex_value(text.data[i + 1]) >= 0 &&
		    hex_value(text.data[i + 2]) >= 0) {
			c = (char)(hex_value(text.data[i + 1]) * 16 +
				   hex_value(text.data[i + 2]));
			i += 2;
		}
		rc = buffer_append(raw, &c, 1);
	}
	return rc ? rc : buffer_append(raw, "", 0);
}

/* ---- places ---- */

static int check_bucket(const char *bucket, struct error *err)
{
	size_t size = bucket ? strlen(bucket) : 0;

	if (size == 0 || size >= sizeof(((struct s3_place *)0)->bucket))
		return error_set(err, ERROR_CONFIG,
				 "s3_bucket: must be 1 to 255 bytes");
	for (size_t i = 0; i < size; i++)
		if (!is_unreserved((unsigned char)bucket[i]))
			return error_set(err, ERROR_CONFIG,
					 "s3_bucket: \"%s\": must be of "
					 "letters, digits, '-', '.' and '_'",
					 bucket);
	if (strcmp(bucket, ".") == 0 || strcmp(bucket, "..") == 0)
		return error_set(err, ERROR_CONFIG,
				 "s3_bucket: \"%s\" is no name", bucket);
	return 0;
}

/* One label: a certificate for *.s3.REGION.amazonaws.com covers no dots. */
static bool is_dns_label(const char *bucket)
{
	size_t size = strlen(bucket);

	if (size < BUCKET_LEAST_BYTES || size > BUCKET_MOST_BYTES)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = bucket[i];
		bool inner = i > 0 && i + 1 < size;

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (c == '-' && inner)))
			return false;
	}
	return true;
}

static int check_region(const char *region, struct error *err)
{
	size_t size = strlen(region);

	for (size_t i = 0; i < size; i++)
		if (!is_unreserved((unsigned char)region[i]))
			size = 0;
	if (size == 0 || size >= sizeof(((struct s3_place *)0)->region))
		return error_set(err, ERROR_CONFIG,
				 "s3_region: \"%s\" is no region", region);
	return 0;
}

static bool is_host_char(char c)
{
	return is_unreserved((unsigned char)c) || c == ':' || c == '[' ||
	       c == ']';
}

/* It is signed as it is: a byte that S3 encodes must be encoded already. */
static bool is_path_char(char c)
{
	return is_unreserved((unsigned char)c) || c == '/' || c == '%';
}

static int refuse_endpoint(const char *endpoint, const char *why,
			   struct error *err)
{
	return error_set(err, ERROR_CONFIG,
			 "s3_endpoint: \"%s\": %s; must be like "
			 "https://s3.example.org:9000",
			 endpoint, why);
}

/* The port that a scheme has anyway stays out of the Host header. */
static void drop_own_port(struct s3_place *place)
{
	const char *own = strcmp(place->scheme, "https") == 0 ? ":443" : ":80";
	size_t size = strlen(place->host);
	size_t own_size = strlen(own);

	if (size > own_size && strcmp(place->host + size - own_size, own) == 0)
		place->host[size - own_size] = '\0';
}

static int parse_endpoint(struct s3_place *place, const char *endpoint,
			  struct error *err)
{
	const char *rest = endpoint;
	const char *mark = strstr(endpoint, "://");
	const char *scheme = "https";

	if (mark) {
		size_t size = (size_t)(mark - endpoint);

		if (size == 4 && memcmp(endpoint, "http", 4) == 0)
			scheme = "http";
		else if (size != 5 || memcmp(endpoint, "https", 5) != 0)
			return refuse_endpoint(endpoint, "no http or https",
					       err);
		rest = mark + 3;
	}
	(void)snprintf(place->scheme, sizeof(place->scheme), "%s", scheme);
	size_t host_size = strcspn(rest, "/");
	const char *path = rest + host_size;
	size_t path_size = strlen(path);
	while (path_size > 0 && path[path_size - 1] == '/')
		path_size--;
	/* not repeated: there may be a password in it */
	if (strpbrk(rest, "@?#"))
		return error_set(err, ERROR_CONFIG,
				 "s3_endpoint: has a user or a query in it; "
				 "must be like https://s3.example.org:9000");
	if (host_size == 0 || rest[0] == ':' ||
	    host_size >= sizeof(place->host) - 64 ||
	    path_size >= sizeof(place->base_path))
		return refuse_endpoint(endpoint, "no host, or too long", err);
	for (size_t i = 0; i < host_size; i++)
		if (!is_host_char(rest[i]))
			return refuse_endpoint(endpoint, "a bad host", err);
	for (size_t i = 0; i < path_size; i++)
		if (!is_path_char(path[i]))
			return refuse_endpoint(endpoint, "a bad path", err);
	memcpy(place->host, rest, host_size);
	place->host[host_size] = '\0';
	memcpy(place->base_path, path, path_size);
	place->base_path[path_size] = '\0';
	drop_own_port(place);
	(void)snprintf(place->endpoint, sizeof(place->endpoint),
		       "%.7s://%.400s%.100s", place->scheme, place->host,
		       place->base_path);
	return 0;
}

static void set_aws_host(struct s3_place *place)
{
	const char *domain = strncmp(place->region, "cn-", 3) == 0
				 ? "amazonaws.com.cn"
				 : "amazonaws.com";

	(void)snprintf(place->host, sizeof(place->host), "%s%ss3.%s.%s",
		       place->is_virtual ? place->bucket : "",
		       place->is_virtual ? "." : "", place->region, domain);
}

static int put_bucket_in_host(struct s3_place *place, struct error *err)
{
	size_t bucket_size = strlen(place->bucket);
	size_t host_size = strlen(place->host);

	if (place->host[0] == '[')
		return refuse_endpoint(place->endpoint,
				       "no bucket fits before a number", err);
	if (bucket_size + 1 + host_size >= sizeof(place->host))
		return error_set(err, ERROR_CONFIG,
				 "s3_bucket and s3_endpoint together are too "
				 "long");
	memmove(place->host + bucket_size + 1, place->host, host_size + 1);
	memcpy(place->host, place->bucket, bucket_size);
	place->host[bucket_size] = '.';
	return 0;
}

int s3_place_init(struct s3_place *place,
		  const struct s3_place_options *options, struct error *err)
{
	*place = (struct s3_place){.is_aws = options->endpoint == NULL};
	int rc = check_bucket(options->bucket, err);
	if (rc == 0)
		rc = check_region(options->region, err);
	if (rc)
		return rc;
	(void)snprintf(place->bucket, sizeof(place->bucket), "%s",
		       options->bucket);
	(void)snprintf(place->region, sizeof(place->region), "%s",
		       options->region);
	place->is_virtual = options->addressing == S3_ADDRESS_VIRTUAL ||
			    (options->addressing == S3_ADDRESS_AUTO &&
			     place->is_aws && is_dns_label(options->bucket));
	if (!place->is_aws) {
		rc = parse_endpoint(place, options->endpoint, err);
		if (rc == 0 && place->is_virtual)
			rc = put_bucket_in_host(place, err);
		return rc;
	}
	(void)snprintf(place->scheme, sizeof(place->scheme), "https");
	(void)snprintf(place->endpoint, sizeof(place->endpoint),
		       "https://s3.amazonaws.com");
	set_aws_host(place);
	return 0;
}

int s3_place_move(struct s3_place *place, const char *region, struct error *err)
{
	int rc = check_region(region, err);

	if (rc)
		return rc;
	(void)snprintf(place->region, sizeof(place->region), "%s", region);
	if (place->is_aws)
		set_aws_host(place);
	return 0;
}

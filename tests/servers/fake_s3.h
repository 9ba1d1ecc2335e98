#ifndef S3I_TESTS_FAKE_S3_H
#define S3I_TESTS_FAKE_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * A small S3 for the tests: strict about what a client sends, and breaking on
 * command. It shares no code with the program that it judges.
 */
enum {
	PATH_BYTES = 4096,
	KEY_BYTES = 1025,
	HEX_SHA256 = 65,
	HEADER_MOST = 64,
	META_MOST = 32
};

struct server {
	const char *root;
	const char *access_key;
	const char *secret_key;
	const char *token;  /* NULL: none is accepted */
	const char *region; /* that requests must be signed for */
	const char *domain; /* BUCKET.domain is virtual addressing */
	int log;	    /* descriptor, -1: none */
};

struct pair {
	char *name; /* lower-case */
	char *value;
};

struct request {
	struct server *server;
	char *target; /* as it came: path and query, encoded */
	char method[16];
	struct pair headers[HEADER_MOST];
	size_t header_count;
	struct pair query[HEADER_MOST]; /* decoded */
	size_t query_count;
	char bucket[256];
	char key[KEY_BYTES + 1];
	bool is_control;

	/* the body, on its way to a file */
	int body; /* descriptor, -1: none */
	char body_path[PATH_BYTES];
	uint64_t body_bytes;
	void *sha256; /* EVP_MD_CTX */
	void *md5;
	uint64_t crc64;
	char sha256_hex[HEX_SHA256];
	char md5_hex[33];
	unsigned char sha256_raw[32];
	unsigned char md5_raw[16];
	bool is_begun;
	bool is_cut; /* the connection is to be closed without a reply */
	uint64_t cut_after;
	struct fault *fault;

	/* the reply */
	int status;
	char *reply; /* malloc'ed */
	size_t reply_size;
	char file[PATH_BYTES]; /* sent instead of reply if not "" */
	bool is_range;
	uint64_t range_start;
	uint64_t range_size;
	struct pair reply_headers[META_MOST];
	size_t reply_header_count;
};

const char *request_header(const struct request *request, const char *name);
const char *request_query(const struct request *request, const char *name);
void reply_header(struct request *request, const char *name, const char *format,
		  ...) __attribute__((format(printf, 3, 4)));
/* An S3 error document. */
void reply_error(struct request *request, int status, const char *code);
void reply_xml(struct request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* fake_s3_sign.c: RFC-like check of the Authorization header; true if it is
 * sound, else an error was replied. */
bool sign_verify(struct request *request);
void url_decode(const char *text, size_t size, char *out, size_t out_size);
void url_encode(const char *text, bool keep_slash, char *out, size_t size);
void hex_of(const unsigned char *data, size_t size, char *out);

/* fake_s3_crc.c */
uint64_t crc64_nvme(uint64_t crc, const void *data, size_t size);
void base64_of(const unsigned char *data, size_t size, char *out);
void crc64_base64(uint64_t crc, char out[16]);

/* fake_s3_store.c: objects and uploads as files. */
void store_make_bucket(struct server *server, const char *bucket);
void store_serve(struct request *request);

/* fake_s3_fault.c: what POST /_control asked for. */
enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,	 /* answer with status and code, do nothing */
	FAULT_LATE,	 /* do it, answer after delay_ms */
	FAULT_HELD,	 /* the same the other way round */
	FAULT_RESET,	 /* close after so many bytes of the body */
	FAULT_LOST,	 /* do it, close without an answer */
	FAULT_OK_ERROR,	 /* do nothing, 200 with an error document */
	FAULT_WRONG_ETAG /* do it, answer with another ETag */
};
struct fault {
	enum fault_kind kind;
	char method[16]; /* "": any */
	char key_prefix[256];
	char query[64];	 /* a parameter that must be there, "": any */
	char region[64]; /* told with a redirect */
	int status;
	char code[64];
	int delay_ms;
	uint64_t bytes;
	int times; /* left */
	int skip;  /* pass so many first */
};
void fault_control(struct request *request, const char *text);
struct fault *fault_find(struct request *request);
time_t fault_now(void);		    /* the server's clock */
bool fault_ignores_condition(void); /* If-None-Match on a PUT */
bool fault_reverses_listings(void); /* of objects, each page */

#endif

#include "check.h"

#include <string.h>

#include "base/http.h"
#include "s3/s3.h"

#define XMLNS "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define CRC   "<ChecksumCRC64NVME>AAAAAAAAAAE=</ChecksumCRC64NVME>"

/* A reply of these texts; its buffers lend them. */
static struct http_reply reply_of(const char *headers, const char *body)
{
	struct http_reply reply = {.status = 200};
	reply.headers.data = (char *)headers;
	reply.headers.size = strlen(headers);
	reply.body.data = (char *)body;
	reply.body.size = strlen(body);
	return reply;
}

/* ---- ListObjectsV2 ---- */

/* A listing as "key size modified etag;" and "...token" if it goes on. */
static const char *listing_of(const char *body)
{
	static char text[2048];
	struct http_reply reply = reply_of("", body);
	struct s3_listing listing;
	struct error err = {0};
	size_t used = 0;
	int rc = s3_read_listing(&reply, &listing, &err);
	CHECK_INT(rc, err.code);
	if (rc != 0) {
		CHECK_INT(rc, ERROR_INVALID);
		CHECK(!listing.objects && listing.count == 0);
		return "(!)";
	}
	text[0] = '\0';
	for (size_t i = 0; i < listing.count; i++) {
		const struct s3_listed *o = &listing.objects[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%.*s %jd %jd %s;", (int)o->key.size,
					 o->key.data, (intmax_t)o->size_bytes,
					 (intmax_t)o->modified_s, o->etag);
	}
	if (listing.is_truncated)
		(void)snprintf(text + used, sizeof(text) - used, "...%s",
			       listing.next_token);
	s3_listing_clear(&listing);
	return text;
}

#define OBJECT(key, size)                                                      \
	"<Contents><Key>" key "</Key>"                                         \
	"<LastModified>2013-05-24T00:00:00.000Z</LastModified>"                \
	"<ETag>&quot;e&quot;</ETag><Size>" size "</Size>"                      \
	"<Owner><ID>Key</ID></Owner><StorageClass>STANDARD</StorageClass>"     \
	"</Contents>"
#define LISTING(text) "<ListBucketResult " XMLNS ">" text "</ListBucketResult>"

static void a_page_of_a_listing_is_read(void)
{
	CHECK_TEXT(listing_of(LISTING("<Name>b</Name><KeyCount>0</KeyCount>"
				      "<IsTruncated>false</IsTruncated>")),
		   "");
	CHECK_TEXT(
	    listing_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" LISTING(
		"<Prefix>a</Prefix>" OBJECT("a/1", "0")
		    OBJECT("a/2", "5497558138880"))),
	    "a/1 0 1369353600 \"e\";"
	    "a/2 5497558138880 1369353600 \"e\";");
	CHECK_TEXT(listing_of(LISTING(
		       "<NextContinuationToken>1/a+b=</NextContinuationToken>"
		       "<IsTruncated>true</IsTruncated>" OBJECT("k", "1"))),
		   "k 1 1369353600 \"e\";...1/a+b=");
	/* the order within an object is free, what is unknown is passed over */
	CHECK_TEXT(listing_of(LISTING("<Contents><Size>3</Size><New><Key>x"
				      "</Key></New><Key>k</Key></Contents>"
				      "<CommonPrefixes><Prefix>p</Prefix>"
				      "</CommonPrefixes>")),
		   "k 3 0 ;");
}

static void keys_of_a_listing_are_decoded(void)
{
	CHECK_TEXT(listing_of(LISTING(OBJECT("a%2Fb+c%2Bd%25", "1") OBJECT(
		       "%C3%A4", "2") OBJECT("&amp;&#x20AC;", "3"))),
		   "a/b c+d% 1 1369353600 \"e\";"
		   "\xc3\xa4 2 1369353600 \"e\";"
		   "&\xe2\x82\xac 3 1369353600 \"e\";");
	struct http_reply reply =
	    reply_of("", LISTING(OBJECT("a%00b%0A", "1")));
	struct s3_listing listing;
	struct error err = {0};
	CHECK_INT(s3_read_listing(&reply, &listing, &err), 0);
	CHECK_INT(listing.count, 1);
	CHECK(bytes_equal(listing.objects[0].key, (struct bytes){"a\0b\n", 4}));
	s3_listing_clear(&listing);
}

static void what_a_listing_does_not_tell_is_not_known(void)
{
	CHECK_TEXT(listing_of(LISTING("<Contents><Key>k</Key></Contents>")),
		   "k -1 0 ;");
	static const char *const odd[] = {
	    "",	   "x",	  "-5",	 "1x", "0x10",
	    "1.5", " 12", "1e3", "+1", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		char body[512];
		(void)snprintf(body, sizeof(body),
			       LISTING("<Contents><Key>k</Key><Size>%s</Size>"
				       "<LastModified>%s</LastModified>"
				       "</Contents>"),
			       odd[i], odd[i]);
		CHECK_TEXT(listing_of(body), "k -1 0 ;");
	}
}

static void a_listing_that_is_none_is_refused(void)
{
	static const char *const bad[] = {
	    "",
	    "{}",
	    "<ListBucketResult>",
	    LISTING(OBJECT("a", "1")) "<",
	    "<Error><Code>AccessDenied</Code></Error>",
	    "<html><head/><body>Please log in</body></html>",
	    "<ListPartsResult/>",
	    LISTING("<IsTruncated>true</IsTruncated>"),
	    LISTING("<Contents><Size>1</Size></Contents>"),
	    LISTING(OBJECT("a", "1") "<Contents><Key/></Contents>"),
	    "<!DOCTYPE x>" LISTING(""),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!CHECK_TEXT(listing_of(bad[i]), "(!)"))
			(void)printf("# %s\n", bad[i]);
}

/* ---- an object's headers ---- */

static void an_object_is_read_from_headers(void)
{
	struct s3_object_facts facts;
	struct error err = {0};
	struct http_reply reply =
	    reply_of("content-length: 4096\netag: \"e\"\n"
		     "last-modified: Fri, 24 May 2013 00:00:00 GMT\n"
		     "x-amz-checksum-crc64nvme: AAAAAAAAAQI=\n"
		     "x-amz-checksum-type: FULL_OBJECT\n",
		     "");
	CHECK_INT(s3_read_object(&reply, &facts, &err), 0);
	CHECK_INT(facts.size_bytes, 4096);
	CHECK_INT(facts.modified_s, 1369353600);
	CHECK_TEXT(facts.etag, "\"e\"");
	CHECK(facts.has_crc64 && facts.crc64 == 0x102);
	CHECK(!facts.has_sha256);
	reply = reply_of("", "");
	CHECK_INT(s3_read_object(&reply, &facts, &err), 0);
	CHECK_INT(facts.size_bytes, -1);
	CHECK_INT(facts.modified_s, 0);
	CHECK_TEXT(facts.etag, "");
	CHECK(!facts.has_crc64 && !facts.has_sha256);
}

static void only_checksums_of_the_whole_count(void)
{
	static const struct {
		const char *headers;
		bool has_crc64;
		bool has_sha256;
	} rows[] = {
	    {"x-amz-checksum-crc64nvme: AAAAAAAAAAE=\n", true, false},
	    {"x-amz-checksum-crc64nvme: AAAAAAAAAAE=-3\n", false, false},
	    {"x-amz-checksum-crc64nvme: AAAAAAAAAAE\n", false, false},
	    {"x-amz-checksum-crc64nvme: AAAAAAAAAAAB\n", false, false},
	    {"x-amz-checksum-crc64nvme: AAAA====AAAA\n", false, false},
	    {"x-amz-checksum-crc64nvme: AAAAAAAAA E=\n", false, false},
	    {"x-amz-checksum-crc64nvme: AAAAAAAAAAE=\n"
	     "x-amz-checksum-type: COMPOSITE\n",
	     false, false},
	    {"x-amz-checksum-sha256: "
	     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
	     false, true},
	    {"x-amz-checksum-sha256: "
	     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2\n",
	     false, false},
	    {"x-amz-checksum-sha256: AAAAAAAAAAE=\n", false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_reply reply = reply_of(rows[i].headers, "");
		struct s3_object_facts facts;
		CHECK_INT(s3_read_object(&reply, &facts, NULL), 0);
		CHECK_INT(facts.has_crc64, rows[i].has_crc64);
		CHECK_INT(facts.has_sha256, rows[i].has_sha256);
	}
}

/* ---- multipart ---- */

static void an_upload_id_is_read(void)
{
	static const struct {
		const char *body;
		const char *id; /* NULL: refused */
	} rows[] = {
	    {"<InitiateMultipartUploadResult " XMLNS "><Bucket>b</Bucket>"
	     "<Key>k</Key><UploadId>2~a+/=</UploadId>"
	     "</InitiateMultipartUploadResult>",
	     "2~a+/="},
	    {"<InitiateMultipartUploadResult><UploadId>0123456789abcde"
	     "</UploadId></InitiateMultipartUploadResult>",
	     "0123456789abcde"},
	    /* one byte too long for 16 */
	    {"<InitiateMultipartUploadResult><UploadId>0123456789abcdef"
	     "</UploadId></InitiateMultipartUploadResult>",
	     NULL},
	    {"<InitiateMultipartUploadResult><UploadId/>"
	     "</InitiateMultipartUploadResult>",
	     NULL},
	    {"<InitiateMultipartUploadResult/>", NULL},
	    {"<UploadId>1</UploadId>", NULL},
	    {"<InitiateMultipartUploadResult><UploadId>1</UploadId>", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_reply reply = reply_of("", rows[i].body);
		struct error err = {0};
		char id[16] = "before";
		CHECK_INT(s3_read_upload_id(&reply, id, sizeof(id), &err),
			  rows[i].id ? 0 : ERROR_INVALID);
		CHECK_INT(err.code, rows[i].id ? 0 : ERROR_INVALID);
		if (rows[i].id)
			CHECK_TEXT(id, rows[i].id);
	}
}

/* "etag crc" of a completed upload, "-" for no checksum. */
static const char *completed_of(const char *body)
{
	static char text[512];
	struct http_reply reply = reply_of("", body);
	struct s3_object_facts facts;
	struct error err = {0};
	int rc = s3_read_completed(&reply, &facts, &err);
	CHECK_INT(rc, err.code);
	if (rc != 0)
		return "(!)";
	(void)snprintf(text, sizeof(text), "%s ", facts.etag);
	if (facts.has_crc64)
		(void)snprintf(text + strlen(text), 32, "%jx",
			       (uintmax_t)facts.crc64);
	else
		(void)strcat(text, "-");
	return text;
}

#define COMPLETED(text)                                                        \
	"<CompleteMultipartUploadResult " XMLNS ">" text                       \
	"</CompleteMultipartUploadResult>"

static void a_completed_upload_is_read(void)
{
	CHECK_TEXT(completed_of(COMPLETED("<Location>l</Location>"
					  "<ETag>&quot;e-2&quot;</ETag>" CRC
					  "<ChecksumType>FULL_OBJECT"
					  "</ChecksumType>")),
		   "\"e-2\" 1");
	CHECK_TEXT(completed_of("  \n\n " COMPLETED(CRC)), " 1");
	CHECK_TEXT(completed_of(COMPLETED("")), " -");
	CHECK_TEXT(completed_of(
		       COMPLETED(CRC "<ChecksumType>COMPOSITE</ChecksumType>")),
		   " -");
	/* what does not say that it is done is no sign of it */
	CHECK_TEXT(completed_of(""), "(!)");
	CHECK_TEXT(completed_of("<html><body/></html>"), "(!)");
	CHECK_TEXT(completed_of("<Error/>"), "(!)");
	CHECK_TEXT(completed_of("<CompleteMultipartUploadResult>"), "(!)");
}

/* Parts as "number etag size crc;", then "...next" if there are more. */
static const char *parts_of(const char *body)
{
	static char text[1024];
	struct http_reply reply = reply_of("", body);
	struct s3_parts parts;
	struct error err = {0};
	size_t used = 0;
	int rc = s3_read_parts(&reply, &parts, &err);
	CHECK_INT(rc, err.code);
	if (rc != 0) {
		CHECK(!parts.parts && parts.count == 0);
		return "(!)";
	}
	text[0] = '\0';
	for (size_t i = 0; i < parts.count; i++)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "%d %s %jd %s;",
		    parts.parts[i].number, parts.parts[i].etag,
		    (intmax_t)parts.parts[i].size_bytes,
		    parts.parts[i].has_crc64 ? "crc" : "-");
	if (parts.is_truncated)
		(void)snprintf(text + used, sizeof(text) - used, "...%d",
			       parts.next_number);
	s3_parts_clear(&parts);
	return text;
}

#define PARTS(text) "<ListPartsResult " XMLNS ">" text "</ListPartsResult>"

static void a_page_of_parts_is_read(void)
{
	CHECK_TEXT(parts_of(PARTS("<IsTruncated>false</IsTruncated>")), "");
	CHECK_TEXT(
	    parts_of(PARTS("<PartNumberMarker>0</PartNumberMarker>"
			   "<NextPartNumberMarker>10000</NextPartNumberMarker>"
			   "<IsTruncated>true</IsTruncated>"
			   "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag>"
			   "<Size>5242880</Size>" CRC "</Part>"
			   "<Part><PartNumber>10000</PartNumber><ETag>b</ETag>"
			   "<Size>1</Size></Part>")),
	    "1 \"a\" 5242880 crc;10000 b 1 -;...10000");
	CHECK_TEXT(parts_of("<ListBucketResult/>"), "(!)");
	CHECK_TEXT(parts_of("<ListPartsResult><Part/>"), "(!)");
}

static void a_part_number_is_one_or_none(void)
{
	static const char *const odd[] = {
	    "", "x", "-1", "10001", "1x", "4294967297", "18446744073709551617"};
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		char body[512];
		(void)snprintf(
		    body, sizeof(body),
		    PARTS("<Part><PartNumber>%s</PartNumber></Part>"
			  "<IsTruncated>true</IsTruncated>"
			  "<NextPartNumberMarker>%s</NextPartNumberMarker>"),
		    odd[i], odd[i]);
		CHECK_TEXT(parts_of(body), "0  -1 -;...0");
	}
}

/* Uploads as "key id time;", then "...marker id" if there are more. */
static const char *uploads_of(const char *body)
{
	static char text[1024];
	struct http_reply reply = reply_of("", body);
	struct s3_upload_listing listing;
	struct error err = {0};
	size_t used = 0;
	int rc = s3_read_uploads(&reply, &listing, &err);
	CHECK_INT(rc, err.code);
	if (rc != 0) {
		CHECK(!listing.uploads && listing.count == 0);
		return "(!)";
	}
	text[0] = '\0';
	for (size_t i = 0; i < listing.count; i++)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "%s %s %jd;",
		    listing.uploads[i].key, listing.uploads[i].upload_id,
		    (intmax_t)listing.uploads[i].initiated_s);
	if (listing.is_truncated)
		(void)snprintf(text + used, sizeof(text) - used, "...%s %s",
			       listing.next_key_marker,
			       listing.next_upload_id_marker);
	s3_upload_listing_clear(&listing);
	return text;
}

#define UPLOADS(text)                                                          \
	"<ListMultipartUploadsResult " XMLNS ">" text                          \
	"</ListMultipartUploadsResult>"

static void a_page_of_uploads_is_read(void)
{
	CHECK_TEXT(uploads_of(UPLOADS("<Bucket>b</Bucket>")), "");
	CHECK_TEXT(
	    uploads_of(UPLOADS(
		"<NextKeyMarker>a%2Bb+c</NextKeyMarker>"
		"<NextUploadIdMarker>1+%2B</NextUploadIdMarker>"
		"<IsTruncated>true</IsTruncated>"
		"<Upload><Key>a%2Fb+c</Key><UploadId>1+%2B</UploadId>"
		"<Initiated>2013-05-24T00:00:00.000Z</Initiated></Upload>"
		"<Upload><UploadId>2</UploadId><Key>d</Key></Upload>")),
	    "a/b c 1+%2B 1369353600;d 2 0;...a+b c 1+%2B");
	/* who says neither which nor whose cannot be asked on */
	CHECK_TEXT(uploads_of(UPLOADS("<Upload><Key>k</Key></Upload>")), "(!)");
	CHECK_TEXT(
	    uploads_of(UPLOADS("<Upload><UploadId>1</UploadId></Upload>")),
	    "(!)");
	CHECK_TEXT(uploads_of(UPLOADS("<IsTruncated>true</IsTruncated>")),
		   "(!)");
	CHECK_TEXT(uploads_of(UPLOADS("") "x"), "(!)");
	CHECK_TEXT(uploads_of("<ListPartsResult/>"), "(!)");
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(a_page_of_a_listing_is_read),
	    CHECK_TEST(keys_of_a_listing_are_decoded),
	    CHECK_TEST(what_a_listing_does_not_tell_is_not_known),
	    CHECK_TEST(a_listing_that_is_none_is_refused),
	    CHECK_TEST(an_object_is_read_from_headers),
	    CHECK_TEST(only_checksums_of_the_whole_count),
	    CHECK_TEST(an_upload_id_is_read),
	    CHECK_TEST(a_completed_upload_is_read),
	    CHECK_TEST(a_page_of_parts_is_read),
	    CHECK_TEST(a_part_number_is_one_or_none),
	    CHECK_TEST(a_page_of_uploads_is_read),
	};
	return CHECK_RUN(tests);
}

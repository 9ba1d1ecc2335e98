#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "s3/s3_xml.h"

/* What the handler was told, as "path=text;", and how it answers. */
struct log {
	char text[4096];
	size_t used;
	int calls;
	int answer_at; /* the call that answers with answer */
	int answer;
};

static int note(void *context, const char *path, struct bytes text)
{
	struct log *log = context;
	log->used += (size_t)snprintf(
	    log->text + log->used, sizeof(log->text) - log->used, "%s=%.*s;",
	    path, (int)text.size, text.size ? text.data : "");
	log->calls++;
	return log->calls == log->answer_at ? log->answer : 0;
}

/* The log of a parse, or of a refusal what was told before it and "(!)". */
static const char *told(const char *xml)
{
	static struct log log;
	memset(&log, 0, sizeof(log));
	const struct s3_xml_handler handler = {note, &log};
	struct error err = {0};
	int rc = s3_xml_parse(bytes_of_text(xml), &handler, &err);
	CHECK_INT(rc, err.code);
	CHECK_INT(rc != 0, err.text[0] != '\0');
	if (rc != 0) {
		CHECK_INT(rc, ERROR_INVALID);
		(void)snprintf(log.text + log.used, sizeof(log.text) - log.used,
			       "(!)");
	}
	return log.text;
}

static void elements_are_told_as_they_end(void)
{
	static const struct {
		const char *xml;
		const char *told;
	} rows[] = {
	    {"<a/>", "a=;"},
	    {"<a></a>", "a=;"},
	    {"<a>text</a>", "a=text;"},
	    {"<a><b>1</b><c>2</c></a>", "a/b=1;a/c=2;a=;"},
	    {"<a><b><c>1</c></b><b>2</b></a>", "a/b/c=1;a/b=;a/b=2;a=;"},
	    {"<a><a><a>x</a></a></a>", "a/a/a=x;a/a=;a=;"},
	    {"<a><b> </b></a>", "a/b= ;a=;"},
	    {"<a x=\"1\" xmlns=\"urn:x\"><b y='2'>z</b></a>", "a/b=z;a=;"},
	    {"<!-- c --><a><!-- d -->x<?pi y?>z</a><!-- e -->", "a=xz;"},
	    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>1</a>\n", "a=1;"},
	    {"<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>",
	     "a=;"},
	    {"\xef\xbb\xbf<a>1</a>", "a=1;"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_TEXT(told(rows[i].xml), rows[i].told);
}

static void white_space_in_front_is_passed_over(void)
{
	/* S3 sends it while it puts an object together */
	CHECK_TEXT(told(" \r\n\t\n<?xml version=\"1.0\"?><a>1</a>"), "a=1;");
	CHECK_TEXT(told("<?xml version=\"1.0\"?> \n \n <a>1</a>"), "a=1;");
}

static void entities_of_xml_are_resolved(void)
{
	static const struct {
		const char *xml;
		const char *told;
	} rows[] = {
	    {"<a>&quot;x&quot;</a>", "a=\"x\";"},
	    {"<a>&lt;b/&gt;&amp;&apos;</a>", "a=<b/>&';"},
	    {"<a>&#65;&#x42;&#xe4;&#x20AC;&#x1F4BE;</a>",
	     "a=AB\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe;"},
	    {"<a>&#13;&#10;</a>", "a=\r\n;"},
	    {"<a>&amp;amp;</a>", "a=&amp;;"},
	    {"<a><![CDATA[<b>&amp;]]></a>", "a=<b>&amp;;"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_TEXT(told(rows[i].xml), rows[i].told);
}

static void unsound_documents_are_refused(void)
{
	static const struct {
		const char *xml;
		const char *told;
	} rows[] = {
	    {"", "(!)"},
	    {" \n\t ", "(!)"},
	    {"text", "(!)"},
	    {"{\"a\": 1}", "(!)"},
	    {"<", "(!)"},
	    {"<a>", "(!)"},
	    {"<a><b>1</b>", "a/b=1;(!)"},
	    {"<a><b>1</b></", "a/b=1;(!)"},
	    {"<a></b>", "(!)"},
	    {"<a/><b/>", "a=;(!)"},
	    {"<a/>text", "a=;(!)"},
	    {"<a>&nbsp;</a>", "(!)"},
	    {"<a>&#0;</a>", "(!)"},
	    {"<a>&#xD800;</a>", "(!)"},
	    {"<a>\x01</a>", "(!)"},
	    {"<a>\xff\xfe</a>", "(!)"},
	    {"<a>\xc3</a>", "(!)"},
	    {"<a x=1/>", "(!)"},
	    {"<html><body><br></body></html>", "(!)"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_TEXT(told(rows[i].xml), rows[i].told);
	const struct s3_xml_handler none = {0};
	CHECK_INT(s3_xml_parse((struct bytes){0}, &none, NULL), ERROR_INVALID);
	CHECK_INT(s3_xml_parse((struct bytes){"<a>\0</a>", 8}, &none, NULL),
		  ERROR_INVALID);
	CHECK_INT(s3_xml_parse(bytes_of_text("<a/>"), &none, NULL), 0);
}

static void a_document_type_is_refused(void)
{
	static const char *const bad[] = {
	    "<!DOCTYPE a><a/>",
	    "<!DOCTYPE a SYSTEM \"file:///etc/hostname\"><a/>",
	    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "
	    "\"http://127.0.0.1/x.dtd\"><html/>",
	    "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
	    "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>"
	    "<a>&x;</a>",
	    "<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY c \"&b;&b;\">"
	    "<!ENTITY d \"&c;&c;\">]><a>&d;</a>",
	    "<!DOCTYPE a [<!ENTITY % p SYSTEM \"x\"> %p;]><a/>",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_TEXT(told(bad[i]), "(!)");
}

/* depth elements in each other, each named name; the caller frees. */
static char *nested(const char *name, int depth)
{
	struct buffer xml = {0};
	for (int i = 0; i < depth; i++)
		CHECK_INT(buffer_append_format(&xml, "<%s>", name), 0);
	for (int i = 0; i < depth; i++)
		CHECK_INT(buffer_append_format(&xml, "</%s>", name), 0);
	return buffer_steal(&xml);
}

static void depth_has_a_ceiling(void)
{
	static const struct {
		const char *name;
		int depth;
		int rc;
	} rows[] = {
	    {"a", S3_XML_CEILING_DEPTH, 0},
	    {"a", S3_XML_CEILING_DEPTH + 1, ERROR_INVALID},
	    {"a", 100000, ERROR_INVALID},
	    /* 9 bytes and a '/' each, the first without: 249, then 259 */
	    {"ninebytes", 25, 0},
	    {"ninebytes", 26, ERROR_INVALID},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct s3_xml_handler handler = {0};
		char *xml = nested(rows[i].name, rows[i].depth);
		struct error err = {0};
		CHECK_INT(s3_xml_parse(bytes_of_text(xml), &handler, &err),
			  rows[i].rc);
		CHECK_INT(err.code, rows[i].rc);
		free(xml);
	}
}

static void a_name_has_a_ceiling(void)
{
	char xml[600];
	for (int size = 250; size < 262; size++) {
		(void)snprintf(xml, sizeof(xml), "<%0*d/>", size, 0);
		memset(xml + 1, 'n', (size_t)size);
		const struct s3_xml_handler none = {0};
		CHECK_INT(s3_xml_parse(bytes_of_text(xml), &none, NULL),
			  size < S3_XML_PATH_BYTES - 1 ? 0 : ERROR_INVALID);
	}
}

static int count_text(void *context, const char *path, struct bytes text)
{
	(void)path;
	*(size_t *)context += text.size;
	return 0;
}

static void size_has_a_ceiling(void)
{
	for (size_t more = 0; more < 2; more++) {
		size_t size = S3_XML_CEILING_BYTES + more;
		char *xml = malloc(size);
		size_t seen = 0;
		const struct s3_xml_handler handler = {count_text, &seen};
		struct error err = {0};
		if (!CHECK(xml))
			return;
		memset(xml, 'x', size);
		memcpy(xml, "<a>", 3);
		memcpy(xml + size - 4, "</a>", 4);
		CHECK_INT(
		    s3_xml_parse((struct bytes){xml, size}, &handler, &err),
		    more ? ERROR_INVALID : 0);
		CHECK_INT(seen, more ? 0 : size - 7);
		CHECK_TEXT(err.text,
			   more ? "the reply is empty or too large" : "");
		free(xml);
	}
}

static void the_handler_ends_the_parse(void)
{
	static const int answers[] = {ERROR_LOCAL, ERROR_INVALID, ERROR_BUG};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct log log = {.answer_at = 2, .answer = answers[i]};
		const struct s3_xml_handler handler = {note, &log};
		struct error err = {0};
		CHECK_INT(s3_xml_parse(bytes_of_text("<a><b/><c/><d/><e/></a>"),
				       &handler, &err),
			  answers[i]);
		CHECK_TEXT(log.text, "a/b=;a/c=;");
	}
	/* the first answer stays, whatever comes behind */
	struct log log = {.answer_at = 1, .answer = ERROR_LOCAL};
	const struct s3_xml_handler handler = {note, &log};
	CHECK_INT(s3_xml_parse(bytes_of_text("<a><b/></c>"), &handler, NULL),
		  ERROR_LOCAL);
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(elements_are_told_as_they_end),
	    CHECK_TEST(white_space_in_front_is_passed_over),
	    CHECK_TEST(entities_of_xml_are_resolved),
	    CHECK_TEST(unsound_documents_are_refused),
	    CHECK_TEST(a_document_type_is_refused),
	    CHECK_TEST(depth_has_a_ceiling),
	    CHECK_TEST(a_name_has_a_ceiling),
	    CHECK_TEST(size_has_a_ceiling),
	    CHECK_TEST(the_handler_ends_the_parse),
	};
	return CHECK_RUN(tests);
}

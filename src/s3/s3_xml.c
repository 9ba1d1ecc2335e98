#include "s3/s3_xml.h"

#include <expat.h>
#include <string.h>

struct parse {
	XML_Parser parser;
	const struct s3_xml_handler *handler;
	char path[S3_XML_PATH_BYTES];
	size_t path_size;
	int depth;
	struct buffer text;
	int rc; /* the first failure */
};

static void stop(struct parse *parse, int rc)
{
	if (parse->rc == 0)
		parse->rc = rc;
	(void)XML_StopParser(parse->parser, XML_FALSE);
}

static void XMLCALL start_element(void *context, const XML_Char *name,
				  const XML_Char **attributes)
{
	struct parse *parse = context;
	size_t size = strlen(name);

	(void)attributes;
	if (++parse->depth > S3_XML_CEILING_DEPTH ||
	    parse->path_size + size + 2 > sizeof(parse->path)) {
		stop(parse, ERROR_INVALID);
		return;
	}
	if (parse->path_size > 0)
		parse->path[parse->path_size++] = '/';
	memcpy(parse->path + parse->path_size, name, size + 1);
	parse->path_size += size;
	buffer_reset(&parse->text);
}

static void leave(struct parse *parse, size_t name_size)
{
	parse->path_size -= name_size;
	if (parse->path_size > 0)
		parse->path_size--;
	parse->path[parse->path_size] = '\0';
	parse->depth--;
	buffer_reset(&parse->text);
}

static void XMLCALL end_element(void *context, const XML_Char *name)
{
	struct parse *parse = context;
	int rc = 0;

	if (parse->rc)
		return;
	if (parse->handler->element)
		rc = parse->handler->element(parse->handler->context,
					     parse->path,
					     buffer_bytes(&parse->text));
	leave(parse, strlen(name));
	if (rc)
		stop(parse, rc);
}

static void XMLCALL text_in_element(void *context, const XML_Char *text,
				    int size)
{
	struct parse *parse = context;
	int rc = buffer_append(&parse->text, text, (size_t)size);

	if (rc)
		stop(parse, rc);
}

static void XMLCALL refuse_doctype(void *context, const XML_Char *name,
				   const XML_Char *system,
				   const XML_Char *public, int has_internal)
{
	(void)name, (void)system, (void)public, (void)has_internal;
	stop(context, ERROR_INVALID);
}

static struct bytes skip_space(struct bytes text)
{
	while (text.size > 0 && strchr(" \t\r\n", *text.data) &&
	       *text.data != '\0') {
		text.data++;
		text.size--;
	}
	return text;
}

int s3_xml_parse(struct bytes text, const struct s3_xml_handler *handler,
		 struct error *err)
{
	struct parse parse = {.handler = handler};

	text = skip_space(text);
	if (text.size == 0 || text.size > S3_XML_CEILING_BYTES)
		return error_set(err, ERROR_INVALID,
				 "the reply is empty or too large");
	parse.parser = XML_ParserCreate("UTF-8");
	if (!parse.parser)
		return error_set_memory(err);
	XML_SetUserData(parse.parser, &parse);
	XML_SetElementHandler(parse.parser, start_element, end_element);
	XML_SetCharacterDataHandler(parse.parser, text_in_element);
	XML_SetStartDoctypeDeclHandler(parse.parser, refuse_doctype);
	if (XML_Parse(parse.parser, text.data, (int)text.size, 1) !=
		XML_STATUS_OK &&
	    parse.rc == 0)
		parse.rc = ERROR_INVALID;
	if (parse.rc == ERROR_INVALID)
		(void)error_set(
		    err, ERROR_INVALID, "the reply is no sound XML: %s",
		    XML_ErrorString(XML_GetErrorCode(parse.parser)));
	XML_ParserFree(parse.parser);
	buffer_clear(&parse.text);
	return parse.rc;
}

#include "agent/document.h"

#include "base/files.h"
#include "base/json.h"

int document_load(const char *path, json_t **document, struct error *err)
{
	struct error problem = {0};
	struct buffer text = {0};

	*document = NULL;
	int code = files_read(path, JSON_CEILING_BYTES, &text, &problem);
	if (code != 0) {
		(void)error_set(err, problem.code, "%s", problem.text);
	} else {
		*document = json_parse_object(buffer_bytes(&text), &problem);
		if (!*document)
			code = error_set(err, problem.code, "%s: %s", path,
					 problem.text);
	}
	buffer_wipe(&text); /* it may have held keys */
	return code;
}

int document_save(const char *path, const json_t *document, struct error *err)
{
	struct buffer text = {0};
	int code = json_append(document, true, &text, err);

	if (code == 0)
		code = files_write(path, buffer_bytes(&text), NULL, err);
	buffer_wipe(&text); /* it may have held keys */
	return code;
}

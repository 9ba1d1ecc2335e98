#include "agent/context.h"

#include <string.h>

#include "agent/document.h"
#include "base/files.h"
#include "base/json.h"

int context_load(const char *path, struct context *context,
		 struct error *reason, struct error *err)
{
	struct error problem = {0};

	*context = (struct context){0};
	int code = document_load(path, &context->stored, &problem);
	if (code == ERROR_MISSING)
		return 0;
	if (code == ERROR_INVALID) {
		context->is_broken = true;
		*reason = problem;
		return 0;
	}
	if (code != 0)
		return error_set(err, problem.code, "%s", problem.text);
	return 0;
}

void context_clear(struct context *context)
{
	json_decref(context->stored);
	*context = (struct context){0};
}

const char *context_state(const struct context *context)
{
	const char *state = json_member_text(context->stored, "state");

	if (context->is_broken)
		return "error";
	return state ? state : "unregistered";
}

bool context_is_configured(const struct context *context)
{
	return strcmp(context_state(context), "configured") == 0;
}

int context_save_take(const char *path, struct context *context, json_t *stored,
		      struct error *err)
{
	int code = 0;

	if (context->is_broken)
		code = files_set_aside(path, err);
	if (code == 0)
		code = document_save(path, stored, err);
	if (code != 0) {
		json_decref(stored);
		return code;
	}
	json_decref(context->stored);
	context->stored = stored;
	context->is_broken = false;
	return 0;
}

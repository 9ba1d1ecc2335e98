#include "ingest/customizer_check.h"

#include "ingest/customizer.h"
#include "platform/clock.h"

enum { LOOK_MS = 2 };

int customizer_check(const char *folder, struct error *err)
{
	const struct customizer_options options = {
	    .folder = folder,
	    .settings = "{}",
	};
	struct customizer_answer answer = {.says = CUSTOMIZER_IGNORES};
	struct customizer *customizer = customizer_new(&options, err);
	int code = customizer ? 0 : ERROR_LOCAL;

	if (code == 0)
		code = customizer_ask(customizer, bytes_of_text(""), NULL, err);
	while (code == 0 && !customizer_collect(customizer, &answer)) {
		if (stop_requested())
			code = error_set(err, ERROR_STOPPED, "stopped");
		clock_sleep_ms(LOOK_MS);
	}
	if (code == 0 && answer.says == CUSTOMIZER_FAILED)
		code = error_set(err, ERROR_INVALID, "%s", answer.reason);
	customizer_free(customizer);
	return code;
}

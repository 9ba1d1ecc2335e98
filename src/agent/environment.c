#include "agent/environment.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "platform/system.h"

int environment_init(struct environment *environment)
{
	static const char *const names[] = {"PATH", "HOME", "LANG", "TZ"};
	size_t count = 0;

	*environment = (struct environment){0};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = system_environment(names[i]);

		if (!value && strcmp(names[i], "PATH") == 0)
			value = "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
				"/usr/bin:/sbin:/bin";
		if (!value)
			continue;
		char *text = text_format("%s=%s", names[i], value);
		if (!text)
			return ENOMEM;
		environment->values[count++] = text;
	}
	return 0;
}

void environment_clear(struct environment *environment)
{
	for (size_t i = 0; i < ENVIRONMENT_MOST; i++)
		free(environment->values[i]);
	*environment = (struct environment){0};
}

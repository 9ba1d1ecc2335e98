#include "agent/startup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "ingest/ledger.h"
#include "platform/host.h"

static const char NOTE_STARTUP_OF[] = "startup_of";
static const char NOTE_STARTUP_DUE[] = "startup_due";

static void describe_start(char *text, size_t size)
{
	char boot[128];

	if (host_boot_id(boot, sizeof(boot)) != 0)
		boot[0] = '\0';
	(void)snprintf(text, size, "%s %s", S3I_VERSION, boot);
}

int startup_is_due(struct ledger *ledger, bool *is_due, struct error *err)
{
	char now[192];
	char *last = NULL;
	char *due = NULL;
	int code = ledger_note_get(ledger, NOTE_STARTUP_OF, &last, err);

	if (code == 0)
		code = ledger_note_get(ledger, NOTE_STARTUP_DUE, &due, err);
	describe_start(now, sizeof(now));
	*is_due = due || !last || strcmp(last, now) != 0;
	free(last);
	free(due);
	return code;
}

int startup_make_due(struct ledger *ledger, const char *why, struct error *err)
{
	return ledger_note_set(ledger, NOTE_STARTUP_DUE, why, err);
}

int startup_note(struct ledger *ledger, struct error *err)
{
	char now[192];

	describe_start(now, sizeof(now));
	int code = ledger_note_set(ledger, NOTE_STARTUP_OF, now, err);
	if (code == 0)
		code = ledger_note_set(ledger, NOTE_STARTUP_DUE, NULL, err);
	return code;
}

#include "agent/exit_status.h"

#include <stdio.h>
#include <string.h>

int exit_status_of(enum error_code code)
{
	switch (code) {
	case ERROR_NONE:
		return EXIT_STATUS_DONE;
	case ERROR_LATER:
	case ERROR_STOPPED:
		return EXIT_STATUS_LATER;
	case ERROR_UNREACHABLE:
		return EXIT_STATUS_UNREACHABLE;
	case ERROR_LOCAL:
	case ERROR_MISSING:
	case ERROR_INVALID:
		return EXIT_STATUS_LOCAL;
	case ERROR_REFUSED:
		return EXIT_STATUS_REFUSED;
	case ERROR_CONFIG:
		return EXIT_STATUS_CONFIG;
	case ERROR_USAGE:
		return EXIT_STATUS_USAGE;
	case ERROR_BUG:
		break;
	}
	return EXIT_STATUS_BUG;
}

/* The worst first; what is not listed is no status of ours. */
static const int order[] = {
    EXIT_STATUS_USAGE,	 EXIT_STATUS_BUG,   EXIT_STATUS_CONFIG,
    EXIT_STATUS_REFUSED, EXIT_STATUS_LOCAL, EXIT_STATUS_UNREACHABLE,
    EXIT_STATUS_LATER,	 EXIT_STATUS_DONE,
};

static size_t rank_of(int status)
{
	size_t rank = 0;
	while (rank < sizeof(order) / sizeof(order[0]) && order[rank] != status)
		rank++;
	return rank;
}

int exit_status_worse(int a, int b)
{
	return rank_of(b) < rank_of(a) ? b : a;
}

static bool is_noted(const struct exit_reasons *reasons, const char *text)
{
	for (size_t i = 0; i < reasons->count; i++)
		if (strcmp(reasons->reasons[i].error.text, text) == 0)
			return true;
	return false;
}

void exit_reasons_add(struct exit_reasons *reasons, int status,
		      const char *text)
{
	reasons->status = exit_status_worse(reasons->status, status);
	if (!text || text[0] == '\0' || is_noted(reasons, text) ||
	    reasons->count == EXIT_STATUS_REASONS)
		return;
	reasons->reasons[reasons->count].status = status;
	(void)snprintf(reasons->reasons[reasons->count].error.text,
		       ERROR_TEXT_BYTES, "%s", text);
	reasons->count++;
}

void exit_reasons_add_error(struct exit_reasons *reasons,
			    const struct error *err)
{
	if (err->code == ERROR_NONE)
		return;
	size_t before = reasons->count;
	exit_reasons_add(reasons, exit_status_of(err->code), err->text);
	if (reasons->count > before)
		reasons->reasons[before].error.code = err->code;
}

void exit_reasons_merge(struct exit_reasons *reasons,
			const struct exit_reasons *others)
{
	for (size_t i = 0; i < others->count; i++)
		exit_reasons_add(reasons, others->reasons[i].status,
				 others->reasons[i].error.text);
	reasons->status = exit_status_worse(reasons->status, others->status);
}

size_t exit_reasons_winner(const struct exit_reasons *reasons)
{
	size_t i = 0;
	while (i < reasons->count &&
	       reasons->reasons[i].status != reasons->status)
		i++;
	return i;
}

/*
 * scan_list [-n | -a] PATTERN: the names that a pattern matches beneath the
 * working folder, each with a NUL behind it, as the scan gives them. What
 * could not be looked at goes to standard error. -n: no links, -a: all.
 */
#include <stdio.h>
#include <string.h>

#include "ingest/pattern.h"
#include "ingest/scan.h"

static int list_names(struct scan *scan, struct error *err)
{
	struct scan_item item;
	int code = scan_next(scan, &item, err);

	while (code == 0 && item.kind != SCAN_END) {
		if (item.kind == SCAN_FILE) {
			(void)fwrite(item.name.data, 1, item.name.size, stdout);
			(void)putchar('\0');
		} else {
			(void)fprintf(stderr, "%.*s: %s\n", (int)item.name.size,
				      item.name.data, item.reason);
		}
		code = scan_next(scan, &item, err);
	}
	return code;
}

int main(int count, char **arguments)
{
	struct scan_options options = {.follow = FOLDER_FOLLOW_INSIDE};
	struct folder *home = NULL;
	struct pattern *pattern = NULL;
	struct scan *scan = NULL;
	struct error err = {0};
	int code = 1;

	if (count == 3 && strcmp(arguments[1], "-n") == 0)
		options.follow = FOLDER_FOLLOW_NONE;
	if (count == 3 && strcmp(arguments[1], "-a") == 0)
		options.follow = FOLDER_FOLLOW_ALL;
	if (count < 2 || folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) != 0)
		goto cleanup;
	pattern = pattern_new(arguments[count - 1], &err);
	if (!pattern)
		goto cleanup;
	options.pattern = pattern;
	options.home = home;
	scan = scan_new(&options, &err);
	if (scan)
		code = list_names(scan, &err);
cleanup:
	if (code)
		(void)fprintf(stderr, "scan_list: %s\n", err.text);
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	return code ? 1 : 0;
}

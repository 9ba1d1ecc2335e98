#ifndef S3I_TESTS_SCAN_TREE_H
#define S3I_TESTS_SCAN_TREE_H

/* Small trees of files, and what the scan makes of them as one text. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "ingest/pattern.h"
#include "ingest/scan.h"

/* ------------------------------------------------ trees */

static char root[64]; /* of the test that runs; the working folder */

static inline void must(bool is_done, const char *what)
{
	if (is_done)
		return;
	perror(what);
	exit(99);
}

static inline void enter_new_root(void)
{
	(void)strcpy(root, "/tmp/test-scan-XXXXXX");
	must(mkdtemp(root) && chmod(root, 0755) == 0 && chdir(root) == 0, root);
}

static inline void leave_root(void)
{
	char *command = text_format("rm -rf %s", root);

	must(chdir("/") == 0 && system(command) == 0, command);
	free(command);
}

static inline void make_file(const char *name)
{
	int file = open(name, O_CREAT | O_WRONLY, 0644);

	must(file >= 0 && close(file) == 0, name);
}

/* A list of names, each with a '|' behind it; those that end in '/' are
 * folders, those with ">" links: "name>target". */
static inline void make_tree(const char *names)
{
	while (*names) {
		size_t size = strcspn(names, "|");
		char *name = text_dup_bytes(names, size);
		char *target = strchr(name, '>');

		if (target)
			*target++ = '\0';
		if (target)
			must(symlink(target, name) == 0, name);
		else if (name[size - 1] == '/')
			must(mkdir(name, 0755) == 0, name);
		else
			make_file(name);
		free(name);
		names += size + 1;
	}
}

/* ------------------------------------------------ scans */

static inline bool is_ascending(const struct buffer *last, struct bytes name)
{
	return !last->data || bytes_compare(buffer_bytes(last), name) < 0;
}

static inline void append_item(struct buffer *text, const struct scan *scan,
			       const struct scan_item *item)
{
	if (item->kind == SCAN_FAILED)
		must(buffer_append_text(text,
					scan_is_missing(scan) ? "?" : "!") == 0,
		     "memory");
	must(buffer_append(text, item->name.data, item->name.size) == 0 &&
		 buffer_append_text(text, "|") == 0,
	     "memory");
}

/* All names, each with a '|' behind it; '!' before what failed and '?' before
 * what is missing. They must come in order. */
static inline char *scan_with(struct scan_options options, const char *text)
{
	struct error err = {0};
	struct pattern *pattern = pattern_new(text, &err);
	struct folder *home = NULL;
	struct buffer names = {0};
	struct buffer last = {0};
	struct scan_item item = {0};

	must(pattern && folder_open(NULL, ".", FOLDER_FOLLOW_ALL, &home) == 0,
	     text);
	options.pattern = pattern;
	options.home = home;
	struct scan *scan = scan_new(&options, &err);
	for (;;) {
		if (!CHECK_INT(scan_next(scan, &item, &err), 0) ||
		    item.kind == SCAN_END)
			break;
		if (!CHECK(is_ascending(&last, item.name)))
			(void)printf("# %.*s after %s\n", (int)item.name.size,
				     item.name.data, last.data);
		append_item(&names, scan, &item);
		buffer_reset(&last);
		must(buffer_append(&last, item.name.data, item.name.size) == 0,
		     "memory");
	}
	scan_free(scan);
	pattern_free(pattern);
	folder_close(home);
	buffer_clear(&last);
	return names.data ? buffer_steal(&names) : text_dup("");
}

static inline void check_scan(struct scan_options options, const char *pattern,
			      const char *expected)
{
	char *names = scan_with(options, pattern);

	if (!CHECK_TEXT(names, expected))
		(void)printf("# pattern \"%s\"\n", pattern);
	free(names);
}

static inline void check_inside(const char *pattern, const char *expected)
{
	check_scan((struct scan_options){.follow = FOLDER_FOLLOW_INSIDE},
		   pattern, expected);
}

#endif

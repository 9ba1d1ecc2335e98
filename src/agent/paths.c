#include "agent/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/files.h"

/* What stands behind a prefix; behind that may come more: "-wal", ".bad". */
static const char *const endings[] = {"-context.json", "-keys.json",
				      "-reply.json", "-ledger.db"};

static bool is_good_prefix(const char *prefix)
{
	if (prefix[0] == '\0' || prefix[0] == '.')
		return false;
	for (; *prefix; prefix++)
		if ((unsigned char)*prefix < ' ' || *prefix == 0x7f ||
		    strchr("/\\:", *prefix))
			return false;
	return true;
}

char *paths_in_home(const struct paths *paths, const char *name)
{
	if (strcmp(paths->home, ".") == 0)
		return text_dup(name);
	return files_join(paths->home, name);
}

static char *name_of(const struct paths *paths, const char *ending)
{
	char *name = text_format("%s%s", paths->prefix, ending);
	char *path = name ? paths_in_home(paths, name) : NULL;

	free(name);
	return path;
}

int paths_init(struct paths *paths, const char *home, const char *prefix,
	       struct error *err)
{
	*paths = (struct paths){0};
	if (!is_good_prefix(prefix))
		return error_set(err, ERROR_USAGE,
				 "--prefix: %s cannot be the start of a "
				 "file's name",
				 prefix);
	paths->home = text_dup(home);
	paths->prefix = text_dup(prefix);
	if (!paths->home || !paths->prefix)
		return error_set_memory(err);
	paths->config = name_of(paths, ".json");
	paths->context = name_of(paths, "-context.json");
	paths->reply = name_of(paths, "-reply.json");
	paths->ledger = name_of(paths, "-ledger.db");
	paths->lock = name_of(paths, ".lock");
	if (!paths->config || !paths->context || !paths->reply ||
	    !paths->ledger || !paths->lock)
		return error_set_memory(err);
	return 0;
}

void paths_clear(struct paths *paths)
{
	free(paths->home);
	free(paths->prefix);
	free(paths->config);
	free(paths->context);
	free(paths->reply);
	free(paths->ledger);
	free(paths->lock);
	*paths = (struct paths){0};
}

/* Whether bytes that end a name, or are followed by a mark of a copy. */
static bool ends_at(struct bytes name, size_t at, const char *ending)
{
	size_t length = strlen(ending);

	if (name.size - at < length ||
	    memcmp(name.data + at, ending, length) != 0)
		return false;
	return at + length == name.size ||
	       strchr("-.", name.data[at + length]) != NULL;
}

bool paths_is_own(struct bytes base_name)
{
	/* the prefix has a byte at least */
	for (size_t at = 1; at < base_name.size; at++) {
		if (base_name.data[at] != '-')
			continue;
		for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]);
		     i++)
			if (ends_at(base_name, at, endings[i]))
				return true;
	}
	return false;
}

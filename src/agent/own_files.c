#include "agent/own_files.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/paths.h"
#include "agent/settings.h"
#include "base/json.h"
#include "platform/folder.h"

/* A growing list of identities. */
static int add(struct scan_identity **list, size_t *count,
	       const struct file_facts *facts, struct error *err)
{
	/* the count is that of files of ours in one folder: no overflow */
	struct scan_identity *grown =
	    realloc(*list, (*count + 1) * sizeof(**list));

	if (!grown)
		return error_set_memory(err);
	*list = grown;
	grown[(*count)++] = (struct scan_identity){
	    .device = facts->device,
	    .file_id = facts->file_id,
	};
	return 0;
}

/* What is not there cannot be uploaded, so its absence is no error. */
static int add_path(const struct paths *paths, const char *name,
		    struct own_files *own, struct error *err)
{
	struct file_facts facts;

	if (!name)
		return 0;
	char *path = paths_in_home(paths, name);
	if (!path)
		return error_set_memory(err);
	bool is_there = file_stat_path(path, &facts) == 0;
	free(path);
	if (!is_there)
		return 0;
	if (facts.type == FILE_FOLDER)
		return add(&own->folders, &own->folder_count, &facts, err);
	return add(&own->files, &own->file_count, &facts, err);
}

static bool ends_in(const char *name, const char *ending)
{
	size_t length = strlen(name);
	size_t size = strlen(ending);

	return length > size && strcmp(name + length - size, ending) == 0;
}

/* What shows that there is an instance of a prefix; NAME.lock alone may be
 * anybody's (yarn.lock), and so may NAME.json. */
static const char *const witnesses[] = {"-ledger.db", "-context.json",
					"-keys.json"};

enum { WITNESS_COUNT = sizeof(witnesses) / sizeof(witnesses[0]) };

/* The home folder while it is looked through. */
struct search {
	const struct paths *paths;
	struct folder *home;
	struct folder_listing listing;
};

static bool has_witness(const struct search *search, const char *name,
			size_t prefix, size_t which)
{
	struct file_facts facts;
	char *witness =
	    text_format("%.*s%s", (int)prefix, name, witnesses[which]);
	bool found = witness && folder_stat(search->home, witness,
					    FOLDER_FOLLOW_NONE, &facts) == 0;

	free(witness);
	return found;
}

/* Bytes of the prefix that a name is the first witness of; 0: it is none. */
static size_t witnessed_prefix(const struct search *search, const char *name)
{
	size_t which = 0;

	while (which < WITNESS_COUNT && !ends_in(name, witnesses[which]))
		which++;
	if (which == WITNESS_COUNT)
		return 0;
	size_t prefix = strlen(name) - strlen(witnesses[which]);
	for (size_t i = 0; i < which; i++)
		if (has_witness(search, name, prefix, i))
			return 0;
	return prefix;
}

/* PREFIX.json, its copies, and PREFIX.lock. */
static bool is_of_instance(const char *name, const char *witness, size_t prefix)
{
	const char *rest = name + prefix;

	return strncmp(name, witness, prefix) == 0 &&
	       (strcmp(rest, ".lock") == 0 || strcmp(rest, ".json") == 0 ||
		strncmp(rest, ".json.", strlen(".json.")) == 0);
}

static int add_instance(const struct search *search, const char *witness,
			struct own_files *own, struct error *err)
{
	size_t prefix = witnessed_prefix(search, witness);
	int code = 0;

	for (size_t i = 0; code == 0 && prefix && i < search->listing.count;
	     i++) {
		const char *name = search->listing.entries[i].name;

		if (is_of_instance(name, witness, prefix))
			code = add_path(search->paths, name, own, err);
	}
	return code;
}

static int add_instances(const struct paths *paths, struct folder *home,
			 struct own_files *own, struct error *err)
{
	struct search search = {.paths = paths, .home = home};
	int system_code = folder_list(home, 0, &search.listing);
	int code = 0;

	if (system_code != 0)
		code = error_set_system(err, system_code, "%s", paths->home);
	for (size_t i = 0; code == 0 && i < search.listing.count; i++) {
		const char *name = search.listing.entries[i].name;

		code = add_instance(&search, name, own, err);
		if (code == 0 && paths_is_own(bytes_of_text(name)))
			code = add_path(paths, name, own, err);
	}
	folder_listing_clear(&search.listing);
	return code;
}

static int add_policies(const struct paths *paths, const json_t *policies,
			struct own_files *own, struct error *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < json_array_size(policies); i++) {
		const json_t *policy = json_array_get(policies, i);
		code = add_path(paths,
				json_member_text(policy, "move_after_upload"),
				own, err);
		if (code == 0)
			code = add_path(
			    paths, json_member_text(policy, "target_directory"),
			    own, err);
	}
	return code;
}

int own_files_find(const struct paths *paths, const struct settings *settings,
		   struct folder *home, struct own_files *own,
		   struct error *err)
{
	const char *const names[] = {
	    settings->aws_keys_file,	settings->ca_file,
	    settings->client_cert,	settings->client_key,
	    settings->customizers_path, settings->target_directory,
	};
	int code = 0;

	*own = (struct own_files){0};
	for (size_t i = 0; code == 0 && i < sizeof(names) / sizeof(names[0]);
	     i++)
		code = add_path(paths, names[i], own, err);
	if (code == 0)
		code = add_policies(paths, settings->policies, own, err);
	if (code == 0)
		code = add_instances(paths, home, own, err);
	return code;
}

void own_files_clear(struct own_files *own)
{
	free(own->files);
	free(own->folders);
	*own = (struct own_files){0};
}

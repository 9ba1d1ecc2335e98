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

/* NAME.json, and its copies, belong to an instance where NAME.lock lies
 * beside: every run of an instance leaves that. */
static bool is_of_instance(const char *name, const char *lock)
{
	size_t length = strlen(lock) - strlen(".lock");
	const char *rest = name + length;

	return strncmp(name, lock, length) == 0 &&
	       (strcmp(rest, ".lock") == 0 || strcmp(rest, ".json") == 0 ||
		strncmp(rest, ".json.", strlen(".json.")) == 0);
}

/* A lock alone may be anybody's: yarn.lock. */
static bool is_instance(struct folder *home, const char *lock)
{
	static const char *const witnesses[] = {"-ledger.db", "-context.json",
						"-keys.json"};
	int length = (int)(strlen(lock) - strlen(".lock"));
	bool found = false;

	for (size_t i = 0;
	     !found && i < sizeof(witnesses) / sizeof(witnesses[0]); i++) {
		struct file_facts facts;
		char *name = text_format("%.*s%s", length, lock, witnesses[i]);
		found = name && folder_stat(home, name, FOLDER_FOLLOW_NONE,
					    &facts) == 0;
		free(name);
	}
	return found;
}

static int add_instance(const struct paths *paths,
			const struct folder_listing *listing, const char *lock,
			struct own_files *own, struct error *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < listing->count; i++)
		if (is_of_instance(listing->entries[i].name, lock))
			code =
			    add_path(paths, listing->entries[i].name, own, err);
	return code;
}

static int add_instances(const struct paths *paths, struct folder *home,
			 struct own_files *own, struct error *err)
{
	struct folder_listing listing = {0};
	int system_code = folder_list(home, 0, &listing);
	int code = 0;

	if (system_code != 0)
		code = error_set_system(err, system_code, "%s", paths->home);
	for (size_t i = 0; code == 0 && i < listing.count; i++) {
		const char *name = listing.entries[i].name;
		if (ends_in(name, ".lock") && is_instance(home, name))
			code = add_instance(paths, &listing, name, own, err);
		else if (paths_is_own(bytes_of_text(name)))
			code = add_path(paths, name, own, err);
	}
	folder_listing_clear(&listing);
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

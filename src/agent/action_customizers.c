#include "agent/action_customizers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/action_outcome.h"
#include "agent/instance.h"
#include "agent/keys.h"
#include "agent/route.h"
#include "base/files.h"
#include "base/tree.h"
#include "ingest/bucket.h"
#include "ingest/customizer_check.h"
#include "ingest/fetch.h"
#include "ingest/policy.h"
#include "platform/folder.h"

#define MIB		     ((int64_t)1024 * 1024)
#define FILE_CEILING_BYTES   (10 * MIB)
#define FOLDER_CEILING_BYTES (100 * MIB)

enum { FILES_CEILING = 5000, SEGMENT_CEILING_BYTES = 200, DEPTH_CEILING = 16 };

/* ---- the folder: what is in use, what comes, what goes ---- */

struct places {
	struct folder *parent;
	char *name;	/* of customizers_path, in its parent */
	char *incoming; /* NAME.new */
	char *outgoing; /* NAME.old */
};

static void places_clear(struct places *places)
{
	folder_close(places->parent);
	free(places->name);
	free(places->incoming);
	free(places->outgoing);
	*places = (struct places){0};
}

/* customizers_path taken apart: the folder that holds it, and its name. */
static int split(const struct instance *instance, char **parent, char **name)
{
	char *path = paths_in_home(&instance->paths,
				   instance->settings.customizers_path);
	size_t size = path ? strlen(path) : 0;

	while (size > 1 && path[size - 1] == '/')
		path[--size] = '\0';
	char *slash = path ? strrchr(path, '/') : NULL;
	*name = path ? text_dup(slash ? slash + 1 : path) : NULL;
	*parent = slash ? text_dup_bytes(path, (size_t)(slash - path))
			: text_dup(".");
	free(path);
	return *name && *parent ? 0 : ENOMEM;
}

static int places_open(const struct instance *instance, struct places *places,
		       struct error *err)
{
	char *parent = NULL;

	*places = (struct places){0};
	int code = split(instance, &parent, &places->name);
	if (code == 0) {
		places->incoming = text_format("%s.new", places->name);
		places->outgoing = text_format("%s.old", places->name);
		code = places->incoming && places->outgoing ? 0 : ENOMEM;
	}
	if (code == 0)
		code = folder_open(NULL, *parent ? parent : "/",
				   FOLDER_FOLLOW_ALL, &places->parent);
	free(parent);
	return code ? error_set_system(err, code, "customizers_path %s",
				       instance->settings.customizers_path)
		    : 0;
}

static bool exists(const struct folder *folder, const char *name)
{
	struct file_facts facts;

	return folder_stat(folder, name, FOLDER_FOLLOW_NONE, &facts) == 0;
}

/* Without an exchange there is a moment with neither: see repair. */
static int swap_by_renames(const struct places *places)
{
	const struct folder *parent = places->parent;
	int code = folder_rename_no_replace(parent, places->name, parent,
					    places->outgoing);

	return code ? code
		    : folder_rename_no_replace(parent, places->incoming, parent,
					       places->name);
}

static int swap(const struct places *places, struct error *err)
{
	const struct folder *parent = places->parent;
	int code = folder_exchange(parent, places->incoming, places->name);

	if (code == ENOENT)
		code = folder_rename_no_replace(parent, places->incoming,
						parent, places->name);
	else if (code == ENOSYS || code == EINVAL)
		code = swap_by_renames(places);
	if (code == 0)
		code = folder_sync(parent);
	return code ? error_set_system(err, code, "put %s in its place",
				       places->incoming)
		    : 0;
}

/* The old ones stand under one of the two names now; what cannot be removed
 * now is removed before the next ones come. */
static int clear_rest(const struct places *places)
{
	int code = tree_remove(places->parent, places->incoming);
	int other = tree_remove(places->parent, places->outgoing);

	return code ? code : other;
}

int action_customizers_repair(const struct instance *instance,
			      struct error *err)
{
	struct places places;
	struct error missing = {0};
	int code = places_open(instance, &places, &missing);

	if (code == 0 && !exists(places.parent, places.name) &&
	    exists(places.parent, places.outgoing)) {
		/* between the two renames: what came was whole already */
		const char *from = exists(places.parent, places.incoming)
				       ? places.incoming
				       : places.outgoing;
		int system_code = folder_rename_no_replace(
		    places.parent, from, places.parent, places.name);
		if (system_code)
			code = error_set_system(err, system_code,
						"put %s in its place", from);
	}
	places_clear(&places);
	return missing.code ? 0 : code;
}

/* ---- what comes ---- */

struct haul {
	struct fetch *fetch;
	bool allow_executables;
	struct bytes prefix;
	struct folder *folder; /* the incoming one */
	int64_t bytes;
	size_t files;
};

/* A name from outside: relative, without steps, of sane length. */
static bool is_sound(const char *name)
{
	int depth = 0;

	for (const char *at = name; at; depth++) {
		const char *slash = strchr(at, '/');
		size_t size = slash ? (size_t)(slash - at) : strlen(at);

		if (size == 0 || size > SEGMENT_CEILING_BYTES ||
		    depth >= DEPTH_CEILING || strncmp(at, ".", size) == 0 ||
		    (size == 2 && strncmp(at, "..", 2) == 0))
			return false;
		for (size_t i = 0; i < size; i++)
			if ((unsigned char)at[i] < 0x20 || at[i] == '\\')
				return false;
		at = slash ? slash + 1 : NULL;
	}
	return true;
}

/* Make the folders of a name and create the file in the last one. */
static int create(const struct folder *folder, const char *name,
		  struct file **file)
{
	const char *slash = strchr(name, '/');
	struct folder *inner = NULL;
	int code = 0;

	while (code == 0 && slash) {
		struct folder *deeper = NULL;
		char *segment = text_dup_bytes(name, (size_t)(slash - name));
		const struct folder *at = inner ? inner : folder;

		code = segment ? folder_make_folder(at, segment) : ENOMEM;
		if (code == 0 || code == EEXIST)
			code = folder_open(at, segment, FOLDER_FOLLOW_NONE,
					   &deeper);
		folder_close(inner);
		inner = deeper;
		free(segment);
		name = slash + 1;
		slash = strchr(name, '/');
	}
	if (code == 0)
		code = folder_create_file(inner ? inner : folder, name, file);
	folder_close(inner);
	return code;
}

static int check_ceilings(struct haul *haul, const char *name,
			  int64_t size_bytes, struct error *err)
{
	haul->files++;
	haul->bytes += size_bytes;
	if (size_bytes > FILE_CEILING_BYTES)
		return error_set(err, ERROR_INVALID, "%s: above 10 MiB", name);
	if (haul->bytes > FOLDER_CEILING_BYTES)
		return error_set(err, ERROR_INVALID,
				 "%s: above 100 MiB with all before it", name);
	if (haul->files > FILES_CEILING)
		return error_set(err, ERROR_INVALID, "more than %d files",
				 FILES_CEILING);
	return 0;
}

static bool is_script(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".js") == 0 || strcmp(dot, ".json") == 0);
}

static int bring_file(struct haul *haul, struct bytes key, const char *name,
		      struct error *err)
{
	struct s3_object_facts facts;
	struct file *file = NULL;
	int code = fetch_head(haul->fetch, key, &facts, err);

	/* what the listing said may be old */
	if (code == 0 && facts.size_bytes > FILE_CEILING_BYTES)
		code = error_set(err, ERROR_INVALID, "above 10 MiB");
	if (code)
		return code;
	int system_code = create(haul->folder, name, &file);
	if (system_code)
		return error_set_system(err, system_code, "create it");
	code = fetch_object(haul->fetch, key, &facts, file, err);
	if (code == 0 && haul->allow_executables && !is_script(name))
		system_code = file_make_executable(file);
	if (code == 0 && system_code == 0)
		system_code = file_sync(file);
	file_close(file);
	return system_code ? error_set_system(err, system_code, "write it")
			   : code;
}

static int bring(struct haul *haul, const struct s3_listed *object,
		 struct error *err)
{
	size_t skip = haul->prefix.size;
	struct error cause = {0};

	/* the prefix itself, and names that end in '/': folder markers */
	if (object->key.size <= skip ||
	    object->key.data[object->key.size - 1] == '/')
		return 0;
	char *name =
	    text_dup_bytes(object->key.data + skip, object->key.size - skip);
	if (!name)
		return error_set_memory(err);
	int code = check_ceilings(haul, name, object->size_bytes, err);
	if (code == 0 &&
	    (!is_sound(name) || strlen(name) != object->key.size - skip))
		code =
		    error_set(err, ERROR_INVALID,
			      "%s: cannot be the name of a customizer", name);
	if (code == 0)
		code = bring_file(haul, object->key, name, &cause);
	if (cause.code)
		(void)error_set(err, cause.code, "%s: %s", name, cause.text);
	free(name);
	return code;
}

static int bring_all(struct haul *haul, struct error *err)
{
	char *token = NULL;
	bool more = true;
	int code = 0;

	while (code == 0 && more) {
		struct s3_listing page;

		code = fetch_list(haul->fetch, haul->prefix, token, &page, err);
		for (size_t i = 0; code == 0 && i < page.count; i++)
			code = bring(haul, &page.objects[i], err);
		free(token);
		token = page.next_token ? text_dup(page.next_token) : NULL;
		more = page.is_truncated && token;
		if (code == 0 && page.is_truncated && !token)
			code = error_set(err, ERROR_LATER,
					 "the listing goes on without saying "
					 "where");
		s3_listing_clear(&page);
	}
	free(token);
	if (code == 0 && haul->files == 0)
		code = error_set(err, ERROR_MISSING,
				 "nothing lies below s3_customizers_prefix");
	return code;
}

/* ---- from where ---- */

/* Settings as a policy, whose bucket it is. */
struct source {
	struct policy policy;
	struct bucket bucket;
	struct keys keys;
	struct route route;
	struct s3_key_source source;
};

static void source_clear(struct source *source)
{
	policy_clear(&source->policy);
	keys_clear(&source->keys);
	route_clear(&source->route);
}

static int source_init(struct source *source, struct instance *instance,
		       struct error *err)
{
	const struct policy_defaults defaults =
	    settings_policy_defaults(&instance->settings);
	json_t *nothing = json_object();
	char *path =
	    paths_in_home(&instance->paths, instance->settings.aws_keys_file);
	int code = nothing && path ? 0 : error_set_memory(err);

	*source = (struct source){0};
	if (code == 0 && !defaults.s3_bucket)
		code = error_set(err, ERROR_CONFIG, "s3_bucket is not set");
	if (code == 0)
		code = policy_load(nothing, 0, &defaults, &source->policy, err);
	if (code == 0)
		code = bucket_init(&source->bucket, &source->policy,
				   instance->ledger, err);
	if (code == 0)
		code = keys_load(path, &source->keys, err);
	if (code == 0)
		code = route_init_s3(&source->route, instance, err);
	if (code == 0)
		source->source = keys_source(&source->keys);
	json_decref(nothing);
	free(path);
	return code;
}

static int open_incoming(const struct places *places, struct folder **folder,
			 struct error *err)
{
	int code = clear_rest(places);

	*folder = NULL;
	if (code == 0)
		code = folder_make_folder(places->parent, places->incoming);
	if (code == 0)
		code = folder_open(places->parent, places->incoming,
				   FOLDER_FOLLOW_NONE, folder);
	return code ? error_set_system(err, code, "make %s", places->incoming)
		    : 0;
}

static int check_syntax(const struct instance *instance, struct error *err)
{
	const char *own = instance->settings.customizers_path;
	size_t size = strlen(own);

	while (size > 1 && own[size - 1] == '/')
		size--;
	char *name = text_format("%.*s.new", (int)size, own);
	char *path = name ? paths_in_home(&instance->paths, name) : NULL;
	int code = path ? customizer_check(path, err) : error_set_memory(err);
	free(path);
	free(name);
	return code;
}

static int replace(struct instance *instance, struct source *source,
		   const struct places *places, struct error *err)
{
	const struct fetch_options options = {
	    .route = &source->route.http,
	    .keys = &source->source,
	    .bucket = &source->bucket,
	};
	struct haul haul = {
	    .allow_executables = instance->settings.allow_executables,
	    .prefix = bytes_of_text(instance->settings.s3_customizers_prefix),
	};

	int code = open_incoming(places, &haul.folder, err);
	if (code == 0) {
		haul.fetch = fetch_new(&options, err);
		code = haul.fetch ? bring_all(&haul, err) : ERROR_LOCAL;
	}
	folder_close(haul.folder);
	fetch_free(haul.fetch);
	if (code == 0)
		code = check_syntax(instance, err);
	if (code == 0)
		code = swap(places, err);
	(void)clear_rest(places); /* else the next time */
	return code;
}

void action_customizers(struct instance *instance,
			struct action_outcome *outcome)
{
	struct source source;
	struct places places = {0};
	struct error *problem = &outcome->problem;
	int code = source_init(&source, instance, problem);

	if (code == 0)
		code = places_open(instance, &places, problem);
	if (code == 0)
		code = replace(instance, &source, &places, problem);
	if (code == 0)
		code = bucket_save(&source.bucket, instance->ledger, problem);
	if (code)
		(void)error_prefix(problem, "customizers");
	outcome->runs_policies = code == 0;
	places_clear(&places);
	source_clear(&source);
}

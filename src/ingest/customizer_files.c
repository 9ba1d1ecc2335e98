#include "ingest/customizer_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/customizer_line.h"
#include "platform/folder.h"

enum {
	DEPTH_CEILING = 32,
	PIECE_BYTES = 64 * 1024,
	MODULES_CEILING_BYTES = 8 * 1024 * 1024
};

struct walk {
	/* a file in its folder, by its name from the root */
	int (*visit)(struct walk *walk, const struct folder *folder,
		     const char *base, struct error *err);
	struct buffer name;
	char *piece;
	struct hash *hash;
	struct buffer *object;
	size_t module_bytes;
};

static int by_name(const void *a, const void *b)
{
	const struct folder_entry *left = a;
	const struct folder_entry *right = b;

	return strcmp(left->name, right->name);
}

static int walk_folder(struct walk *walk, const struct folder *folder,
		       int depth, struct error *err);

/* Recursion, held by the ceiling. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static int walk_entry(struct walk *walk, const struct folder *folder,
		      const char *base, int depth, struct error *err)
{
	struct file_facts facts;
	struct folder *inner = NULL;
	int code = folder_stat(folder, base, FOLDER_FOLLOW_NONE, &facts);

	/* a link leads to a file or nowhere */
	if (code != 0 || facts.type != FILE_FOLDER)
		return walk->visit(walk, folder, base, err);
	if (depth >= DEPTH_CEILING)
		return error_set(err, ERROR_INVALID, "%s: too deep",
				 walk->name.data);
	if (buffer_append_text(&walk->name, "/") != 0)
		return error_set_memory(err);
	code = folder_open(folder, base, FOLDER_FOLLOW_NONE, &inner);
	if (code)
		return error_set_system(err, code, "%s", walk->name.data);
	int rc = walk_folder(walk, inner, depth + 1, err);
	folder_close(inner);
	return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int walk_folder(struct walk *walk, const struct folder *folder,
		       int depth, struct error *err)
{
	struct folder_listing listing = {0};
	size_t size = walk->name.size;
	int code = folder_list(folder, 0, &listing);
	int rc = 0;

	if (code)
		rc = error_set_system(err, code, "%s",
				      size ? walk->name.data : "customizers");
	else if (listing.count > 0)
		qsort(listing.entries, listing.count, sizeof(*listing.entries),
		      by_name);
	for (size_t i = 0; rc == 0 && i < listing.count; i++) {
		const char *base = listing.entries[i].name;

		if (buffer_append_text(&walk->name, base) != 0)
			rc = error_set_memory(err);
		else
			rc = walk_entry(walk, folder, base, depth, err);
		walk->name.size = size;
		if (walk->name.data)
			walk->name.data[size] = '\0';
	}
	folder_listing_clear(&listing);
	return rc;
}

static int walk_path(struct walk *walk, const char *path, struct error *err)
{
	struct folder *folder = NULL;
	int code = folder_open(NULL, path, FOLDER_FOLLOW_ALL, &folder);
	int rc = 0;

	walk->piece = malloc(PIECE_BYTES);
	if (!walk->piece)
		rc = error_set_memory(err);
	else if (code == 0)
		rc = walk_folder(walk, folder, 0, err);
	else if (code != ENOENT && code != ENOTDIR)
		rc = error_set_system(err, code, "%s", path);
	folder_close(folder);
	free(walk->piece);
	buffer_clear(&walk->name);
	return rc;
}

static int open_regular(const struct folder *folder, const char *base,
			struct file **file)
{
	struct file_facts facts;
	int code = folder_open_file(folder, base, FOLDER_FOLLOW_INSIDE, file);

	if (code == 0)
		code = file_stat(*file, &facts);
	if (code == 0 && facts.type != FILE_REGULAR)
		code = EINVAL;
	return code;
}

/* ---- the digest ---- */

/* The size stands behind: nothing that a file holds can look like another
 * file. What cannot be read to its end has none. */
static int add_to_digest(struct walk *walk, const struct folder *folder,
			 const char *base, struct error *err)
{
	struct file *file = NULL;
	int64_t size = 0;
	size_t got = 1;
	int code = open_regular(folder, base, &file);
	int rc = hash_update(walk->hash, walk->name.data, walk->name.size + 1);

	while (rc == 0 && code == 0 && got > 0) {
		code = file_read_at(file, size, walk->piece, PIECE_BYTES, &got);
		if (code == 0)
			rc = hash_update(walk->hash, walk->piece, got);
		size += (int64_t)got;
	}
	file_close(file);
	if (code)
		size = -1;
	if (rc == 0)
		rc = hash_update(walk->hash, &size, sizeof(size));
	return rc ? error_set_memory(err) : 0;
}

int customizer_files_digest(const char *path, char digest[HASH_HEX_BYTES],
			    struct error *err)
{
	struct walk walk = {.visit = add_to_digest,
			    .hash = hash_new(HASH_SHA256)};
	unsigned char sha256[HASH_SHA256_BYTES];
	int rc = walk.hash ? 0 : error_set_memory(err);

	if (rc == 0)
		rc = walk_path(&walk, path, err);
	if (rc == 0 && hash_finish(walk.hash, sha256))
		rc = error_set_memory(err);
	if (rc == 0)
		hash_hex(sha256, sizeof(sha256), digest);
	hash_free(walk.hash);
	return rc;
}

/* ---- modules ---- */

static bool has_ending(const char *name, const char *ending)
{
	size_t size = strlen(name);
	size_t length = strlen(ending);

	return size > length && strcmp(name + size - length, ending) == 0;
}

/* What cannot be read to its end is no module: NULL in source. */
static int read_source(struct walk *walk, const struct folder *folder,
		       const char *base, struct buffer *source)
{
	struct file *file = NULL;
	size_t got = 1;
	int code = open_regular(folder, base, &file);
	int rc = buffer_append_text(source, "");

	while (rc == 0 && code == 0 && got > 0) {
		code = file_read_at(file, (int64_t)source->size, walk->piece,
				    PIECE_BYTES, &got);
		walk->module_bytes += got;
		rc = walk->module_bytes > MODULES_CEILING_BYTES
			 ? ERROR_INVALID
			 : buffer_append(source, walk->piece, got);
	}
	file_close(file);
	if (code)
		buffer_clear(source);
	return rc;
}

static int append_module(struct walk *walk, struct bytes source)
{
	bool is_whole;
	int rc = 0;

	if (walk->object->size > 1)
		rc = buffer_append_text(walk->object, ",");
	if (rc == 0)
		rc = customizer_line_append(
		    walk->object, buffer_bytes(&walk->name), &is_whole);
	if (rc == 0)
		rc = buffer_append_text(walk->object, ":");
	return rc ? rc
		  : customizer_line_append(walk->object, source, &is_whole);
}

static int add_module(struct walk *walk, const struct folder *folder,
		      const char *base, struct error *err)
{
	struct buffer source = {0};

	if (!has_ending(base, ".js") && !has_ending(base, ".json"))
		return 0;
	int rc = read_source(walk, folder, base, &source);
	if (rc == 0 && source.data)
		rc = append_module(walk, buffer_bytes(&source));
	if (rc == ERROR_INVALID)
		rc = error_set(err, ERROR_INVALID,
			       "more than 8 MiB of scripts in customizers/");
	else if (rc != 0)
		rc = error_set_memory(err);
	buffer_clear(&source);
	return rc;
}

int customizer_files_modules(const char *path, struct buffer *object,
			     struct error *err)
{
	struct walk walk = {.visit = add_module, .object = object};

	buffer_reset(object);
	if (buffer_append_text(object, "{") != 0)
		return error_set_memory(err);
	int rc = walk_path(&walk, path, err);
	if (rc == 0 && buffer_append_text(object, "}") != 0)
		rc = error_set_memory(err);
	return rc;
}

#include "ingest/removal_act.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/tree.h"

enum {
	ASIDE_BYTES = 48,
	NUMBERS_CEILING = 10000,
	COPY_BYTES = 64 * 1024,
	REMOVAL_UNDECIDED = -1
};

/* A name taken apart, its folder open. */
struct place {
	struct folder *folder;
	const char *base;
	struct file *held; /* the file, if nobody can write to it; else NULL */
	char aside[ASIDE_BYTES]; /* where it is put before it goes */
};

static enum removal_outcome fail(struct error *err, int system_code,
				 const char *what)
{
	(void)error_set_system(err, system_code, "%s", what);
	return REMOVAL_FAILED;
}

/* ---- where it is ---- */

/* The same name gives the same one, so that a later run finds it; it begins
 * with a dot, so that patterns do not. */
static void make_aside(const char *base, char aside[ASIDE_BYTES])
{
	unsigned char digest[HASH_SHA256_BYTES] = {0};
	char hex[2 * HASH_SHA256_BYTES + 1];

	/* without a digest all names of a folder share one: still correct */
	(void)hash_sha256(bytes_of_text(base), digest);
	hash_hex(digest, sizeof(digest), hex);
	(void)snprintf(aside, ASIDE_BYTES, ".s3-ingestor-%.24s", hex);
}

static int place_open(const struct folder *home, const char *name,
		      struct place *place)
{
	const char *slash = strrchr(name, '/');
	size_t size = slash ? (size_t)(slash - name) : 0;
	char *folder = NULL;

	*place = (struct place){.base = slash ? slash + 1 : name};
	make_aside(place->base, place->aside);
	if (slash)
		folder = size ? text_dup_bytes(name, size) : text_dup("/");
	if (slash && !folder)
		return ENOMEM;
	int code = folder_open(home, folder ? folder : ".", FOLDER_FOLLOW_ALL,
			       &place->folder);
	free(folder);
	return code;
}

static void place_close(struct place *place)
{
	folder_close(place->folder);
	place->folder = NULL;
	file_close(place->held);
	place->held = NULL;
}

/* ---- whether it is the one ---- */

/* A rename changes ctime: after it, that says nothing. */
static bool is_same(const struct file_facts *now, const struct file_facts *then,
		    bool was_renamed)
{
	bool same_id =
	    now->file_id == then->file_id || !now->file_id || !then->file_id;

	return now->size_bytes == then->size_bytes &&
	       now->mtime_ns == then->mtime_ns && same_id &&
	       (was_renamed || now->ctime_ns == then->ctime_ns);
}

/* Keep writers away until the place is closed, where the system can; true if
 * there is one already. */
static bool is_busy(struct place *place, const char *name)
{
	file_close(place->held);
	place->held = NULL;
	if (folder_open_file(place->folder, name, FOLDER_FOLLOW_ALL,
			     &place->held) != 0)
		return false;
	enum file_writer writer = file_hold(place->held);
	if (writer != FILE_WRITER_NO) {
		file_close(place->held);
		place->held = NULL;
	}
	return writer == FILE_WRITER_YES;
}

/* Somebody wants to write to it after all. */
static bool is_wanted(const struct place *place)
{
	return place->held && !file_is_held(place->held);
}

/* REMOVAL_UNDECIDED: it is the file, and nobody writes to it. The look comes
 * after the hold: what is seen stays true. */
static int judge(struct place *place, const struct removal_act *act,
		 bool *is_link, struct error *err)
{
	struct file_facts own;
	struct file_facts facts;
	bool busy = is_busy(place, place->base);
	int code =
	    folder_stat(place->folder, place->base, FOLDER_FOLLOW_NONE, &own);

	*is_link = code == 0 && own.type == FILE_LINK;
	facts = own;
	if (*is_link)
		code = folder_stat(place->folder, place->base,
				   FOLDER_FOLLOW_ALL, &facts);
	if (code == ENOENT)
		return *is_link ? REMOVAL_CHANGED : REMOVAL_GONE;
	if (code)
		return fail(err, code, "look at it again");
	if (facts.type != FILE_REGULAR || !is_same(&facts, act->facts, false))
		return REMOVAL_CHANGED;
	return busy ? REMOVAL_BUSY : REMOVAL_UNDECIDED;
}

/* ---- aside, and away ---- */

/* The first name that is free: BASE, BASE.1, BASE.2, ... */
static int rename_numbered(const struct folder *from, const char *name,
			   const struct folder *to, const char *base,
			   char **new_name)
{
	int code = EEXIST;

	*new_name = NULL;
	for (int number = 0; code == EEXIST && number < NUMBERS_CEILING;
	     number++) {
		free(*new_name);
		*new_name = number ? text_format("%s.%d", base, number)
				   : text_dup(base);
		if (!*new_name)
			return ENOMEM;
		code = folder_rename_no_replace(from, name, to, *new_name);
	}
	if (code) {
		free(*new_name);
		*new_name = NULL;
	}
	return code;
}

/* It was not the file after all: back to its name, or beside who has it. */
static int put_back(const struct place *place)
{
	char *name = NULL;
	int code = rename_numbered(place->folder, place->aside, place->folder,
				   place->base, &name);

	free(name);
	return code;
}

/* What stands aside goes if it is the file, else back; back also if somebody
 * opened it to write in the moment before. */
static enum removal_outcome finish_aside(struct place *place,
					 const struct removal_act *act,
					 struct error *err)
{
	struct file_facts facts;
	int code = folder_stat(place->folder, place->aside, FOLDER_FOLLOW_NONE,
			       &facts);

	if (code == ENOENT)
		return REMOVAL_GONE;
	if (code)
		return fail(err, code, "look at it again");
	bool same = is_same(&facts, act->facts, true);
	bool busy = same && (place->held ? is_wanted(place)
					 : is_busy(place, place->aside));
	if (!same || busy) {
		code = put_back(place);
		if (code)
			return fail(err, code, "put it back");
		return busy ? REMOVAL_BUSY : REMOVAL_CHANGED;
	}
	code = folder_remove_file(place->folder, place->aside);
	if (code)
		(void)put_back(place); /* else a later run does it */
	return code ? fail(err, code, "delete it") : REMOVAL_DONE;
}

/* A link holds no data: it goes at once. */
static enum removal_outcome take_away(struct place *place,
				      const struct removal_act *act,
				      struct error *err)
{
	bool is_link = false;
	enum removal_outcome left = finish_aside(place, act, err);

	if (left != REMOVAL_GONE)
		return left;
	int verdict = judge(place, act, &is_link, err);
	if (verdict != REMOVAL_UNDECIDED)
		return (enum removal_outcome)verdict;
	int code = is_link
		       ? folder_remove_file(place->folder, place->base)
		       : folder_rename_no_replace(place->folder, place->base,
						  place->folder, place->aside);
	if (code)
		return fail(err, code, "delete it");
	return is_link ? REMOVAL_DONE : finish_aside(place, act, err);
}

/* ---- delete ---- */

/* Until one is not empty, or somebody else's (the literal folder stays). */
static void remove_empty_folders(const struct removal_act *act,
				 size_t literal_bytes)
{
	char *path = text_dup(act->name);
	char *slash = path ? strrchr(path, '/') : NULL;

	while (slash && (size_t)(slash - path) > literal_bytes) {
		struct place place;

		*slash = '\0';
		int code = place_open(act->home, path, &place);
		if (code == 0)
			code = folder_remove_folder(place.folder, place.base);
		place_close(&place);
		if (code)
			break;
		slash = strrchr(path, '/');
	}
	free(path);
}

enum removal_outcome removal_delete(const struct removal_act *act,
				    size_t literal_bytes, struct error *err)
{
	struct place place;
	int code = place_open(act->home, act->name, &place);

	if (code)
		return code == ENOENT ? REMOVAL_GONE
				      : fail(err, code, "open its folder");
	enum removal_outcome outcome = take_away(&place, act, err);
	place_close(&place);
	if (outcome == REMOVAL_DONE)
		remove_empty_folders(act, literal_bytes);
	return outcome;
}

int removal_put_back(const struct folder *home, const char *name,
		     struct file_facts *facts, bool *is_back, struct error *err)
{
	struct place place;
	char *new_name = NULL;
	int code = place_open(home, name, &place);

	*is_back = false;
	if (code == 0)
		code = rename_numbered(place.folder, place.aside, place.folder,
				       place.base, &new_name);
	if (code == 0 && strcmp(new_name, place.base) == 0) {
		code = folder_stat(place.folder, new_name, FOLDER_FOLLOW_NONE,
				   facts);
		*is_back = code == 0;
	}
	free(new_name);
	place_close(&place);
	return code && code != ENOENT
		   ? error_set_system(err, code, "%s: put it back", name)
		   : 0;
}

/* ---- move ---- */

/* The folders that a path lies in. */
static int make_folders(const struct folder *home, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	char *parent = text_dup_bytes(path, (size_t)(slash - path));
	int code = parent ? tree_make(home, parent, NULL) : ENOMEM;
	free(parent);
	return code;
}

static int copy_bytes(struct file *from, struct file *to)
{
	char *data = malloc(COPY_BYTES);
	int64_t offset = 0;
	size_t got = 0;
	int code = data ? 0 : ENOMEM;

	do {
		if (code == 0)
			code =
			    file_read_at(from, offset, data, COPY_BYTES, &got);
		if (code == 0 && got > 0)
			code = file_write(to, data, got);
		offset += (int64_t)got;
	} while (code == 0 && got > 0);
	free(data);
	if (code == 0)
		code = file_copy_facts(from, to);
	return code ? code : file_sync(to);
}

/* Whole, beside its place, under a name that no pattern takes. ESTALE: what
 * was read is not the file that was sent. */
static int copy_aside(const struct place *from, const struct place *to,
		      const struct removal_act *act)
{
	struct file_facts facts;
	struct file *source = NULL;
	struct file *copy = NULL;
	int code = folder_open_file(from->folder, from->base, FOLDER_FOLLOW_ALL,
				    &source);

	if (code == 0) {
		/* of a run that was cut off */
		(void)folder_remove_file(to->folder, to->aside);
		code = folder_create_file(to->folder, to->aside, &copy);
	}
	if (code == 0)
		code = copy_bytes(source, copy);
	if (code == 0)
		code = file_stat(source, &facts);
	if (code == 0 && !is_same(&facts, act->facts, false)) {
		code = ESTALE;
		(void)folder_remove_file(to->folder, to->aside);
	}
	file_close(source);
	file_close(copy);
	return code;
}

/* Whether it was copied there before the run that did it was cut off. */
static bool is_copied(const struct place *to, const struct removal_act *act)
{
	struct file_facts facts;

	return folder_stat(to->folder, to->base, FOLDER_FOLLOW_NONE, &facts) ==
		   0 &&
	       facts.type == FILE_REGULAR &&
	       facts.size_bytes == act->facts->size_bytes &&
	       facts.mtime_ns == act->facts->mtime_ns;
}

static enum removal_outcome move_by_copy(struct place *from,
					 const struct place *to,
					 const struct removal_act *act,
					 char **name, struct error *err)
{
	int code = 0;

	if (is_copied(to, act)) {
		*name = text_dup(to->base);
		code = *name ? 0 : ENOMEM;
	} else {
		code = copy_aside(from, to, act);
		if (code == ESTALE)
			return REMOVAL_CHANGED;
		if (code == 0)
			code = rename_numbered(to->folder, to->aside,
					       to->folder, to->base, name);
		if (code == 0)
			code = folder_sync(to->folder);
	}
	return code ? fail(err, code, "copy it") : take_away(from, act, err);
}

static enum removal_outcome move_by_rename(struct place *from,
					   const struct place *to,
					   const struct removal_act *act,
					   char **name, struct error *err)
{
	struct file_facts facts;
	int code = rename_numbered(from->folder, from->base, to->folder,
				   to->base, name);

	if (code == EXDEV)
		return move_by_copy(from, to, act, name, err);
	if (code)
		return fail(err, code, "move it");
	/* another one may have come in its place the moment before */
	code = folder_stat(to->folder, *name, FOLDER_FOLLOW_NONE, &facts);
	bool same = code == 0 && is_same(&facts, act->facts, true);
	if (code == 0 && (!same || is_wanted(from))) {
		char *back = NULL;

		code = rename_numbered(to->folder, *name, from->folder,
				       from->base, &back);
		free(back);
		if (code)
			return fail(err, code, "put it back");
		return same ? REMOVAL_BUSY : REMOVAL_CHANGED;
	}
	return code ? fail(err, code, "look at it again") : REMOVAL_DONE;
}

static enum removal_outcome move_between(struct place *from,
					 const struct place *to,
					 const struct removal_act *act,
					 char **name, struct error *err)
{
	bool is_link = false;
	/* the source of a copy that was cut off when it went */
	enum removal_outcome left = finish_aside(from, act, err);

	if (left != REMOVAL_GONE) {
		*name = left == REMOVAL_DONE ? text_dup(to->base) : NULL;
		return left;
	}
	int verdict = judge(from, act, &is_link, err);
	if (verdict != REMOVAL_UNDECIDED) {
		/* nobody needs what a copy that was cut off left */
		(void)folder_remove_file(to->folder, to->aside);
		return (enum removal_outcome)verdict;
	}
	return is_link ? move_by_copy(from, to, act, name, err)
		       : move_by_rename(from, to, act, name, err);
}

static enum removal_outcome open_and_move(const struct removal_act *act,
					  char *target, char **name,
					  struct error *err)
{
	struct place from;
	struct place to = {0};
	enum removal_outcome outcome;
	int code = place_open(act->home, act->name, &from);

	if (code)
		return code == ENOENT ? REMOVAL_GONE
				      : fail(err, code, "open its folder");
	code = make_folders(act->home, target);
	if (code == 0)
		code = place_open(act->home, target, &to);
	outcome = code ? fail(err, code, "make the folder to move it to")
		       : move_between(&from, &to, act, name, err);
	place_close(&from);
	place_close(&to);
	return outcome;
}

enum removal_outcome removal_move(const struct removal_act *act,
				  const char *target, char **moved_to,
				  struct error *err)
{
	char *copy = text_dup(target);
	char *name = NULL;

	*moved_to = NULL;
	if (!copy)
		return fail(err, ENOMEM, "move it");
	enum removal_outcome outcome = open_and_move(act, copy, &name, err);
	if (outcome == REMOVAL_DONE && name) {
		const char *slash = strrchr(copy, '/');
		int folder = slash ? (int)(slash + 1 - copy) : 0;

		/* without memory it is done all the same */
		*moved_to = text_format("%.*s%s", folder, copy, name);
	}
	free(name);
	free(copy);
	return outcome;
}

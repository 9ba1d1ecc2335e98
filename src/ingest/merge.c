#include "ingest/merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ledger.h"
#include "ingest/scan.h"

struct merge {
	struct merge_source source;
	struct scan_item file;
	bool has_file; /* file was fetched and not given away yet */
	bool is_at_end;
	bool is_disorder;
	bool row_is_given;  /* to be passed at the next call */
	struct buffer last; /* greatest name so far */
	bool has_last;
	/* Failed names whose rows may still come, NUL-terminated one behind the
	 * other. There are several where one sorts between another and what
	 * lies beneath that: "a", "a.b", "a/x". */
	struct buffer failures;
};

struct merge *merge_new(const struct merge_source *source)
{
	struct merge *merge = calloc(1, sizeof(*merge));
	if (merge)
		merge->source = *source;
	return merge;
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	buffer_clear(&merge->last);
	buffer_clear(&merge->failures);
	free(merge);
}

/* ------------------------------------------------ failed names */

static bool starts_with(struct bytes text, struct bytes start)
{
	return text.size >= start.size &&
	       (start.size == 0 ||
		memcmp(text.data, start.data, start.size) == 0);
}

/* At the failed name or beneath it. A name without '/' at its end may have
 * been a folder; an empty one is the folder of all. */
static bool is_beneath(struct bytes name, struct bytes failed)
{
	if (!starts_with(name, failed))
		return false;
	return failed.size == 0 || name.size == failed.size ||
	       failed.data[failed.size - 1] == '/' ||
	       name.data[failed.size] == '/';
}

/* Whether no name from here on can lie beneath the failed one: compared as if
 * it ended in '/', for what is beneath comes together there. */
static bool is_passed(struct bytes name, struct bytes failed)
{
	if (is_beneath(name, failed))
		return false;
	size_t common = failed.size < name.size ? failed.size : name.size;
	int order = common ? memcmp(name.data, failed.data, common) : 0;
	if (order != 0 || name.size <= failed.size)
		return order > 0;
	return (unsigned char)name.data[failed.size] > '/';
}

/* Whether a row stays because its place could not be looked at; failures that
 * lie behind are dropped on the way. */
static bool is_kept(struct buffer *failures, struct bytes name)
{
	size_t kept = 0;
	bool found = false;
	char *names = failures->data;
	for (size_t at = 0; at < failures->size;) {
		struct bytes failed = bytes_of_text(names + at);
		size_t step = failed.size + 1;
		found = found || is_beneath(name, failed);
		if (!is_passed(name, failed)) {
			memmove(names + kept, names + at, step);
			kept += step;
		}
		at += step;
	}
	failures->size = kept;
	return found;
}

static int remember_failure(struct buffer *failures, struct bytes name)
{
	/* beneath one that is known already, it adds nothing */
	if (is_kept(failures, name))
		return 0;
	int code = buffer_append(failures, name.data, name.size);
	return code ? code : buffer_append(failures, "", 1);
}

/* ------------------------------------------------ the two sides */

static int fetch_file(struct merge *merge, struct error *err)
{
	int code =
	    merge->source.next_file(merge->source.files, &merge->file, err);
	if (code != 0)
		return code;
	if (merge->file.kind == SCAN_END) {
		merge->is_at_end = true;
		return 0;
	}
	struct bytes name = merge->file.name;
	merge->has_file = true;
	merge->is_disorder =
	    merge->has_last &&
	    bytes_compare(name, buffer_bytes(&merge->last)) <= 0;
	if (merge->is_disorder)
		return 0;
	buffer_reset(&merge->last);
	merge->has_last = true;
	if (buffer_append(&merge->last, name.data, name.size) != 0)
		return error_set_memory(err);
	return 0;
}

/* The next row, those that are kept for a failure passed over; not beyond the
 * waiting file though, for a row may turn out to be the one of a later file
 * that was seen after all. */
static int peek_row(struct merge *merge, const struct ledger_facts **row,
		    struct error *err)
{
	for (;;) {
		int code = merge->source.peek_row(merge->source.rows, row, err);
		if (code != 0 || !*row)
			return code;
		if (merge->has_file &&
		    bytes_compare((*row)->name, merge->file.name) >= 0)
			return 0;
		if (!is_kept(&merge->failures, (*row)->name))
			return 0;
		merge->source.advance_row(merge->source.rows);
	}
}

static int give_file(struct merge *merge, enum merge_kind kind,
		     struct merge_item *item, struct error *err)
{
	item->kind = kind;
	item->name = merge->file.name;
	item->file = &merge->file;
	merge->has_file = false;
	if (kind != MERGE_FAILED)
		return 0;
	if (remember_failure(&merge->failures, merge->file.name) != 0)
		return error_set_memory(err);
	return 0;
}

static void give_row(struct merge *merge, const struct ledger_facts *row,
		     struct merge_item *item)
{
	item->row = row;
	merge->row_is_given = true;
}

/* What the waiting file and the next row are to each other. */
static int join(struct merge *merge, struct merge_item *item, struct error *err)
{
	const struct ledger_facts *row = NULL;
	int code = peek_row(merge, &row, err);
	if (code != 0 || (!row && !merge->has_file))
		return code;

	int order = row ? -1 : 1; /* of the row, to the file */
	if (row && merge->has_file)
		order = bytes_compare(row->name, merge->file.name);
	if (order < 0) {
		give_row(merge, row, item);
		item->kind = MERGE_GONE;
		item->name = row->name;
		return 0;
	}
	if (merge->file.kind == SCAN_FAILED)
		return give_file(merge, MERGE_FAILED, item, err);
	if (order > 0)
		return give_file(merge, MERGE_NEW, item, err);
	give_row(merge, row, item);
	return give_file(merge, MERGE_KNOWN, item, err);
}

int merge_next(struct merge *merge, struct merge_item *item, struct error *err)
{
	*item = (struct merge_item){.kind = MERGE_END};
	if (merge->row_is_given)
		merge->source.advance_row(merge->source.rows);
	merge->row_is_given = false;

	int code = 0;
	if (!merge->has_file && !merge->is_at_end)
		code = fetch_file(merge, err);
	if (code != 0)
		return code;
	if (!merge->has_file || !merge->is_disorder)
		return join(merge, item, err);

	/* out of order: no row may be passed because of it */
	enum merge_kind kind =
	    merge->file.kind == SCAN_FAILED ? MERGE_FAILED : MERGE_DISORDER;
	return give_file(merge, kind, item, err);
}

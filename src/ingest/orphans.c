#include "ingest/orphans.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "ingest/bucket.h"
#include "ingest/fetch.h"
#include "ingest/ledger.h"
#include "ingest/policy.h"
#include "platform/folder.h"

/* What clocks may be apart, besides the skew that is known. */
enum { SLACK_S = 60, MS_PER_S = 1000 };

/* ---- one of them ---- */

/* A bucket by what the ledger noted with the upload. */
static int open_bucket(const struct orphans_options *options,
		       struct ledger_upload *upload, struct bucket *bucket,
		       struct fetch **fetch, struct error *err)
{
	const struct policy place = {
	    .s3_endpoint = upload->endpoint,
	    .s3_bucket = upload->bucket,
	    /* else the one that was learned */
	    .s3_region = "us-east-1",
	};
	const struct fetch_options asking = {
	    .route = options->route,
	    .keys = options->keys,
	    .bucket = bucket,
	};

	*fetch = NULL;
	int code = bucket_init(bucket, &place, options->ledger, err);
	if (code == 0)
		*fetch = fetch_new(&asking, err);
	return code == 0 && !*fetch ? ERROR_LOCAL : code;
}

static bool is_ours(const struct s3_upload_listed *listed,
		    const struct ledger_upload *upload,
		    const struct bucket *bucket)
{
	int64_t since_s =
	    (upload->started_ms + bucket->facts.skew_ms) / MS_PER_S - SLACK_S;

	return bytes_equal(bytes_of_text(listed->key), upload->key) &&
	       listed->initiated_s >= since_s;
}

/* All pages of the uploads whose key begins with this one. */
static int abort_listed(struct fetch *fetch, const struct bucket *bucket,
			const struct ledger_upload *upload, struct error *err)
{
	char *key_marker = NULL;
	char *id_marker = NULL;
	bool more = true;
	int code = 0;

	while (code == 0 && more) {
		struct s3_upload_listing page;

		code = fetch_uploads(fetch, upload->key, key_marker, id_marker,
				     &page, err);
		for (size_t i = 0; code == 0 && i < page.count; i++)
			if (is_ours(&page.uploads[i], upload, bucket))
				code =
				    fetch_abort(fetch, upload->key,
						page.uploads[i].upload_id, err);
		free(key_marker);
		free(id_marker);
		key_marker = page.next_key_marker
				 ? text_dup(page.next_key_marker)
				 : NULL;
		id_marker = page.next_upload_id_marker
				? text_dup(page.next_upload_id_marker)
				: NULL;
		more = code == 0 && page.is_truncated && key_marker;
		s3_upload_listing_clear(&page);
	}
	free(key_marker);
	free(id_marker);
	return code;
}

/* *done false: not now. A bucket that does not answer is not asked for each of
 * them. */
static int clear_one(const struct orphans_options *options,
		     struct ledger_upload *upload, bool *done,
		     struct error *err)
{
	struct bucket bucket;
	struct fetch *fetch = NULL;
	struct error problem = {0};
	bool has_id = upload->upload_id[0] != '\0';
	int code = open_bucket(options, upload, &bucket, &fetch, &problem);

	if (code == 0 && has_id)
		code = fetch_abort(fetch, upload->key, upload->upload_id,
				   &problem);
	bool must_look = code == 0 && (!has_id || upload->may_have_twin);
	if (must_look)
		code = abort_listed(fetch, &bucket, upload, &problem);
	fetch_free(fetch);
	*done = code == 0;
	/* nobody here may look for it: asking at every run would not help */
	bool is_hopeless = code == ERROR_REFUSED && must_look;
	if (code && !is_hopeless) {
		event_detail(options->events,
			     "%.*s: its upload in parts could not be cleared: "
			     "%s",
			     (int)upload->name.size, upload->name.data,
			     problem.text);
		return 0;
	}
	return ledger_upload_forget(options->ledger, upload->policy,
				    upload->name, err);
}

/* ---- which of them ---- */

static bool is_live(const int64_t *ids, size_t count, int64_t policy)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == policy)
			return true;
	return false;
}

static bool is_there(const struct folder *home,
		     const struct ledger_upload *upload)
{
	struct file_facts facts;
	char *name = text_dup_bytes(upload->name.data, upload->name.size);
	/* without memory nothing is thrown away */
	bool there =
	    !name || (folder_stat(home, name, FOLDER_FOLLOW_ALL, &facts) == 0 &&
		      facts.size_bytes == upload->size_bytes &&
		      facts.mtime_ns == upload->mtime_ns);

	free(name);
	return there;
}

/* In the bucket as it is, by another upload than this one. */
static int is_recorded(const struct orphans_options *options,
		       const struct ledger_upload *upload, bool *recorded,
		       struct error *err)
{
	struct ledger_row row;
	int code = ledger_find(options->ledger, upload->policy, upload->name,
			       &row, recorded, err);

	*recorded = code == 0 && *recorded && row.state != LEDGER_IGNORED &&
		    row.size_bytes == upload->size_bytes &&
		    row.mtime_ns == upload->mtime_ns &&
		    row.ctime_ns == upload->ctime_ns;
	return code;
}

static int clear(const struct orphans_options *options, const int64_t *ids,
		 size_t count, struct error *err)
{
	struct ledger_uploads list;
	bool done = true;
	int code = ledger_uploads_list(options->ledger, &list, err);

	if (code)
		return code;
	for (size_t i = 0; code == 0 && done && i < list.count; i++) {
		struct ledger_upload *upload = &list.uploads[i];
		bool is_intent = upload->upload_id[0] == '\0';
		bool is_gone = ids && (!is_live(ids, count, upload->policy) ||
				       !is_there(options->home, upload));

		if (ids && !is_gone && !is_intent)
			code = is_recorded(options, upload, &is_gone, err);
		if (code == 0 && (is_gone || (!ids && is_intent)))
			code = clear_one(options, upload, &done, err);
	}
	ledger_uploads_clear(&list);
	return code;
}

int orphans_clear_intents(const struct orphans_options *options,
			  struct error *err)
{
	return clear(options, NULL, 0, err);
}

int orphans_clear_gone(const struct orphans_options *options,
		       const int64_t *ids, size_t count, struct error *err)
{
	return clear(options, ids, count, err);
}

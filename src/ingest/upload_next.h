#ifndef S3I_INGEST_UPLOAD_NEXT_H
#define S3I_INGEST_UPLOAD_NEXT_H

#include <stdbool.h>

#include "base/event.h"
#include "ingest/decide.h"

/*
 * The way of one file, as a pure machine: upload.c carries out the step and
 * reports what came of it.
 */
enum upload_step {
	UPLOAD_COMPARE,	   /* hash the file: is it what the ledger recorded? */
	UPLOAD_PUT_NEW,	   /* as UPLOAD_PUT, but only if the key is new */
	UPLOAD_ASK,	   /* HEAD: is it in the bucket? */
	UPLOAD_MATCH,	   /* hash the file: is it what HEAD told? */
	UPLOAD_PUT,	   /* hash if needed, send in one request */
	UPLOAD_LIST_PARTS, /* what is left of an upload that was cut off */
	UPLOAD_CREATE,
	UPLOAD_PARTS,
	UPLOAD_COMPLETE,
	UPLOAD_CONFIRM, /* the upload is gone: was it completed? */
	UPLOAD_ABORT,
	UPLOAD_END
};

enum upload_event {
	UPLOAD_DONE,	/* the step did what it should */
	UPLOAD_SAME,	/* contents are equal */
	UPLOAD_DIFFERS, /* they are not, or size or time say so already */
	UPLOAD_ABSENT,	/* no such key */
	UPLOAD_FOUND,	/* same size, and not older than the file */
	UPLOAD_UNSURE,	/* HEAD, or the condition, is not allowed here */
	UPLOAD_EXISTS,	/* the key is not new */
	UPLOAD_LOST,	/* the multipart upload is gone */
	UPLOAD_CHANGED, /* the file is not what it was, or is being written */
	UPLOAD_VANISHED,
	UPLOAD_FAILED
};

struct upload_state {
	enum upload_step step;
	enum decision decision;
	bool has_row;	 /* the ledger has the file under this policy */
	bool is_recheck; /* the bucket is asked though the ledger knows */
	bool is_large;	 /* goes in parts */
	bool can_resume; /* the ledger has an upload in progress for it */
	bool must_match; /* equal size is not enough to call it present */
	bool has_upload; /* an upload id that Abort would end */
	bool is_second;	 /* the first upload in parts was lost */
	/* it is small, and the endpoint keeps If-None-Match: * */
	bool can_put_new;
	bool expects_key; /* the last key asked for was there: so may this be */
	bool head_denied; /* HEAD tells nothing here */
	/* the key may be there by an attempt of ours whose reply was lost */
	bool may_be_ours;
	bool is_listed; /* a listing answers UPLOAD_ASK, without checksums */
	bool is_equal;	/* the object has the file's content */
	bool key_existed;
	enum event_what result; /* at UPLOAD_END; EVENT_NOTHING: vanished */
};

/* Whether a way begins with the question whether the key is new. */
bool upload_asks(enum decision decision, bool has_row);

/* The first step by what was decided. */
void upload_begin(struct upload_state *state);

/* The step after this event. An event that cannot come in a step ends the
 * file as failed. */
void upload_next(struct upload_state *state, enum upload_event event);

#endif

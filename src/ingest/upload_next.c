#include "ingest/upload_next.h"

static void end(struct upload_state *state, enum event_what result)
{
	state->step = UPLOAD_END;
	state->result = result;
}

static void send(struct upload_state *state, bool key_existed)
{
	state->key_existed = key_existed;
	if (!state->is_large)
		state->step = UPLOAD_PUT;
	else
		state->step =
		    state->can_resume ? UPLOAD_LIST_PARTS : UPLOAD_CREATE;
}

/* The key is new, as far as it is known. */
static void send_new(struct upload_state *state)
{
	if (state->can_put_new)
		state->step = UPLOAD_PUT_NEW;
	else
		send(state, false);
}

/* Nobody knows whether the key is new. Where a PUT can find that out, it does,
 * but not for one body after the other that is there already. */
static void ask(struct upload_state *state)
{
	bool wait_for_head = state->expects_key && !state->head_denied;

	state->step = UPLOAD_ASK;
	if (state->is_listed)
		return;
	if (state->can_put_new && !wait_for_head)
		state->step = UPLOAD_PUT_NEW;
	else if (state->head_denied)
		send(state, state->has_row);
}

static void present(struct upload_state *state)
{
	end(state, state->is_recheck && state->has_row ? EVENT_UNCHANGED
						       : EVENT_SKIPPED);
}

static void sent(struct upload_state *state)
{
	end(state, state->key_existed ? EVENT_UPDATED : EVENT_ADDED);
}

bool upload_asks(enum decision decision, bool has_row)
{
	switch (decision) {
	case DECISION_REHASH:
	case DECISION_TOUCHED:
	case DECISION_CHANGED:
		return false;
	case DECISION_FORCED:
		return !has_row;
	default:
		return true;
	}
}

void upload_begin(struct upload_state *state)
{
	if (upload_asks(state->decision, state->has_row))
		ask(state);
	else if (state->decision == DECISION_REHASH ||
		 state->decision == DECISION_TOUCHED)
		state->step = UPLOAD_COMPARE;
	else
		send(state, true);
}

static void after_compare(struct upload_state *state, enum upload_event event)
{
	if (event == UPLOAD_DIFFERS)
		send(state, true);
	else if (event == UPLOAD_SAME && state->decision == DECISION_REHASH)
		end(state, EVENT_UNCHANGED);
	else if (event == UPLOAD_SAME)
		end(state, EVENT_SKIPPED);
	else
		end(state, EVENT_FAILED);
}

static void found(struct upload_state *state)
{
	bool forced = state->decision == DECISION_FORCED;

	if (state->may_be_ours || (state->must_match && !forced))
		state->step = UPLOAD_MATCH;
	else if (forced)
		send(state, true);
	else
		present(state);
}

static void after_ask(struct upload_state *state, enum upload_event event)
{
	if (event == UPLOAD_ABSENT)
		send_new(state);
	else if (event == UPLOAD_UNSURE)
		send(state, state->has_row || state->key_existed);
	else if (event == UPLOAD_DIFFERS)
		send(state, true);
	else if (event == UPLOAD_FOUND)
		found(state);
	else
		end(state, EVENT_FAILED);
}

/* What a listing tells of a content is its ETag at most: HEAD knows better. */
static void doubt_listing(struct upload_state *state)
{
	state->is_listed = false;
	state->key_existed = true;
	if (state->head_denied)
		send(state, true);
	else
		state->step = UPLOAD_ASK;
}

static void after_match(struct upload_state *state, enum upload_event event)
{
	state->is_equal = event == UPLOAD_SAME;
	if (event == UPLOAD_SAME && state->may_be_ours)
		end(state, EVENT_ADDED);
	else if (event == UPLOAD_SAME)
		present(state);
	else if (event == UPLOAD_DIFFERS && state->is_listed)
		doubt_listing(state);
	else if (event == UPLOAD_DIFFERS)
		send(state, true);
	else
		end(state, EVENT_FAILED);
}

/* Once it may be begun anew. */
static void after_confirm(struct upload_state *state, enum upload_event event)
{
	bool may_begin_anew = event == UPLOAD_DIFFERS && !state->is_second;

	state->has_upload = false;
	state->can_resume = false;
	state->is_second = true;
	if (event == UPLOAD_SAME)
		sent(state);
	else if (may_begin_anew)
		state->step = UPLOAD_CREATE;
	else
		end(state, EVENT_FAILED);
}

static void after_put_new(struct upload_state *state, enum upload_event event)
{
	state->can_put_new = false;
	if (event == UPLOAD_DONE) {
		end(state, EVENT_ADDED);
	} else if (event == UPLOAD_EXISTS && state->head_denied) {
		send(state, !state->may_be_ours);
	} else if (event == UPLOAD_EXISTS) {
		state->key_existed = !state->may_be_ours;
		state->step = UPLOAD_ASK;
	} else if (event == UPLOAD_UNSURE) {
		ask(state);
	} else {
		end(state, EVENT_FAILED);
	}
}

static void after_multipart(struct upload_state *state, enum upload_event event)
{
	if (event == UPLOAD_LOST && state->step != UPLOAD_CREATE) {
		state->step = UPLOAD_CONFIRM;
	} else if (event != UPLOAD_DONE) {
		end(state, EVENT_FAILED);
	} else if (state->step == UPLOAD_PARTS) {
		state->step = UPLOAD_COMPLETE;
	} else if (state->step == UPLOAD_COMPLETE) {
		sent(state);
	} else {
		state->has_upload = true;
		state->step = UPLOAD_PARTS;
	}
}

/* The file is not what it was: nothing of it may be recorded. */
static void give_up(struct upload_state *state, enum event_what result)
{
	state->result = result;
	state->step = state->has_upload ? UPLOAD_ABORT : UPLOAD_END;
}

void upload_next(struct upload_state *state, enum upload_event event)
{
	if (state->step == UPLOAD_ABORT || state->step == UPLOAD_END) {
		state->step = UPLOAD_END;
		return;
	}
	if (event == UPLOAD_CHANGED || event == UPLOAD_VANISHED) {
		give_up(state, event == UPLOAD_CHANGED ? EVENT_DELAYED
						       : EVENT_NOTHING);
		return;
	}
	switch (state->step) {
	case UPLOAD_COMPARE:
		after_compare(state, event);
		break;
	case UPLOAD_PUT_NEW:
		after_put_new(state, event);
		break;
	case UPLOAD_ASK:
		after_ask(state, event);
		break;
	case UPLOAD_MATCH:
		after_match(state, event);
		break;
	case UPLOAD_PUT:
		if (event == UPLOAD_DONE)
			sent(state);
		else
			end(state, EVENT_FAILED);
		break;
	case UPLOAD_CONFIRM:
		after_confirm(state, event);
		break;
	default:
		after_multipart(state, event);
		break;
	}
}

#ifndef S3I_AGENT_TALK_H
#define S3I_AGENT_TALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/sums.h"
#include "base/error.h"

struct instance;

/* At most so many POSTs in one run. */
enum { TALK_POSTS_CEILING = 8 };

/* The exchange with the mothership in one run. */
struct talk {
	struct instance *instance;
	json_t *waiting;   /* actions to perform */
	json_t *performed; /* actions that were taken up in this run */
	struct sums sums;  /* not yet acknowledged */
	bool sums_are_noted;
	int posts;
	int good_replies;
	bool has_failed; /* no POST makes sense any more in this run */
	/* of the last reply: what was refused, to be told at once */
	struct error config_problem;
	struct error keys_problem;
};

/* What one POST says besides what all say; borrowed. */
struct talk_message {
	const char *action;
	json_t *result;
	bool has_sums; /* result carries the sums */
	const char *error;
	const char *failed_action;
};

int talk_init(struct talk *talk, struct instance *instance, struct error *err);
void talk_clear(struct talk *talk);

/* POST, and put the reply into force. An error of any kind ends the talk. */
int talk_post(struct talk *talk, const struct talk_message *message,
	      struct error *err);

/* An action that waits, at most once a run; the caller frees it, NULL: none.
 */
char *talk_take_action(struct talk *talk);

/* Keep the sums safe if there is something in them that was not said yet. */
int talk_note_sums(struct talk *talk, struct error *err);

/* How long until the mothership may be asked again after failures: 0: now. */
int talk_backoff_ms(struct talk *talk, int64_t *wait_ms, struct error *err);

#endif

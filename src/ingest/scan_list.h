#ifndef S3I_INGEST_SCAN_LIST_H
#define S3I_INGEST_SCAN_LIST_H

#include "base/error.h"
#include "ingest/scan.h"
#include "ingest/scan_stack.h"

/* Fill the top frame (states, place and folder are set) with the entries that
 * matter, sorted: what a listing shows, if any state asks for one, and the
 * literal names, which are looked up. *list_code: errno where the folder
 * could not be listed; literal names are there nevertheless. */
int scan_list_fill(struct scan_stack *stack, const struct scan_options *options,
		   int *list_code, struct error *err);

/* Facts of what a link in the top frame leads to, whose name the stack's path
 * ends with: by the rule of the options, measured from literal_bytes. errno;
 * EXDEV or ELOOP where the rule forbids it. */
int scan_list_follow(struct scan_stack *stack,
		     const struct scan_options *options, uint32_t literal_bytes,
		     struct file_facts *facts);

/* Whether an errno value says that there is nothing, or nothing that the
 * rule for links lets be seen. */
bool scan_list_is_nothing(int code);

#endif

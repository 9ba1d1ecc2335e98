#include "ingest/bucket_page.h"

#include <string.h>

#include "s3/s3.h"

bool bucket_page_is_sound(const struct s3_listing *listing,
			  struct bytes start_after)
{
	struct bytes last = start_after;

	for (size_t i = 0; i < listing->count; i++) {
		if (bytes_compare(listing->objects[i].key, last) <= 0)
			return false;
		last = listing->objects[i].key;
	}
	return true;
}

static void tell(const struct s3_listed *object, struct bucket_listed *listed)
{
	*listed = (struct bucket_listed){
	    .is_there = true,
	    .size_bytes = object->size_bytes,
	    .modified_s = object->modified_s,
	};
	size_t size = strlen(object->etag) + 1;
	if (size <= sizeof(listed->etag))
		memcpy(listed->etag, object->etag, size);
}

bool bucket_page_ask(struct bucket_page *page, struct bytes key,
		     struct bucket_listed *listed)
{
	const struct s3_listing *listing = page->listing;
	int order = -1;

	while (page->at < listing->count) {
		order = bytes_compare(listing->objects[page->at].key, key);
		if (order >= 0)
			break;
		page->at++;
	}
	if (page->at == listing->count && listing->is_truncated)
		return false;
	*listed = (struct bucket_listed){.size_bytes = -1};
	if (order == 0)
		tell(&listing->objects[page->at], listed);
	return true;
}

struct bytes bucket_page_before(struct bytes key)
{
	if (key.size > 0)
		key.size--;
	while (key.size > 0 &&
	       ((unsigned char)key.data[key.size] & 0xc0) == 0x80)
		key.size--;
	return key;
}

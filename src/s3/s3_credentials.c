#include "s3/s3_credentials.h"

#include <stdlib.h>
#include <string.h>

#include "platform/system.h"

static void free_wiped(char *text)
{
	if (text)
		system_wipe(text, strlen(text));
	free(text);
}

void s3_credentials_clear(struct s3_credentials *credentials)
{
	free_wiped(credentials->access_key_id);
	free_wiped(credentials->secret_access_key);
	free_wiped(credentials->session_token);
	*credentials = (struct s3_credentials){0};
}

struct s3_keys s3_credentials_view(const struct s3_credentials *credentials)
{
	return (struct s3_keys){
	    .access_key_id = credentials->access_key_id,
	    .secret_access_key = credentials->secret_access_key,
	    .session_token = credentials->session_token,
	};
}

#ifndef S3I_PLATFORM_HOST_H
#define S3I_PLATFORM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names as NodeJS gives them: type Linux, Darwin, Windows_NT; platform linux,
 * darwin, win32; release as uname -r. */
struct host_facts {
	char name[256];
	char type[32];
	const char *platform;
	char release[256];
	uint64_t memory_bytes;
};

struct host_address {
	char interface[64];
	char address[64];
	char netmask[64];
	bool is_ipv6;
	char mac[18]; /* 00:00:00:00:00:00 where there is none */
	bool is_internal;
	int prefix_length;
	uint32_t scope_id; /* IPv6 only */
};

int host_facts_get(struct host_facts *facts);

/* Addresses of all interfaces that are up; the caller frees *addresses. */
int host_addresses_list(struct host_address **addresses, size_t *count);

/* Identity of this boot: changes with every boot and never otherwise
 * (Linux: the kernel's boot id). "" where it cannot be known. */
int host_boot_id(char *text, size_t size);

int host_core_count(void);

/* How many files this process may have open. */
int64_t host_file_limit(void);

#endif

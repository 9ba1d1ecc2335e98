#include "platform/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __linux__
#include <netpacket/packet.h>
#endif

int host_facts_get(struct host_facts *facts)
{
	struct utsname names;

	*facts = (struct host_facts){0};
	if (uname(&names) != 0)
		return errno;
	(void)snprintf(facts->name, sizeof(facts->name), "%s", names.nodename);
	(void)snprintf(facts->type, sizeof(facts->type), "%.31s",
		       names.sysname);
	(void)snprintf(facts->release, sizeof(facts->release), "%s",
		       names.release);
	facts->platform =
	    strcmp(names.sysname, "Darwin") == 0 ? "darwin" : "linux";
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);
	if (pages > 0 && page_bytes > 0)
		facts->memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
	return 0;
}

static int count_bits(const unsigned char *mask, size_t size)
{
	int bits = 0;

	for (size_t i = 0; i < size; i++)
		for (unsigned byte = mask[i]; byte & 0x80; byte <<= 1)
			bits++;
	return bits;
}

static void fill_ip(const struct ifaddrs *entry, struct host_address *address)
{
	const void *ip;
	const void *mask;
	size_t size;
	int family = entry->ifa_addr->sa_family;

	if (family == AF_INET6) {
		const struct sockaddr_in6 *own = (void *)entry->ifa_addr;
		const struct sockaddr_in6 *net = (void *)entry->ifa_netmask;

		ip = &own->sin6_addr;
		mask = net ? &net->sin6_addr : NULL;
		size = sizeof(own->sin6_addr);
		address->is_ipv6 = true;
		address->scope_id = own->sin6_scope_id;
	} else {
		const struct sockaddr_in *own = (void *)entry->ifa_addr;
		const struct sockaddr_in *net = (void *)entry->ifa_netmask;

		ip = &own->sin_addr;
		mask = net ? &net->sin_addr : NULL;
		size = sizeof(own->sin_addr);
	}
	(void)inet_ntop(family, ip, address->address, sizeof(address->address));
	if (mask) {
		(void)inet_ntop(family, mask, address->netmask,
				sizeof(address->netmask));
		address->prefix_length = count_bits(mask, size);
	}
}

/* "eth0:1" is a second name of eth0. */
static bool is_same_interface(const char *name, const char *device)
{
	size_t size = strlen(device);

	return strncmp(name, device, size) == 0 &&
	       (name[size] == '\0' || name[size] == ':');
}

static void fill_mac(const struct ifaddrs *all, struct host_address *address)
{
	(void)snprintf(address->mac, sizeof(address->mac), "00:00:00:00:00:00");
#ifdef __linux__
	for (const struct ifaddrs *e = all; e; e = e->ifa_next) {
		if (!e->ifa_addr || e->ifa_addr->sa_family != AF_PACKET ||
		    !is_same_interface(address->interface, e->ifa_name))
			continue;
		const struct sockaddr_ll *link = (void *)e->ifa_addr;
		const unsigned char *b = link->sll_addr;

		(void)snprintf(address->mac, sizeof(address->mac),
			       "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1],
			       b[2], b[3], b[4], b[5]);
	}
#else
	(void)all;
#endif
}

static bool is_wanted(const struct ifaddrs *entry)
{
	return entry->ifa_addr && (entry->ifa_flags & IFF_UP) &&
	       (entry->ifa_addr->sa_family == AF_INET ||
		entry->ifa_addr->sa_family == AF_INET6);
}

int host_addresses_list(struct host_address **addresses, size_t *count)
{
	struct ifaddrs *all = NULL;
	size_t wanted = 0;

	*addresses = NULL;
	*count = 0;
	if (getifaddrs(&all) != 0)
		return errno;
	for (const struct ifaddrs *e = all; e; e = e->ifa_next)
		wanted += is_wanted(e);
	*addresses = calloc(wanted + 1, sizeof(**addresses));
	for (const struct ifaddrs *e = all; *addresses && e; e = e->ifa_next) {
		struct host_address *address = *addresses + *count;

		if (!is_wanted(e))
			continue;
		(void)snprintf(address->interface, sizeof(address->interface),
			       "%s", e->ifa_name);
		address->is_internal = (e->ifa_flags & IFF_LOOPBACK) != 0;
		fill_ip(e, address);
		fill_mac(all, address);
		(*count)++;
	}
	freeifaddrs(all);
	return *addresses ? 0 : ENOMEM;
}

int host_boot_id(char *text, size_t size)
{
	int descriptor =
	    open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	text[0] = '\0';
	if (descriptor < 0)
		return errno == ENOENT ? 0 : errno;
	ssize_t got = read(descriptor, text, size - 1);
	int code = got < 0 ? errno : 0;
	(void)close(descriptor);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return code;
}

int host_core_count(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 ? (int)cores : 1;
}

int64_t host_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 256;
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

#include "workplace.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "platform/host.h"

/* First line of a file or of what a command prints, without newline. */
static void read_line(FILE *stream, char *line, size_t size)
{
	must(stream && fgets(line, (int)size, stream), "read");
	line[strcspn(line, "\n")] = '\0';
}

/* ------------------------------------------------ facts */

static void the_names_are_those_of_uname(void)
{
	struct host_facts facts;
	struct utsname names;

	memset(&facts, 0xff, sizeof(facts));
	must(uname(&names) == 0, "uname");
	CHECK_INT(host_facts_get(&facts), 0);
	CHECK_TEXT(facts.name, names.nodename);
	CHECK_TEXT(facts.release, names.release);
	CHECK_TEXT(facts.type, "Linux");
	CHECK_TEXT(facts.platform, "linux");
}

static void the_memory_is_all_that_the_system_has(void)
{
	struct host_facts facts;
	struct sysinfo info;

	must(sysinfo(&info) == 0, "sysinfo");
	CHECK_INT(host_facts_get(&facts), 0);
	CHECK_INT(facts.memory_bytes, (uint64_t)info.totalram * info.mem_unit);
}

static void the_identity_of_the_boot_is_that_of_the_kernel(void)
{
	char expected[64];
	char text[64];
	char small[9];

	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
	read_line(file, expected, sizeof(expected));
	(void)fclose(file);
	CHECK_INT(host_boot_id(text, sizeof(text)), 0);
	CHECK_TEXT(text, expected);
	CHECK_INT(strlen(text), 36);
	/* cut off, with its NUL */
	memset(small, 'x', sizeof(small));
	CHECK_INT(host_boot_id(small, sizeof(small)), 0);
	CHECK_INT(strlen(small), sizeof(small) - 1);
	CHECK_MEM(small, expected, sizeof(small) - 1);
}

static void the_cores_are_those_of_getconf(void)
{
	char line[32];
	FILE *command = popen("getconf _NPROCESSORS_ONLN", "r");

	read_line(command, line, sizeof(line));
	CHECK_INT(pclose(command), 0);
	CHECK_INT(host_core_count(), strtol(line, NULL, 10));
	CHECK(host_core_count() >= 1);
}

static void the_limit_of_files_is_the_soft_one(void)
{
	struct rlimit before;

	must(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
	struct rlimit limit = {.rlim_cur = 77, .rlim_max = before.rlim_max};
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	CHECK_INT(host_file_limit(), 77);
	must(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
	CHECK(host_file_limit() > 0 && host_file_limit() <= INT32_MAX);
}

/* ------------------------------------------------ addresses */

static const struct host_address *find_address(const struct host_address *list,
					       size_t count,
					       const char *interface,
					       const char *address)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].interface, interface) == 0 &&
		    strcmp(list[i].address, address) == 0)
			return &list[i];
	return NULL;
}

/* The MAC as the kernel shows it to everybody. */
static void check_mac(const struct host_address *address)
{
	char path[128];
	char mac[64];

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/address",
		       address->interface);
	FILE *file = fopen(path, "r");
	if (!file)
		return;
	/* some have none at all, or a longer one */
	if (fgets(mac, sizeof(mac), file) && strlen(mac) == 18) {
		mac[17] = '\0';
		CHECK_TEXT(address->mac, mac);
	}
	(void)fclose(file);
}

static void check_netmask(const struct host_address *address)
{
	unsigned char mask[16] = {0};
	int size = address->is_ipv6 ? 16 : 4;
	char text[64];

	/* written again from its length it is the same */
	for (int bit = 0; bit < address->prefix_length && bit < 8 * size; bit++)
		mask[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
	CHECK(address->prefix_length <= 8 * size);
	must(inet_ntop(address->is_ipv6 ? AF_INET6 : AF_INET, mask, text,
		       sizeof(text)) != NULL,
	     "inet_ntop");
	CHECK_TEXT(address->netmask, text);
}

static void check_is_listed(const struct ifaddrs *own,
			    const struct host_address *list, size_t count)
{
	char text[64];
	int error = getnameinfo(own->ifa_addr,
				own->ifa_addr->sa_family == AF_INET
				    ? sizeof(struct sockaddr_in)
				    : sizeof(struct sockaddr_in6),
				text, sizeof(text), NULL, 0, NI_NUMERICHOST);

	CHECK_INT(error, 0);
	/* fe80::1%eth0: the interface is a member of its own */
	text[strcspn(text, "%")] = '\0';
	const struct host_address *address =
	    find_address(list, count, own->ifa_name, text);
	if (!CHECK(address != NULL)) {
		(void)printf("# %s %s\n", own->ifa_name, text);
		return;
	}
	CHECK_INT(address->is_ipv6, own->ifa_addr->sa_family == AF_INET6);
	CHECK_INT(address->is_internal, (own->ifa_flags & IFF_LOOPBACK) != 0);
	if (own->ifa_addr->sa_family == AF_INET6)
		CHECK_INT(address->scope_id,
			  ((struct sockaddr_in6 *)(void *)own->ifa_addr)
			      ->sin6_scope_id);
	else
		CHECK_INT(address->scope_id, 0);
	check_netmask(address);
	check_mac(address);
}

static void all_addresses_that_are_up_are_listed(void)
{
	struct host_address *list = NULL;
	struct ifaddrs *all = NULL;
	size_t count = 0;
	size_t expected = 0;

	CHECK_INT(host_addresses_list(&list, &count), 0);
	must(getifaddrs(&all) == 0, "getifaddrs");
	for (const struct ifaddrs *own = all; own; own = own->ifa_next) {
		if (!own->ifa_addr || !(own->ifa_flags & IFF_UP) ||
		    (own->ifa_addr->sa_family != AF_INET &&
		     own->ifa_addr->sa_family != AF_INET6))
			continue;
		check_is_listed(own, list, count);
		expected++;
	}
	CHECK_INT(count, expected);
	freeifaddrs(all);
	free(list);
}

/* ------------------------------------------------ a network of our own */

static void set_address(int socket, unsigned long request, const char *name,
			const char *address)
{
	struct ifreq wish = {0};
	struct sockaddr_in *place =
	    (struct sockaddr_in *)(void *)&wish.ifr_addr;

	(void)snprintf(wish.ifr_name, sizeof(wish.ifr_name), "%s", name);
	place->sin_family = AF_INET;
	CHECK_INT(inet_pton(AF_INET, address, &place->sin_addr), 1);
	CHECK_INT(ioctl(socket, request, &wish), 0);
}

static void set_flags(int socket, const char *name, short flags)
{
	struct ifreq wish = {.ifr_flags = flags};

	(void)snprintf(wish.ifr_name, sizeof(wish.ifr_name), "%s", name);
	CHECK_INT(ioctl(socket, SIOCSIFFLAGS, &wish), 0);
}

static void check_loopback(void)
{
	struct host_address *list = NULL;
	size_t count = 0;

	CHECK_INT(host_addresses_list(&list, &count), 0);
	const struct host_address *first =
	    find_address(list, count, "lo", "127.0.0.1");
	const struct host_address *second =
	    find_address(list, count, "lo:1", "10.1.2.3");
	if (CHECK(first != NULL)) {
		CHECK_TEXT(first->netmask, "255.0.0.0");
		CHECK_INT(first->prefix_length, 8);
		CHECK(first->is_internal && !first->is_ipv6);
		CHECK_TEXT(first->mac, "00:00:00:00:00:00");
	}
	if (CHECK(second != NULL)) {
		CHECK_TEXT(second->netmask, "255.255.240.0");
		CHECK_INT(second->prefix_length, 20);
		CHECK_TEXT(second->mac, "00:00:00:00:00:00");
	}
	const struct host_address *six = find_address(list, count, "lo", "::1");
	if (six) {
		CHECK_TEXT(six->netmask,
			   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
		CHECK_INT(six->prefix_length, 128);
		CHECK(six->is_internal && six->is_ipv6);
	}
	CHECK_INT(count, six ? 3 : 2);
	free(list);
}

/* A second address has a name of its own, and the same MAC. */
static void check_second_name(int control)
{
	struct ifreq hardware = {.ifr_name = "br0"};
	struct host_address *list = NULL;
	size_t count = 0;
	char mac[18];

	/* not every kernel has bridges */
	if (ioctl(control, SIOCBRADDBR, "br0") != 0)
		return;
	set_flags(control, "br0", IFF_UP);
	set_address(control, SIOCSIFADDR, "br0", "10.2.0.1");
	set_address(control, SIOCSIFADDR, "br0:one", "10.2.0.2");
	CHECK_INT(ioctl(control, SIOCGIFHWADDR, &hardware), 0);
	const unsigned char *b = (unsigned char *)hardware.ifr_hwaddr.sa_data;
	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5]);
	CHECK(strcmp(mac, "00:00:00:00:00:00") != 0);
	CHECK_INT(host_addresses_list(&list, &count), 0);
	const struct host_address *first =
	    find_address(list, count, "br0", "10.2.0.1");
	const struct host_address *second =
	    find_address(list, count, "br0:one", "10.2.0.2");
	CHECK_TEXT(first ? first->mac : NULL, mac);
	CHECK_TEXT(second ? second->mac : NULL, mac);
	free(list);
}

/* A network with nothing in it; where that is forbidden: false. */
static bool enter_network(int *control)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	*control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(*control >= 0, "socket");
	return true;
}

static void check_is_empty(void)
{
	struct host_address *list = NULL;
	size_t count = 1;

	CHECK_INT(host_addresses_list(&list, &count), 0);
	CHECK_INT(count, 0);
	free(list);
}

static bool has_what_is_up(const void *context)
{
	int control;

	(void)context;
	check_failures = 0;
	if (!enter_network(&control))
		return true;
	check_is_empty();
	set_flags(control, "lo", IFF_UP);
	set_address(control, SIOCSIFADDR, "lo:1", "10.1.2.3");
	set_address(control, SIOCSIFNETMASK, "lo:1", "255.255.240.0");
	check_loopback();
	set_flags(control, "lo", 0);
	check_is_empty();
	(void)fflush(stdout);
	return check_failures == 0;
}

static void what_is_down_is_not_listed(void)
{
	helper_end(helper_start(has_what_is_up, NULL));
}

static bool has_one_mac_for_two_names(const void *context)
{
	int control;

	(void)context;
	check_failures = 0;
	if (!enter_network(&control))
		return true;
	check_second_name(control);
	(void)fflush(stdout);
	return check_failures == 0;
}

static void a_second_name_has_the_mac_of_its_interface(void)
{
	helper_end(helper_start(has_one_mac_for_two_names, NULL));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(the_names_are_those_of_uname),
	    CHECK_TEST(the_memory_is_all_that_the_system_has),
	    CHECK_TEST(the_identity_of_the_boot_is_that_of_the_kernel),
	    CHECK_TEST(the_cores_are_those_of_getconf),
	    CHECK_TEST(the_limit_of_files_is_the_soft_one),
	    CHECK_TEST(all_addresses_that_are_up_are_listed),
	    CHECK_TEST(what_is_down_is_not_listed),
	    CHECK_TEST(a_second_name_has_the_mac_of_its_interface),
	};
	return CHECK_RUN(tests);
}

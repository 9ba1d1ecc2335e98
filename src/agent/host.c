#include "agent/host.h"

#include <stdlib.h>

#include "base/json.h"
#include "platform/host.h"

static json_t *address_of(const struct host_address *address)
{
	json_t *object = json_pack(
	    "{s:s,s:s,s:s,s:s,s:b,s:o}", "address", address->address, "netmask",
	    address->netmask, "family", address->is_ipv6 ? "IPv6" : "IPv4",
	    "mac", address->mac, "internal", (int)address->is_internal, "cidr",
	    json_sprintf("%s/%d", address->address, address->prefix_length));

	if (object && address->is_ipv6 &&
	    json_object_set_new(object, "scopeid",
				json_integer(address->scope_id)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* The list of an interface, made if it is new. Borrowed. */
static json_t *list_of(json_t *network, const char *interface)
{
	json_t *list = json_object_get(network, interface);

	if (list)
		return list;
	list = json_array();
	if (json_object_set_new(network, interface, list) != 0)
		return NULL;
	return list;
}

static json_t *network_new(struct error *err)
{
	struct host_address *addresses = NULL;
	size_t count = 0;
	json_t *network = json_object();
	int system_code = host_addresses_list(&addresses, &count);
	int code = 0;

	if (system_code != 0)
		code = error_set_system(err, system_code, "network interfaces");
	for (size_t i = 0; code == 0 && i < count; i++) {
		json_t *list = list_of(network, addresses[i].interface);
		if (json_array_append_new(list, address_of(&addresses[i])) != 0)
			code = error_set_memory(err);
	}
	free(addresses);
	if (code == 0)
		return network;
	json_decref(network);
	return NULL;
}

static int add_machine(json_t *info, const struct host_facts *facts,
		       struct error *err)
{
	json_t *network = network_new(err);

	if (!network)
		return ERROR_LOCAL;
	json_t *machine = json_pack(
	    "{s:s,s:s,s:s,s:I,s:o}", "hosttype", facts->type, "platform",
	    facts->platform, "release", facts->release, "totalmem",
	    (json_int_t)facts->memory_bytes, "network", network);
	int failed = json_object_update(info, machine);

	json_decref(machine);
	return failed ? error_set_memory(err) : 0;
}

json_t *host_info_new(const char *name_override, bool in_full,
		      struct error *err)
{
	struct host_facts facts;
	int system_code = host_facts_get(&facts);

	if (system_code != 0) {
		/* NULL is the answer */
		(void)error_set_system(err, system_code, "facts of this host");
		return NULL;
	}
	const char *name = name_override ? name_override : facts.name;
	json_t *info = json_object();
	int code = json_set_take(info, "hostname",
				 json_text_of_bytes(bytes_of_text(name)), err);
	if (code == 0 && in_full)
		code = add_machine(info, &facts, err);
	if (code == 0)
		return info;
	json_decref(info);
	return NULL;
}

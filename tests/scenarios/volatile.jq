# What differs from host to host, or from one version to the next, becomes its
# name in capitals; a value of the wrong type stays and is found.

def named(name; type_wanted):
	if type == type_wanted then name else . end;

def within(key; f):
	if type == "object" and has(key) then .[key] |= f else . end;

def volatile_info:
	within("hostname"; named("HOSTNAME"; "string"))
	| within("hosttype"; named("HOSTTYPE"; "string"))
	| within("platform"; named("PLATFORM"; "string"))
	| within("release"; named("RELEASE"; "string"))
	| within("totalmem"; named("TOTALMEM"; "number"))
	| within("network"; named("NETWORK"; "object"));

# the ports of the servers of this test
def volatile_settings:
	within("host_port"; named("PORT"; "number"))
	| within("s3_endpoint"; named("ENDPOINT"; "string"));

def volatile:
	.context |= (within("version"; named("VERSION"; "string"))
		| within("info"; volatile_info)
		| within("result"; volatile_settings
			| within("bytes"; named("BYTES"; "number"))));

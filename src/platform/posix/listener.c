#include "platform/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING_MOST = 64, FIRST_INHERITED = 3 };

static int port_of(int descriptor)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return 0;
}

static int listen_on(const struct addrinfo *address, int *descriptor)
{
	int yes = 1;
	int own = socket(address->ai_family,
			 address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 address->ai_protocol);
	int code = own < 0 ? errno : 0;

	/* else a restart would have to wait for old connections to time out */
	if (code == 0 &&
	    setsockopt(own, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0)
		code = errno;
	if (code == 0 && bind(own, address->ai_addr, address->ai_addrlen) != 0)
		code = errno;
	if (code == 0 && listen(own, WAITING_MOST) != 0)
		code = errno;
	if (code && own >= 0)
		(void)close(own);
	*descriptor = code ? -1 : own;
	return code;
}

int listener_open(const char *host, int port, int *descriptor, int *actual_port)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	char service[16];

	(void)snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return EADDRNOTAVAIL;
	int code = EADDRNOTAVAIL;
	for (const struct addrinfo *at = found; code && at; at = at->ai_next)
		code = listen_on(at, descriptor);
	freeaddrinfo(found);
	if (code == 0)
		*actual_port = port_of(*descriptor);
	return code;
}

int listener_inherited(int *port)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	int listens = 0;
	socklen_t size = sizeof(listens);

	/* meant for another process, or for none */
	if (!pid || !count || strtol(pid, NULL, 10) != getpid() ||
	    strtol(count, NULL, 10) < 1)
		return -1;
	if (getsockopt(FIRST_INHERITED, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		       &size) != 0 ||
	    !listens)
		return -1;
	if (fcntl(FIRST_INHERITED, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(FIRST_INHERITED, F_SETFL, O_NONBLOCK) != 0)
		return -1;
	*port = port_of(FIRST_INHERITED);
	return FIRST_INHERITED;
}

void listener_close(int descriptor)
{
	if (descriptor >= 0)
		(void)close(descriptor);
}

void listener_cut(int connection)
{
	(void)shutdown(connection, SHUT_RDWR); /* it may have ended already */
}

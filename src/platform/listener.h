#ifndef S3I_PLATFORM_LISTENER_H
#define S3I_PLATFORM_LISTENER_H

/* Sockets that wait for connections; what is said on them is a library's. */

/* Listen on a host's address and port (0: a free one); *actual_port is the one
 * it got. 0 or errno; EADDRNOTAVAIL too when the name leads nowhere. */
int listener_open(const char *host, int port, int *descriptor,
		  int *actual_port);

/* The socket that a service manager has opened for this process (systemd's
 * LISTEN_FDS and LISTEN_PID; sd_listen_fds(3)); -1: none. *port: its own. */
int listener_inherited(int *port);

void listener_close(int descriptor);

/* End a connection for both sides; who has it sees its end. */
void listener_cut(int connection);

#endif

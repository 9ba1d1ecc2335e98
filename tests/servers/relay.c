/*
 * A TCP relay that makes a network bad on command:
 *
 *     relay --to HOST:PORT --port-file FILE [--delay-ms N] [--rate BYTES]
 *
 * It listens on a free port of 127.0.0.1, writes that to FILE, and passes
 * everything on, each way N ms later and at most BYTES a second. Lines on
 * standard input change what it does from now on; each is answered with "ok":
 *
 *     delay MS         as --delay-ms
 *     rate BYTES       as --rate; 0: as fast as it comes
 *     stall            nothing passes any more, connections stay
 *     refuse           new connections are reset at once
 *     ignore           new connections are taken, and nothing is done with them
 *     reset up|down N  each connection is reset once N bytes passed that way
 *     cut up|down N    the same, but it is closed in order
 *     deaf             what the client sends passes, no reply comes back
 *     idle MS          a connection that was silent for so long is reset
 *     drop             reset all connections that there are
 *     clear            as at the start
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LINKS_MOST = 1024,
	CHUNK_BYTES = 64 * 1024,
	HELD_BYTES = 4 * 1024 * 1024, /* of one direction, before it waits */
	MS_PER_S = 1000
};

/* Bytes on their way, to be passed on when they are due. */
struct chunk {
	struct chunk *next;
	int64_t due_ms;
	size_t size;
	size_t sent;
	char data[];
};

enum way { UP, DOWN, WAYS };

struct pipe {
	struct chunk *first;
	struct chunk **last;
	size_t held;
	uint64_t passed;
	int64_t free_ms; /* when the rate lets the next bytes pass */
	bool is_read_out;
	bool is_ended;
};

struct link {
	int ends[WAYS]; /* whence UP comes: the client; whence DOWN: the server
			 */
	struct pipe pipes[WAYS];
	int64_t touched_ms;
};

static struct {
	int64_t delay_ms;
	int64_t rate;
	int64_t idle_ms;
	int64_t limit[WAYS]; /* -1: none */
	bool resets;
	bool stalls;
	bool refuses;
	bool ignores;
	bool deaf;
} faults;

static struct link *links[LINKS_MOST];
static struct sockaddr_in target;
static int64_t start_delay_ms;
static int64_t start_rate;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / 1000000;
}

/* ---- commands ---- */

static void clear_faults(void)
{
	memset(&faults, 0, sizeof(faults));
	faults.delay_ms = start_delay_ms;
	faults.rate = start_rate;
	faults.limit[UP] = faults.limit[DOWN] = -1;
}

static void link_end(size_t at, bool reset)
{
	struct link *link = links[at];
	const struct linger hard = {.l_onoff = 1, .l_linger = 0};

	for (int way = 0; way < WAYS; way++) {
		if (reset && link->ends[way] >= 0)
			setsockopt(link->ends[way], SOL_SOCKET, SO_LINGER,
				   &hard, sizeof(hard));
		if (link->ends[way] >= 0)
			close(link->ends[way]);
		while (link->pipes[way].first) {
			struct chunk *chunk = link->pipes[way].first;

			link->pipes[way].first = chunk->next;
			free(chunk);
		}
	}
	free(link);
	links[at] = NULL;
}

static void drop_all(void)
{
	for (size_t i = 0; i < LINKS_MOST; i++)
		if (links[i])
			link_end(i, true);
}

static void obey(const char *line)
{
	char verb[16] = "";
	char first[24] = "";
	long long number = 0;
	int count = sscanf(line, "%15s %23s %lld", verb, first, &number);
	enum way way = strcmp(first, "down") == 0 ? DOWN : UP;

	if (strcmp(verb, "delay") == 0)
		faults.delay_ms = atoll(first);
	else if (strcmp(verb, "rate") == 0)
		faults.rate = atoll(first);
	else if (strcmp(verb, "idle") == 0)
		faults.idle_ms = atoll(first);
	else if (strcmp(verb, "stall") == 0)
		faults.stalls = true;
	else if (strcmp(verb, "refuse") == 0)
		faults.refuses = true;
	else if (strcmp(verb, "ignore") == 0)
		faults.ignores = true;
	else if (strcmp(verb, "deaf") == 0)
		faults.deaf = true;
	else if (strcmp(verb, "drop") == 0)
		drop_all();
	else if (strcmp(verb, "clear") == 0)
		clear_faults();
	else if (count == 3 &&
		 (strcmp(verb, "reset") == 0 || strcmp(verb, "cut") == 0)) {
		faults.limit[way] = number;
		faults.resets = verb[0] == 'r';
	} else {
		printf("unknown: %s\n", line);
		fflush(stdout);
		return;
	}
	printf("ok\n");
	fflush(stdout);
}

/* Whole lines from standard input; false at its end. */
static bool read_commands(void)
{
	static char text[1024];
	static size_t size;
	ssize_t got = read(STDIN_FILENO, text + size, sizeof(text) - 1 - size);

	if (got <= 0)
		return false;
	size += (size_t)got;
	text[size] = '\0';
	char *begin = text;
	for (char *end; (end = strchr(begin, '\n')); begin = end + 1) {
		*end = '\0';
		obey(begin);
	}
	size = strlen(begin);
	memmove(text, begin, size + 1);
	return true;
}

/* ---- connections ---- */

static void make_quick(int socket)
{
	const int on = 1;

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(socket, F_SETFL, O_NONBLOCK);
}

static void take_connection(int listener)
{
	int client = accept(listener, NULL, NULL);
	size_t at = 0;

	while (at < LINKS_MOST && links[at])
		at++;
	if (client < 0 || at == LINKS_MOST) {
		if (client >= 0)
			close(client);
		return;
	}
	struct link *link = calloc(1, sizeof(*link));
	link->ends[UP] = client;
	link->ends[DOWN] = -1;
	link->touched_ms = now_ms();
	for (int way = 0; way < WAYS; way++)
		link->pipes[way].last = &link->pipes[way].first;
	links[at] = link;
	make_quick(client);
	if (faults.ignores)
		return;
	link->ends[DOWN] = socket(AF_INET, SOCK_STREAM, 0);
	if (faults.refuses ||
	    connect(link->ends[DOWN], (struct sockaddr *)&target,
		    sizeof(target)) != 0) {
		link_end(at, true);
		return;
	}
	make_quick(link->ends[DOWN]);
}

/* Read what is there and hold it until it is due. False: a broken end. */
static bool take_bytes(struct link *link, enum way way, int64_t now)
{
	struct pipe *pipe = &link->pipes[way];
	struct chunk *chunk = malloc(sizeof(*chunk) + CHUNK_BYTES);
	ssize_t got = read(link->ends[way], chunk->data, CHUNK_BYTES);

	if (got <= 0) {
		bool again = got < 0 && errno == EAGAIN;

		free(chunk);
		if (got == 0)
			pipe->is_read_out = true;
		return got == 0 || again;
	}
	chunk->next = NULL;
	chunk->size = (size_t)got;
	chunk->sent = 0;
	chunk->due_ms = now + faults.delay_ms;
	*pipe->last = chunk;
	pipe->last = &chunk->next;
	pipe->held += chunk->size;
	link->touched_ms = now;
	return true;
}

/* How many of these bytes may pass now. */
static size_t allowance(const struct pipe *pipe, enum way way, size_t size)
{
	if (faults.rate > 0) {
		/* what a hundredth of a second may carry, but at least one */
		size_t slice = (size_t)faults.rate / 100 + 1;

		size = size < slice ? size : slice;
	}
	if (faults.limit[way] >= 0) {
		uint64_t limit = (uint64_t)faults.limit[way];
		uint64_t left = limit > pipe->passed ? limit - pipe->passed : 0;

		size = size < left ? size : (size_t)left;
	}
	return size;
}

static bool is_at_limit(const struct pipe *pipe, enum way way)
{
	return faults.limit[way] >= 0 &&
	       pipe->passed >= (uint64_t)faults.limit[way];
}

/* Pass on what is due. False: the connection is over. */
static bool pass_bytes(struct link *link, enum way way, int64_t now)
{
	struct pipe *pipe = &link->pipes[way];
	int to = link->ends[1 - way];

	while (pipe->first && pipe->first->due_ms <= now &&
	       pipe->free_ms <= now) {
		struct chunk *chunk = pipe->first;
		size_t size = allowance(pipe, way, chunk->size - chunk->sent);
		ssize_t sent = size ? send(to, chunk->data + chunk->sent, size,
					   MSG_NOSIGNAL)
				    : 0;

		if (sent < 0)
			return errno == EAGAIN;
		chunk->sent += (size_t)sent;
		pipe->passed += (uint64_t)sent;
		if (faults.rate > 0)
			pipe->free_ms = now + sent * MS_PER_S / faults.rate;
		if (chunk->sent == chunk->size) {
			pipe->held -= chunk->size;
			pipe->first = chunk->next;
			if (!pipe->first)
				pipe->last = &pipe->first;
			free(chunk);
		}
		if (is_at_limit(pipe, way))
			return false;
	}
	if (pipe->is_read_out && !pipe->first && !pipe->is_ended) {
		pipe->is_ended = true;
		shutdown(to, SHUT_WR);
	}
	return true;
}

static void serve(size_t at, int64_t now)
{
	struct link *link = links[at];
	bool is_fine = true;

	if (faults.idle_ms > 0 && now - link->touched_ms > faults.idle_ms) {
		link_end(at, true);
		return;
	}
	if (faults.stalls || link->ends[DOWN] < 0)
		return;
	for (int way = 0; is_fine && way < WAYS; way++)
		if (way == UP || !faults.deaf)
			is_fine = pass_bytes(link, (enum way)way, now);
	bool at_limit = is_at_limit(&link->pipes[UP], UP) ||
			is_at_limit(&link->pipes[DOWN], DOWN);
	if (!is_fine)
		link_end(at, !at_limit || faults.resets);
	else if (link->pipes[UP].is_ended && link->pipes[DOWN].is_ended)
		link_end(at, false);
}

/* Until the next bytes are due, else long. */
static int wait_ms(int64_t now)
{
	int64_t wait = 1000;

	for (size_t i = 0; i < LINKS_MOST; i++) {
		for (int way = 0; links[i] && way < WAYS; way++) {
			const struct pipe *pipe = &links[i]->pipes[way];

			if (!pipe->first || faults.stalls)
				continue;
			int64_t due = pipe->first->due_ms > pipe->free_ms
					  ? pipe->first->due_ms
					  : pipe->free_ms;
			if (due > now && due - now < wait)
				wait = due - now;
		}
	}
	if (faults.idle_ms > 0 && faults.idle_ms / 4 < wait)
		wait = faults.idle_ms / 4 + 1;
	return (int)wait;
}

/* ---- the loop ---- */

struct watched {
	size_t link;
	enum way way;
};

static size_t watch(struct pollfd *polls, struct watched *watched)
{
	size_t count = 0;

	for (size_t i = 0; i < LINKS_MOST; i++) {
		for (int way = 0; links[i] && way < WAYS; way++) {
			struct link *link = links[i];
			bool reads = !link->pipes[way].is_read_out &&
				     link->pipes[way].held < HELD_BYTES &&
				     !faults.stalls && link->ends[DOWN] >= 0;
			const struct chunk *due = link->pipes[1 - way].first;
			bool writes = due && due->due_ms <= now_ms() &&
				      link->pipes[1 - way].free_ms <= now_ms();

			if (link->ends[way] < 0 || (!reads && !writes))
				continue;
			watched[count] = (struct watched){i, (enum way)way};
			polls[count++] = (struct pollfd){
			    .fd = link->ends[way],
			    .events = (short)((reads ? POLLIN : 0) |
					      (writes ? POLLOUT : 0))};
		}
	}
	return count;
}

static void turn(int listener, bool *has_input)
{
	static struct pollfd polls[2 * LINKS_MOST + 2];
	static struct watched watched[2 * LINKS_MOST];
	size_t count = watch(polls, watched);

	polls[count] = (struct pollfd){.fd = listener, .events = POLLIN};
	polls[count + 1] = (struct pollfd){.fd = *has_input ? STDIN_FILENO : -1,
					   .events = POLLIN};
	poll(polls, count + 2, wait_ms(now_ms()));
	int64_t now = now_ms();
	for (size_t i = 0; i < count; i++) {
		struct link *link = links[watched[i].link];

		if (link && (polls[i].revents & (POLLIN | POLLHUP)) &&
		    (polls[i].events & POLLIN) &&
		    !take_bytes(link, watched[i].way, now))
			link_end(watched[i].link, true);
	}
	for (size_t i = 0; i < LINKS_MOST; i++)
		if (links[i])
			serve(i, now);
	if (polls[count].revents)
		take_connection(listener);
	if (*has_input && polls[count + 1].revents)
		*has_input = read_commands();
}

static int listen_somewhere(const char *port_file)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t size = sizeof(own);
	char beside[4096];
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&own, sizeof(own)) != 0 ||
	    listen(listener, LINKS_MOST) != 0 ||
	    getsockname(listener, (struct sockaddr *)&own, &size) != 0)
		return -1;
	snprintf(beside, sizeof(beside), "%s.new", port_file);
	FILE *file = fopen(beside, "w");
	if (!file)
		return -1;
	fprintf(file, "%d\n", ntohs(own.sin_port));
	fclose(file);
	return rename(beside, port_file) == 0 ? listener : -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"to", required_argument, NULL, 't'},
	    {"port-file", required_argument, NULL, 'p'},
	    {"delay-ms", required_argument, NULL, 'd'},
	    {"rate", required_argument, NULL, 'r'},
	    {NULL, 0, NULL, 0}};
	const char *port_file = NULL;
	char host[64] = "";
	int port = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			sscanf(optarg, "%63[^:]:%d", host, &port);
		else if (option == 'p')
			port_file = optarg;
		else if (option == 'd')
			start_delay_ms = atoll(optarg);
		else if (option == 'r')
			start_rate = atoll(optarg);
	}
	target.sin_family = AF_INET;
	target.sin_port = htons((uint16_t)port);
	if (!port_file || inet_pton(AF_INET, host, &target.sin_addr) != 1) {
		fprintf(stderr, "relay --to HOST:PORT --port-file FILE "
				"[--delay-ms N] [--rate BYTES]\n");
		return 64;
	}
	int listener = listen_somewhere(port_file);
	if (listener < 0) {
		perror("relay");
		return 69;
	}
	clear_faults();
	for (bool has_input = true;;)
		turn(listener, &has_input);
}

#include "platform/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "platform/clock.h"

#define NS_PER_MS 1000000

enum {
	NO_DESCRIPTOR = -1,
	STREAMS = 3,
	STATUS_NOT_STARTED = 127,
	STATUS_SIGNAL = 128,
	WAIT_FIRST_MS = 1,
	WAIT_MOST_MS = 50
};

struct child {
	pid_t pid;
	int input;  /* we write */
	int output; /* we read */
	bool has_ended;
	int status;
};

/* Both ends of what a child is connected by. */
struct channels {
	int input[2];
	int output[2];
	int problem[2]; /* an errno from before its program ran */
};

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		(void)close(*descriptor);
	*descriptor = NO_DESCRIPTOR;
}

static void channels_clear(struct channels *channels)
{
	int *const all[] = {channels->input, channels->output,
			    channels->problem};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		close_one(&all[i][0]);
		close_one(&all[i][1]);
	}
}

/* Above the standard streams, so that dup2 never overwrites one of them. */
static int open_pipe(int ends[2])
{
	int low[2];

	if (pipe(low) != 0)
		return errno;
	for (int i = 0; i < 2; i++)
		ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STREAMS);
	int code = ends[0] < 0 || ends[1] < 0 ? errno : 0;
	(void)close(low[0]);
	(void)close(low[1]);
	return code;
}

static int channels_init(struct channels *channels,
			 const struct child_options *options)
{
	*channels = (struct channels){
	    {NO_DESCRIPTOR, NO_DESCRIPTOR},
	    {NO_DESCRIPTOR, NO_DESCRIPTOR},
	    {NO_DESCRIPTOR, NO_DESCRIPTOR},
	};
	int code = open_pipe(channels->problem);
	if (code == 0 && options->writes_input)
		code = open_pipe(channels->input);
	if (code == 0 && options->reads_output)
		code = open_pipe(channels->output);
	return code;
}

/* ---- on the child's side: only calls that are safe after fork ---- */

static int connect_streams(const struct child_options *options,
			   const struct channels *channels)
{
	int input = channels->input[0];
	int output = channels->output[1];

	if (input < 0)
		input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (output < 0)
		output = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (input < 0 || output < 0 || dup2(input, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 ||
	    (options->merges_errors && dup2(output, STDERR_FILENO) < 0))
		return errno;
	return 0;
}

/* Whatever a library left open for inheritance ends here. */
static void close_others(int kept)
{
	struct rlimit limit = {.rlim_cur = 256};

	(void)getrlimit(RLIMIT_NOFILE, &limit); /* else the guess serves */
	int most = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
#ifdef __linux__
	if (close_range(STREAMS, (unsigned)kept - 1, 0) == 0 &&
	    close_range((unsigned)kept + 1, ~0U, 0) == 0)
		return;
#endif
	for (int descriptor = STREAMS; descriptor < most; descriptor++)
		if (descriptor != kept)
			(void)close(descriptor);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* not all can be set */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The parent may have died before this was asked for. */
static int die_with(pid_t parent)
{
#ifdef __linux__
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return errno;
	if (getppid() != parent)
		return ESRCH;
#else
	(void)parent;
#endif
	return 0;
}

static int limit_memory(int64_t bytes)
{
	const struct rlimit limit = {.rlim_cur = (rlim_t)bytes,
				     .rlim_max = (rlim_t)bytes};

	if (bytes > 0 && setrlimit(RLIMIT_AS, &limit) != 0)
		return errno;
	return 0;
}

static int prepare(const struct child_options *options,
		   const struct channels *channels, pid_t parent)
{
	reset_signals();
	int code = setpgid(0, 0) == 0 ? 0 : errno;
	if (code == 0)
		code = die_with(parent);
	if (code == 0)
		code = connect_streams(options, channels);
	if (code == 0 && options->folder && chdir(options->folder) != 0)
		code = errno;
	if (code == 0)
		code = limit_memory(options->memory_bytes);
	if (code == 0)
		close_others(channels->problem[1]);
	return code;
}

static _Noreturn void become(const struct child_options *options,
			     const struct channels *channels, pid_t parent)
{
	static const char *const nothing[] = {NULL};
	const char *const *environment =
	    options->environment ? options->environment : nothing;
	int code = prepare(options, channels, parent);

	if (code == 0) {
		(void)execve(options->argv[0], (char *const *)options->argv,
			     (char *const *)environment);
		code = errno;
	}
	/* nobody is there to be told when this fails too */
	(void)!write(channels->problem[1], &code, sizeof(code));
	_exit(STATUS_NOT_STARTED);
}

/* ---- on ours ---- */

/* 0 when its program runs: exec closed the pipe. */
static int read_problem(int descriptor)
{
	int code = 0;
	ssize_t got;

	do
		got = read(descriptor, &code, sizeof(code));
	while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(code))
		return code;
	return got == 0 ? 0 : EIO;
}

static int reap(struct child *child, int flags)
{
	int status = 0;
	pid_t ended;

	do
		ended = waitpid(child->pid, &status, flags);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return errno;
	if (ended == 0)
		return ETIMEDOUT;
	child->has_ended = true;
	child->status = WIFEXITED(status) ? WEXITSTATUS(status)
					  : STATUS_SIGNAL + WTERMSIG(status);
	return 0;
}

static int start(struct child *child, const struct child_options *options,
		 struct channels *channels)
{
	pid_t parent = getpid();

	child->pid = fork();
	if (child->pid < 0)
		return errno;
	if (child->pid == 0)
		become(options, channels, parent);
	/* here too, so that kill_tree finds the group from the start on */
	(void)setpgid(child->pid, child->pid);
	close_one(&channels->problem[1]);
	int code = read_problem(channels->problem[0]);
	if (code != 0)
		(void)reap(child, 0); /* it is at its end */
	return code;
}

int child_start(const struct child_options *options, struct child **child)
{
	struct channels channels;
	struct child *own = calloc(1, sizeof(*own));
	int code = own ? channels_init(&channels, options) : ENOMEM;

	*child = NULL;
	if (!own)
		return code;
	if (code == 0)
		code = start(own, options, &channels);
	if (code == 0) {
		own->input = channels.input[1];
		own->output = channels.output[0];
		channels.input[1] = NO_DESCRIPTOR;
		channels.output[0] = NO_DESCRIPTOR;
		*child = own;
	} else {
		free(own);
	}
	channels_clear(&channels);
	return code;
}

int child_write(struct child *child, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t written = write(child->input, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

static int64_t left_ms(int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns - clock_steady_ns();

	return left_ns <= 0 ? 0 : left_ns / NS_PER_MS + 1;
}

static int wait_readable(int descriptor, int64_t wait_ms)
{
	int64_t deadline_ns = clock_deadline_ns(wait_ms);
	struct pollfd ask = {.fd = descriptor, .events = POLLIN};
	int ready;

	do
		ready =
		    poll(&ask, 1, wait_ms < 0 ? -1 : (int)left_ms(deadline_ns));
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return errno;
	return ready == 0 ? ETIMEDOUT : 0;
}

int child_read(struct child *child, void *data, size_t size, int64_t wait_ms,
	       size_t *got)
{
	ssize_t count;

	*got = 0;
	int code = wait_readable(child->output, wait_ms);
	if (code != 0)
		return code;
	do
		count = read(child->output, data, size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return errno;
	*got = (size_t)count;
	return 0;
}

void child_close_input(struct child *child)
{
	close_one(&child->input);
}

/* Looks now and then: no system call waits for one child with a limit
 * everywhere. */
int child_wait(struct child *child, int64_t wait_ms, int *status)
{
	int64_t deadline_ns = clock_deadline_ns(wait_ms);
	int64_t pause_ms = WAIT_FIRST_MS;
	int code =
	    child->has_ended ? 0 : reap(child, wait_ms < 0 ? 0 : WNOHANG);

	while (code == ETIMEDOUT) {
		int64_t left = left_ms(deadline_ns);

		if (left == 0)
			return ETIMEDOUT;
		(void)poll(NULL, 0, (int)(pause_ms < left ? pause_ms : left));
		if (pause_ms < WAIT_MOST_MS)
			pause_ms *= 2;
		code = reap(child, WNOHANG);
	}
	if (code == 0)
		*status = child->status;
	return code;
}

void child_kill_tree(struct child *child)
{
	/* until it is waited for, its number cannot be somebody else's */
	if (!child->has_ended)
		(void)kill(-child->pid, SIGKILL);
}

void child_free(struct child *child)
{
	int status = 0;

	if (!child)
		return;
	child_kill_tree(child);
	if (!child->has_ended)
		(void)child_wait(child, -1, &status); /* it was killed */
	close_one(&child->input);
	close_one(&child->output);
	free(child);
}

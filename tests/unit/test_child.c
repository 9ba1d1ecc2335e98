#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "platform/child.h"
#include "platform/fence.h"

static const char *const shell_environment[] = {"PATH=/usr/bin:/bin", NULL};

/* All that a shell command prints; its status in *status. */
static void run_shell(const char *command, char *text, size_t size, int *status)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	const struct child_options options = {
	    .argv = argv,
	    .environment = shell_environment,
	    .reads_output = true,
	    .merges_errors = true,
	};
	struct child *child = NULL;
	size_t length = 0;
	size_t got = 1;

	*text = '\0';
	if (!CHECK_INT(child_start(&options, &child), 0))
		return;
	while (got > 0 && length < size - 1) {
		CHECK_INT(child_read(child, text + length, size - 1 - length,
				     20000, &got),
			  0);
		length += got;
	}
	text[length] = '\0';
	CHECK_INT(child_wait(child, 20000, status), 0);
	child_free(child);
}

static void its_output_and_status_come_back(void)
{
	char text[256];
	int status = -1;

	run_shell("echo out; echo err >&2; exit 7", text, sizeof(text),
		  &status);
	CHECK_STR(text, "out\nerr\n");
	CHECK_INT(status, 7);
	run_shell("kill -TERM $$", text, sizeof(text), &status);
	CHECK_INT(status, 128 + SIGTERM);
}

static void it_has_the_environment_that_was_given(void)
{
	char text[256];
	int status = -1;

	CHECK_INT(setenv("AWS_SECRET_ACCESS_KEY", "hush", 1), 0);
	run_shell("/usr/bin/env | grep -v '^_=' | grep -v '^PWD='"
		  " | grep -v '^SHLVL='",
		  text, sizeof(text), &status);
	CHECK_STR(text, "PATH=/usr/bin:/bin\n");
	CHECK_INT(unsetenv("AWS_SECRET_ACCESS_KEY"), 0);
}

static void it_inherits_no_descriptor(void)
{
	char text[256];
	int status = -1;
	/* on purpose without O_CLOEXEC, as a library may do it */
	int leaked = open("/dev/null", O_RDONLY);

	CHECK(leaked > 2);
	run_shell("for i in 3 4 5 6 7 8 9; do"
		  " [ ! -e /dev/fd/$i ] || readlink /dev/fd/$i; done"
		  " | grep -c dev/null",
		  text, sizeof(text), &status);
	CHECK_STR(text, "0\n");
	(void)close(leaked);
}

static void what_cannot_be_started_is_an_error(void)
{
	const char *const missing[] = {"/nonexistent/program", NULL};
	const char *const folder[] = {"/tmp", NULL};
	struct child *child = NULL;

	CHECK_INT(child_start(&(struct child_options){.argv = missing}, &child),
		  ENOENT);
	CHECK(child == NULL);
	CHECK_INT(child_start(&(struct child_options){.argv = folder}, &child),
		  EACCES);
	CHECK_INT(child_start(&(struct child_options){.argv = shell_environment,
						      .folder = "/nowhere"},
			      &child),
		  ENOENT);
}

static void it_answers_line_by_line(void)
{
	const char *const argv[] = {"/bin/cat", NULL};
	struct child *child = NULL;
	char text[16] = "";
	size_t got = 0;
	int status = -1;

	if (!CHECK_INT(
		child_start(&(struct child_options){.argv = argv,
						    .writes_input = true,
						    .reads_output = true},
			    &child),
		0))
		return;
	CHECK_INT(child_read(child, text, sizeof(text), 0, &got), ETIMEDOUT);
	CHECK_INT(child_write(child, "one\n", 4), 0);
	CHECK_INT(child_read(child, text, sizeof(text), 20000, &got), 0);
	CHECK_INT(got, 4);
	CHECK_MEM(text, "one\n", 4);
	CHECK_INT(child_wait(child, 0, &status), ETIMEDOUT);
	child_close_input(child);
	CHECK_INT(child_read(child, text, sizeof(text), 20000, &got), 0);
	CHECK_INT(got, 0);
	CHECK_INT(child_wait(child, 20000, &status), 0);
	CHECK_INT(status, 0);
	child_free(child);
}

static void writing_to_one_that_ended_is_an_error(void)
{
	const char *const argv[] = {"/bin/true", NULL};
	struct child *child = NULL;
	int status = -1;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!CHECK_INT(
		child_start(&(struct child_options){.argv = argv,
						    .writes_input = true,
						    .reads_output = true},
			    &child),
		0))
		return;
	CHECK_INT(child_wait(child, 20000, &status), 0);
	CHECK_INT(child_write(child, "x", 1), EPIPE);
	child_free(child);
}

/* The grandchild holds the pipe open: its end is the end of the group. */
static void its_whole_group_can_be_ended(void)
{
	const char *const argv[] = {"/bin/sh", "-c",
				    "sleep 1000 & echo up; wait", NULL};
	struct child *child = NULL;
	char text[16];
	size_t got = 0;
	int status = -1;

	if (!CHECK_INT(
		child_start(
		    &(struct child_options){.argv = argv,
					    .environment = shell_environment,
					    .reads_output = true},
		    &child),
		0))
		return;
	CHECK_INT(child_read(child, text, sizeof(text), 20000, &got), 0);
	child_kill_tree(child);
	CHECK_INT(child_read(child, text, sizeof(text), 20000, &got), 0);
	CHECK_INT(got, 0);
	CHECK_INT(child_wait(child, 20000, &status), 0);
	CHECK_INT(status, 128 + SIGKILL);
	child_free(child);
}

/* ---- the fence ---- */

enum { HELD = 33 };

/* What ends up with when it is tried behind the fence: an exit status, or
 * 128 + a signal. */
static int try_behind_fence(int (*attempt)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (fence_close((int64_t)64 << 20) != 0)
			_exit(99);
		_exit(attempt());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int compute(void)
{
	char *text = malloc(1 << 20);

	if (!text)
		return 1;
	memset(text, 'x', 1 << 20);
	bool sound = text[77] == 'x' && write(STDERR_FILENO, "", 0) == 0;
	free(text);
	return sound ? 0 : 1;
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? HELD : 0;
}

static int open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? HELD : 0;
}

static int fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? HELD : 0;
}

static int run_program(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return HELD;
}

static int kill_parent(void)
{
	return kill(getppid(), 0) != 0 ? HELD : 0;
}

static bool is_held(int outcome)
{
	return outcome == HELD || outcome == 128 + SIGSYS;
}

static void behind_the_fence_one_can_compute_and_nothing_else(void)
{
	CHECK_INT(try_behind_fence(compute), 0);
	CHECK(is_held(try_behind_fence(open_file)));
	CHECK(is_held(try_behind_fence(open_socket)));
	CHECK(is_held(try_behind_fence(fork_child)));
	CHECK(is_held(try_behind_fence(run_program)));
	CHECK(is_held(try_behind_fence(kill_parent)));
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(its_output_and_status_come_back),
	    CHECK_TEST(it_has_the_environment_that_was_given),
	    CHECK_TEST(it_inherits_no_descriptor),
	    CHECK_TEST(what_cannot_be_started_is_an_error),
	    CHECK_TEST(it_answers_line_by_line),
	    CHECK_TEST(writing_to_one_that_ended_is_an_error),
	    CHECK_TEST(its_whole_group_can_be_ended),
	    CHECK_TEST(behind_the_fence_one_can_compute_and_nothing_else),
	};

	return CHECK_RUN(tests);
}

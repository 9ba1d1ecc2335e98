#ifndef S3I_TESTS_WORKPLACE_H
#define S3I_TESTS_WORKPLACE_H

/* A new folder that a test works in, and children that end when they are
 * told to. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void must(bool is_done, const char *what)
{
	if (is_done)
		return;
	perror(what);
	exit(99);
}

/* ------------------------------------------------ the folder */

static char workplace[32]; /* the working folder of the test that runs */

static inline void enter_workplace(void)
{
	(void)umask(0);
	(void)strcpy(workplace, "/tmp/test-XXXXXX");
	must(mkdtemp(workplace) && chdir(workplace) == 0, workplace);
}

static inline void leave_workplace(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", workplace);
	must(chdir("/") == 0 && system(command) == 0, command);
}

static inline void put_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	must(file && fputs(text, file) >= 0 && fclose(file) == 0, name);
}

/* All of a small file; "(none)" if there is none. */
static inline const char *text_of_file(const char *name)
{
	static char text[256];
	FILE *file = fopen(name, "r");

	if (!file)
		return "(none)";
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	must(fclose(file) == 0, name);
	return text;
}

static inline mode_t mode_of_file(const char *name)
{
	struct stat status;

	must(lstat(name, &status) == 0, name);
	return status.st_mode & 07777;
}

/* ------------------------------------------------ children */

/* Ends when the other end of the pipe is closed: also when the test dies. */
struct helper {
	pid_t id;
	int leash;
};

/* In the child: ready, and there until the test lets it go, whatever signals
 * come. */
static inline void helper_wait(int ready, int leash)
{
	char byte = 'r';
	ssize_t got;

	must(write(ready, &byte, 1) == 1, "helper");
	do
		got = read(leash, &byte, 1);
	while (got < 0 && errno == EINTR);
	must(got == 0, "helper");
}

/* Start act(context) in a child; returns when that has succeeded. The child
 * stays as it is then until helper_end or helper_kill. */
static inline struct helper helper_start(bool (*act)(const void *context),
					 const void *context)
{
	int ready[2];
	int leash[2];
	char byte;

	must(pipe2(ready, O_CLOEXEC) == 0 && pipe2(leash, O_CLOEXEC) == 0,
	     "pipe");
	(void)fflush(stdout);
	struct helper helper = {.id = fork(), .leash = leash[1]};
	must(helper.id >= 0, "fork");
	if (helper.id == 0) {
		(void)close(leash[1]);
		if (!act(context))
			_exit(1);
		helper_wait(ready[1], leash[0]);
		_exit(0);
	}
	(void)close(ready[1]);
	(void)close(leash[0]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return helper;
}

static inline void helper_end(struct helper helper)
{
	int status = -1;

	(void)close(helper.leash);
	CHECK_INT(waitpid(helper.id, &status, 0), helper.id);
	CHECK_INT(status, 0);
}

static inline void helper_kill(struct helper helper)
{
	int status = -1;

	CHECK_INT(kill(helper.id, SIGKILL), 0);
	CHECK_INT(waitpid(helper.id, &status, 0), helper.id);
	CHECK(WIFSIGNALED(status));
	(void)close(helper.leash);
}

/* In a child: from here on the kernel does not know that call (ENOSYS). */
static inline bool forbid_call(unsigned number)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
	    .len = sizeof(code) / sizeof(code[0]), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#endif

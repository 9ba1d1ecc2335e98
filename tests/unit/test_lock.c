#include "workplace.h"

#include <errno.h>

#include "platform/clock.h"
#include "platform/lock.h"

enum { AN_HOUR_MS = 3600 * 1000, ANY_TIME_NS = 1234567890 };

static bool take(const void *path)
{
	struct lock *lock = NULL;

	/* on purpose not released: the end of the process does it */
	return lock_take(path, 0, &lock) == 0 && lock;
}

static int try(const char *path, int64_t wait_ms)
{
	struct lock *lock = NULL;
	int code = lock_take(path, wait_ms, &lock);

	CHECK_INT(lock != NULL, code == 0);
	lock_release(lock);
	return code;
}

static void its_file_is_private_and_stays(void)
{
	struct lock *lock = NULL;

	enter_workplace();
	CHECK_INT(lock_take("lock", 0, &lock), 0);
	CHECK_INT(mode_of_file("lock"), 0600);
	lock_release(lock);
	CHECK_TEXT(text_of_file("lock"), "");
	CHECK_INT(try("lock", 0), 0);
	lock_release(NULL);
	leave_workplace();
}

static void a_file_that_is_there_is_left_as_it_is(void)
{
	enter_workplace();
	put_file("lock", "something\n");
	must(chmod("lock", 0640) == 0, "lock");
	CHECK_INT(try("lock", 0), 0);
	CHECK_TEXT(text_of_file("lock"), "something\n");
	CHECK_INT(mode_of_file("lock"), 0640);
	leave_workplace();
}

static void one_process_holds_it(void)
{
	enter_workplace();
	struct helper holder = helper_start(take, "lock");
	CHECK_INT(try("lock", 0), EWOULDBLOCK);
	CHECK_INT(try("lock", 1), EWOULDBLOCK);
	CHECK_INT(try("another", 0), 0);
	helper_end(holder);
	CHECK_INT(try("lock", 0), 0);
	leave_workplace();
}

static void it_ends_with_a_process_that_is_killed(void)
{
	enter_workplace();
	struct helper holder = helper_start(take, "lock");
	CHECK_INT(try("lock", 0), EWOULDBLOCK);
	helper_kill(holder);
	CHECK_INT(try("lock", 0), 0);
	leave_workplace();
}

static bool is_refused(const void *path)
{
	struct lock *lock = NULL;

	return lock_take(path, 0, &lock) == EWOULDBLOCK && !lock;
}

static void it_is_held_until_it_is_released(void)
{
	struct lock *lock = NULL;

	enter_workplace();
	CHECK_INT(lock_take("lock", 0, &lock), 0);
	helper_end(helper_start(is_refused, "lock"));
	lock_release(lock);
	helper_end(helper_start(take, "lock"));
	leave_workplace();
}

/* A program that reads until its input ends. It runs when this returns: the
 * pipe that tells of a failed exec is closed by the exec. */
static pid_t start_program(int *input)
{
	int program[2];
	int failure[2];
	int code;

	must(pipe2(program, O_CLOEXEC) == 0 && pipe2(failure, O_CLOEXEC) == 0,
	     "pipe");
	pid_t id = fork();
	must(id >= 0, "fork");
	if (id == 0) {
		(void)dup2(program[0], STDIN_FILENO);
		(void)execl("/bin/cat", "cat", (char *)NULL);
		(void)!write(failure[1], &errno, sizeof(errno));
		_exit(1);
	}
	(void)close(program[0]);
	(void)close(failure[1]);
	must(read(failure[0], &code, sizeof(code)) == 0, "/bin/cat");
	(void)close(failure[0]);
	*input = program[1];
	return id;
}

static void a_program_that_was_started_does_not_inherit_it(void)
{
	struct lock *lock = NULL;
	int input = -1;
	int status = -1;

	enter_workplace();
	CHECK_INT(lock_take("lock", 0, &lock), 0);
	pid_t id = start_program(&input);
	CHECK_INT(try("lock", 0), EWOULDBLOCK);
	lock_release(lock);
	CHECK_INT(waitpid(id, &status, WNOHANG), 0);
	CHECK_INT(try("lock", 0), 0);
	(void)close(input);
	CHECK_INT(waitpid(id, &status, 0), id);
	CHECK_INT(status, 0);
	leave_workplace();
}

static void one_that_waits_gets_it_when_it_becomes_free(void)
{
	struct helper holder;

	enter_workplace();
	holder = helper_start(take, "lock");
	(void)close(holder.leash);
	/* whether the holder has ended by now or will: no failure */
	CHECK_INT(try("lock", AN_HOUR_MS), 0);
	CHECK_INT(waitpid(holder.id, NULL, 0), holder.id);
	/* nor how long that may be */
	holder = helper_start(take, "lock");
	(void)close(holder.leash);
	CHECK_INT(try("lock", INT64_MAX), 0);
	CHECK_INT(waitpid(holder.id, NULL, 0), holder.id);
	leave_workplace();
}

static bool is_stopped_while_it_waits(const void *path)
{
	struct lock *lock = NULL;

	stop_catch();
	/* if the stop does nothing the child ends with this */
	(void)alarm(60);
	(void)raise(SIGTERM);
	return lock_take(path, AN_HOUR_MS, &lock) == EWOULDBLOCK && !lock;
}

static void a_stop_ends_the_wait(void)
{
	enter_workplace();
	struct helper holder = helper_start(take, "lock");
	helper_end(helper_start(is_stopped_while_it_waits, "lock"));
	helper_end(holder);
	leave_workplace();
}

static void what_cannot_be_locked_is_an_error(void)
{
	enter_workplace();
	put_file("file", "");
	must(mkdir("folder", 0700) == 0 && symlink("file", "link") == 0 &&
		 symlink("new", "dangling") == 0,
	     "tree");
	CHECK_INT(try("missing/lock", 0), ENOENT);
	CHECK_INT(try("file/lock", 0), ENOTDIR);
	CHECK_INT(try("folder", 0), EISDIR);
	/* somebody else could choose which file is made */
	CHECK_INT(try("link", 0), ELOOP);
	CHECK_INT(try("dangling", 0), ELOOP);
	CHECK_INT(access("new", F_OK), -1);
	leave_workplace();
}

static void it_says_when_it_was_taken_last(void)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	const struct timespec other[2] = {{.tv_sec = 1, .tv_nsec = 234567890},
					  {.tv_sec = 1, .tv_nsec = 234567890}};
	int64_t taken_ns = ANY_TIME_NS;
	struct lock *lock = NULL;

	enter_workplace();
	CHECK_INT(lock_taken_ns("lock", &taken_ns), ENOENT);
	CHECK_INT(taken_ns, ANY_TIME_NS);
	put_file("lock", "");
	must(utimensat(AT_FDCWD, "lock", old, 0) == 0, "lock");
	CHECK_INT(lock_take("lock", 0, &lock), 0);
	CHECK_INT(lock_taken_ns("lock", &taken_ns), 0);
	CHECK(taken_ns > ANY_TIME_NS);
	must(utimensat(AT_FDCWD, "lock", other, 0) == 0, "lock");
	/* who does not get it leaves the time alone */
	helper_end(helper_start(is_refused, "lock"));
	lock_release(lock);
	CHECK_INT(lock_taken_ns("lock", &taken_ns), 0);
	CHECK_INT(taken_ns, ANY_TIME_NS);
	leave_workplace();
}

int main(void)
{
	static const struct check_test tests[] = {
	    CHECK_TEST(its_file_is_private_and_stays),
	    CHECK_TEST(a_file_that_is_there_is_left_as_it_is),
	    CHECK_TEST(one_process_holds_it),
	    CHECK_TEST(it_ends_with_a_process_that_is_killed),
	    CHECK_TEST(it_is_held_until_it_is_released),
	    CHECK_TEST(a_program_that_was_started_does_not_inherit_it),
	    CHECK_TEST(one_that_waits_gets_it_when_it_becomes_free),
	    CHECK_TEST(a_stop_ends_the_wait),
	    CHECK_TEST(what_cannot_be_locked_is_an_error),
	    CHECK_TEST(it_says_when_it_was_taken_last),
	};
	return CHECK_RUN(tests);
}

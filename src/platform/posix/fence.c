#include "platform/fence.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static int limit(int resource, rlim_t most)
{
	const struct rlimit value = {.rlim_cur = most, .rlim_max = most};

	return setrlimit(resource, &value) == 0 ? 0 : errno;
}

/* Nothing can be opened above the three streams, written to a file, started,
 * dumped. Data: what the heap takes, not the program's own pages. */
static int close_limits(int64_t memory_bytes)
{
	int code = limit(RLIMIT_CORE, 0);

	if (code == 0)
		code = limit(RLIMIT_FSIZE, 0);
	if (code == 0)
		code = limit(RLIMIT_NPROC, 0);
	if (code == 0)
		code = limit(RLIMIT_NOFILE, 3);
#if defined(RLIMIT_DATA) && !defined(__SANITIZE_ADDRESS__)
	if (code == 0 && memory_bytes > 0)
		code = limit(RLIMIT_DATA, (rlim_t)memory_bytes);
#else
	(void)memory_bytes;
#endif
	return code;
}

#if defined(__linux__) && defined(__x86_64__)
#define FENCE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__linux__) && defined(__aarch64__)
#define FENCE_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__linux__) && defined(__arm__)
#define FENCE_ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__linux__) && defined(__riscv) && __riscv_xlen == 64
#define FENCE_ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef FENCE_ARCHITECTURE
#define ALLOW(name)                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                 \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* What a program needs that only computes and talks on its streams. The
 * numbers of another architecture would mean other calls: it is checked. */
static int close_calls(void)
{
	static struct sock_filter rules[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FENCE_ARCHITECTURE, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, nr)),
	    ALLOW(read),
	    ALLOW(write),
	    ALLOW(writev),
	    ALLOW(close),
	    ALLOW(fstat),
#ifdef SYS_newfstatat
	    /* how some C libraries do fstat: stdio can do without, and it
	     * would also look at any path */
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
#endif
	    ALLOW(lseek),
	    ALLOW(brk),
#ifdef SYS_mmap
	    ALLOW(mmap),
#else
	    ALLOW(mmap2),
#endif
	    ALLOW(munmap),
	    ALLOW(mremap),
	    ALLOW(madvise),
	    ALLOW(futex),
	    ALLOW(clock_gettime),
	    ALLOW(gettimeofday),
	    ALLOW(getrandom),
	    ALLOW(rt_sigreturn),
	    ALLOW(rt_sigprocmask),
	    ALLOW(sigaltstack), /* asked by sanitizers at the end */
	    ALLOW(exit),
	    ALLOW(exit_group),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_fprog program = {
	    .len = sizeof(rules) / sizeof(rules[0]),
	    .filter = rules,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return errno;
	return 0;
}
#else
static int close_calls(void)
{
	return 0; /* the limits alone: no file, no process, no descriptor */
}
#endif

int fence_close(int64_t memory_bytes)
{
	int code = close_limits(memory_bytes);

	return code ? code : close_calls();
}

/* sandboxcalls - which system calls a process may make: seccomp; see sandbox.h.
 * The tables below, made into one program for the kernel.  What they do not name
 * fails with ENOSYS, so that a libc takes an older way; what nobody honest would
 * try here ends the process. */
#include "sandbox.h"

#ifdef __SANITIZE_ADDRESS__ /* calls what it likes */
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined __linux__ && defined __x86_64__ && !defined SANITIZED
#define ARCH 0xc000003eu
#elif defined __linux__ && defined __aarch64__ && !defined SANITIZED
#define ARCH 0xc00000b7u
#endif

#ifdef ARCH

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/filter.h> and <linux/seccomp.h>, which not every libc comes with. */
struct step {
	uint16_t code;
	uint8_t yes, no;
	uint32_t k;
};

struct program {
	unsigned short n;
	const struct step *step;
};

enum {
	LOAD = 0x20,
	LOAD_THIS = 0x00,
	KEEP = 0x07, /* in the other register */
	AND = 0x54,
	XOR = 0xa4,
	SHIFT = 0x74, /* to the right */
	SHIFT_BY_KEPT = 0x7c,
	GO = 0x05,
	IS = 0x15,
	IS_FROM = 0x35,
	HAS = 0x45,
	RETURN = 0x06,
	AT_NUMBER = 0,
	AT_ARCH = 4,
	AT_ARGUMENTS = 16,
	SET_FILTER = 1
};

/* What becomes of a call. */
#define ALLOWED 0x7fff0000u
#define UNKNOWN (0x00050000u | ENOSYS)
#define HOSTILE 0x80000000u /* the process ends, and the kernel logs it */

enum { NUMBERS = 512, STEPS = 200 };

/* --- the tables --- */

#define OF(kind) (1u << SANDBOX_##kind)
enum {
	FILES = OF(SPOOL) | OF(USER) | OF(CLIENT),
	STARTS = OF(SPOOL) | OF(CLIENT), /* other programs */
	READS = FILES | OF(VERIFIER),
	ALL = READS | OF(TALKER) | OF(RELAY)
};

static const short all_calls[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_close,
    SYS_lseek,
    SYS_pread64, /* certificates that were opened before */
    SYS_fstat,
    SYS_newfstatat,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_ppoll,
    SYS_pselect6,
    SYS_sendto,
    SYS_recvfrom,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_setitimer,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrandom,
    SYS_getrusage,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_futex,
    SYS_sched_yield,
    SYS_restart_syscall,
    SYS_wait4,
    SYS_exit,
    SYS_exit_group,
#ifdef __x86_64__
    SYS_stat,
    SYS_lstat,
    SYS_dup2,
    SYS_poll,
    SYS_select,
    SYS_alarm,
    SYS_time,
#endif
};

static const short read_calls[] = {
    SYS_openat,
    SYS_getdents64,
#ifdef __x86_64__
    SYS_open,
#endif
};

static const short file_calls[] = {
    SYS_faccessat,
    SYS_faccessat2,
    SYS_statx,
    SYS_statfs,
    SYS_fstatfs,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_chdir,
    SYS_fchdir,
    SYS_umask,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_fallocate,
    SYS_fadvise64,
    SYS_ftruncate,
    SYS_truncate,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_sendfile,
    SYS_copy_file_range,
    SYS_linkat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_fchmod,
    SYS_fchown,
    SYS_utimensat,
    SYS_mmap, /* what the linker loads */
    SYS_mprotect,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_connect,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_pipe2,
#ifdef __x86_64__
    SYS_access,
    SYS_readlink,
    SYS_getdents,
    SYS_rename,
    SYS_link,
    SYS_unlink,
    SYS_mkdir,
    SYS_rmdir,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_inotify_init,
    SYS_pipe,
#endif
};

/* A program starts, with all that its libraries do then. */
static const short start_calls[] = {
    SYS_execve,
    SYS_waitid,
    SYS_tgkill,
    SYS_prctl,
    SYS_seccomp,
    SYS_landlock_create_ruleset,
    SYS_landlock_add_rule,
    SYS_landlock_restrict_self,
    SYS_prlimit64,
    SYS_getgroups,
    SYS_getresuid,
    SYS_getresgid,
    SYS_close_range,
    SYS_set_tid_address,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_getaffinity,
    SYS_socketpair,
    SYS_sendmmsg,
    SYS_bind,
    SYS_eventfd2,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_timerfd_create, /* nss-systemd */
    SYS_timerfd_settime,
#ifdef __x86_64__
    SYS_arch_prctl,
    SYS_fork,
    SYS_vfork,
    SYS_getrlimit,
    SYS_setrlimit,
    SYS_epoll_wait,
#endif
};

/* Nothing of ours comes near these; those that may start programs excepted. */
static const short hostile_calls[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_setuid,
    SYS_setresuid,
    SYS_setreuid,
    SYS_mount,
    SYS_unshare,
    SYS_setns,
    SYS_bpf,
    SYS_keyctl,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
};

/* Calls that are right only if of these arguments the bits of mask have that
 * value. */
static const struct rule {
	unsigned kinds;
	short call;
	struct {
		uint32_t at, mask, value;
	} is[2];
} rules[] = {
#define ANY        0xffffffffu
#define TYPE       0xfu
#define NAMESPACES 0x7e020080u
    {ALL & ~FILES, SYS_mmap,   {{2, PROT_EXEC, 0}}                       },
 /* syslog */
    {OF(USER),     SYS_socket, {{0, ANY, AF_UNIX}, {1, TYPE, SOCK_DGRAM}}},
    {OF(USER),     SYS_kill,   {{1, ANY, 0}}                             }, /* is it there? */
    {STARTS,       SYS_socket, {{0, ANY, AF_UNIX}}                       },
    {STARTS,       SYS_clone,  {{0, NAMESPACES, 0}}                      },
    {OF(CLIENT),   SYS_socket, {{0, ANY, AF_INET}}                       },
    {OF(CLIENT),   SYS_socket, {{0, ANY, AF_INET6}}                      },
    {OF(CLIENT),   SYS_socket, {{0, ANY, AF_NETLINK}}                    },
    {OF(CLIENT),   SYS_kill,   {{1, ANY, SIGKILL}}                       }, /* its relay */
};

/* --- the program --- */

struct maker {
	unsigned kind;
	uint32_t word[NUMBERS / 32]; /* a bit for each call */
	struct step step[STEPS];
	unsigned short n;
};

static void
put(struct maker *m, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	if (m->n < STEPS)
		m->step[m->n++] =
		    (struct step){code, (uint8_t)yes, (uint8_t)no, k};
}

static void
admit(struct maker *m, unsigned kinds, const short *calls, size_t n)
{
	if (kinds & m->kind)
		while (n-- > 0)
			m->word[calls[n] / 32] |= 1u << calls[n] % 32;
}

static void
put_rule(struct maker *m, const struct rule *r)
{
	size_t i, n = r->is[1].mask ? 2 : 1;

	if (!(r->kinds & m->kind))
		return;
	put(m, IS, (uint32_t)r->call, 0, 3 * n + 2);
	for (i = 0; i < n; i++) {
		put(m, LOAD, AT_ARGUMENTS + 8 * r->is[i].at, 0, 0);
		put(m, AND, r->is[i].mask, 0, 0);
		put(m, IS, r->is[i].value, 0, 3 * (n - 1 - i) + 1);
	}
	put(m, RETURN, ALLOWED, 0, 0);
	put(m, LOAD, AT_NUMBER, 0, 0);
}

static void
put_hostile(struct maker *m)
{
	size_t i, n = sizeof hostile_calls / sizeof hostile_calls[0];

	for (i = 0; i < n; i++) {
		uint32_t nr = (uint32_t)hostile_calls[i];

		if (m->word[nr / 32] & 1u << nr % 32)
			nr = NUMBERS;
		put(m, IS, nr, n - i, 0);
	}
	put(m, GO, 1, 0, 0);
	put(m, RETURN, HOSTILE, 0, 0);
}

/* The bit of the call in its word. */
static void
put_words(struct maker *m)
{
	uint32_t i, left = 0;

	for (i = 0; i < NUMBERS / 32; i++)
		left += m->word[i] != 0;
	put(m, AND, 31, 0, 0);
	put(m, KEEP, 0, 0, 0);
	put(m, LOAD, AT_NUMBER, 0, 0);
	put(m, SHIFT, 5, 0, 0);
	for (i = 0; i < NUMBERS / 32; i++) {
		if (!m->word[i])
			continue;
		put(m, IS, i, 0, 2);
		put(m, LOAD_THIS, m->word[i], 0, 0);
		put(m, GO, 3 * --left + 1, 0, 0);
	}
	put(m, RETURN, UNKNOWN, 0, 0);
	put(m, SHIFT_BY_KEPT, 0, 0, 0);
	put(m, HAS, 1, 0, 1);
	put(m, RETURN, ALLOWED, 0, 0);
	put(m, RETURN, UNKNOWN, 0, 0);
}

int
sandbox_calls(enum sandbox kind)
{
	struct maker m = {.kind = 1u << kind};
	struct program p;
	size_t i;

#define CALLS(a) a, sizeof a / sizeof a[0]
	admit(&m, ALL, CALLS(all_calls));
	admit(&m, READS, CALLS(read_calls));
	admit(&m, FILES, CALLS(file_calls));
	admit(&m, STARTS, CALLS(start_calls));
	/* The kernel would try a program with each number, to learn which calls
	 * need not be looked at later.  A short life does not earn that back; at
	 * arithmetic like this the kernel gives up. */
	put(&m, LOAD, AT_ARCH, 0, 0);
	put(&m, XOR, ARCH, 0, 0);
	put(&m, IS, 0, 1, 0);
	put(&m, RETURN, HOSTILE, 0, 0);
	put(&m, LOAD, AT_NUMBER, 0, 0);
	put(&m, IS_FROM, NUMBERS, 0, 1);
	put(&m, RETURN, UNKNOWN, 0, 0);
	for (i = 0; i < sizeof rules / sizeof rules[0]; i++)
		put_rule(&m, &rules[i]);
	put_hostile(&m);
	put_words(&m);
	p = (struct program){m.n, m.step};
	return syscall(SYS_seccomp, SET_FILTER, 0, &p) < 0 ? -1 : 0;
}

#else

int
sandbox_calls(enum sandbox kind)
{
	(void)kind;
	return -1;
}

#endif

/*
 * sandbox_seccomp.c - which system calls may be made.
 *
 * A list of what may be called: the C library, SQLite, libpq, libcurl with OpenSSL, libmicrohttpd.
 * The answer to a call that is not on it:
 *   - ENOSYS, "this kernel is too old for it": libraries then do without, whatever they learn to
 *     try in later versions;
 *   - EPERM for what an intruder would want: a program, another process, a mount, ...;
 *   - death for what changes the kernel: nobody calls that by mistake.
 * The kernel keeps a bitmap of calls that are allowed whatever their arguments (Linux 5.11), so the
 * length of the list costs nothing; calls whose arguments are looked at run the program.
 */
#define _GNU_SOURCE /* CLONE_THREAD */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/base/sandbox_priv.h"

#if defined(__x86_64__)
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64, CALLS_END = 0x40000000 /* The x32 table. */ };
#elif defined(__aarch64__)
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64, CALLS_END = 0x40000000 };
#else
enum { ARCHITECTURE = 0, CALLS_END = 0 };
#endif

enum { PROGRAM_LEN_MAX = 1024 /* Two instructions for each of some 280 calls. */ };
#define ALLOW ((uint32_t)SECCOMP_RET_ALLOW)
#define DENY  ((uint32_t)SECCOMP_RET_ERRNO) /* With the error in its low half. */

struct program {
    struct sock_filter code[PROGRAM_LEN_MAX];
    unsigned short len;
};

/* ---- What may be called ---- */

/* Files that are open. */
static const int files[] = {SYS_read,        SYS_write,     SYS_readv,
                            SYS_writev,      SYS_pread64,   SYS_pwrite64,
                            SYS_preadv,      SYS_pwritev,   SYS_preadv2,
                            SYS_pwritev2,    SYS_lseek,     SYS_close,
                            SYS_close_range, SYS_dup,       SYS_dup3,
                            SYS_fcntl,       SYS_flock,     SYS_fstat,
                            SYS_fsync,       SYS_fdatasync, SYS_sync_file_range,
                            SYS_ftruncate,   SYS_fallocate, SYS_fadvise64,
                            SYS_fchmod,      SYS_fchown,    SYS_fstatfs,
                            SYS_getdents64,  SYS_sendfile,  SYS_copy_file_range,
                            SYS_pipe2};

/* Files by name: which ones, Landlock says. */
static const int paths[] = {
    SYS_openat,     SYS_faccessat, SYS_faccessat2, SYS_newfstatat, SYS_statx,     SYS_statfs,
    SYS_readlinkat, SYS_mkdirat,   SYS_unlinkat,   SYS_renameat,   SYS_renameat2, SYS_linkat,
    SYS_fchmodat,   SYS_utimensat, SYS_truncate,   SYS_getcwd,     SYS_umask};

/* Memory. */
static const int memory[] = {SYS_brk,   SYS_munmap, SYS_mremap,  SYS_madvise,   SYS_mincore,
                             SYS_msync, SYS_mlock,  SYS_munlock, SYS_membarrier};

/* Threads and the process itself. */
static const int threads[] = {SYS_exit,
                              SYS_exit_group,
                              SYS_futex,
                              SYS_set_robust_list,
                              SYS_get_robust_list,
                              SYS_set_tid_address,
                              SYS_rseq,
                              SYS_sched_yield,
                              SYS_sched_getaffinity,
                              SYS_sched_setaffinity,
                              SYS_sched_getparam,
                              SYS_sched_getscheduler,
                              SYS_getcpu,
                              SYS_gettid,
                              SYS_getpid,
                              SYS_getppid,
                              SYS_getuid,
                              SYS_geteuid,
                              SYS_getgid,
                              SYS_getegid,
                              SYS_getresuid,
                              SYS_getresgid,
                              SYS_getgroups,
                              SYS_getpgid,
                              SYS_getsid,
                              SYS_prctl,
                              SYS_prlimit64,
                              SYS_getrlimit,
                              SYS_getrusage,
                              SYS_sysinfo,
                              SYS_uname,
                              SYS_times,
                              SYS_wait4,
                              SYS_waitid,
                              SYS_getrandom,
                              SYS_restart_syscall};

/* Signals.  To whom they may go, Landlock says from ABI 6 on. */
static const int signals[] = {
    SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend, SYS_sigaltstack,    SYS_kill,         SYS_tgkill};

/* Clocks. */
static const int clocks[] = {SYS_clock_gettime,  SYS_clock_getres,    SYS_clock_nanosleep,
                             SYS_nanosleep,      SYS_gettimeofday,    SYS_timer_create,
                             SYS_timer_settime,  SYS_timer_gettime,   SYS_timer_delete,
                             SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
                             SYS_setitimer,      SYS_getitimer};

/* Waiting. */
static const int waits[] = {SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2,
                            SYS_ppoll,         SYS_pselect6,  SYS_eventfd2};

/* Sockets; which kinds, put_socket says. */
static const int sockets[] = {SYS_bind,       SYS_listen,      SYS_accept,      SYS_accept4,
                              SYS_connect,    SYS_getsockname, SYS_getpeername, SYS_getsockopt,
                              SYS_setsockopt, SYS_shutdown,    SYS_sendto,      SYS_recvfrom,
                              SYS_sendmsg,    SYS_recvmsg,     SYS_sendmmsg,    SYS_recvmmsg};

#ifdef __x86_64__ /* Older spellings, which later architectures lack. */
static const int older[] = {SYS_open,         SYS_access,     SYS_stat,   SYS_lstat,  SYS_readlink,
                            SYS_mkdir,        SYS_rmdir,      SYS_unlink, SYS_rename, SYS_link,
                            SYS_chmod,        SYS_getdents,   SYS_dup2,   SYS_pipe,   SYS_utimes,
                            SYS_arch_prctl,   SYS_getpgrp,    SYS_time,   SYS_alarm,  SYS_pause,
                            SYS_epoll_create, SYS_epoll_wait, SYS_poll,   SYS_select, SYS_eventfd};
#endif

/* The leak checker of the sanitizers stops all threads as a debugger does, from a process of its
 * own, at the end of the process.  No release is built with one. */
static const int allowed_sanitized[] = {SYS_ptrace, SYS_clone};

static const int forbidden[] = {SYS_execve,
                                SYS_execveat,
                                SYS_ptrace,
                                SYS_process_vm_readv,
                                SYS_process_vm_writev,
                                SYS_pidfd_open,
                                SYS_pidfd_getfd,
                                SYS_pidfd_send_signal,
                                SYS_kcmp,
                                SYS_mount,
                                SYS_umount2,
                                SYS_pivot_root,
                                SYS_chroot,
                                SYS_move_mount,
                                SYS_open_tree,
                                SYS_fsopen,
                                SYS_fsconfig,
                                SYS_fsmount,
                                SYS_fspick,
                                SYS_mount_setattr,
                                SYS_unshare,
                                SYS_setns,
                                SYS_keyctl,
                                SYS_add_key,
                                SYS_request_key,
                                SYS_io_uring_setup,
                                SYS_io_uring_enter,
                                SYS_io_uring_register,
                                SYS_perf_event_open,
                                SYS_userfaultfd,
                                SYS_memfd_create,
                                SYS_memfd_secret,
                                SYS_seccomp,
                                SYS_landlock_create_ruleset,
                                SYS_landlock_add_rule,
                                SYS_landlock_restrict_self,
                                SYS_setuid,
                                SYS_setgid,
                                SYS_setreuid,
                                SYS_setregid,
                                SYS_setresuid,
                                SYS_setresgid,
                                SYS_setfsuid,
                                SYS_setfsgid,
                                SYS_setgroups,
                                SYS_capset,
                                SYS_personality,
                                SYS_mknodat,
                                SYS_symlinkat,
                                SYS_name_to_handle_at,
                                SYS_open_by_handle_at,
                                SYS_fanotify_init,
                                SYS_swapon,
                                SYS_swapoff,
                                SYS_acct,
                                SYS_quotactl,
                                SYS_syslog,
                                SYS_sethostname,
                                SYS_setdomainname,
                                SYS_settimeofday,
                                SYS_clock_settime,
                                SYS_clock_adjtime,
                                SYS_adjtimex,
                                SYS_vhangup,
                                SYS_lookup_dcookie,
                                SYS_migrate_pages,
                                SYS_move_pages,
                                SYS_mbind,
                                SYS_set_mempolicy,
                                SYS_process_madvise,
                                SYS_pkey_mprotect,
                                SYS_shmat,
                                SYS_remap_file_pages,
                                SYS_nfsservctl};
#ifdef __x86_64__
static const int forbidden_older[] = {SYS_fork,  SYS_vfork,  SYS_mknod,      SYS_symlink,
                                      SYS_iopl,  SYS_ioperm, SYS_modify_ldt, SYS_uselib,
                                      SYS_ustat, SYS_sysfs,  SYS__sysctl};
#endif

static const int deadly[] = {SYS_init_module, SYS_finit_module,    SYS_delete_module,
                             SYS_kexec_load,  SYS_kexec_file_load, SYS_bpf,
                             SYS_reboot};

/* ---- The program ---- */

static void put(struct program *program, struct sock_filter instruction)
{
    if (program->len < PROGRAM_LEN_MAX) /* A full program is not installed. */
        program->code[program->len] = instruction;
    program->len++;
}

static void put_load(struct program *program, size_t offset)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct program *program, uint32_t answer)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
}

/* The next `length` instructions run only when the loaded word is `value`. */
static void put_when(struct program *program, uint32_t value, uint8_t length)
{
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, length));
}

static void put_answers(struct program *program, const int *calls, size_t count, uint32_t answer)
{
    for (size_t k = 0; k < count; k++) {
        put_when(program, (uint32_t)calls[k], 1);
        put_return(program, answer);
    }
}
#define PUT_ANSWERS(program, calls, answer)                                                        \
    put_answers((program), (calls), sizeof(calls) / sizeof((calls)[0]), (answer))

/* The low half of an argument; both architectures are little-endian. */
static size_t argument(int number)
{
    return offsetof(struct seccomp_data, args) + (size_t)number * sizeof(uint64_t);
}

/* A call that is answered by one of its arguments. */
struct look {
    int call, argument;
    uint32_t mask, value;      /* (argument & mask) == value? */
    uint32_t equal, otherwise; /* The answers. */
};

/* In one mapping, memory is never written and executed, neither at once nor in turn; there are new
 * threads, but no new processes; nothing is typed into the terminal that the server runs in. */
static const struct look looks[] = {
    {SYS_mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, DENY | EPERM, ALLOW},
    {SYS_mprotect, 2, PROT_EXEC, PROT_EXEC, DENY | EPERM, ALLOW},
    {SYS_ioctl, 1, UINT32_MAX, TIOCSTI, DENY | EPERM, ALLOW},
    {SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, ALLOW, DENY | EPERM},
};

/* Like put_when, a look leaves the number of the call loaded when it is another's. */
static void put_look(struct program *program, const struct look *look)
{
    put_when(program, (uint32_t)look->call, 5);
    put_load(program, argument(look->argument));
    put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, look->mask));
    put_when(program, look->value, 1);
    put_return(program, look->equal);
    put_return(program, look->otherwise);
}

static void put_socket(struct program *program, int call)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK /* getaddrinfo */};
    enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

    put_when(program, (uint32_t)call, 2 * FAMILIES + 2);
    put_load(program, argument(0));
    PUT_ANSWERS(program, families, ALLOW);
    put_return(program, DENY | EAFNOSUPPORT);
}

static void write_program(struct program *program, bool sanitized)
{
    put_load(program, offsetof(struct seccomp_data, arch));
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ARCHITECTURE, 1, 0));
    put_return(program, SECCOMP_RET_KILL_PROCESS);
    put_load(program, offsetof(struct seccomp_data, nr));
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CALLS_END, 0, 1));
    put_return(program, SECCOMP_RET_KILL_PROCESS);
    PUT_ANSWERS(program, files, ALLOW);
    PUT_ANSWERS(program, paths, ALLOW);
    PUT_ANSWERS(program, memory, ALLOW);
    PUT_ANSWERS(program, threads, ALLOW);
    PUT_ANSWERS(program, signals, ALLOW);
    PUT_ANSWERS(program, clocks, ALLOW);
    PUT_ANSWERS(program, waits, ALLOW);
    PUT_ANSWERS(program, sockets, ALLOW);
#ifdef __x86_64__
    PUT_ANSWERS(program, older, ALLOW);
    PUT_ANSWERS(program, forbidden_older, DENY | EPERM);
#endif
    if (sanitized)
        PUT_ANSWERS(program, allowed_sanitized, ALLOW);
    for (size_t k = 0; k < sizeof(looks) / sizeof(looks[0]); k++)
        put_look(program, &looks[k]);
    put_socket(program, SYS_socket);
    put_socket(program, SYS_socketpair);
    PUT_ANSWERS(program, forbidden, DENY | EPERM);
    PUT_ANSWERS(program, deadly, SECCOMP_RET_KILL_PROCESS);
    /* For clone3, too: its flags lie in memory, where no filter looks; glibc then uses clone. */
    put_return(program, DENY | ENOSYS);
}

void sandbox_seccomp(const struct sandbox *wanted, struct sandbox_state *state)
{
    static struct program program;
    struct sock_fprog installed = {.filter = program.code};
    long result;

    if (ARCHITECTURE == 0) {
        errno = ENOTSUP;
        sandbox_refused(state, "seccomp: no list for this architecture");
        return;
    }
    write_program(&program, wanted->sanitized);
    if (program.len > PROGRAM_LEN_MAX) {
        errno = E2BIG;
        sandbox_refused(state, "seccomp: PROGRAM_LEN_MAX");
        return;
    }
    installed.len = program.len;
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &installed);
    state->seccomp = result == 0;
    if (result > 0) /* The thread that could not be brought along. */
        errno = ESRCH;
    if (result != 0)
        sandbox_refused(state, "seccomp");
}

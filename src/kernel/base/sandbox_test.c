/*
 * sandbox_test.c - what is given up fails with the right error, and the rest goes on.
 *
 * Each test enters in a process of its own that ends by _exit: the leak check of the sanitizers is
 * a debugger, which the sandbox forbids.
 */
#define _GNU_SOURCE
#include "kernel/base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/kit/test.h"

enum { PATH_BYTES = 400, ABI_WITH_TCP = 4, ABI_WITH_SCOPES = 6 };

/* Made before entering: data/ is the write_dir, shown/ is to be read, other/ is neither. */
static char data[PATH_BYTES / 2], shown[PATH_BYTES / 2], other[PATH_BYTES / 2];

/* "DIR/NAME"; four at a time. */
static const char *in(const char *dir, const char *name)
{
    static char paths[4][PATH_BYTES];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_BYTES, "%s/%s", dir, name);
    return path;
}

static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CHECK(fd >= 0);
    CHECK_EQ_INT(write(fd, "x", 1), 1);
    close(fd);
}

static void make_dir(char out[PATH_BYTES / 2], const char *name)
{
    snprintf(out, PATH_BYTES / 2, "%s/%s", test_dir(), name);
    CHECK_EQ_INT(mkdir(out, 0700), 0);
    make_file(in(out, "file"));
}

static int kernel_abi(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* Its version. */);
}

static void need_landlock(void)
{
    if (kernel_abi() < 1)
        test_skip("this kernel has no Landlock");
}

static void enter(int64_t bind_port)
{
    const char *read[] = {"/lib",       "/usr/lib", "/etc/hosts", "/etc/nsswitch.conf",
                          "/proc/self", shown,      "/no/such",   NULL};
    struct sandbox wanted = {.write_dir = data, .read_paths = read, .bind_port = bind_port};
    int abi = kernel_abi();

    sandbox_enter(&wanted);
    CHECK(sandbox_state()->seccomp);
    CHECK_EQ_INT(sandbox_state()->landlock_abi, abi < 1 ? 0 : abi);
    CHECK_EQ_INT(strlen(sandbox_state()->why) > 0, abi < 1);
}

/* Run body in a process of its own; returns its wait status. */
static int apart(void (*body)(void))
{
    int status;
    pid_t pid;

    make_dir(data, "data");
    make_dir(shown, "shown");
    make_dir(other, "other");
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    CHECK(pid > 0);
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    return status;
}

/* The call fails with this error.  A program that were run would be false: it ends the test ill. */
#define CHECK_FAILS(call, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK_EQ_INT((call), -1);                                                                  \
        CHECK_SAY(errno == (error), "%s: %s", #call, strerror(errno));                             \
    } while (0)

/* ---- Files ---- */

static void files_outside(void)
{
    enter(0);
    CHECK_FAILS(open("/etc/passwd", O_RDONLY), EACCES);
    CHECK_FAILS(open("/proc/1/status", O_RDONLY), EACCES);
    CHECK_FAILS(open("/", O_RDONLY | O_DIRECTORY), EACCES);
    CHECK_FAILS(open(in(other, "file"), O_RDONLY), EACCES);
    CHECK_FAILS(open(in(other, "file"), O_WRONLY), EACCES);
    CHECK_FAILS(open(in(data, "../other/file"), O_RDONLY), EACCES);
    CHECK_FAILS(open(in(other, "new"), O_WRONLY | O_CREAT, 0600), EACCES);
    CHECK_FAILS(open(in(shown, "file"), O_WRONLY), EACCES);
    CHECK_FAILS(unlink(in(shown, "file")), EACCES);
    CHECK_FAILS(unlink(in(other, "file")), EACCES);
    CHECK_FAILS(mkdir(in(other, "new"), 0700), EACCES);
    CHECK_FAILS(rename(in(other, "file"), in(other, "moved")), EACCES);
    CHECK(rename(in(data, "file"), in(other, "moved")) == -1);
    CHECK(link(in(other, "file"), in(data, "linked")) == -1);
    CHECK_FAILS(symlink("/etc/passwd", in(data, "symlink")), EPERM);
    CHECK_FAILS(mknod(in(data, "fifo"), S_IFIFO | 0600, 0), EPERM);
    if (sandbox_state()->landlock_abi >= 3)
        CHECK_FAILS(truncate(in(other, "file"), 0), EACCES);
}

TEST(sandbox_files, "files outside the data directory can be neither read nor written")
{
    need_landlock();
    CHECK_EQ_INT(apart(files_outside), 0);
    CHECK_EQ_INT(access(in(other, "file"), F_OK), 0);
}

/* A link that was there before leads nowhere now. */
static void follow_link(void)
{
    CHECK_EQ_INT(symlink("/etc/passwd", in(data, "passwd")), 0);
    enter(0);
    CHECK_FAILS(open(in(data, "passwd"), O_RDONLY), EACCES);
}

TEST(sandbox_link, "a link in the data directory leads to nothing outside")
{
    need_landlock();
    CHECK_EQ_INT(apart(follow_link), 0);
}

static void use_database(const char *path)
{
    sqlite3 *db;

    CHECK_EQ_INT(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(db,
                              "pragma journal_mode = wal; create table t (a); begin;"
                              "insert into t values (1); commit;"
                              "pragma wal_checkpoint(truncate);",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    CHECK_EQ_INT(sqlite3_close(db), SQLITE_OK);
}

static void files_inside(void)
{
    int open_before = open("/etc/passwd", O_RDONLY), fd;
    char byte;
    DIR *dir;

    enter(0);
    CHECK_EQ_INT(read(open_before, &byte, 1), 1); /* What is open stays open. */
    make_file(in(data, "new"));
    fd = open(in(data, "new"), O_RDWR | O_TRUNC);
    CHECK(fd >= 0);
    CHECK_EQ_INT(fsync(fd), 0);
    CHECK_EQ_INT(rename(in(data, "new"), in(data, "newer")), 0);
    CHECK_EQ_INT(unlink(in(data, "newer")), 0);
    CHECK_EQ_INT(mkdir(in(data, "sub"), 0700), 0);
    use_database(in(data, "space.db")); /* Of a space that is made while the server runs. */
    dir = opendir(data);
    CHECK(dir);
    CHECK(readdir(dir));
    CHECK(open(in(shown, "file"), O_RDONLY) >= 0);
    CHECK(open("/proc/self/status", O_RDONLY) >= 0);
    CHECK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY) >= 0);
}

TEST(sandbox_data, "the data directory is used as before: files, directories, new databases")
{
    need_landlock();
    CHECK_EQ_INT(apart(files_inside), 0);
}

/* ---- Calls ---- */

static void other_programs(void)
{
    char *const words[] = {(char *)"false", NULL};
    pid_t pid;

    enter(0);
    CHECK_FAILS(execve("/bin/false", words, NULL), EPERM);
    CHECK_FAILS((int)syscall(SYS_execveat, AT_FDCWD, "/bin/false", words, NULL, 0), EPERM);
    CHECK_FAILS(fork(), EPERM);
    CHECK_FAILS((int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
    CHECK_FAILS((int)syscall(SYS_clone3, NULL, 0), ENOSYS);
    CHECK(posix_spawn(&pid, "/bin/false", NULL, NULL, words, NULL) != 0);
    CHECK_FAILS((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
    CHECK_FAILS((int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM);
    CHECK_FAILS((int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_memfd_create, "code", 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_pidfd_open, getppid(), 0), EPERM);
    if (sandbox_state()->landlock_abi >= ABI_WITH_SCOPES)
        CHECK_FAILS(kill(getppid(), 0), EPERM);
}

TEST(sandbox_programs, "no program is run, no process is made, traced or read")
{
    CHECK_EQ_INT(apart(other_programs), 0);
}

static void the_kernel(void)
{
    enter(0);
    CHECK_FAILS(mount("none", data, "tmpfs", 0, NULL), EPERM);
    CHECK_FAILS(unshare(CLONE_NEWUSER), EPERM);
    CHECK_FAILS(setns(0, 0), EPERM);
    CHECK_FAILS(chroot(data), EPERM);
    CHECK_FAILS((int)syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_io_uring_setup, 1, NULL), EPERM);
    CHECK_FAILS((int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_userfaultfd, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_swapon, "/dev/null", 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_open_by_handle_at, 0, NULL, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_setuid, 0), EPERM);
    CHECK_FAILS((int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1), EPERM);
    CHECK_FAILS((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL), EPERM);
    CHECK_FAILS((int)syscall(9999), ENOSYS); /* Of a kernel yet to come. */
    CHECK_FAILS(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
    CHECK_FAILS(socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
    CHECK_FAILS(ioctl(0, TIOCSTI, "x"), EPERM);
}

TEST(sandbox_kernel, "what changes the machine, or looks into the kernel, is refused")
{
    CHECK_EQ_INT(apart(the_kernel), 0);
}

static void load_a_program(void)
{
    enter(0);
    syscall(SYS_bpf, 0, NULL, 0);
}

TEST(sandbox_death, "a process that tries to change the kernel is killed")
{
    int status;

    status = apart(load_a_program);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ_INT(WTERMSIG(status), SIGSYS);
}

static void executable_memory(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *memory;

    enter(0);
    CHECK(mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) == MAP_FAILED);
    CHECK_EQ_INT(errno, EPERM);
    memory = mmap(NULL, page, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK_FAILS(mprotect(memory, page, PROT_READ | PROT_EXEC), EPERM);
    CHECK_EQ_INT(mprotect(memory, page, PROT_READ), 0);
}

TEST(sandbox_memory, "what was written as memory is never executed")
{
    CHECK_EQ_INT(apart(executable_memory), 0);
}

/* ---- Threads and sockets ---- */

static void *execute(void *go)
{
    char *const words[] = {(char *)"false", NULL};
    char byte;

    if (read(*(int *)go, &byte, 1) != 1)
        return NULL;
    execve("/bin/false", words, NULL);
    return errno == EPERM ? go : NULL;
}

static void older_thread(void)
{
    pthread_t thread;
    void *result;
    int ends[2];

    CHECK_EQ_INT(pipe(ends), 0);
    CHECK_EQ_INT(pthread_create(&thread, NULL, execute, ends), 0);
    enter(0);
    CHECK_EQ_INT(write(ends[1], "x", 1), 1);
    CHECK_EQ_INT(pthread_join(thread, &result), 0);
    CHECK(result);
}

TEST(sandbox_threads, "calls are refused to threads that ran before, too")
{
    CHECK_EQ_INT(apart(older_thread), 0);
}

static int listener(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return -1;
    CHECK_EQ_INT(listen(fd, 1), 0);
    CHECK_EQ_INT(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void *answer(void *listening)
{
    int fd = accept4(*(int *)listening, NULL, NULL, SOCK_CLOEXEC);

    CHECK_EQ_INT(write(fd, "y", 1), 1);
    close(fd);
    return NULL;
}

/* By name, so that the resolver is asked as libcurl and libpq do. */
static void talk(int port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    struct pollfd readable = {.events = POLLIN};
    char service[8], byte;

    snprintf(service, sizeof(service), "%d", port);
    CHECK_EQ_INT(getaddrinfo("localhost", service, &hints, &found), 0);
    readable.fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ_INT(connect(readable.fd, found->ai_addr, found->ai_addrlen), 0);
    freeaddrinfo(found);
    CHECK_EQ_INT(poll(&readable, 1, 5000), 1);
    CHECK_EQ_INT(read(readable.fd, &byte, 1), 1);
    CHECK_EQ_INT(byte, 'y');
    close(readable.fd);
}

static void serve_one(void)
{
    pthread_t thread;
    int port = 0, fd, pair[2];

    enter(0);
    fd = listener(&port);
    CHECK(fd >= 0);
    CHECK_EQ_INT(pthread_create(&thread, NULL, answer, &fd), 0);
    talk(port);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    CHECK_EQ_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

TEST(sandbox_serves, "threads, sockets and names of hosts go on working")
{
    CHECK_EQ_INT(apart(serve_one), 0);
}

static void other_port(void)
{
    int port = 0, other_port = 0, first = listener(&port), second = listener(&other_port);

    close(first);
    close(second); /* Both are free now, and nobody else is given them soon. */
    enter(port);
    if (sandbox_state()->landlock_abi < ABI_WITH_TCP)
        return;
    errno = 0;
    CHECK_EQ_INT(listener(&other_port), -1);
    CHECK_EQ_INT(errno, EACCES);
    other_port = 0;
    CHECK_EQ_INT(listener(&other_port), -1);
    CHECK(listener(&port) >= 0);
}

TEST(sandbox_port, "it listens on its own port and on no other")
{
    need_landlock();
    CHECK_EQ_INT(apart(other_port), 0);
}

/* ---- A kernel without ---- */

/* As a kernel that was built without Landlock answers. */
static void forget_landlock(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    CHECK_EQ_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void without_landlock(void)
{
    const char *const nothing[] = {NULL};
    struct sandbox wanted = {.write_dir = data, .read_paths = nothing};
    char *const words[] = {(char *)"false", NULL};

    forget_landlock();
    sandbox_enter(&wanted);
    CHECK_EQ_INT(sandbox_state()->landlock_abi, 0);
    CHECK(strstr(sandbox_state()->why, "landlock is not in this kernel"));
    CHECK(sandbox_state()->seccomp);
    CHECK_FAILS(execve("/bin/false", words, NULL), EPERM);
    CHECK(open("/etc/passwd", O_RDONLY) >= 0);
}

TEST(sandbox_older, "a kernel without Landlock is said, and calls are refused all the same")
{
    CHECK_EQ_INT(apart(without_landlock), 0);
}

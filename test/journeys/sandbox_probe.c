/*
 * sandbox_probe.c - loaded into a server by sandbox.py: on a signal the thread that takes it tries
 * what an intruder would, and says what became of it on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int error_of(long result)
{
    return result < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    int error = error_of(fd);

    if (fd >= 0)
        close(fd);
    return error;
}

/* Of a program that is not there: where it is allowed, the answer is ENOENT, and we go on. */
static int try_execve(void)
{
    char *const words[] = {(char *)"none", NULL};

    return error_of(execve("/no/such/program", words, NULL));
}

/* Some threads block all signals; ours reaches them. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t ours;

    if (set) {
        ours = *set;
        sigdelset(&ours, SIGRTMIN + 6);
    }
    return sigprocmask(how, set ? &ours : NULL, old) == 0 ? 0 : errno;
}

static void on_signal(int number)
{
    int saved = errno, len;
    char line[200];

    (void)number;
    len = snprintf(line, sizeof(line), "probe %d: open=%d write=%d execve=%d unshare=%d mount=%d\n",
                   (int)gettid(), try_open("/etc/passwd", O_RDONLY),
                   try_open(getenv("PROBE_OUTSIDE"), O_WRONLY | O_CREAT), try_execve(),
                   error_of(unshare(CLONE_NEWUTS)),
                   error_of(mount("none", "/no/such", "none", 0, NULL)));
    if (write(STDERR_FILENO, line, (size_t)len) != len)
        _exit(3);
    errno = saved;
}

__attribute__((constructor)) static void begin(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigaction(SIGRTMIN + 6, &action, NULL);
}

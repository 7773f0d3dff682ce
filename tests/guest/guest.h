/* What the guest programs of the differential tests have in common. They print only facts that are the same in
 * every run: relations, counts, errno and signal names; never a raw PID, address or time. */
#ifndef GUEST_H
#define GUEST_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define NELEM(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define MS 1000000L /* nanoseconds */

struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static inline long clone3(struct clone3_args *args, size_t size) { return syscall(SYS_clone3, args, size); }

/* One line to fd 1 in a single write, so that lines of different processes never mix. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    char line[1024];
    va_list list;
    int saved = errno;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    if (n > (int)sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    if (write(1, line, n) != n)
        _exit(99);
    errno = saved;
}

/* The test cannot go on: a call that must work did not. */
__attribute__((noreturn)) static inline void die(const char *what)
{
    say("FAILED %s: errno %d", what, errno);
    _exit(98);
}
#define MUST(call) ({ __typeof__(call) must_ = (call); if ((long)must_ == -1) die(#call); must_; })
#define YES(condition) say("%s: %s", #condition, (condition) ? "yes" : "no")

static inline const char *err(int number)
{
    static const struct { int number; const char *name; } names[] = {
#define E(name) { name, #name }
        E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF), E(ECHILD), E(EAGAIN),
        E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST), E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR),
        E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY), E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK),
        E(EPIPE), E(EDOM), E(ERANGE), E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
        E(EOVERFLOW), E(ETIMEDOUT), E(EOPNOTSUPP), E(EUSERS), E(ELIBBAD), E(EILSEQ), E(EOWNERDEAD),
        E(ENOTRECOVERABLE), E(EBADFD), E(ENOTSOCK), E(EINPROGRESS), E(EALREADY), E(ECANCELED),
#undef E
    };
    static __thread char buffer[16];
    if (number == 0)
        return "0";
    for (int i = 0; i < NELEM(names); i++)
        if (names[i].number == number)
            return names[i].name;
    snprintf(buffer, sizeof buffer, "errno %d", number);
    return buffer;
}

/* Outcome of a call: "ok" or the errno's name. */
static inline const char *outcome(long result) { return result == -1 ? err(errno) : "ok"; }
#define TRY(call) say("%s: %s", #call, outcome((long)(call)))
#define TRYAS(name, call) say("%s: %s", name, outcome((long)(call)))

static inline const char *sig(int number)
{
    static const char *const names[] = {
        "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    };
    static __thread char buffer[16];
    if (number >= 0 && number < NELEM(names))
        return names[number];
    if (number >= 34)
        snprintf(buffer, sizeof buffer, "RT%d", number - 34);
    else
        snprintf(buffer, sizeof buffer, "signal %d", number);
    return buffer;
}

/* A wait status in words. */
static inline const char *status_text(int status)
{
    static __thread char buffer[48];
    if (WIFEXITED(status))
        snprintf(buffer, sizeof buffer, "exited %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(buffer, sizeof buffer, "killed by %s", sig(WTERMSIG(status)));
    else if (WIFSTOPPED(status))
        snprintf(buffer, sizeof buffer, "stopped by %s", sig(WSTOPSIG(status)));
    else if (WIFCONTINUED(status))
        snprintf(buffer, sizeof buffer, "continued");
    else
        snprintf(buffer, sizeof buffer, "status %#x", status);
    return buffer;
}

/* Wait for one child and say how it ended. */
static inline int reap(pid_t pid, const char *who)
{
    int status = 0;
    pid_t got = waitpid(pid, &status, 0);
    if (got == -1)
        say("%s: wait %s", who, err(errno));
    else
        say("%s: %s", who, status_text(status));
    return status;
}

/* fork, or end the test. */
static inline pid_t spawn(void)
{
    pid_t pid = fork();
    if (pid == -1)
        die("fork");
    return pid;
}

static inline void pause_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * MS };
    while (nanosleep(&t, &t) == -1 && errno == EINTR) {
    }
}

/* A pipe as a gate: open_gate() lets pass_gate() in another process go on. */
struct gate { int fd[2]; };
static inline struct gate new_gate(void)
{
    struct gate gate;
    if (pipe(gate.fd) == -1)
        die("pipe");
    return gate;
}
static inline void open_gate(struct gate gate)
{
    if (write(gate.fd[1], "x", 1) != 1)
        die("open_gate");
}
static inline void pass_gate(struct gate gate)
{
    char c;
    ssize_t n;
    do
        n = read(gate.fd[0], &c, 1);
    while (n == -1 && errno == EINTR);
    if (n != 1)
        die("pass_gate");
}

/* CPU time in microseconds of RUSAGE_SELF or RUSAGE_CHILDREN, user and system. */
static inline long cpu_us(int who)
{
    struct rusage usage;
    if (getrusage(who, &usage) == -1)
        die("getrusage");
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Use up at least that much CPU time. */
static inline void burn_ms(long ms)
{
    long end = cpu_us(RUSAGE_SELF) + ms * 1000;
    while (cpu_us(RUSAGE_SELF) < end)
        for (volatile int i = 0; i < 10000; i++) {
        }
}

/* Memory that parent and children share. */
static inline void *shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap shared");
    return p;
}

static inline void on_signal(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { 0 };
    action.sa_handler = handler;
    action.sa_flags = flags;
    if (sigaction(number, &action, NULL) == -1)
        die("sigaction");
}

static inline void on_siginfo(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { 0 };
    action.sa_sigaction = handler;
    action.sa_flags = flags | SA_SIGINFO;
    if (sigaction(number, &action, NULL) == -1)
        die("sigaction");
}

static inline sigset_t set_of(int first, ...)
{
    sigset_t set;
    va_list list;
    sigemptyset(&set);
    va_start(list, first);
    for (int number = first; number > 0; number = va_arg(list, int))
        sigaddset(&set, number);
    va_end(list);
    return set;
}
#define SIGSET(...) set_of(__VA_ARGS__, 0)

static inline sigset_t block(sigset_t set)
{
    sigset_t old;
    if (sigprocmask(SIG_BLOCK, &set, &old) == -1)
        die("sigprocmask");
    return old;
}
static inline void set_mask(sigset_t set)
{
    if (sigprocmask(SIG_SETMASK, &set, NULL) == -1)
        die("sigprocmask");
}

/* The letter of /proc/PID/stat's third field, '?' if there is none. */
static inline char state_of(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return '?';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return '?';
    text[n] = 0;
    char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}

/* Wait until a process is in that state (a second at most); says whether it got there. */
static inline int until_state(pid_t pid, char state)
{
    for (int i = 0; i < 1000; i++) {
        if (state_of(pid) == state)
            return 1;
        pause_ms(1);
    }
    return 0;
}
#endif

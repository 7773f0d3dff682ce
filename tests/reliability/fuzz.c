/* fuzz SEED CHILDREN CALLS [CALL...]: system calls with arguments of the right kinds, most of the time. Only for the
 * guest. Children, one after another, make CALLS calls each, with a thread beside them and children of their own; their
 * descriptors are one of each kind there is, their pointers good, at the edge of a page, read-only, absent or the
 * kernel's. With numbers of calls at the end, only these are made, and those that make descriptors. */
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "../guest/guest.h"

enum { NUMBERS = 470, PAGES = 24, FDS = 80 };
static struct { long made, worked; int called[NUMBERS], ok[NUMBERS]; } *counts;
static __thread uint64_t state;
static char *area, *readonly, *nothing;
static int only[64], only_count;

static uint64_t any(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state * 0x2545F4914F6CDD1DULL;
}
static uint64_t below(uint64_t n) { return (any() >> 20) % n; }
#define PICK(list) ((list)[below(NELEM(list))])

/* What kinds of arguments a call takes: see `argument`. Calls that are not here get any. */
#define CALL(name, kinds) [SYS_##name] = kinds
static const char *const shapes[NUMBERS] = {
    CALL(read, "fbs"), CALL(write, "fbs"), CALL(open, "pFm"), CALL(close, "f"), CALL(stat, "pb"), CALL(fstat, "fb"),
    CALL(poll, "bni"), CALL(lseek, "foi"), CALL(mmap, "alFFfo"), CALL(mprotect, "alF"), CALL(munmap, "al"), CALL(brk, "a"),
    CALL(rt_sigaction, "Sbbe"), CALL(rt_sigprocmask, "ibbe"), CALL(ioctl, "fIb"), CALL(pread64, "fbso"),
    CALL(pwrite64, "fbso"), CALL(readv, "fvn"), CALL(writev, "fvn"), CALL(access, "pm"), CALL(pipe, "b"),
    CALL(select, "nbbbt"), CALL(mremap, "allFa"), CALL(msync, "alF"), CALL(mincore, "alb"), CALL(madvise, "ali"),
    CALL(shmget, "isF"), CALL(shmat, "iaF"), CALL(shmctl, "iib"), CALL(dup, "f"), CALL(dup2, "ff"), CALL(nanosleep, "tb"),
    CALL(getitimer, "ib"), CALL(setitimer, "itb"), CALL(sendfile, "ffbs"), CALL(socket, "iii"), CALL(connect, "fks"),
    CALL(accept, "fkb"), CALL(sendto, "fbsFks"), CALL(recvfrom, "fbsFkb"), CALL(sendmsg, "fMF"), CALL(recvmsg, "fMF"),
    CALL(shutdown, "fi"), CALL(bind, "fks"), CALL(listen, "fi"), CALL(getsockname, "fbb"), CALL(getpeername, "fbb"),
    CALL(socketpair, "iiib"), CALL(setsockopt, "fOibs"), CALL(getsockopt, "fOibb"), CALL(execve, "pVV"), CALL(uname, "b"),
    CALL(semget, "isF"), CALL(semop, "ibn"), CALL(semctl, "iiib"), CALL(msgget, "iF"), CALL(msgsnd, "ibsF"),
    CALL(msgrcv, "ibsiF"), CALL(msgctl, "iib"), CALL(fcntl, "fCi"), CALL(flock, "fi"), CALL(fsync, "f"),
    CALL(truncate, "po"), CALL(ftruncate, "fo"), CALL(getdents, "fbs"), CALL(getcwd, "bs"), CALL(chdir, "p"),
    CALL(fchdir, "f"), CALL(rename, "pp"), CALL(mkdir, "pm"), CALL(rmdir, "p"), CALL(creat, "pm"), CALL(link, "pp"),
    CALL(unlink, "p"), CALL(symlink, "pp"), CALL(readlink, "pbs"), CALL(chmod, "pm"), CALL(fchmod, "fm"),
    CALL(chown, "pii"), CALL(getrlimit, "ib"), CALL(getrusage, "ib"), CALL(sysinfo, "b"), CALL(times, "b"),
    CALL(ptrace, "iPbb"), CALL(syslog, "ibs"), CALL(setpgid, "PP"), CALL(getpgid, "P"), CALL(getsid, "P"),
    CALL(capget, "bb"), CALL(rt_sigpending, "be"), CALL(rt_sigtimedwait, "bbte"), CALL(rt_sigqueueinfo, "PSb"),
    CALL(sigaltstack, "bb"), CALL(utime, "pb"), CALL(mknod, "pmi"), CALL(personality, "i"), CALL(statfs, "pb"),
    CALL(fstatfs, "fb"), CALL(getpriority, "iP"), CALL(setpriority, "iPi"), CALL(sched_setparam, "Pb"),
    CALL(sched_setscheduler, "Pib"), CALL(mlock, "al"), CALL(munlock, "al"), CALL(mlockall, "i"), CALL(prctl, "Rbbbb"),
    CALL(arch_prctl, "ib"), CALL(mount, "pppFb"), CALL(umount2, "pi"), CALL(pivot_root, "pp"), CALL(chroot, "p"),
    CALL(setxattr, "ppbsi"), CALL(getxattr, "ppbs"), CALL(fsetxattr, "fpbsi"), CALL(fgetxattr, "fpbs"),
    CALL(listxattr, "pbs"), CALL(removexattr, "pp"), CALL(tkill, "TS"), CALL(futex, "biitbi"), CALL(sched_setaffinity, "Psb"),
    CALL(sched_getaffinity, "Psb"), CALL(epoll_create, "i"), CALL(remap_file_pages, "alFiF"), CALL(getdents64, "fbs"),
    CALL(timer_create, "ibb"), CALL(timer_settime, "iitb"), CALL(timer_gettime, "ib"), CALL(timer_delete, "i"),
    CALL(clock_settime, "ib"), CALL(clock_gettime, "ib"), CALL(clock_nanosleep, "iitb"), CALL(epoll_wait, "fbni"),
    CALL(epoll_ctl, "fifb"), CALL(tgkill, "PTS"), CALL(utimes, "pb"), CALL(mbind, "aliibF"), CALL(mq_open, "pFmb"),
    CALL(mq_timedsend, "fbsit"), CALL(mq_timedreceive, "fbsbt"), CALL(mq_notify, "fb"), CALL(mq_getsetattr, "fbb"),
    CALL(waitid, "iPbFb"), CALL(add_key, "ppbsi"), CALL(keyctl, "ibbbb"), CALL(ioprio_set, "iPi"), CALL(inotify_init, ""),
    CALL(inotify_add_watch, "fpF"), CALL(inotify_rm_watch, "fi"), CALL(openat, "dpFm"), CALL(mkdirat, "dpm"),
    CALL(mknodat, "dpmi"), CALL(fchownat, "dpiiF"), CALL(futimesat, "dpb"), CALL(newfstatat, "dpbF"),
    CALL(unlinkat, "dpF"), CALL(renameat, "dpdp"), CALL(linkat, "dpdpF"), CALL(symlinkat, "pdp"), CALL(readlinkat, "dpbs"),
    CALL(fchmodat, "dpm"), CALL(faccessat, "dpm"), CALL(pselect6, "nbbbtb"), CALL(ppoll, "bntbe"), CALL(unshare, "U"),
    CALL(set_robust_list, "be"), CALL(get_robust_list, "Pbb"), CALL(splice, "fbfbsF"), CALL(tee, "ffsF"),
    CALL(sync_file_range, "fooF"), CALL(vmsplice, "fvnF"), CALL(move_pages, "Pnbbbi"), CALL(utimensat, "dpbF"),
    CALL(epoll_pwait, "fbnibe"), CALL(signalfd, "fbe"), CALL(timerfd_create, "iF"), CALL(eventfd, "i"),
    CALL(fallocate, "fioo"), CALL(timerfd_settime, "fFtb"), CALL(timerfd_gettime, "fb"), CALL(accept4, "fkbF"),
    CALL(signalfd4, "fbeF"), CALL(eventfd2, "iF"), CALL(epoll_create1, "F"), CALL(dup3, "ffF"), CALL(pipe2, "bF"),
    CALL(inotify_init1, "F"), CALL(preadv, "fvnoo"), CALL(pwritev, "fvnoo"), CALL(rt_tgsigqueueinfo, "PTSb"),
    CALL(perf_event_open, "bPifF"), CALL(recvmmsg, "fMnFt"), CALL(prlimit64, "Pibb"), CALL(name_to_handle_at, "dpbbF"),
    CALL(open_by_handle_at, "fbF"), CALL(clock_adjtime, "ib"), CALL(syncfs, "f"), CALL(sendmmsg, "fMnF"), CALL(setns, "fU"),
    CALL(getcpu, "bbb"), CALL(process_vm_readv, "PvnvnF"), CALL(process_vm_writev, "PvnvnF"), CALL(kcmp, "PPiff"),
    CALL(sched_setattr, "PbF"), CALL(sched_getattr, "PbsF"), CALL(renameat2, "dpdpF"), CALL(seccomp, "iib"),
    CALL(getrandom, "bsF"), CALL(memfd_create, "pF"), CALL(execveat, "dpVVF"), CALL(membarrier, "iFi"), CALL(mlock2, "alF"),
    CALL(copy_file_range, "fbfbsF"), CALL(preadv2, "fvnooF"), CALL(pwritev2, "fvnooF"), CALL(pkey_mprotect, "alFi"),
    CALL(statx, "dpFFb"), CALL(rseq, "bsFi"), [424] = "fSbF", [425] = "nb", [428] = "dpF", [429] = "dpdpF", [430] = "pF",
    [431] = "fipbi", [432] = "fFF", [433] = "dpF", [434] = "PF", [435] = "be", [436] = "ffF", [437] = "dpbs", [438] = "ffF",
    [439] = "dpmF", [440] = "fvniF", [441] = "fbntbe", [442] = "dpFbs", [447] = "F", [448] = "fF", [449] = "bnFti",
    [450] = "alii", [451] = "fbbF", [452] = "dpmF", [453] = "aslF", [454] = "biiF", [455] = "biiFti", [456] = "bFii",
    [457] = "bbsF", [458] = "bbsF", [459] = "ibbF", [460] = "ibsF", [461] = "ibbF", [462] = "alF",
};

/* Never made: they end the child, or the run, or are a second flow of control on one stack. */
static int is_left_out(long number)
{
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_vfork: case SYS_rt_sigreturn: case SYS_clone: case SYS_reboot:
    case SYS_kill: case SYS_pause: case SYS_rt_sigsuspend: case SYS_set_tid_address:
        return 1;
    case SYS_fork: case SYS_clone3: case SYS_munmap: case SYS_mremap: case SYS_execve: case SYS_execveat: case SYS_alarm:
    case SYS_close_range: case SYS_seccomp: case SYS_close: case SYS_wait4: case SYS_waitid: case SYS_rt_sigtimedwait:
        return below(12) != 0;
    }
    return 0;
}

static char *place(void) { return area + below(PAGES) * 4096 + below(3) * 8 * below(200); }

static uint64_t wild(void)
{
    switch (below(16)) {
    case 0: return 0;
    case 1: return -1;
    case 2: return -(any() & 4095);
    case 3: return 1ULL << below(64);
    case 4: return (1ULL << below(64)) - 1;
    case 5: return 0xffff800000000000 + below(1 << 20);
    case 6: return 0x800000000000 - below(64);
    case 7: return (uint64_t)readonly + below(4096);
    case 8: return (uint64_t)nothing + below(8192);
    case 9: return (uint64_t)area + PAGES * 4096 - below(64);
    case 10: return 0x7fffffff + below(3);
    case 11: return 0x8000000000000000 + below(3) - 1;
    case 12: return 0xdead000000000000;
    case 13: return (uint64_t)place() | below(8);
    case 14: return below(4096);
    default: return any();
    }
}

static const char *path(void)
{
    static const char *const paths[] = {
        "/", ".", "..", "a", "b", "d", "d/e", "d/e/f", "link", "loop", "fifo", "socket", "/tmp", "/dev/null", "/dev/zero",
        "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm/x", "/dev/fd/3", "/proc", "/proc/self", "/proc/self/fd",
        "/proc/self/fd/5", "/proc/self/maps", "/proc/self/mem", "/proc/self/exe", "/proc/self/cwd", "/proc/self/root",
        "/proc/self/ns/net", "/proc/self/task", "/proc/1/stat", "/proc/sys/kernel/hostname", "/proc/sys/fs/file-max",
        "/proc/self/attr/current", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/setgroups",
        "/proc/self/timerslack_ns", "/proc/self/clear_refs", "/proc/self/coredump_filter", "/proc/net/unix", "/sys",
        "/sys/devices/system/cpu/online", "/bin/true", "/etc/passwd", "", "tmpfs", "proc", "cgroup2", "mqueue", "user.x",
        "security.x", "trusted.y", "/q", "/nothing", "a/b", "/proc/self/fdinfo/3", "/proc/self/pagemap",
        "/proc/self/mountinfo", "/proc/self/environ", "/proc/thread-self/comm", "/proc/kmsg", "/proc/sysvipc/shm",
    };
    return PICK(paths);
}

static uint64_t path_argument(void)
{
    char *at = area + below(PAGES) * 4096 + below(2000);
    int kind = below(12);
    if (kind == 0) { /* no end */
        memset(area + 4096 * (PAGES - 1), 'x', 4096);
        return (uint64_t)area + 4096 * PAGES - 1 - below(4000);
    }
    if (kind == 1) {
        memset(at, '/' + below(3), 200 + below(1500));
        return (uint64_t)at;
    }
    strcpy(at, path());
    return (uint64_t)at;
}

static uint64_t filled(void)
{
    uint64_t *words = (uint64_t *)((uint64_t)place() & ~7UL);
    int kind = below(6), count = below(24);
    for (int i = 0; i < count; i++) {
        switch (kind) {
        case 0: words[i] = below(8); break;
        case 1: words[i] = wild(); break;
        case 2: words[i] = i % 2 ? below(5000) : (uint64_t)place(); break;
        case 3: words[i] = below(FDS) | below(64) << 32; break;
        case 4: words[i] = 1ULL << below(64); break;
        default: words[i] = below(3) ? 0 : below(1000000000); break;
        }
    }
    return (uint64_t)words;
}

static uint64_t argument(char kind)
{
    static const int commands[] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 36, 37, 38, 1024, 1025, 1026, 1029, 1030, 1031, 1032, 1033, 1034,
        1036, 1037, 1038, 1039,
    };
    static const unsigned ioctls[] = {
        0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5406, 0x5409, 0x540a, 0x540b, 0x540c, 0x540d, 0x540e, 0x540f, 0x5410,
        0x5411, 0x5412, 0x5413, 0x5414, 0x5415, 0x541b, 0x5420, 0x5421, 0x5422, 0x5423, 0x5424, 0x5425, 0x5429, 0x5450,
        0x5451, 0x5452, 0x5460, 0x80045430, 0x40045431, 0x80045432, 0x80045440, 0x5441, 0x8901, 0x8902, 0x8903, 0x8904,
        0x8905, 0x8906, 0x8907, 0x890b, 0x8910, 0x8912, 0x8913, 0x8914, 0x8915, 0x8927, 0x8933, 0x89e0, 0xb701, 0xb702,
        0xb703, 0xb704, 0x8008b705, 0xb706, 0x80086601, 0x40086602, 0x802c542a, 0x402c542b, 0xc0c0ff0b, 0x127c, 0xc0506609,
        0x40049409, 0xc020660b, 0x5435, 0x5437, 0x541e, 0x5408,
    };
    static const short modes[] = { 0, 0644, 0755, 0777, 07777, 0100644, 0140755, 010600, 020666, 060600, 040700, 0170000, 3 };
    if (below(12) == 0)
        return wild();
    switch (kind) {
    case 'f': return below(30) ? 3 + below(FDS - 3) : (uint64_t)(int)(below(40) - 20);
    case 'd': return below(3) ? (uint64_t)AT_FDCWD : 3 + below(FDS - 3);
    case 'b': return filled();
    case 's': return below(3) ? below(300) : below(3) ? below(70000) : 1UL << below(22);
    case 'p': return path_argument();
    case 'F': return below(2) ? 1ULL << below(32) : below(3) ? 0 : any() & 0xffffffff & any() & any();
    case 'U': return below(2) ? 0 : 1ULL << (7 + below(25));
    case 'm': return PICK(modes);
    case 'i': return below(4) ? below(12) : below(2) ? (uint64_t)-below(4) : below(1000);
    case 'n': return below(6) ? below(8) : below(2000);
    case 'o': return below(3) ? below(20000) : below(2) ? 1ULL << below(63) : (uint64_t)-below(10000);
    case 'a': return below(5) ? (uint64_t)area + 4096 * (4 + below(PAGES - 4)) : 0x10000000 + below(64) * 4096;
    case 'l': return below(6) ? 4096 * (1 + below(4)) : below(40000);
    case 'e': return below(8) ? 8 : below(200);
    case 'S': return below(65);
    case 'P': return below(3) ? 0 : below(2) ? getpid() : below(60);
    case 'T': return below(2) ? (uint64_t)syscall(SYS_gettid) : below(60);
    case 'C': return PICK(commands);
    case 'I': return below(12) ? PICK(ioctls) : any();
    case 'R': return below(80);
    case 'O': return below(2) ? 1 : PICK(((int[]){ 0, 6, 17, 41, 270 }));
    case 't': {
        uint64_t *t = (uint64_t *)(((uint64_t)place() & ~7UL));
        t[0] = below(20) ? 0 : wild(), t[1] = below(20) ? below(2000000) : wild();
        t[2] = below(20) ? 0 : wild(), t[3] = below(20) ? below(2000000) : wild();
        return below(4) ? (uint64_t)t : 0;
    }
    case 'v': {
        struct iovec *v = (struct iovec *)(((uint64_t)place() & ~7UL));
        for (int i = 0; i < 8; i++)
            v[i] = (struct iovec){ below(9) ? place() : (void *)wild(), below(9) ? below(5000) : wild() };
        return (uint64_t)v;
    }
    case 'V': {
        char **v = (char **)(((uint64_t)place() & ~7UL));
        int count = below(6);
        for (int i = 0; i < count; i++)
            v[i] = (char *)path_argument();
        v[count] = NULL;
        return below(4) ? (uint64_t)v : 0;
    }
    case 'k': {
        struct sockaddr *to = (struct sockaddr *)(((uint64_t)place() & ~7UL));
        memset(to, 0, 32);
        to->sa_family = PICK(((short[]){ AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 0, 99 }));
        if (to->sa_family == AF_UNIX)
            strcpy(to->sa_data, below(2) ? "socket" : "\0abstract");
        else
            *(uint32_t *)(to->sa_data + 2) = 0x0100007f, *(uint16_t *)to->sa_data = below(4) ? 0x901f : any();
        return (uint64_t)to;
    }
    case 'M': {
        struct msghdr *m = (struct msghdr *)(((uint64_t)place() & ~7UL));
        struct cmsghdr *c = (struct cmsghdr *)(((uint64_t)place() & ~7UL));
        c->cmsg_len = below(6) ? CMSG_LEN(4 * (1 + below(4))) : below(100);
        c->cmsg_level = below(6) ? SOL_SOCKET : below(50), c->cmsg_type = 1 + below(4);
        for (int i = 0; i < 4; i++)
            ((int *)CMSG_DATA(c))[i] = 3 + below(FDS - 3);
        m->msg_name = below(3) ? NULL : (void *)argument('k'), m->msg_namelen = below(3) ? 0 : 16;
        m->msg_iov = (void *)argument('v'), m->msg_iovlen = below(4);
        m->msg_control = below(2) ? c : NULL, m->msg_controllen = below(6) ? 32 : below(300);
        return (uint64_t)m;
    }
    default: return below(3) ? filled() : wild();
    }
}

static void descriptors(void)
{
    int ends[2];
    struct sockaddr_in to = { AF_INET, 0x901f, { 0x0100007f } };
    struct sockaddr_un name = { AF_UNIX, "socket" };
    static const char *const opened[] = {
        "a", "b", "d", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/proc/self/maps",
        "/proc/self/mem", "/proc/self/fd", "/proc/self/stat", "/proc/self/pagemap", "/proc/self/ns/mnt", "/proc/self/ns/user",
        "/proc/self/ns/net", "/proc/self/oom_score_adj", "/proc/sys/kernel/hostname", "/proc/self/smaps", "/proc", "/etc/passwd",
        "/proc/self/status", "/sys/devices/system/cpu/online", "/proc/self/exe", "/proc/self/environ", "/proc/self/comm",
    };
    for (int i = 0; i < NELEM(opened); i++)
        (void)!open(opened[i], O_RDWR | O_NONBLOCK | O_CREAT, 0600), open(opened[i], O_RDONLY | O_NONBLOCK);
    (void)!pipe2(ends, O_NONBLOCK);
    (void)!pipe2(ends, 0);
    open("fifo", O_RDWR | O_NONBLOCK);
    for (int kind = 1; kind < 6; kind++)
        socketpair(AF_UNIX, kind, 0, ends), socket(AF_INET, kind, 0), socket(AF_NETLINK, kind, kind % 3 ? 0 : 4);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), there = socket(AF_INET6, SOCK_DGRAM, 0);
    (void)there;
    bind(listener, (void *)&to, sizeof to), listen(listener, 4);
    connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&to, sizeof to);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    unlink("socket"), bind(listener, (void *)&name, sizeof name), listen(listener, 4);
    connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&name, sizeof name);
    eventfd(3, EFD_NONBLOCK), timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll_create1(0), epoll_create1(0);
    sigset_t some;
    sigemptyset(&some), sigaddset(&some, SIGUSR1), sigaddset(&some, SIGRTMIN);
    signalfd(-1, &some, SFD_NONBLOCK), inotify_init1(IN_NONBLOCK), syscall(SYS_memfd_create, "m", 2);
    syscall(SYS_pidfd_open, getpid(), 0), open(".", O_PATH), open("a", O_PATH), open("link", O_PATH | O_NOFOLLOW);
}

static void tick(int number) { (void)number; }

static void tree(void)
{
    (void)!symlink("a", "link");
    (void)!symlink("loop", "loop");
    mkdir("d", 0755), mkdir("d/e", 0755), mkfifo("fifo", 0600);
    int fd = open("a", O_CREAT | O_RDWR, 0644);
    (void)!write(fd, area, 5000);
    close(fd);
}

static void one(void)
{
    uint64_t a[6];
    long number = only_count ? only[below(only_count)] : (long)below(NUMBERS);
    if (is_left_out(number))
        return;
    const char *shape = shapes[number];
    size_t length = shape ? strlen(shape) : 0;
    for (size_t j = 0; j < 6; j++)
        a[j] = j < length ? argument(shape[j]) : below(2) ? 0 : argument(0);
    counts->made++;
    counts->called[number]++;
    if (syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) != -1)
        counts->ok[number]++, counts->worked++;
}

static void *beside(void *argument)
{
    state = (uint64_t)argument;
    for (int i = 0; i < 300; i++)
        one();
    return NULL;
}

static void child(uint64_t seed, long calls)
{
    struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
    pthread_t id;
    setpgid(0, 0);
    state = seed;
    struct rlimit least = { 64 << 20, 64 << 20 };
    setrlimit(RLIMIT_AS, &least);
    syscall(SYS_close_range, 0, ~0U, 0);
    (void)!open("/dev/null", O_RDWR), (void)!dup(0), (void)!dup(0);
    on_signal(SIGALRM, tick, 0);
    signal(SIGPIPE, SIG_IGN), signal(SIGIO, SIG_IGN), signal(SIGXFSZ, SIG_IGN);
    descriptors();
    if (below(2))
        pthread_create(&id, NULL, beside, (void *)(any() | 1));
    for (long i = 0; i < calls; i++) {
        if (i % 16 == 0)
            setitimer(ITIMER_REAL, &often, NULL); /* ends what waits */
        one();
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc < 4 || !getenv("FORKERNEL_GUEST")) {
        fputs("fuzz: only for the guest\n", stderr);
        return 2;
    }
    long seed = atol(argv[1]), children = atol(argv[2]), calls = atol(argv[3]);
    for (int i = 4; i < argc; i++)
        only[only_count++] = atoi(argv[i]);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    area = mmap(NULL, PAGES * 4096 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area + PAGES * 4096, 4096);
    readonly = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    nothing = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    mkdir("/tmp/fuzz", 0777);
    if (chdir("/tmp/fuzz"))
        return 3;
    for (long n = 0; n < children; n++) {
        int status;
        tree();
        pid_t pid = fork();
        if (pid == 0)
            child(seed * 1000003 + n * 7919 + 88172645463325252ULL, calls);
        for (int i = 0; i < 300 && waitpid(pid, &status, WNOHANG | __WALL) != pid; i++)
            pause_ms(1);
        kill(-1, SIGKILL);
        while (waitpid(-1, &status, __WALL) > 0) {
        }
    }
    int kinds = 0;
    for (int i = 0; i < NUMBERS; i++)
        kinds += counts->ok[i] > 0;
    say("calls %ld worked %ld kinds %d", counts->made, counts->worked, kinds);
    return 0;
}

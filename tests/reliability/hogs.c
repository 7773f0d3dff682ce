/* hogs NAME: programs that take all there is of one thing and hold it until they are killed. Only for the guest: never
 * run one natively. Each does what it can alone; `spread` then has as many children do the same as there can be. */
#include <linux/futex.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "../guest/guest.h"

enum { MIB = 1 << 20, GIB = 1 << 30 };
static char bytes[MIB];

static void hold(void)
{
    for (;;)
        pause();
}

/* As many children as there can be do it too. */
__attribute__((noreturn)) static void spread(void (*what)(void))
{
    for (;;) {
        pid_t pid = fork();
        if (pid == -1)
            hold();
        if (pid == 0) {
            what();
            hold();
        }
        for (int i = 0; i < 50; i++)
            sched_yield();
    }
}

static void all_descriptors(void)
{
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
}

/* --- processes */

static void forks(void)
{
    for (;;)
        fork();
}

static void exec_forks(void)
{
    for (;;)
        if (fork() == 0)
            execl("/proc/self/exe", "hogs", "exec_forks", (char *)0);
}

static void *thread(void *argument)
{
    hold();
    return argument;
}

static void threads_here(void)
{
    pthread_attr_t small;
    pthread_t id;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    while (pthread_create(&id, &small, thread, NULL) == 0) {
    }
}

static void threads(void) { spread(threads_here); }

static void execs(void)
{
    execl("/proc/self/exe", "hogs", "execs", (char *)0);
}

static void vfork_chain(void)
{
    for (;;)
        if (vfork() > 0)
            hold();
}

static void clone_flags(void)
{
    for (unsigned long flags = 0x100;; flags += 0x2f00) {
        char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        long pid = syscall(SYS_clone, (flags & 0xffffff00 & ~0x80000000UL) | SIGCHLD, flags & CLONE_VM ? stack + 16384 : 0,
                           stack, stack, stack);
        if (pid == 0)
            for (;;)
                syscall(SYS_pause);
        munmap(stack, flags & CLONE_VM ? 0 : 16384);
    }
}

static void zombies(void)
{
    for (;;)
        if (fork() == 0)
            _exit(0);
}

static void pids(void)
{
    while (fork() > 0 || errno != EAGAIN) {
    }
    hold();
}

static void stops(void)
{
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            raise(SIGSTOP);
        kill(pid, SIGSTOP);
        kill(pid, SIGCONT);
    }
}

static void tracers(void)
{
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            forks();
        ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
        if (pid == -1)
            hold();
    }
}

/* --- memory */

static void heap(void)
{
    for (;;) {
        char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED)
            memset(memory, 1, MIB);
    }
}

static void heaps(void) { spread(heap); }

static int recurse(int depth)
{
    volatile char frame[4096];
    frame[0] = depth;
    return recurse(depth + 1) + frame[0];
}

static void stack(void)
{
    struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    setrlimit(RLIMIT_STACK, &all);
    recurse(0);
}

static void write_all(int fd)
{
    memset(bytes, 1, sizeof bytes);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
}

static void file(void) { write_all(open("/tmp/all", O_CREAT | O_WRONLY, 0600)), hold(); }
static void memfd(void) { write_all(memfd_create("all", 0)), hold(); }

static void tmpfs(void)
{
    mkdir("/tmp/m", 0700);
    for (;;) {
        if (mount("none", "/tmp/m", "tmpfs", 0, "size=100%"))
            hold();
        int fd = open("/tmp/m/all", O_CREAT | O_WRONLY, 0600);
        write_all(fd);
        close(fd);
    }
}

static void shared_memory(void)
{
    for (;;) {
        int id = shmget(IPC_PRIVATE, MIB, 0600);
        if (id == -1)
            hold();
        char *memory = shmat(id, NULL, 0);
        if (memory != (void *)-1)
            memset(memory, 1, MIB);
        shmdt(memory);
    }
}

static void locked(void)
{
    for (;;) {
        char *memory = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        mlockall(MCL_CURRENT | MCL_FUTURE);
        if (memory == MAP_FAILED)
            sched_yield();
    }
}

static void page_tables(void)
{
    for (;;) {
        char *memory = mmap(NULL, 512UL * GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            hold();
        for (unsigned long at = 0; at < 512UL * GIB; at += 2 * MIB)
            ((volatile char *)memory)[at];
    }
}

static void populate(void)
{
    for (unsigned long size = 64UL * 1024 * GIB; size > MIB; size /= 2) {
        mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
        char *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory != MAP_FAILED) {
            madvise(memory, size, 22 /* MADV_POPULATE_READ */);
            mlock(memory, size);
        }
    }
    hold();
}

static void arguments_here(void)
{
    static char *words[64];
    memset(bytes, 'x', 131000);
    bytes[131000] = 0;
    for (int i = 0; i < 63; i++)
        words[i] = i ? bytes : "hogs";
    words[1] = "hold";
    setenv("x", bytes, 1);
    for (int count = 16; count > 2; count--) {
        words[count] = NULL;
        execv("/proc/self/exe", words);
    }
}

static void arguments(void) { spread(arguments_here); }

static void areas_here(void)
{
    char *memory = mmap(NULL, 400UL * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (unsigned long at = 0; at < 400UL * MIB; at += 8192)
        if (mprotect(memory + at, 4096, PROT_READ | PROT_WRITE))
            break;
}

static void areas(void) { areas_here(), spread(areas_here); }

static void sparse(void)
{
    int fd = open("/tmp/sparse", O_CREAT | O_RDWR, 0600);
    for (unsigned long at = 0; ftruncate(fd, at + 1) == 0 && pwrite(fd, "x", 1, at) == 1; at += 64UL * MIB) {
    }
    hold();
}

/* --- buffers */

static void fill_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, 65536) > 0) {
    }
    while (write(fd, bytes, 1) > 0) {
    }
}

static void pipes_here(void)
{
    int ends[2];
    all_descriptors();
    while (pipe(ends) == 0) {
        fcntl(ends[1], F_SETPIPE_SZ, MIB);
        fill_nonblocking(ends[1]);
    }
}

static void pipes(void) { spread(pipes_here); }

static void socket_buffers_here(void)
{
    int ends[2], size = 64 * MIB;
    all_descriptors();
    for (int i = 0; socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, ends) == 0; i++) {
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
        fill_nonblocking(ends[0]);
        fill_nonblocking(ends[1]);
    }
}

static void socket_buffers(void) { spread(socket_buffers_here); }

static void in_flight_here(void)
{
    all_descriptors();
    for (;;) {
        int ends[2], last = -1;
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
            return;
        for (;;) { /* a descriptor in a message in a socket in a message ... */
            char space[CMSG_SPACE(sizeof(int) * 250)] = { 0 };
            struct iovec one = { "x", 1 };
            struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
            struct cmsghdr *head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof(int) * 250);
            for (int i = 0; i < 250; i++) /* ... and a ring of some */
                ((int *)CMSG_DATA(head))[i] = i % 2 && last != -1 ? last : ends[1];
            int sent = sendmsg(ends[0], &message, MSG_DONTWAIT);
            close(ends[0]);
            if (last != -1)
                close(last);
            last = ends[1];
            if (sent == -1 || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
                break;
        }
    }
}

static void in_flight(void) { spread(in_flight_here); }

static void messages(void)
{
    for (;;) {
        int id = msgget(IPC_PRIVATE, 0600);
        if (id == -1)
            break;
        *(long *)bytes = 1;
        while (msgsnd(id, bytes, 8000, IPC_NOWAIT) == 0) {
        }
        while (msgsnd(id, bytes, 0, IPC_NOWAIT) == 0) {
        }
    }
    for (int i = 0;; i++) {
        char name[32];
        snprintf(name, sizeof name, "/q%d", i);
        struct mq_attr attributes = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
        int fd = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes);
        if (fd == -1)
            hold();
        while (mq_send(fd, bytes, 8192, 1) == 0) {
        }
        mq_close(fd);
    }
}

static void signals_here(void)
{
    union sigval value = { 0 };
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    while (sigqueue(getpid(), SIGRTMIN + 1, value) == 0) {
    }
}

static void signals(void) { signals_here(), spread(signals_here); }

/* --- descriptors and what they stand for */

static void descriptors_here(void)
{
    all_descriptors();
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
}

static void descriptors(void) { spread(descriptors_here); }

static void empty_pipes_here(void)
{
    int ends[2];
    all_descriptors();
    while (pipe(ends) == 0) {
    }
}

static void empty_pipes(void) { spread(empty_pipes_here); }

static void sockets_here(void)
{
    int ends[2];
    all_descriptors();
    while (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
    }
}

static void sockets(void) { spread(sockets_here); }

static void epolls_here(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int watched = eventfd(0, 0);
    all_descriptors();
    for (int i = 0; i < 400; i++)
        dup(watched);
    for (;;) {
        int fd = epoll_create1(0);
        if (fd == -1)
            return;
        for (int i = 3; i < 400; i++)
            epoll_ctl(fd, EPOLL_CTL_ADD, i, &event);
    }
}

static void epolls(void) { spread(epolls_here); }

static void timer_files_here(void)
{
    struct itimerspec soon = { { 0, 1000 }, { 0, 1 } };
    all_descriptors();
    for (;;) {
        int fd = timerfd_create(CLOCK_MONOTONIC, 0);
        if (fd == -1 || eventfd(1, 0) == -1 || memfd_create("x", 0) == -1)
            return;
        timerfd_settime(fd, 0, &soon, NULL);
    }
}

static void timer_files(void) { spread(timer_files_here); }

static void timers_here(void)
{
    timer_t id;
    struct itimerspec often = { { 0, 1 }, { 0, 1 } };
    signal(SIGALRM, SIG_IGN);
    while (timer_create(CLOCK_MONOTONIC, NULL, &id) == 0)
        timer_settime(id, 0, &often, NULL);
}

static void timers(void) { spread(timers_here); }

static void watches(void)
{
    for (;;) {
        int fd = syscall(SYS_inotify_init1, 0);
        if (fd == -1)
            break;
        for (int i = 0; i < 100000; i++) {
            char name[32];
            snprintf(name, sizeof name, "/tmp/w%d", i);
            close(open(name, O_CREAT | O_RDWR, 0600));
            if (syscall(SYS_inotify_add_watch, fd, name, 0xfff) == -1)
                break;
        }
    }
    hold();
}

static void terminals_here(void)
{
    all_descriptors();
    for (;;) {
        int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY), unlock = 0;
        char name[32];
        if (fd == -1)
            return;
        ioctl(fd, 0x40045431 /* TIOCSPTLCK */, &unlock);
        unsigned number = 0;
        ioctl(fd, 0x80045430 /* TIOCGPTN */, &number);
        snprintf(name, sizeof name, "/dev/pts/%u", number);
        int terminal = open(name, O_RDWR | O_NOCTTY);
        fcntl(fd, F_SETFL, O_NONBLOCK), fcntl(terminal, F_SETFL, O_NONBLOCK);
        for (int i = 0; i < 20; i++) /* a line without an end is taken, and lost, for ever */
            if (write(terminal, bytes, 4096) + write(fd, bytes, 4096) < 0)
                break;
    }
}

static void terminals(void) { spread(terminals_here); }

static void internet_here(void)
{
    struct { uint16_t family, port; uint32_t address; char rest[8]; } to = { AF_INET, 0, __builtin_bswap32(0x7f000001), "" };
    all_descriptors();
    for (int i = 0;; i++) {
        int fd = socket(AF_INET, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0), length = sizeof to;
        if (fd == -1)
            return;
        to.port = 0;
        bind(fd, (void *)&to, sizeof to);
        listen(fd, 1000000);
        getsockname(fd, (void *)&to, (void *)&length);
        for (int j = 0; j < 50; j++) {
            int other = socket(AF_INET, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
            fcntl(other, F_SETFL, O_NONBLOCK);
            connect(other, (void *)&to, sizeof to);
            for (int k = 0; k < 100; k++)
                if (write(other, bytes, 60000) <= 0)
                    break;
        }
    }
}

static void internet(void) { spread(internet_here); }

/* --- files */

static void names(void)
{
    char name[300];
    mkdir("/tmp/names", 0700);
    for (int i = 0;; i++) {
        int at = snprintf(name, sizeof name, "/tmp/names/%d", i);
        memset(name + at, 'n', 200);
        name[at + 200] = 0;
        int fd = open(name, O_CREAT | O_RDWR, 0600);
        if (fd == -1 && errno != ENOSPC && errno != ENOMEM)
            say("names: %s", err(errno));
        if (fd == -1)
            hold();
        close(fd);
        stat("/tmp/nothing", &(struct stat){ 0 });
    }
}

static void links(void)
{
    char name[64];
    memset(bytes, 't', 4000);
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "/tmp/link%d", i);
        if (symlink(bytes, name) || link(name, strcat(name, "b")))
            hold();
    }
}

static void deep(void)
{
    char name[256];
    memset(name, 'd', 255);
    name[255] = 0;
    chdir("/tmp");
    while (mkdir(name, 0700) == 0 && chdir(name) == 0) {
    }
    getcwd(bytes, sizeof bytes);
    hold();
}

static void unlinked_here(void)
{
    all_descriptors();
    for (;;) {
        int fd = open("/tmp/gone", O_CREAT | O_RDWR, 0600);
        if (fd == -1)
            return;
        unlink("/tmp/gone");
        write(fd, bytes, 4096);
    }
}

static void unlinked(void) { spread(unlinked_here); }

static void attributes(void)
{
    char name[64];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "/tmp/x%d", i);
        close(open(name, O_CREAT | O_RDWR, 0600));
        for (int k = 0; k < 30; k++) {
            char key[32];
            snprintf(key, sizeof key, "user.%d", k);
            if (syscall(SYS_setxattr, name, key, bytes, 65536, 0) && k == 0)
                hold();
        }
    }
}

static void locks(void)
{
    int fd = open("/tmp/locks", O_CREAT | O_RDWR, 0600);
    for (long at = 0;; at += 2) {
        struct flock lock = { .l_type = F_WRLCK, .l_start = at, .l_len = 1 };
        if (fcntl(fd, F_SETLK, &lock))
            hold();
    }
}

static void semaphores(void)
{
    while (semget(IPC_PRIVATE, 250, 0600) != -1) {
    }
    hold();
}

static void segments(void)
{
    for (;;) {
        int id = shmget(IPC_PRIVATE, 4096, 0600);
        if (id == -1 || shmat(id, NULL, 0) == (void *)-1)
            hold();
    }
}

static void mounts(void)
{
    char name[64];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "/tmp/m%d", i % 100);
        mkdir(name, 0700);
        if (mount(i % 2 ? "none" : "/proc", name, i % 2 ? "tmpfs" : NULL, i % 2 ? 0 : MS_BIND, NULL))
            hold();
    }
}

static void mounts_doubled(void)
{
    mkdir("/tmp/a", 0700);
    mount("none", "/tmp/a", "tmpfs", 0, NULL);
    mount(NULL, "/tmp/a", NULL, MS_SHARED, NULL);
    mkdir("/tmp/a/b", 0700);
    for (;;)
        if (mount("/tmp/a", "/tmp/a/b", NULL, MS_BIND | MS_REC, NULL))
            hold();
}

static void namespaces_here(void)
{
    for (;;) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP))
            if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET))
                return;
        open("/proc/self/ns/net", O_RDONLY);
        open("/proc/self/ns/mnt", O_RDONLY);
        open("/proc/self/ns/ipc", O_RDONLY);
        if (unshare(CLONE_NEWPID) == 0 && fork() == 0)
            continue;
    }
}

static void namespaces(void) { spread(namespaces_here); }

static void groups(void)
{
    char name[4096] = "/tmp/cg";
    mkdir(name, 0700);
    if (mount("none", name, "cgroup2", 0, NULL))
        die("mount cgroup2");
    chdir(name);
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "g%d", i);
        if (mkdir(name, 0700) || (i % 2 && chdir(name)))
            hold();
    }
}

static void lookups(void)
{
    static const char *const places[] = { "/proc/self/task", "/proc/1", "/proc/self/fd", "/usr/share", "/usr/lib", "/dev" };
    char name[600];
    for (long i = 0;; i++) {
        snprintf(name, sizeof name, "%s/no%ld", places[i % NELEM(places)], i);
        access(name, F_OK);
        snprintf(name, sizeof name, "/proc/%ld/stat", i % 40000);
        access(name, F_OK);
    }
}

/* --- one call that asks for much */

static char *gigabytes(int protection)
{
    char *memory = mmap(NULL, 2UL * GIB, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        die("mmap of 2 GiB");
    return memory;
}

static void big_calls(void)
{
    char *memory = gigabytes(PROT_READ);
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR), ends[2];
    int file = open("/tmp/big", O_CREAT | O_RDWR, 0600);
    size_t much = 0x7ffff000;
    write(null, memory, much);
    write(full, memory, much);
    write(file, memory, much);
    ftruncate(file, 0);
    pipe(ends);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    write(ends[1], memory, much);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    write(ends[1], memory, much);
    struct iovec vector[1024];
    for (int i = 0; i < 1024; i++)
        vector[i] = (struct iovec){ memory, much / 1024 };
    writev(null, vector, 1024);
    writev(ends[0], vector, 1024);
    syscall(SYS_process_vm_readv, getpid(), vector, 1024, vector, 1024, 0);
    syscall(SYS_mq_timedsend, open("/dev/null", 0), memory, much, 0, NULL);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, memory, much);
    syscall(SYS_sched_setaffinity, 0, much, memory);
    syscall(SYS_mincore, memory, 2UL * GIB, bytes);
    msync(memory, 2UL * GIB, MS_SYNC);
    int mm = open("/proc/self/pagemap", O_RDONLY);
    pread(mm, memory, much, 0);
    say("written");
    memory = gigabytes(PROT_READ | PROT_WRITE);
    read(null, memory, much);
    pread(open("/proc/self/mem", O_RDONLY), memory, much, (off_t)memory);
    ftruncate(file, much);
    pread(file, memory, 16 * MIB, 0);
    syscall(SYS_getrandom, memory, 4 * MIB, 0);
    syscall(SYS_getdents64, open("/", O_RDONLY | O_DIRECTORY), memory, much);
    say("read");
    read(zero, memory, much); /* more than there is: who asked is killed */
    hold();
}

static void big_random(void)
{
    char *memory = gigabytes(PROT_READ | PROT_WRITE);
    syscall(SYS_getrandom, memory, 2UL * GIB - 1, 0);
    hold();
}

/* --- those that keep the processor, and the clock, busy */

static void tight_loop(void)
{
    for (;;)
        __asm__ volatile("");
}

static void long_instruction(void)
{
    char *memory = gigabytes(PROT_READ);
    for (;;) {
        unsigned long count = 2UL * GIB;
        char *from = memory, scratch = 0;
        __asm__ volatile("repe scasb" : "+D"(from), "+c"(count) : "a"(scratch) : "memory", "cc");
    }
}

static void long_move(void)
{
    char *memory = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (;;) {
        unsigned long count = 8 * MIB - 1;
        char *from = memory, *to = memory + 1;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
    }
}

static void tick(int number) { (void)number; }

static void fast_timers(void)
{
    struct itimerval often = { { 0, 1 }, { 0, 1 } };
    timer_t id;
    struct itimerspec oftener = { { 0, 1 }, { 0, 1 } };
    signal(SIGALRM, tick);
    signal(SIGVTALRM, tick);
    signal(SIGPROF, tick);
    setitimer(ITIMER_REAL, &often, NULL);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    timer_create(CLOCK_MONOTONIC, NULL, &id);
    timer_settime(id, 0, &oftener, NULL);
    hold();
}

static void ignored_timers(void)
{
    timer_t id;
    struct itimerval often = { { 0, 1 }, { 0, 1 } };
    struct itimerspec oftener = { { 0, 1 }, { 0, 1 } };
    signal(SIGALRM, SIG_IGN);
    setitimer(ITIMER_REAL, &often, NULL);
    timer_create(CLOCK_MONOTONIC, NULL, &id);
    timer_settime(id, 0, &oftener, NULL);
    int fd = timerfd_create(CLOCK_MONOTONIC, 0), set = epoll_create1(0);
    timerfd_settime(fd, 0, &oftener, NULL);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    for (;;)
        epoll_wait(set, &event, 1, -1);
}

static void yields(void)
{
    fork(), fork(), fork();
    for (;;)
        sched_yield();
}

static void signal_storm(void)
{
    pid_t other = fork() ? getppid() : 0;
    signal(SIGUSR1, tick);
    setpgid(0, 0);
    for (;;) {
        kill(0, SIGUSR1);
        raise(SIGUSR1);
        (void)other;
    }
}

static void real_time(void)
{
    struct sched_param most = { 99 };
    sched_setscheduler(0, SCHED_FIFO, &most);
    fork(), fork();
    tight_loop();
}

static void deaf(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 1; i < 65; i++)
        signal(i, SIG_IGN);
    for (;;)
        if (fork() == 0)
            setsid();
}

#define HOG(name) { #name, name }
static const struct { const char *name; void (*run)(void); } hogs[] = {
    HOG(hold), HOG(forks), HOG(exec_forks), HOG(threads), HOG(execs), HOG(vfork_chain), HOG(clone_flags), HOG(zombies), HOG(pids),
    HOG(stops), HOG(tracers), HOG(heap), HOG(heaps), HOG(stack), HOG(file), HOG(memfd), HOG(tmpfs), HOG(shared_memory),
    HOG(locked), HOG(page_tables), HOG(populate), HOG(arguments), HOG(areas), HOG(sparse), HOG(pipes), HOG(socket_buffers),
    HOG(in_flight), HOG(messages), HOG(signals), HOG(descriptors), HOG(empty_pipes), HOG(sockets), HOG(epolls),
    HOG(timer_files), HOG(timers), HOG(watches), HOG(terminals), HOG(internet), HOG(names), HOG(links), HOG(deep),
    HOG(unlinked), HOG(attributes), HOG(locks), HOG(semaphores), HOG(segments), HOG(mounts), HOG(mounts_doubled),
    HOG(namespaces), HOG(groups), HOG(lookups), HOG(big_calls), HOG(big_random), HOG(tight_loop), HOG(long_instruction),
    HOG(long_move), HOG(fast_timers), HOG(ignored_timers), HOG(yields), HOG(signal_storm), HOG(real_time), HOG(deaf),
};

int main(int argc, char **argv)
{
    if (!getenv("FORKERNEL_GUEST")) {
        fputs("hogs: only for the guest\n", stderr);
        return 2;
    }
    for (int i = 0; i < NELEM(hogs); i++) {
        if (argc < 2)
            puts(hogs[i].name);
        else if (!strcmp(argv[1], hogs[i].name))
            hogs[i].run();
    }
    return argc > 1;
}

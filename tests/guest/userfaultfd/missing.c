// userfaultfd(2): missing pages filled in by another thread, and everything that is refused.
#include "guest.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#define PAGE 4096
static int uffd;
static char *area, *source;
static volatile int served;
static long api(int fd, uint64_t number, uint64_t features)
{
    struct uffdio_api request = { .api = number, .features = features };
    return ioctl(fd, UFFDIO_API, &request);
}
static long reg(int fd, void *start, unsigned long size, unsigned mode)
{
    struct uffdio_register request = { .range = { (uintptr_t)start, size }, .mode = mode };
    return ioctl(fd, UFFDIO_REGISTER, &request);
}
static void copy(const char *name, void *to, void *from, unsigned long size, unsigned mode)
{
    struct uffdio_copy request = { (uintptr_t)to, (uintptr_t)from, size, mode, 77 };
    long got = ioctl(uffd, UFFDIO_COPY, &request);
    say("%s: %s, copied %d", name, outcome(got), (int)request.copy);
}
static void zero(const char *name, void *start, unsigned long size)
{
    struct uffdio_zeropage request = { .range = { (uintptr_t)start, size }, .zeropage = 77 };
    long got = ioctl(uffd, UFFDIO_ZEROPAGE, &request);
    say("%s: %s, zeroed %d", name, outcome(got), (int)request.zeropage);
}
/* The page was touched: speak after the server did. */
static void after(int count)
{
    while (served < count)
        sched_yield();
}
static void *server(void *count)
{
    struct uffd_msg message;
    for (int i = 0; i < (long)count; i++) {
        if (read(uffd, &message, sizeof message) != sizeof message)
            die("read");
        int page = (message.arg.pagefault.address - (uintptr_t)area) / PAGE;
        say("event %x page %d offset %d flags %d thread %d", message.event, page, (int)(message.arg.pagefault.address % PAGE),
            (int)message.arg.pagefault.flags, message.arg.pagefault.feat.ptid == (unsigned)getpid());
        source[0] = 'a' + page;
        if (page == 3)
            zero("the page", area + page * PAGE, PAGE);
        else
            copy("the page", area + page * PAGE, source, PAGE, 0);
        served++;
    }
    return 0;
}
int main(void)
{
    TRY(syscall(SYS_userfaultfd, 2));
    int plain = MUST(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    say("flags %d %d", fcntl(plain, F_GETFD), (fcntl(plain, F_GETFL) & O_NONBLOCK) != 0);
    char link[100] = "", path[40], buffer[100];
    sprintf(path, "/proc/self/fd/%d", plain);
    readlink(path, link, 99);
    say("%s", link);
    TRY(read(plain, buffer, 100));
    TRY(reg(plain, 0, PAGE, 1));
    TRYAS("wrong api", api(plain, 0xab, 0));
    TRYAS("unknown feature", api(plain, UFFD_API, 1ULL << 50));
    struct pollfd entry = { plain, POLLIN };
    poll(&entry, 1, 0);
    say("poll %x", entry.revents);
    TRYAS("api", api(plain, UFFD_API, 0));
    TRYAS("api again", api(plain, UFFD_API, 0));
    entry.revents = 0;
    poll(&entry, 1, 0);
    say("poll %x", entry.revents);
    TRY(read(plain, buffer, 31));
    TRY(read(plain, buffer, 32));
    area = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    source = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(reg(plain, area + 1, PAGE, 1));
    TRY(reg(plain, area, PAGE + 1, 1));
    TRY(reg(plain, area, 0, 1));
    TRY(reg(plain, area, PAGE, 0));
    TRY(reg(plain, area, PAGE, 16));
    TRY(reg(plain, (void *)PAGE, PAGE, 1));
    TRY(ioctl(plain, 0x1234, 0));
    uffd = MUST(syscall(SYS_userfaultfd, 0));
    MUST(api(uffd, UFFD_API, UFFD_FEATURE_THREAD_ID));
    area[2 * PAGE] = 'x';
    TRY(reg(uffd, area, 6 * PAGE, 1));
    TRYAS("another's", reg(plain, area, PAGE, 1));
    TRYAS("again", reg(uffd, area, 6 * PAGE, 1));
    strcpy(source, "?filled");
    pthread_t id;
    pthread_create(&id, 0, server, (void *)4);
    volatile char byte = area[1 * PAGE];
    after(1);
    say("read: %s", area + 1 * PAGE);
    area[4 * PAGE + 1] = 'F';
    after(2);
    say("written: %s", area + 4 * PAGE);
    byte = area[3 * PAGE];
    after(3);
    say("zeroed: %d", area[3 * PAGE + 5]);
    say("unregistered: %d", area[7 * PAGE]);
    say("present: %c", area[2 * PAGE]);
    byte = area[5 * PAGE];
    after(4);
    say("the last: %s", area + 5 * PAGE + 2);
    pthread_join(id, 0);
    say("served %d", served);
    copy("present", area + PAGE, source, PAGE, 0);
    copy("unaligned", area + 1, source, PAGE, 0);
    copy("length 0", area, source, 0, 0);
    copy("wrong mode", area, source, PAGE, 8);
    copy("bad source", area, (void *)8, PAGE, 0);
    copy("beyond the area", area + 7 * PAGE, source, 2 * PAGE, 0);
    copy("not registered", area + 7 * PAGE, source, PAGE, 0);
    copy("two, the second present", area, source, 2 * PAGE, 1);
    zero("present", area, PAGE);
    int child = fork();
    if (!child) {
        madvise(area + PAGE, PAGE, MADV_DONTNEED);
        say("in the child: %d", area[PAGE]);
        _exit(0);
    }
    waitpid(child, 0, 0);
    madvise(area + PAGE, PAGE, MADV_DONTNEED);
    pthread_create(&id, 0, server, (void *)1);
    byte = area[PAGE];
    pthread_join(id, 0);
    say("missing again: %s", area + PAGE);
    char *shared = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TRYAS("shared", reg(uffd, shared, 2 * PAGE, 1));
    copy("into shared", shared, source, PAGE, 0);
    say("shared: %s", shared);
    int zeros = MUST(open("/proc/self/exe", O_RDONLY));
    char *file = mmap(0, PAGE, PROT_READ, MAP_PRIVATE, zeros, 0);
    TRYAS("a file", reg(uffd, file, PAGE, 1));
    struct uffdio_range range = { (uintptr_t)area, 6 * PAGE };
    TRY(ioctl(uffd, UFFDIO_UNREGISTER, &range));
    madvise(area, 6 * PAGE, MADV_DONTNEED);
    say("ordinary again: %d", area[0]);
    TRYAS("register once more", reg(uffd, area, 6 * PAGE, 1));
    close(uffd);
    say("closed: %d", area[PAGE]);
    setuid(12345);
    TRY(syscall(SYS_userfaultfd, 0));
    int mine = syscall(SYS_userfaultfd, 1);
    say("user mode only: %d", mine >= 0);
    MUST(api(mine, UFFD_API, UFFD_FEATURE_SIGBUS));
    madvise(area, 6 * PAGE, MADV_DONTNEED);
    TRY(reg(mine, area, 6 * PAGE, 1));
    TRY(write(1, area, 1));
    child = fork();
    if (!child) {
        say("the child's is ordinary: %d", area[0]);
        _exit(0);
    }
    waitpid(child, 0, 0);
    fflush(0);
    return area[0];
}

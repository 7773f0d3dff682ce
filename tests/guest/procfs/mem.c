/* /proc/PID/mem: the memory of a process as a file. What the areas forbid does not count, what is not there is EIO. */
#include "../guest.h"

#define PAGE 4096
typedef int (*function)(void);
static const char constant[] = "a constant";
static volatile long word = 42;

static const char *shown(long result)
{
    static char text[40];
    if (result < 0)
        snprintf(text, sizeof text, "%s", errno == EIO ? "EIO" : errno == EINVAL ? "EINVAL" : errno == EBADF ? "EBADF" : "other");
    else
        snprintf(text, sizeof text, "%ld", result);
    return text;
}

static void own(void)
{
    int fd = open("/proc/self/mem", O_RDWR);
    long value = 0;
    char text[16] = "";
    printf("open: %d\n", fd >= 0);
    printf("read: %s", shown(pread(fd, &value, sizeof value, (off_t)(uintptr_t)&word)));
    printf(" %ld\n", value);
    value = 43;
    printf("write: %s", shown(pwrite(fd, &value, sizeof value, (off_t)(uintptr_t)&word)));
    printf(" %ld\n", word);
    printf("write a constant: %s", shown(pwrite(fd, "A CONST", 7, (off_t)(uintptr_t)constant)));
    __asm__ volatile("" : : : "memory");
    pread(fd, text, sizeof constant, (off_t)(uintptr_t)constant);
    printf(" %s\n", text);

    unsigned char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 'x', 3 * PAGE);
    munmap(pages + 2 * PAGE, PAGE);
    static char buffer[3 * PAGE];
    printf("up to the end: %s\n", shown(pread(fd, buffer, sizeof buffer, (off_t)(uintptr_t)pages + 5)));
    printf("behind it: %s\n", shown(pread(fd, buffer, 10, (off_t)(uintptr_t)pages + 2 * PAGE)));
    printf("written up to the end: %s\n", shown(pwrite(fd, buffer, sizeof buffer, (off_t)(uintptr_t)pages + 5)));
    printf("written behind it: %s\n", shown(pwrite(fd, buffer, 10, (off_t)(uintptr_t)pages + 2 * PAGE)));
    mprotect(pages, PAGE, PROT_NONE);
    memset(buffer, 0, sizeof buffer);
    printf("read of what may not be read: %s", shown(pread(fd, buffer, 3, (off_t)(uintptr_t)pages)));
    printf(" %c\n", buffer[0]);

    unsigned char *shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("a shared page that may not be written: %s\n", shown(pwrite(fd, "no", 2, (off_t)(uintptr_t)shared)));
    printf("address 0: %s\n", shown(pread(fd, buffer, 1, 0)));
    printf("nothing at address 0: %s\n", shown(pread(fd, buffer, 0, 0)));
    printf("lseek: %d %s\n", lseek(fd, (off_t)(uintptr_t)&word, SEEK_SET) == (off_t)(uintptr_t)&word,
           shown(lseek(fd, 0, SEEK_END)));
    printf("read at the position: %s", shown(read(fd, &value, 4)));
    printf(", moved: %d\n", lseek(fd, 0, SEEK_CUR) == (off_t)(uintptr_t)&word + 4);
    int readonly = open("/proc/self/mem", O_RDONLY);
    printf("write without leave: %s\n", shown(pwrite(readonly, "x", 1, (off_t)(uintptr_t)&word)));
    struct stat status;
    fstat(fd, &status);
    printf("mode %o, size %ld\n", status.st_mode, (long)status.st_size);

    unsigned char code[] = {0xB8, 1, 0, 0, 0, 0xC3}; /* mov $1, %eax; ret */
    memcpy(pages + PAGE, code, sizeof code);
    mprotect(pages + PAGE, PAGE, PROT_READ | PROT_EXEC);
    printf("code:");
    for (unsigned char number = 2; number < 6; number++) {
        printf(" %d", ((function)(void *)(pages + PAGE))());
        pwrite(fd, &number, 1, (off_t)(uintptr_t)(pages + PAGE + 1));
    }
    printf(" %d\n", ((function)(void *)(pages + PAGE))());
    close(fd);
    close(readonly);
}

static void of_a_child(void)
{
    int ready[2], go[2];
    char name[32], byte;
    long value = 0;
    if (pipe(ready) || pipe(go))
        return;
    pid_t child = fork();
    if (child == 0) {
        word = 100;
        if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(1);
        _exit(word == 200 ? 0 : 2);
    }
    if (read(ready[0], &byte, 1) != 1)
        return;
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int fd = open(name, O_RDWR);
    printf("child: %s", shown(pread(fd, &value, sizeof value, (off_t)(uintptr_t)&word)));
    printf(" %ld, mine %ld\n", value, word);
    value = 200;
    pwrite(fd, &value, sizeof value, (off_t)(uintptr_t)&word);
    int status;
    if (write(go[1], "", 1) != 1)
        return;
    waitpid(child, &status, 0);
    printf("it saw what was written: %d, mine %ld\n", status == 0, word);
    printf("when it is gone: %s\n", shown(pread(fd, &value, sizeof value, (off_t)(uintptr_t)&word)));
    printf("write then: %s\n", shown(pwrite(fd, &value, sizeof value, (off_t)(uintptr_t)&word)));
}

int main(void)
{
    own();
    of_a_child();
    return 0;
}

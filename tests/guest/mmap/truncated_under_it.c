// Pages beyond the end of a truncated file: SIGBUS; grown again: zeros. Private copies stay no better.
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static void handler(int number) { siglongjmp(back, number); }
static const char *probe(volatile char *p)
{
    static char texts[4][16];
    static int next;
    char *text = texts[next++ % 4];
    int number = sigsetjmp(back, 1);
    if (number)
        return sig(number);
    snprintf(text, 16, "%d", *p);
    return text;
}
int main(void)
{
    on_signal(SIGBUS, handler, 0);
    on_signal(SIGSEGV, handler, 0);
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    char data[12288];
    memset(data, 7, sizeof data);
    write(fd, data, sizeof data);
    char *s = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *p = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    p[8192] = 9;
    say("%s %s", probe(s + 8192), probe(p + 8192));
    ftruncate(fd, 5000);
    say("shared: %s %s %s", probe(s + 4999), probe(s + 5001), probe(s + 8192));
    say("private: %s %s", probe(p + 4999), probe(p + 8192));
    ftruncate(fd, 12288);
    say("grown: %s %s %s", probe(s + 4999), probe(s + 5001), probe(s + 8192));
    return 0;
}

// RLIMIT_FSIZE: a write up to the limit is short, beyond it SIGXFSZ and EFBIG.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    struct rlimit limit = { 1000, 2000 };
    MUST(setrlimit(RLIMIT_FSIZE, &limit));
    on_signal(SIGXFSZ, handler, 0);
    int fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    char data[800];
    memset(data, 'x', sizeof data);
    say("write %zd", write(fd, data, 800));
    say("write %zd", write(fd, data, 800));
    ssize_t n = write(fd, data, 800);
    say("write %s, signals %d", n == -1 ? err(errno) : "?", (int)count);
    n = ftruncate(fd, 5000);
    say("truncate %s, signals %d", n == -1 ? err(errno) : "ok", (int)count);
    TRY(ftruncate(fd, 500));
    say("pwrite beyond: %s", outcome(pwrite(fd, data, 10, 4000)));
    say("signals %d", (int)count);
    return 0;
}

/* Several processes wait for connections of one listener: with EPOLLEXCLUSIVE one wakes for each, and with accept. */
#include "inet.h"
#include <sys/epoll.h>

enum { WORKERS = 4 };

/* How many of the workers were woken by one connection; each says so and takes what there is. */
static void round_of(unsigned how)
{
    int listener = listener4(20), news[2], go[2];
    MUST(fcntl(listener, F_SETFL, O_NONBLOCK));
    MUST(pipe(news));
    MUST(pipe(go));
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0) {
            int set = MUST(epoll_create1(0));
            struct epoll_event event = { .events = EPOLLIN | how };
            MUST(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event));
            MUST(write(news[1], "r", 1));
            while (epoll_wait(set, &event, 1, 400) == 1) {
                int fd = accept(listener, NULL, NULL);
                MUST(write(news[1], fd >= 0 ? "a" : "e", 1));
                close(fd);
            }
            _exit(0);
        }
    char word[100];
    for (int i = 0; i < WORKERS; i++)
        MUST(read(news[0], word + i, 1));
    struct timespec moment = { 0, 50 * MS };
    nanosleep(&moment, NULL);
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect4(fd, "127.0.0.1", port_of(listener)));
    nanosleep(&moment, NULL);
    MUST(fcntl(news[0], F_SETFL, O_NONBLOCK));
    long n = read(news[0], word, sizeof word);
    int accepted = 0, empty = 0;
    for (int i = 0; i < n; i++) {
        accepted += word[i] == 'a';
        empty += word[i] == 'e';
    }
    say("%s: accepted %d%s", how & EPOLLEXCLUSIVE ? "exclusive" : "shared", accepted,
        how & EPOLLEXCLUSIVE ? empty ? ", woken for nothing" : ", one woken" : "");
    while (wait(NULL) > 0) { }
    close(listener);
}

static void blocking(void)
{
    int listener = listener4(20), news[2];
    MUST(pipe(news));
    pid_t worker[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if ((worker[i] = fork()) == 0) {
            for (;;) {
                MUST(accept(listener, NULL, NULL));
                MUST(write(news[1], (char[]){ '0' + i }, 1));
            }
        }
    struct timespec moment = { 0, 50 * MS };
    nanosleep(&moment, NULL);
    int seen[WORKERS] = { 0 };
    for (int i = 0; i < WORKERS; i++) {
        char which;
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        MUST(connect4(fd, "127.0.0.1", port_of(listener)));
        MUST(read(news[0], &which, 1));
        seen[which - '0']++;
        nanosleep(&moment, NULL);
    }
    int each = 1;
    for (int i = 0; i < WORKERS; i++)
        each &= seen[i] == 1;
    say("accept in turn: %s", each ? "each one" : "not each");
    for (int i = 0; i < WORKERS; i++)
        kill(worker[i], SIGKILL);
    while (wait(NULL) > 0) { }
}

/* Edge-triggered events of a connection. */
static void edges(void)
{
    int pair[2];
    tcp_pair(pair);
    int set = MUST(epoll_create1(0));
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET }, got;
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event));
#define LOOK(what) do { settle(); int n_ = epoll_wait(set, &got, 1, 0); \
        say("%s: %d %x", what, n_, n_ > 0 ? got.events : 0); } while (0)
    LOOK("first");
    LOOK("again");
    MUST(send(pair[1], "abc", 3, 0));
    LOOK("data");
    LOOK("again");
    MUST(send(pair[1], "abc", 3, 0));
    LOOK("more data");
    char data[10];
    MUST(recv(pair[0], data, 2, 0));
    LOOK("read some");
    MUST(shutdown(pair[1], SHUT_WR));
    LOOK("end");
    LOOK("again");
    MUST(close(pair[1]));
    MUST(send(pair[0], "x", 1, 0));
    LOOK("reset");
}

int main(void)
{
    own_net();
    round_of(EPOLLEXCLUSIVE);
    round_of(0);
    blocking();
    edges();
    return 0;
}

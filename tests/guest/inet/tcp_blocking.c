// timeout: 60
/* Calls that wait: accept, recv, send and connect across processes; time limits, signals, low-water marks. */
#include "inet.h"

static void nothing(int number) { }
static long since(struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}
#define TIMED(low, call) ({ struct timespec start_; clock_gettime(CLOCK_MONOTONIC, &start_); long result_ = (call); \
    int saved_ = errno; long took_ = since(&start_); errno = saved_; \
    say("%s: %s, waited %s", #call, res(result_), took_ >= (low) ? "long enough" : "too short"); result_; })

static void echo_children(void)
{
    int listener = listener4(10), port = port_of(listener);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            for (;;) {
                int fd = accept(listener, NULL, NULL);
                char data[100];
                long n;
                while ((n = recv(fd, data, sizeof data, 0)) > 0)
                    MUST(send(fd, data, n, 0));
                close(fd);
                if (n == 0 && data[0] == 'q')
                    _exit(0);
            }
        }
    int good = 0;
    for (int i = 0; i < 12; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        char data[20], back[20] = "";
        MUST(connect4(fd, "127.0.0.1", port));
        snprintf(data, sizeof data, "%s%d", i < 9 ? "n" : "q", i);
        MUST(send(fd, data, strlen(data), 0));
        MUST(shutdown(fd, SHUT_WR));
        MUST(recv(fd, back, sizeof back, MSG_WAITALL));
        good += strcmp(data, back) == 0;
        close(fd);
    }
    for (int i = 0; i < 3; i++)
        wait(NULL);
    say("echoed %d", good);
    close(listener);
}

static void much_data(int from_file)
{
    int pair[2];
    enum { SIZE = 3000000 };
    tcp_pair(pair);
    unsigned char *data = malloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        data[i] = i * 7 + i / 1000;
    pid_t child = MUST(fork());
    if (child == 0) {
        close(pair[1]);
        for (long done = 0; done < SIZE;) {
            long n = from_file ? write(pair[0], data + done, SIZE - done) : send(pair[0], data + done, SIZE - done, 0);
            if (n <= 0)
                _exit(1);
            done += n;
        }
        _exit(0);
    }
    close(pair[0]);
    long total = 0, bad = 0, n;
    static unsigned char part[70000];
    while ((n = recv(pair[1], part, 1 + total % sizeof part, 0)) > 0) {
        for (int i = 0; i < n; i++)
            bad += part[i] != data[total + i];
        total += n;
    }
    int status;
    wait(&status);
    say("got %ld, wrong %ld, writer %d", total, bad, status);
    close(pair[1]);
    free(data);
}

static void limits(void)
{
    int pair[2];
    char data[100];
    struct timeval limit = { 0, 50000 };
    tcp_pair(pair);
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    TIMED(45, recv(pair[0], data, 10, 0));
    TIMED(45, read(pair[0], data, 10));
    MUST(send(pair[1], "abc", 3, 0));
    say("part of all: %ld", TIMED(45, recv(pair[0], data, 10, MSG_WAITALL)));
    MUST(set_int(pair[0], SOL_SOCKET, SO_RCVLOWAT, 4));
    MUST(send(pair[1], "abc", 3, 0));
    settle();
    say("poll %s", events_text(revents(pair[0])));
    say("low water: %ld", TIMED(45, recv(pair[0], data, 10, 0)));
    MUST(send(pair[1], "abcde", 5, 0));
    settle();
    say("poll %s", events_text(revents(pair[0])));
    int listener = listener4(1);
    MUST(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    TIMED(45, accept(listener, NULL, NULL));
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    static char much[8 << 20];
    long sent = TIMED(45, send(pair[1], much, sizeof much, 0));
    YES(sent > 100000 && sent < (long)sizeof much);
    MUST(shutdown(pair[1], SHUT_WR));
    long total = 0, n;
    limit.tv_usec = 0;
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    while ((n = recv(pair[0], much, sizeof much, 0)) > 0)
        total += n;
    YES(total == sent + 5);
    say("poll %s", events_text(revents(pair[1])));
}

static void interrupted(void)
{
    int pair[2];
    char data[10];
    struct sigaction action = { .sa_handler = nothing };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = { { 0, 0 }, { 0, 30000 } };
    tcp_pair(pair);
    setitimer(ITIMER_REAL, &soon, NULL);
    NTRY(recv(pair[0], data, sizeof data, 0));
    MUST(send(pair[1], "abc", 3, 0));
    setitimer(ITIMER_REAL, &soon, NULL);
    say("part: %ld", (long)recv(pair[0], data, sizeof data, MSG_WAITALL));
    int listener = listener4(1);
    setitimer(ITIMER_REAL, &soon, NULL);
    NTRY(accept(listener, NULL, NULL));
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    if (fork() == 0) {
        struct timespec later = { 0, 80 * MS };
        nanosleep(&later, NULL);
        send(pair[1], "x", 1, 0);
        _exit(0);
    }
    say("restarted: %ld", (long)recv(pair[0], data, sizeof data, 0));
    wait(NULL);
}

static void full_listener(void)
{
    int listener = listener4(1), port = port_of(listener), fd[4];
    for (int i = 0; i < 4; i++) {
        fd[i] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        say("%d %s", i, res(connect4(fd[i], "127.0.0.1", port)));
        settle();
        say("%d %s %s", i, state_name(tcp_state(fd[i])), events_text(revents(fd[i])));
    }
    NTRY(connect4(fd[2], "127.0.0.1", port));
    NTRY(send(fd[2], "x", 1, MSG_NOSIGNAL));
    NTRY(shutdown(fd[3], SHUT_WR));
    MUST(accept(listener, NULL, NULL));
    struct pollfd entry = { .fd = fd[2], .events = POLLOUT };
    say("after an accept: %d", TIMED(100, poll(&entry, 1, 5000)));
    NTRY(connect4(fd[2], "127.0.0.1", port));
    NTRY(connect4(fd[2], "127.0.0.1", port));
}

int main(void)
{
    own_net();
    echo_children();
    much_data(0);
    much_data(1);
    limits();
    interrupted();
    full_listener();
    return 0;
}

// needs: root linux-6.18
// Signal-driven input and output: SIGIO, a signal of F_SETSIG and SIGURG for pipes and AF_UNIX sockets.
#include "guest.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/ioctl.h>

static char told_text[4000];

static int told_length;

static void heard(int number, siginfo_t *info, void *context)
{
    const char *name = number == SIGIO ? "SIGIO" : number == SIGURG ? "SIGURG" : number >= SIGRTMIN ? "RT" : "USR1";
    int plain = info->si_code == SI_KERNEL;
    (void)context;
    told_length += sprintf(told_text + told_length, " [%s code %d band %lx fd %d]", name, info->si_code,
                           plain ? 0 : (long)info->si_band, plain ? 0 : info->si_fd);
}

static void told(const char*w) {
    say("%s:%s", w, told_text);
    told_length = 0;
    told_text[0] = 0;
}

static void async(int fd, int sig) {
    MUST(fcntl(fd, F_SETOWN, getpid()));
    MUST(fcntl(fd, F_SETSIG, sig));
    MUST(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL)|O_ASYNC));
}

int main() {
    struct sigaction sa = {.sa_sigaction = heard, .sa_flags = SA_SIGINFO|SA_RESTART};
    sigaction(SIGIO, &sa, 0);
    sigaction(SIGURG, &sa, 0);
    sigaction(SIGRTMIN+1, &sa, 0);
    sigaction(SIGUSR1, &sa, 0);
    char buf[70000] = {0};
    for (int sig = 0; sig<2; sig++) {
        int sg = sig?SIGRTMIN+1:0;
        int p[2];
        MUST(pipe(p));
        dup2(p[0], 20);
        dup2(p[1], 21);
        close(p[0]);
        close(p[1]);
        async(20, sg);
        async(21, sg);
        fcntl(20, F_SETFL, O_ASYNC|O_NONBLOCK);
        fcntl(21, F_SETFL, O_ASYNC|O_NONBLOCK);
        say("pipe %d flags %o", sig, fcntl(20, F_GETFL));
        write(21, "a", 1);
        told("write");
        write(21, "a", 1);
        told("write again");
        read(20, buf, 1);
        told("read");
        read(20, buf, 10);
        told("read all");
        write(21, buf, 65536);
        told("fill");
        write(21, "x", 1);
        told("no room");
        read(20, buf, 1);
        told("read one byte");
        read(20, buf, 4096);
        told("read a page");
        read(20, buf, 70000);
        told("read it");
        read(20, buf, 1);
        told("empty");
        close(21);
        told("writer closed");
        close(20);
        told("closed");
    }
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int k = 0; k<3; k++) {
        int s[2];
        MUST(socketpair(AF_UNIX, kinds[k], 0, s));
        dup2(s[0], 20);
        dup2(s[1], 21);
        close(s[0]);
        close(s[1]);
        async(20, SIGRTMIN+1);
        async(21, SIGRTMIN+1);
        int small = 5000;
        setsockopt(20, SOL_SOCKET, SO_SNDBUF, &small, 4);
        say("kind %d", kinds[k]);
        write(20, "ab", 2);
        told("write");
        write(20, "c", 1);
        told("again");
        read(21, buf, 1);
        told("read");
        recv(21, buf, 9, MSG_DONTWAIT);
        told("read");
        recv(21, buf, 9, MSG_DONTWAIT);
        told("rest");
        int i = 0;
        while (send(20, buf, 700, MSG_DONTWAIT)>0)i++;
        say("%d fit", i);
        told("full");
        for (;i>0&&recv(21, buf, 700, MSG_DONTWAIT)>0;i--)told("taken");
        send(20, "u", 1, MSG_OOB);
        told("urgent");
        recv(21, buf, 9, MSG_DONTWAIT);
        told("read");
        shutdown(20, SHUT_WR);
        told("shut WR");
        shutdown(20, SHUT_RD);
        told("shut RD");
        send(21, "x", 1, MSG_NOSIGNAL);
        told("x");
        close(20);
        told("closed");
        close(21);
        told("closed too");
    }
    int l = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0sigio-test"};
    MUST(bind(l, (void*)&un, 13));
    MUST(listen(l, 5));
    dup2(l, 20);
    close(l);
    async(20, SIGRTMIN+1);
    int c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(connect(c, (void*)&un, 13));
    told("connection");
    close(c);
    told("gone");
    close(20);
    int s[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    signal(SIGPIPE, SIG_IGN);
    dup2(s[0], 20);
    close(s[0]);
    int v = getpid();
    TRY(ioctl(20, FIOSETOWN, &v));
    v = 1;
    TRY(ioctl(20, FIOASYNC, &v));
    say("flags %o", fcntl(20, F_GETFL));
    write(s[1],"x", 1);
    told("plain");
    TRY(ioctl(20, SIOCGPGRP, &v));
    say("%d", v==getpid());
    v = 0;
    TRY(ioctl(20, FIOASYNC, &v));
    write(s[1],"x", 1);
    told("off");
    fcntl(20, F_SETSIG, SIGUSR1);
    fcntl(20, F_SETFL, O_ASYNC);
    write(s[1],"x", 1);
    told("USR1");
    struct f_owner_ex ex = {F_OWNER_TID, syscall(SYS_gettid)};
    TRY(fcntl(20, F_SETOWN_EX, &ex));
    write(s[1],"x", 1);
    told("tid");
    ex = (struct f_owner_ex){F_OWNER_PGRP, getpgrp()};
    fcntl(20, F_SETOWN, 0);
    write(s[1],"x", 1);
    told("nobody");
    say("own %d", fcntl(20, F_GETOWN));
    fflush(0);
    if (fork()) {
        wait(0);
        return 0;
    }
    MUST(setpgid(0, 0));
    TRY(fcntl(20, F_SETOWN, -getpgrp()));
    write(s[1],"x", 1);
    told("group");
    say("own %d", fcntl(20, F_GETOWN)==-getpgrp());
    memset(&ex, 0, sizeof ex);
    fcntl(20, F_GETOWN_EX, &ex);
    say("ex %d %d", ex.type, ex.pid==getpgrp());
    /* overflow */
    uid_t uid = 100000+getpid();
    MUST(setresuid(uid, uid, uid));
    struct rlimit r = {3, 3};
    MUST(setrlimit(RLIMIT_SIGPENDING, &r));
    fcntl(20, F_SETSIG, SIGRTMIN+1);
    sigset_t m;
    sigemptyset(&m);
    sigaddset(&m, SIGIO);
    sigaddset(&m, SIGRTMIN+1);
    sigprocmask(SIG_BLOCK, &m, 0);
    for (int i = 0; i<6; i++)write(s[1],"x", 1);
    sigprocmask(SIG_UNBLOCK, &m, 0);
    told("overflow");
    int e = open("/dev/null", O_RDWR);
    fcntl(e, F_SETFL, O_ASYNC);
    say("null %o", fcntl(e, F_GETFL));
    v = 1;
    TRY(ioctl(e, FIOASYNC, &v));
    TRY(fcntl(20, F_SETSIG, 99));
    TRY(fcntl(20, F_SETOWN, 99999999));
    TRY(fcntl(20, F_SETOWN, 0x80000000));
    return 0;
}

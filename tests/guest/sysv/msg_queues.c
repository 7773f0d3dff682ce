// Message queues: types, truncation, copies, limits, waiting senders and receivers, removal.
#include "../sysv.h"
static int id;
struct m { long type; char text[9000]; };
static struct m box;
static void nothing(int number) { (void)number; }
static void send(long type, const char *text)
{
    box.type = type;
    strcpy(box.text, text);
    MUST(msgsnd(id, &box, strlen(text), 0));
}
static void receive(size_t size, long type, int flags)
{
    memset(&box, 0, sizeof box);
    ssize_t n = msgrcv(id, &box, size, type, flags | IPC_NOWAIT);
    if (n == -1)
        say("receive %ld flags %#o: %s", type, flags, erri(errno));
    else
        say("receive %ld flags %#o: %zd bytes, type %ld, %.*s", type, flags, n, box.type, (int)n, box.text);
}
static void state(void)
{
    struct msqid_ds ds;
    MUST(msgctl(id, IPC_STAT, &ds));
    say("%ld messages, %ld bytes of %ld, last %s %s", (long)ds.msg_qnum, (long)ds.__msg_cbytes, (long)ds.msg_qbytes,
        ds.msg_lspid == getpid() ? "mine" : ds.msg_lspid ? "another" : "0",
        ds.msg_lrpid == getpid() ? "mine" : ds.msg_lrpid ? "another" : "0");
}
static void fill(void)
{
    for (int type = 5; type > 0; type--) {
        char text[16];
        snprintf(text, sizeof text, "type%d", type);
        send(type, text);
        send(type, "again");
    }
}
static pid_t receiver(long type, int flags, size_t size, int delay)
{
    pid_t pid = spawn();
    if (pid == 0) {
        on_signal(SIGUSR1, nothing, SA_RESTART);
        ssize_t n = msgrcv(id, &box, size, type, flags);
        pause_ms(delay);
        if (n == -1)
            say("receiver of %ld: %s", type, erri(errno));
        else
            say("receiver of %ld: %zd bytes %.*s of type %ld", type, n, (int)n, box.text, box.type);
        _exit(0);
    }
    until_state(pid, 'S');
    return pid;
}
int main(void)
{
    id = MUST(msgget(IPC_PRIVATE, 0600));
    state();
    fill();
    state();
    receive(100, 0, 0);
    receive(100, 3, 0);
    receive(100, -2, 0);
    receive(100, -2, 0);
    receive(100, -2, 0);
    receive(100, -99, 0);
    receive(100, 5, MSG_EXCEPT);
    receive(100, 5, 0);
    receive(100, 77, 0);
    receive(100, 0, MSG_COPY);
    receive(100, 1, MSG_COPY);
    receive(100, 9, MSG_COPY);
    receive(100, -1, MSG_COPY);
    receive(2, 0, MSG_COPY);
    receive(2, 0, MSG_COPY | MSG_NOERROR);
    receive(100, 0, MSG_COPY | MSG_EXCEPT);
    TRYI(msgrcv(id, &box, 10, 0, MSG_COPY));
    receive(2, 0, 0);
    receive(2, 0, MSG_NOERROR);
    state();
    while (msgrcv(id, &box, 100, 0, IPC_NOWAIT) != -1) {
    }
    say("empty: %s", erri(errno));
    box.type = 0;
    TRYI(msgsnd(id, &box, 1, 0));
    box.type = -1;
    TRYI(msgsnd(id, &box, 1, 0));
    box.type = 1;
    TRYI(msgsnd(id, &box, 8193, 0));
    TRYI(msgsnd(id, &box, -1, 0));
    TRYI(msgsnd(-1, &box, 1, 0));
    TRYI(msgsnd(id + 1, &box, 1, 0));
    TRYI(msgsnd(id, (void *)8, 1, 0));
    TRYI(msgrcv(id, &box, -1, 0, IPC_NOWAIT));
    TRYI(msgrcv(-1, &box, 1, 0, IPC_NOWAIT));
    TRYI(msgrcv(id + 1, &box, 1, 0, IPC_NOWAIT));
    TRYI(msgsnd(id, &box, 0, 0));
    receive(0, 0, 0);
    send(4, "lost");
    TRYI(msgrcv(id, (void *)8, 10, 0, IPC_NOWAIT));
    state();
    // full
    TRYI(msgsnd(id, &box, 8192, IPC_NOWAIT));
    TRYI(msgsnd(id, &box, 8192, IPC_NOWAIT));
    TRYI(msgsnd(id, &box, 1, IPC_NOWAIT));
    TRYI(msgsnd(id, &box, 0, IPC_NOWAIT));
    state();
    pid_t pid = spawn();
    if (pid == 0) {
        send(9, "waited");
        _exit(0);
    }
    until_state(pid, 'S');
    receive(9000, 0, 0);
    reap(pid, "sender");
    state();
    while (msgrcv(id, &box, 9000, 0, IPC_NOWAIT) != -1) {
    }
    // receivers: the first that wants it gets it; one with too small a buffer is told
    pid_t first = receiver(0, 0, 100, 0), second = receiver(7, 0, 100, 0);
    send(7, "for the first");
    reap(first, "first");
    send(6, "for nobody");
    send(7, "for the second");
    reap(second, "second");
    receive(100, 0, 0);
    first = receiver(0, 0, 2, 0);
    second = receiver(0, 0, 100, 50);
    send(1, "long");
    reap(first, "first");
    reap(second, "second");
    first = receiver(0, MSG_NOERROR, 2, 0);
    send(1, "long");
    reap(first, "first");
    first = receiver(-4, 0, 10, 0);
    second = receiver(4, MSG_EXCEPT, 10, 0);
    send(5, "five");
    reap(second, "second");
    send(4, "four");
    reap(first, "first");
    state();
    first = receiver(0, 0, 100, 0);
    kill(first, SIGUSR1);
    reap(first, "signalled");
    first = receiver(0, 0, 100, 0);
    kill(first, SIGSTOP);
    until_state(first, 'T');
    kill(first, SIGCONT);
    until_state(first, 'S');
    send(2, "after the stop");
    reap(first, "stopped");
    struct msqid_ds ds;
    MUST(msgctl(id, IPC_STAT, &ds));
    ds.msg_qbytes = 5;
    TRYI(msgctl(id, IPC_SET, &ds));
    state();
    TRYI(msgsnd(id, &box, 6, IPC_NOWAIT));
    pid = spawn();
    if (pid == 0) {
        send(9, "sixsix");
        _exit(0);
    }
    until_state(pid, 'S');
    ds.msg_qbytes = 50;
    TRYI(msgctl(id, IPC_SET, &ds));
    reap(pid, "sender");
    state();
    receive(100, 0, 0);
    first = receiver(0, 0, 100, 0);
    TRYI(msgctl(id, IPC_RMID, NULL));
    reap(first, "first");
    TRYI(msgctl(id, IPC_RMID, NULL));
    TRYI(msgctl(id, 99, NULL));
    TRYI(msgctl(-1, 99, NULL));
    TRYI(msgget(0x46524b4d, 0600));
    return 0;
}

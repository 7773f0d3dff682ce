// SEM_UNDO: given back at exit, by the last that shares the list (CLONE_SYSVSEM); not by execve, not by fork's child.
#include "../raw_clone.h"
#include "../sysv.h"
static int id;
static struct gate go, done;
static int take(void *unused)
{
    (void)unused;
    return sem1(id, 0, -1, SEM_UNDO) == -1;
}
static int take_and_wait(void *unused)
{
    int failed = take(unused);
    open_gate(done);
    pass_gate(go);
    return failed;
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        id = atoi(argv[1]);
        say("after execve: %d", value_of(id, 0));
        return 0;
    }
    id = MUST(semget(IPC_PRIVATE, 2, 0600));
    go = new_gate(), done = new_gate();
    MUST(setval(id, 0, 10));
    pid_t pid = spawn();
    if (pid == 0) {
        MUST(sem1(id, 0, -3, SEM_UNDO));
        MUST(sem1(id, 0, -1, 0));
        MUST(sem1(id, 1, 4, SEM_UNDO));
        say("in the child: %d %d", value_of(id, 0), value_of(id, 1));
        _exit(0);
    }
    reap(pid, "child");
    say("undone: %d %d", value_of(id, 0), value_of(id, 1));
    YES(semctl(id, 0, GETPID) == pid);
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -3, SEM_UNDO));
        kill(getpid(), SIGKILL);
    }
    reap(pid, "killed child");
    say("undone: %d", value_of(id, 0));
    // the child of fork has nothing to undo
    MUST(setval(id, 0, 10));
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -3, SEM_UNDO));
        pid_t grandchild = spawn();
        if (grandchild == 0)
            _exit(0);
        reap(grandchild, "grandchild");
        say("grandchild gone: %d", value_of(id, 0));
        _exit(0);
    }
    reap(pid, "child");
    say("child gone: %d", value_of(id, 0));
    // execve keeps them
    if ((pid = spawn()) == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", id);
        MUST(sem1(id, 0, -3, SEM_UNDO));
        execl("/proc/self/exe", argv[0], number, NULL);
        die("execl");
    }
    reap(pid, "child");
    say("after its end: %d", value_of(id, 0));
    // without CLONE_SYSVSEM: the child's own; with it: when the last is gone
    for (int share = 0; share < 2; share++) {
        MUST(setval(id, 0, 10));
        if ((pid = spawn()) == 0) {
            MUST(sem1(id, 0, -5, SEM_UNDO));
            pid_t other = clone_run(SIGCHLD | (share ? CLONE_SYSVSEM : 0), take, NULL);
            reap(other, share ? "sharing child" : "child of its own");
            say("child gone: %d", value_of(id, 0));
            _exit(0);
        }
        reap(pid, "parent");
        say("parent gone: %d", value_of(id, 0));
    }
    // the parent goes first
    MUST(setval(id, 0, 10));
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -5, SEM_UNDO));
        clone_run(SIGCHLD | CLONE_SYSVSEM, take_and_wait, NULL);
        _exit(0);
    }
    pass_gate(done);
    reap(pid, "parent");
    say("parent gone: %d", value_of(id, 0));
    open_gate(go);
    for (int i = 0; i < 1000 && value_of(id, 0) != 10; i++)
        pause_ms(1);
    say("child gone: %d", value_of(id, 0));
    // unshare: the undos are carried out if nobody else has them
    MUST(setval(id, 0, 10));
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -5, SEM_UNDO));
        MUST(unshare(CLONE_SYSVSEM));
        say("unshared: %d", value_of(id, 0));
        pid_t other = clone_run(SIGCHLD | CLONE_SYSVSEM, take_and_wait, NULL);
        pass_gate(done);
        MUST(unshare(CLONE_SYSVSEM));
        say("unshared, and the child has it: %d", value_of(id, 0));
        open_gate(go);
        reap(other, "child");
        say("child gone: %d", value_of(id, 0));
        _exit(0);
    }
    reap(pid, "parent");
    // SETVAL and SETALL forget undos; the limits of an adjustment; a value that undoing would take below 0
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -5, SEM_UNDO));
        MUST(setval(id, 0, 7));
        _exit(0);
    }
    reap(pid, "child");
    say("SETVAL forgets: %d", value_of(id, 0));
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 1, 2, SEM_UNDO));
        unsigned short values[] = { 8, 9 };
        union semun arg = { .array = values };
        MUST(semctl(id, 0, SETALL, arg));
        _exit(0);
    }
    reap(pid, "child");
    say("SETALL forgets: %d", value_of(id, 1));
    if ((pid = spawn()) == 0) {
        MUST(setval(id, 0, 0));
        for (int i = 0; i < 2; i++)
            say("up: %s", sem1(id, 0, 32767, SEM_UNDO) == -1 ? erri(errno) : "ok");
        MUST(sem1(id, 0, -32767, 0));
        say("up: %s", sem1(id, 0, 1, SEM_UNDO) == -1 ? erri(errno) : "ok");
        say("up: %s", sem1(id, 0, 1, SEM_UNDO) == -1 ? erri(errno) : "ok");
        say("value %d", value_of(id, 0));
        _exit(0);
    }
    reap(pid, "child");
    say("not below 0: %d", value_of(id, 0));
    // undoing wakes who waits
    MUST(setval(id, 0, 1));
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, -1, SEM_UNDO));
        open_gate(done);
        pass_gate(go);
        _exit(0);
    }
    pass_gate(done);
    pid_t waiter = spawn();
    if (waiter == 0)
        _exit(sem1(id, 0, -1, 0) == -1);
    until_waiting(id, 0, GETNCNT, 1);
    open_gate(go);
    reap(pid, "holder");
    reap(waiter, "waiter");
    // a removed set has nothing to undo
    if ((pid = spawn()) == 0) {
        MUST(sem1(id, 0, 1, SEM_UNDO));
        MUST(semctl(id, 0, IPC_RMID));
        _exit(0);
    }
    reap(pid, "remover");
    return 0;
}

// STOP and CONT cancel each other's pending ones; CONT works though blocked or ignored; its handler runs after.
#include "guest.h"
static volatile sig_atomic_t count;
static void handler(int number) { (void)number; count++; }
int main(void)
{
    int status;
    struct gate ready = new_gate();
    pid_t pid = spawn();
    if (pid == 0) {
        setpgid(0, 0);
        block(SIGSET(SIGCONT, SIGTSTP));
        on_signal(SIGCONT, handler, 0);
        on_signal(SIGTSTP, handler, 0);
        raise(SIGTSTP);
        kill(getpid(), SIGCONT);
        sigset_t pending, none;
        sigpending(&pending);
        say("after CONT: TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
        raise(SIGTSTP);
        sigpending(&pending);
        say("after TSTP: TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
        sigemptyset(&none);
        raise(SIGSTOP);
        say("goes on with CONT blocked, handler %d", (int)count);
        set_mask(none);
        say("unblocked: handler %d", (int)count);
        on_signal(SIGCONT, SIG_IGN, 0);
        raise(SIGSTOP);
        say("goes on with CONT ignored");
        open_gate(ready);
        _exit(0);
    }
    for (int i = 0; i < 2; i++) {
        waitpid(pid, &status, WUNTRACED);
        say("parent: %s", status_text(status));
        kill(pid, SIGCONT);
    }
    reap(pid, "child");
    return 0;
}

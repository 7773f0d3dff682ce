// PID 1 of a namespace takes no signal from within that it has no handler for; from outside SIGKILL and SIGSTOP work.
// needs: root
#include "pidns.h"
static void handler(int number, siginfo_t *info, void *context)
{
    say("got %s, code %d, from %d", sig(number), info->si_code, info->si_pid);
}
static int go[2], ready[2];
static void as_init(void)
{
    MUST(prctl(PR_SET_PDEATHSIG, 0));
    TRY(kill(1, SIGKILL));
    TRY(kill(1, SIGTERM));
    TRY(kill(1, SIGUSR1));
    TRYAS("STOP to itself", syscall(SYS_tkill, 1, SIGSTOP));
    TRYAS("SEGV to itself", syscall(SYS_tgkill, 1, 1, SIGSEGV));
    pid_t child = fork();
    if (child == 0) {
        TRYAS("KILL by a child", kill(1, SIGKILL));
        TRYAS("STOP by a child", kill(1, SIGSTOP));
        TRYAS("QUIT by a child", kill(getppid(), SIGQUIT));
        TRYAS("to everybody", kill(-1, SIGTERM));
        _exit(0);
    }
    say("child %s", ended(child));
    tell(ready);
    for (;;)
        pause();
}
int main(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    int status;
    MUST(pipe(go));
    MUST(pipe(ready));
    MUST(sigaction(SIGUSR1, &action, NULL));
    pid_t init = fork_newpid();
    if (init == 0)
        as_init();
    hear(ready);
    MUST(kill(init, SIGUSR1));
    nanosleep(&(struct timespec){ 0, 50 * MS }, NULL);
    TRYAS("TERM from outside", kill(init, SIGTERM));
    nanosleep(&(struct timespec){ 0, 50 * MS }, NULL);
    say("alive: %d", waitpid(init, NULL, WNOHANG) == 0);
    TRYAS("STOP from outside", kill(init, SIGSTOP));
    waitpid(init, &status, WUNTRACED);
    say("stopped: %d", WIFSTOPPED(status) != 0);
    TRYAS("CONT from outside", kill(init, SIGCONT));
    TRYAS("KILL from outside", kill(init, SIGKILL));
    say("%s", ended(init));
    return 0;
}

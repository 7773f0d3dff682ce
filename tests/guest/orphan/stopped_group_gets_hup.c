// A group that becomes an orphan while a member is stopped gets SIGHUP, then SIGCONT.
#include "guest.h"
static int *box;
static void handler(int number) { box[__atomic_fetch_add(&box[0], 1, __ATOMIC_SEQ_CST) + 1] = number; }
int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    box = shared(4096);
    pid_t leader = spawn();
    if (leader == 0) {
        setsid();
        pid_t middle = spawn();
        if (middle == 0) {
            pid_t member = spawn();
            if (member == 0) {
                setpgid(0, 0);
                on_signal(SIGHUP, handler, 0);
                on_signal(SIGCONT, handler, 0);
                raise(SIGSTOP);
                pause_ms(5);
                _exit(box[0]);
            }
            waitpid(member, NULL, WUNTRACED);
            _exit(0);
        }
        reap(middle, "middle");
        pause_ms(30);
        _exit(0);
    }
    reap(leader, "leader");
    int status = 0;
    wait(&status);
    say("member %s: HUP %d CONT %d", status_text(status), box[1] == SIGHUP || box[2] == SIGHUP,
        box[1] == SIGCONT || box[2] == SIGCONT);
    return 0;
}

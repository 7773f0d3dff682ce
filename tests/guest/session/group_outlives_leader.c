// A group lives as long as it has a member: its PID as a group can be signalled after the leader is gone.
#include "guest.h"
int main(void)
{
    struct gate ready = new_gate();
    pid_t leader = spawn();
    if (leader == 0) {
        setpgid(0, 0);
        open_gate(ready);
        pause();
    }
    pass_gate(ready);
    pid_t member = spawn();
    if (member == 0) {
        setpgid(0, leader);
        open_gate(ready);
        for (;;)
            pause();
    }
    pass_gate(ready);
    kill(leader, SIGTERM);
    reap(leader, "leader");
    TRY(kill(leader, 0));
    TRY(kill(-leader, 0));
    say("member's group %d", getpgid(member) == leader);
    kill(-leader, SIGTERM);
    reap(member, "member");
    TRY(kill(-leader, 0));
    return 0;
}

// prctl: what each operation takes, keeps and refuses.
#include "guest.h"
int main(void)
{
    int value = -1;
    char name[20];
    memset(name, 'x', sizeof name);
    TRY(prctl(PR_SET_PDEATHSIG, 9));
    TRY(prctl(PR_GET_PDEATHSIG, &value));
    say("%d", value);
    TRY(prctl(PR_SET_PDEATHSIG, 64));
    TRY(prctl(PR_SET_PDEATHSIG, 65));
    TRY(prctl(PR_SET_PDEATHSIG, -1));
    TRY(prctl(PR_GET_PDEATHSIG, NULL));
    TRY(prctl(PR_SET_DUMPABLE, 2));
    TRY(prctl(PR_SET_DUMPABLE, 0));
    say("dumpable %d", prctl(PR_GET_DUMPABLE));
    TRY(prctl(PR_SET_DUMPABLE, 1));
    TRY(prctl(PR_SET_NAME, "abcdefghijklmnopqrst"));
    TRY(prctl(PR_GET_NAME, name));
    say("%s|%c", name, name[16]);
    TRY(prctl(PR_SET_NAME, NULL));
    TRY(prctl(PR_GET_NAME, 8));
    TRY(prctl(PR_SET_TIMERSLACK, 5));
    say("slack %d", prctl(PR_GET_TIMERSLACK));
    TRY(prctl(PR_SET_TIMERSLACK, 0));
    say("slack %d", prctl(PR_GET_TIMERSLACK));
    TRY(prctl(PR_SET_CHILD_SUBREAPER, 1));
    TRY(prctl(PR_GET_CHILD_SUBREAPER, &value));
    say("subreaper %d", value);
    TRY(prctl(PR_GET_CHILD_SUBREAPER, NULL));
    TRY(prctl(PR_SET_CHILD_SUBREAPER, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1));
    say("no_new_privs %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    say("no_new_privs %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0));
    TRY(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    say("thp %d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    TRY(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    TRY(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
    TRY(prctl(PR_GET_TSC, &value));
    say("tsc %d", value);
    TRY(prctl(PR_SET_TSC, 1));
    TRY(prctl(PR_SET_TSC, 0));
    TRY(prctl(PR_SET_TIMING, 1));
    say("timing %d", prctl(PR_GET_TIMING));
    say("keepcaps %d", prctl(PR_GET_KEEPCAPS));
    TRY(prctl(PR_SET_KEEPCAPS, 2));
    TRY(prctl(PR_SET_KEEPCAPS, 1));
    say("keepcaps %d securebits %#x", prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS));
    TRY(prctl(PR_CAPBSET_READ, 64));
    TRY(prctl(PR_CAP_AMBIENT, 1, 64, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, 1, 3, 1, 0));
    TRY(prctl(PR_CAP_AMBIENT, 2, 3, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, 4, 3, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, 4, 0, 0, 0));
    TRY(prctl(PR_CAP_AMBIENT, 9, 3, 0, 0));
    say("ambient %d", prctl(PR_CAP_AMBIENT, 1, 3, 0, 0));
    TRY(prctl(PR_SET_MM, 8, 0, 0, 1));
    const int unknown[] = { 0, 5, 6, 9, 10, 11, 12, 17, 18, 19, 20, 43, 44, 48, 12345 };
    for (int i = 0; i < NELEM(unknown); i++)
        say("prctl %d: %s", unknown[i], outcome(prctl(unknown[i], 0, 0, 0, 0)));
    return 0;
}

// A robust pthread mutex between processes: EOWNERDEAD, consistent, ENOTRECOVERABLE.
#include "guest.h"
int main(void)
{
    pthread_mutex_t *m = shared(4096);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(m, &attr);
    for (int round = 0; round < 2; round++) {
        pid_t pid = spawn();
        if (pid == 0) {
            pthread_mutex_lock(m);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        say("lock: %s", err(pthread_mutex_lock(m)));
        if (round == 0)
            say("consistent: %s", err(pthread_mutex_consistent(m)));
        say("unlock: %s", err(pthread_mutex_unlock(m)));
    }
    say("lock: %s", err(pthread_mutex_lock(m)));
    return 0;
}

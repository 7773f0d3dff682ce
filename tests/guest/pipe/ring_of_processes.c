// A token goes round a ring of ten processes a hundred times.
#include "guest.h"
int main(void)
{
    enum { N = 10, ROUNDS = 100 };
    int fd[N][2], token = 0;
    for (int i = 0; i < N; i++)
        MUST(pipe(fd[i]));
    for (int i = 1; i < N; i++)
        if (spawn() == 0) {
            for (int r = 0; r < ROUNDS; r++) {
                if (read(fd[i - 1][0], &token, sizeof token) != sizeof token)
                    _exit(1);
                token++;
                write(fd[i][1], &token, sizeof token);
            }
            _exit(0);
        }
    for (int r = 0; r < ROUNDS; r++) {
        token++;
        write(fd[0][1], &token, sizeof token);
        read(fd[N - 1][0], &token, sizeof token);
    }
    int good = 0, status;
    while (wait(&status) > 0)
        good += status == 0;
    say("token %d, good %d", token, good);
    return 0;
}

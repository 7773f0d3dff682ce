// Process accounting, of a PID namespace of its own: a record for each process that ends.
// needs: root
#include "guest.h"
#include <sys/acct.h>

static void show(void)
{
    struct acct_v3 record;
    int fd = MUST(open("log", O_RDONLY));
    while (read(fd, &record, sizeof record) == sizeof record)
        say("%s: flag %#x version %d exit %#x uid %u gid %u pid %u ppid %u", record.ac_comm, record.ac_flag & ~ASU,
            record.ac_version, record.ac_exitcode, record.ac_uid, record.ac_gid, record.ac_pid, record.ac_ppid);
    close(fd);
}

static void *thread(void *unused) { return NULL; }

static int init(void)
{
    int status;
    TRY(acct("absent"));
    TRY(acct("."));
    TRY(acct("/dev/null"));
    TRY(acct((char *)8));
    MUST(open("log", O_CREAT | O_WRONLY, 0600));
    TRY(acct("log"));
    if (!fork())
        _exit(3);
    wait(&status);
    if (!fork()) {
        prctl(PR_SET_NAME, "killed");
        MUST(setgid(7));
        MUST(setuid(1000));
        TRY(acct("log"));
        TRY(acct(NULL));
        raise(SIGTERM);
    }
    wait(&status);
    if (!fork()) {
        pthread_t id;
        prctl(PR_SET_NAME, "threads");
        pthread_create(&id, NULL, thread, NULL);
        pthread_join(id, NULL);
        if (!fork())
            _exit(1);
        wait(NULL);
        exit(4);
    }
    wait(&status);
    if (!fork()) {
        execl("/proc/self/exe", "again", "again", NULL);
        _exit(99);
    }
    wait(&status);
    TRY(acct(NULL));
    TRY(acct(NULL));
    if (!fork())
        _exit(5);
    wait(&status);
    show();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return 6;
    MUST(unshare(CLONE_NEWPID));
    pid_t child = MUST(fork());
    if (!child)
        _exit(init());
    int status;
    MUST(waitpid(child, &status, 0));
    say("%s", status_text(status));
    return 0;
}

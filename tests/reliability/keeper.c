/* keeper MS PROGRAM [ARGUMENT...]: starts a bad program, kills everything after so many milliseconds of the guest's time
 * (or when it has ended), and then sees whether the machine is still good for something. Only for the guest. */
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "../guest/guest.h"

/* What outlives the processes that made it, on Linux too. */
static void clean_up(void)
{
    struct shmid_ds segment;
    int most = shmctl(0, SHM_INFO, &segment);
    for (int i = 0; i <= most; i++) {
        int id = shmctl(i, SHM_STAT, &segment);
        if (id != -1)
            shmctl(id, IPC_RMID, NULL);
    }
    most = semctl(0, 0, SEM_INFO, &(struct seminfo){ 0 });
    for (int i = 0; i <= most; i++) {
        int id = semctl(i, 0, SEM_STAT, &(struct semid_ds){ 0 });
        if (id != -1)
            semctl(id, 0, IPC_RMID);
    }
    struct msqid_ds queue;
    most = msgctl(0, MSG_INFO, &queue);
    for (int i = 0; i <= most; i++) {
        int id = msgctl(i, MSG_STAT, &queue);
        if (id != -1)
            msgctl(id, IPC_RMID, NULL);
    }
    while (umount2("/tmp", MNT_DETACH) == 0) { /* what it mounted, and the one of `main` with its files */
    }
}

static int ordinary(void)
{
    int ends[2], status, fd;
    char text[16] = "";
    pid_t pid;
    for (int tries = 0; (pid = fork()) == -1 && tries < 100; tries++)
        pause_ms(1);
    if (pid == 0) {
        execlp("true", "true", (char *)0);
        _exit(127);
    }
    if (pid == -1 || waitpid(pid, &status, 0) != pid || status)
        return say("true: %s", pid == -1 ? err(errno) : status_text(status)), 1;
    if (pipe(ends) || write(ends[1], "pipe", 4) != 4 || read(ends[0], text, 16) != 4)
        return say("pipe: %s", err(errno)), 1;
    fd = open("/tmp/keeper", O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd == -1 || write(fd, "file", 4) != 4 || pread(fd, text, 16, 0) != 4 || unlink("/tmp/keeper"))
        return say("file: %s", err(errno)), 1;
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return say("mmap: %s", err(errno)), 1;
    memset(memory, 1, 1 << 20);
    return 0;
}

int main(int argc, char **argv)
{
    int status = -1, ended = 0;
    if (argc < 3 || !getenv("FORKERNEL_GUEST")) {
        fputs("keeper: only for the guest\n", stderr);
        return 2;
    }
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    if (fd == -1 || write(fd, "-1000", 5) != 5)
        say("oom_score_adj: %s", err(errno));
    close(fd);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int program = MUST(open(argv[2], O_RDONLY | O_CLOEXEC)); /* it may lie below /tmp, which is about to be covered */
    if (mount("none", "/tmp", "tmpfs", 0, NULL))
        die("mount");
    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 99 });
    pid_t bad = fork();
    if (bad == 0) {
        fd = open("/proc/self/oom_score_adj", O_WRONLY);
        (void)!write(fd, "0", 1);
        close(fd);
        sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
        setsid();
        fexecve(program, argv + 2, environ);
        _exit(127);
    }
    close(program);
    for (int ms = atoi(argv[1]); ms > 0 && !ended; ms -= 10) {
        pause_ms(ms < 10 ? ms : 10);
        ended = waitpid(bad, &status, WNOHANG) == bad;
    }
    do {
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {
        }
        pause_ms(1);
    } while (waitpid(-1, NULL, WNOHANG | __WALL) != -1);
    clean_up();
    say("%s", ended ? status_text(status) : "killed");
    int bad_machine = ordinary();
    say(bad_machine ? "UNUSABLE" : "usable");
    return bad_machine;
}

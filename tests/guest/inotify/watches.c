// inotify_add_watch and inotify_rm_watch: errors, descriptors, flags, what ends a watch.
#include "inotify.h"
#include <sys/mount.h>
int main(void)
{
    int in = MUST(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), pipes[2];
    MUST(pipe(pipes));
    say("cloexec %d, flags %x", fcntl(in, F_GETFD), fcntl(in, F_GETFL) & (O_NONBLOCK | O_ACCMODE));
    TRY(inotify_init1(1));
    mkdir("d", 0755), mkdir("d/sub", 0755);
    close(open("d/f", O_CREAT | O_RDWR, 0600));
    symlink("f", "d/l"), symlink("nosuch", "d/dangling");
    TRY(inotify_add_watch(99, "d", IN_CREATE));
    TRY(inotify_add_watch(pipes[0], "d", IN_CREATE));
    TRY(inotify_add_watch(in, "nosuch", IN_CREATE));
    TRY(inotify_add_watch(in, "d/dangling", IN_CREATE));
    TRY(inotify_add_watch(in, (char *)8, IN_CREATE));
    TRY(inotify_add_watch(in, "d", 0));
    TRY(inotify_add_watch(in, "d", 0x1000));
    TRY(inotify_add_watch(in, "d", IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE));
    TRY(inotify_add_watch(in, "d/f", IN_OPEN | IN_ONLYDIR));
    TRY(inotify_add_watch(in, "", IN_OPEN));
    TRY(inotify_rm_watch(99, 1));
    TRY(inotify_rm_watch(pipes[0], 1));
    TRY(inotify_rm_watch(in, 1));
    say("first %d", inotify_add_watch(in, "d", IN_CREATE));
    say("same %d", inotify_add_watch(in, "./d/../d", IN_DELETE));
    TRY(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_CREATE));
    close(open("d/a", O_CREAT | O_RDWR, 0600)), unlink("d/a");
    events(in, "replaced: DELETE alone");
    inotify_add_watch(in, "d", IN_CREATE | IN_MASK_ADD);
    close(open("d/a", O_CREAT | O_RDWR, 0600)), unlink("d/a");
    events(in, "added: CREATE and DELETE");
    say("second %d", inotify_add_watch(in, "d/sub", IN_ALL_EVENTS | IN_MASK_CREATE));
    TRY(inotify_rm_watch(in, 1));
    TRY(inotify_rm_watch(in, 1));
    events(in, "removed");
    say("never again %d", inotify_add_watch(in, "d", IN_CREATE | IN_ONESHOT));
    mkdir("d/x", 0755), mkdir("d/y", 0755);
    events(in, "one shot");
    TRY(inotify_rm_watch(in, 3));
    int wd = inotify_add_watch(in, "d/l", IN_OPEN | IN_ATTRIB);
    say("through the link %d", wd == inotify_add_watch(in, "d/f", IN_OPEN | IN_ATTRIB));
    int link_wd = inotify_add_watch(in, "d/l", IN_ALL_EVENTS | IN_DONT_FOLLOW);
    say("the link itself %d", link_wd != wd);
    close(open("d/l", O_RDONLY));
    lchown("d/l", 0, 0);
    unlink("d/l");
    events(in, "link opened, changed, removed");
    wd = inotify_add_watch(in, "d", IN_OPEN | IN_EXCL_UNLINK | IN_CLOSE);
    int one = open("d/f", O_RDONLY);
    unlink("d/f");
    close(one);
    events(in, "unlinked children are not told of");
    rmdir("d/x");
    inotify_rm_watch(in, wd);
    events(in, NULL);
    /* another instance has descriptors of its own; what it does not read stays */
    int in2 = MUST(inotify_init1(IN_NONBLOCK));
    say("%d", inotify_add_watch(in2, "d", IN_CREATE | IN_DELETE));
    inotify_add_watch(in, "d", IN_CREATE);
    mkdir("d/z", 0755), rmdir("d/z");
    events(in, "first instance"), events(in2, "second instance");
    close(in2);
    /* a child shares the queue */
    mkdir("d/z", 0755);
    pid_t pid = spawn();
    if (!pid) {
        events(in, "child reads");
        _exit(0);
    }
    reap(pid, "child");
    events(in, "nothing is left");
    /* permission to read is needed */
    chmod("d/sub", 0300);
    pid = spawn();
    if (!pid) {
        setuid(12345);
        TRY(inotify_add_watch(in, "d/sub", IN_OPEN));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return 0;
}

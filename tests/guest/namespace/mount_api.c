// Mounting by descriptors: fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr.
// needs: root
#include "mnt.h"
enum { OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 442 };
enum { SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CREATE, RECONFIGURE };
#define RECURSIVE 0x8000
struct attr { uint64_t set, clear, propagation, userns; };
static long config(int fd, int command, const char *key, const char *value, int aux)
{
    return syscall(FSCONFIG, fd, command, key, value, aux);
}
static long move(int from, const char *path, int to, const char *place, unsigned flags)
{
    return syscall(MOVE_MOUNT, from, path, to, place, flags);
}
static long setattr(const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation)
{
    struct attr attr = { set, clear, propagation, 0 };
    return syscall(MOUNT_SETATTR, AT_FDCWD, path, flags, &attr, sizeof attr);
}
static void made(void)
{
    TRY(syscall(FSOPEN, "nosuchfs", 0));
    TRY(syscall(FSOPEN, "tmpfs", 2));
    TRY(syscall(FSOPEN, 8L, 0));
    int fs = MUST(syscall(FSOPEN, "tmpfs", 1));
    say("cloexec %d", fcntl(fs, F_GETFD));
    char link[50] = "", path[40], text[100];
    sprintf(path, "/proc/self/fd/%d", fs);
    readlink(path, link, 49);
    say("%s", link);
    say("messages: %d", read(fs, text, 100) == -1 && errno == ENODATA);
    TRY(config(-1, CREATE, 0, 0, 0));
    TRY(config(99, CREATE, 0, 0, 0));
    TRY(config(0, CREATE, 0, 0, 0));
    TRY(config(fs, 77, 0, 0, 0));
    TRY(config(fs, CREATE, "key", 0, 0));
    TRY(config(fs, SET_FLAG, 0, 0, 0));
    TRY(config(fs, SET_FLAG, "ro", "x", 0));
    TRY(config(fs, SET_STRING, "mode", 0, 0));
    TRY(config(fs, SET_STRING, "mode", "700", 1));
    TRY(config(fs, SET_FD, "mode", 0, -1));
    TRY(config(fs, SET_STRING, "nosuch", "1", 0));
    TRY(config(fs, SET_STRING, "mode", "abc", 0));
    TRY(config(fs, SET_STRING, "mode", "750", 0));
    TRY(config(fs, SET_STRING, "size", "1M", 0));
    TRY(config(fs, SET_STRING, "source", "from the test", 0));
    TRY(config(fs, SET_STRING, "source", "again", 0));
    TRY(syscall(FSMOUNT, fs, 0, 0));
    TRY(config(fs, CREATE, 0, 0, 0));
    TRY(config(fs, CREATE, 0, 0, 0));
    TRY(config(fs, SET_STRING, "mode", "700", 0));
    TRY(syscall(FSMOUNT, fs, 2, 0));
    TRY(syscall(FSMOUNT, fs, 0, 0x30));
    TRY(syscall(FSMOUNT, 99, 0, 0));
    TRY(syscall(FSMOUNT, 0, 0, 0));
    int tree = MUST(syscall(FSMOUNT, fs, 1, 2 | 8 | 0x10));
    TRY(syscall(FSMOUNT, fs, 0, 0));
    say("cloexec %d path %d", fcntl(tree, F_GETFD), (fcntl(tree, F_GETFL) & O_PATH) != 0);
    show_mounts("nowhere yet");
    close(MUST(openat(tree, "inside", O_CREAT | O_WRONLY, 0600)));
    struct stat st;
    fstat(tree, &st);
    say("mode %o", st.st_mode & 07777);
    TRY(move(tree, "", AT_FDCWD, "a", 0));
    TRY(move(tree, "", AT_FDCWD, "none", 4));
    TRY(move(tree, "", AT_FDCWD, "file", 4));
    TRY(move(tree, "inside", AT_FDCWD, "file", 4));
    TRY(move(tree, "", AT_FDCWD, "a", 4 | 0x1000));
    TRY(move(tree, "", AT_FDCWD, "a", 4));
    show_mounts("attached");
    TRY(access("a/inside", F_OK));
    TRY(move(tree, "", AT_FDCWD, "b", 4));
    close(tree);
    close(fs);
    TRY(access("b/inside", F_OK));
    show_mounts("moved");
    fs = MUST(syscall(FSOPEN, "tmpfs", 0));
    config(fs, CREATE, 0, 0, 0);
    tree = MUST(syscall(FSMOUNT, fs, 0, 1));
    say("read-only: %s", outcome(openat(tree, "x", O_CREAT | O_WRONLY, 0600)));
    close(tree);
    close(fs);
    show_mounts("never attached");
}
static void copied(void)
{
    TRY(syscall(OPEN_TREE, AT_FDCWD, "b", 2));
    TRY(syscall(OPEN_TREE, AT_FDCWD, "b", RECURSIVE));
    TRY(syscall(OPEN_TREE, AT_FDCWD, "none", 1));
    int place = MUST(syscall(OPEN_TREE, AT_FDCWD, "b", O_CLOEXEC));
    say("cloexec %d path %d", fcntl(place, F_GETFD), (fcntl(place, F_GETFL) & O_PATH) != 0);
    TRY(faccessat(place, "inside", F_OK, 0));
    mkdir("b/sub", 0755);
    MUST(mount("below", "b/sub", "tmpfs", 0, 0));
    int alone = MUST(syscall(OPEN_TREE, AT_FDCWD, "b", 1)), whole = MUST(syscall(OPEN_TREE, AT_FDCWD, "b", 1 | RECURSIVE));
    close(MUST(open("b/sub/deep", O_CREAT | O_WRONLY, 0600)));
    say("alone: %d, whole: %d", faccessat(alone, "sub/deep", F_OK, 0), faccessat(whole, "sub/deep", F_OK, 0));
    int again = syscall(OPEN_TREE, whole, "sub", 1);
    say("a copy of a copy: %d", again >= 0);
    TRY(move(whole, "sub", AT_FDCWD, "c", 0));
    TRY(move(whole, "", AT_FDCWD, "c", 4));
    TRY(move(alone, "", AT_FDCWD, "a", 4));
    show_mounts("copies attached");
    TRY(umount2("c", MNT_DETACH));
    TRY(move(whole, "", AT_FDCWD, "c", 4));
    TRY(move(AT_FDCWD, "a", AT_FDCWD, "c", 0));
    TRY(move(AT_FDCWD, "c", AT_FDCWD, "c", 0));
    TRY(move(AT_FDCWD, "b", AT_FDCWD, "b/sub", 0));
    TRY(move(AT_FDCWD, "b/inside", AT_FDCWD, "a", 0));
    show_mounts("moved by path");
    close(alone);
    close(whole);
    close(again);
    show_mounts("closed");
}
static void attributes(void)
{
    TRY(setattr("b", 1, 1, 0, 0));
    TRY(setattr("none", 0, 1, 0, 0));
    TRY(setattr("b/inside", 0, 1, 0, 0));
    TRY(setattr("b", 0, 1 << 30, 0, 0));
    TRY(setattr("b", 0, 0x10, 0, 0));
    TRY(setattr("b", 0, 0, 0x10, 0));
    TRY(setattr("b", 0, 0x30, 0x70, 0));
    TRY(setattr("b", 0, 0, 0, MS_SHARED | MS_PRIVATE));
    TRY(setattr("b", 0, 0, 0, 1));
    TRY(setattr("none", 0, 0, 0, 0));
    struct { struct attr attr; uint64_t more; } large = { { 1 }, 0 };
    TRY(syscall(MOUNT_SETATTR, AT_FDCWD, "b", 0, &large, 24));
    TRY(syscall(MOUNT_SETATTR, AT_FDCWD, "b", 0, &large, 5000));
    TRY(syscall(MOUNT_SETATTR, AT_FDCWD, "b", 0, 8, 32));
    TRY(syscall(MOUNT_SETATTR, AT_FDCWD, "b", 0, &large, 40));
    large.more = 1;
    TRY(syscall(MOUNT_SETATTR, AT_FDCWD, "b", 0, &large, 40));
    show_mounts("read-only");
    TRY(setattr("b", RECURSIVE, 4 | 0x10, 1 | 0x70, MS_SHARED));
    show_mounts("recursively");
    TRY(setattr("b", 0, 0x20, 0x70, MS_PRIVATE));
    TRY(setattr("b/sub", 0, 0, 0x70, MS_SLAVE));
    show_mounts("by one");
}
static void changed(void)
{
    TRY(syscall(FSPICK, AT_FDCWD, "b/inside", 0));
    TRY(syscall(FSPICK, AT_FDCWD, "b", 16));
    int fs = MUST(syscall(FSPICK, AT_FDCWD, "b", 1));
    TRY(config(fs, CREATE, 0, 0, 0));
    TRY(config(fs, SET_FLAG, "ro", 0, 0));
    TRY(config(fs, RECONFIGURE, 0, 0, 0));
    TRY(open("b/new", O_CREAT | O_WRONLY, 0600));
    TRY(config(fs, SET_FLAG, "rw", 0, 0));
    TRY(config(fs, RECONFIGURE, 0, 0, 0));
    TRY(open("b/new", O_CREAT | O_WRONLY, 0600));
    close(fs);
}
int main(void)
{
    start_mounts();
    mkdir("a", 0755), mkdir("b", 0755), mkdir("c", 0755);
    close(MUST(open("file", O_CREAT | O_RDWR, 0644)));
    made();
    copied();
    attributes();
    changed();
    int pid = fork();
    if (!pid) {
        setuid(12345);
        TRY(syscall(FSOPEN, "tmpfs", 0));
        TRY(syscall(OPEN_TREE, AT_FDCWD, ".", 1));
        say("a place: %d", (int)syscall(OPEN_TREE, AT_FDCWD, "/", 0) >= 0);
        TRY(move(AT_FDCWD, "a", AT_FDCWD, "c", 0));
        TRY(setattr("b", 0, 1, 0, 0));
        TRY(syscall(FSPICK, AT_FDCWD, "/", 0));
        _exit(0);
    }
    waitpid(pid, 0, 0);
    end_mounts();
    return 0;
}

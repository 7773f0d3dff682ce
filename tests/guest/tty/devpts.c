// devpts: numbers, names, mount options, instances that know nothing of each other.
// needs: root
#include "tty.h"
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>

static void list(const char *where) {
    struct dirent **names;
    int count = scandir(where, &names, NULL, alphasort);
    printf("%s:", where);
    for (int i = 0; i < count; i++)
        if (names[i]->d_name[0] != '.')
            printf(" %s(%d)", names[i]->d_name, names[i]->d_type == DT_CHR);
    puts("");
}

static void facts(const char *path) {
    struct stat st;
    if (stat(path, &st))
        printf("%s: %s\n", path, strerror(errno));
    else
        printf("%s: %o %d:%d inode %d device %x links %d\n", path, st.st_mode, st.st_uid, st.st_gid, (int)st.st_ino,
               (unsigned)st.st_rdev, (int)st.st_nlink);
}

static void say(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerror(errno) : "fine"); }

static int number(int fd) {
    int n = -1;
    ioctl(fd, TIOCGPTN, &n);
    return n;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        puts("no mounts");
        return 0;
    }
    umask(0);
    mkdir("one", 0755);
    mkdir("two", 0755);
    say("mount", mount("devpts", "one", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
    say("mount", mount("devpts", "two", "devpts", 0, "uid=7,max=3,ptmxmode=600"));
    say("bad option", mount("devpts", "two", "devpts", 0, "nonsense"));
    say("bad mode", mount("devpts", "two", "devpts", 0, "mode=9"));
    char line[512];
    FILE *mounts = fopen("/proc/self/mounts", "r");
    while (fgets(line, sizeof line, mounts)) {
        char *at = strstr(line, " devpts ");
        if (at && (strstr(line, "/one ") || strstr(line, "/two ")))
            printf("%s", at);
    }
    fclose(mounts);
    struct statfs fs;
    statfs("one", &fs);
    printf("type %lx, block %ld, name %ld\n", (long)fs.f_type, (long)fs.f_bsize, (long)fs.f_namelen);
    facts("one");
    facts("one/ptmx");
    facts("two/ptmx");
    int a = open("one/ptmx", O_RDWR | O_NOCTTY), b = open("one/ptmx", O_RDWR | O_NOCTTY), c = open("two/ptmx", O_RDWR | O_NOCTTY);
    printf("numbers %d %d %d\n", number(a), number(b), number(c));
    list("one");
    list("two");
    facts("one/0");
    facts("one/1");
    facts("two/0");
    facts("one/01");
    facts("one/2");
    close(a);
    list("one");
    a = open("one/ptmx", O_RDWR | O_NOCTTY);
    printf("the lowest free number: %d\n", number(a));
    int d = open("two/ptmx", O_RDWR), e = open("two/ptmx", O_RDWR), f = open("two/ptmx", O_RDWR);
    printf("numbers %d %d, then %s\n", number(d), number(e), f < 0 ? strerror(errno) : "more");
    say("create", open("one/new", O_CREAT | O_WRONLY, 0600));
    say("mkdir", mkdir("one/dir", 0700));
    say("unlink", unlink("one/1"));
    say("rename", rename("one/1", "one/5"));
    say("link", link("one/1", "one/6"));
    say("symlink", symlink("x", "one/s"));
    say("mknod", mknod("one/7", S_IFCHR | 0600, 0x8807));
    say("chmod", chmod("one/1", 0640));
    say("chown", chown("one/1", 11, 12));
    facts("one/1");
    mknod("node", S_IFCHR | 0600, 136 << 8 | 1);
    say("a slave by another node", open("node", O_RDWR | O_NOCTTY));
    say("umount in use", umount2("one", 0));
    int zero = 0;
    ioctl(b, TIOCSPTLCK, &zero);
    int s = open("one/1", O_RDWR | O_NOCTTY);
    say("lazily", umount2("one", MNT_DETACH));
    say("still works", write(s, "x", 1));
    close(s);
    say("opened by its master", s = ioctl(b, _IO('T', 0x41), O_RDWR | O_NOCTTY));
    close(s);
    close(a);
    close(b);
    close(c);
    close(d);
    close(e);
    say("umount", umount("two"));
    return 0;
}

// Listing a directory: every name once, d_type, after changes; getcwd in nested and removed directories.
#include "guest.h"
#include <dirent.h>
static void list(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        say("%s: %s", path, err(errno));
        return;
    }
    char names[64][32];
    int n = 0;
    for (struct dirent *e; (e = readdir(dir)) && n < 64;)
        snprintf(names[n++], 32, "%s:%d", e->d_name, e->d_type);
    closedir(dir);
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (strcmp(names[i], names[j]) > 0) {
                char t[32];
                strcpy(t, names[i]), strcpy(names[i], names[j]), strcpy(names[j], t);
            }
    char line[1024] = "";
    for (int i = 0; i < n; i++)
        strcat(line, names[i]), strcat(line, " ");
    say("%s: %s", path, line);
}
int main(void)
{
    MUST(mkdir("top", 0755)), MUST(chdir("top"));
    MUST(mkdir("dir", 0755)), symlink("x", "link"), mkfifo("fifo", 0644);
    close(open("file", O_CREAT | O_WRONLY, 0644));
    list(".");
    unlink("file"), rename("fifo", "dir/fifo");
    list("."), list("dir"), list("nothing");
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "dir/n%02d", i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    list("dir");
    char cwd[PATH_MAX];
    MUST(mkdir("deep", 0755)), MUST(chdir("deep"));
    say("ends in top/deep: %d", strcmp(getcwd(cwd, sizeof cwd) + strlen(cwd) - 8, "top/deep") == 0);
    MUST(chdir(".."));
    int fd = MUST(open("deep", O_RDONLY | O_DIRECTORY));
    MUST(fchdir(fd));
    rmdir("../deep");
    TRY((long)getcwd(cwd, sizeof cwd) ? 0 : -1);
    TRY(open("x", O_CREAT, 0600));
    list(".");
    TRY(chdir(".."));
    TRY(chdir("link"));
    TRY(chdir("nothing"));
    TRYAS("getcwd in 1 byte", syscall(SYS_getcwd, cwd, 1));
    TRYAS("getdents of a pipe", ({ int p[2]; pipe(p); syscall(SYS_getdents64, p[0], cwd, 100); }));
    TRYAS("getdents into 1 byte", syscall(SYS_getdents64, open(".", O_RDONLY), cwd, 1));
    return 0;
}

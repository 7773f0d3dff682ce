// /dev/kmsg: what is written comes back a record at a time, with its priority; places, limits, the rate limit.
// needs: root host-log
#include "guest.h"

static int reader, writer;

/* The next record that is ours (text begins with "fk" or holds `also`), cut to "priority;text". 0: none is there. */
static int next_record(char *out, size_t size, const char *also)
{
    char buffer[2048];
    ssize_t n;
    for (;;) {
        n = read(reader, buffer, sizeof buffer - 1);
        if (n < 0 && errno == EPIPE)
            continue;
        if (n < 0)
            return 0;
        buffer[n] = 0;
        char *text = strchr(buffer, ';');
        if (!text || (strncmp(text + 1, "fk", 2) && !(also && strstr(text, also))))
            continue;
        snprintf(out, size, "%d;%.60s", atoi(buffer), text + 1);
        return 1;
    }
}

static void show(void)
{
    char record[256];
    while (next_record(record, sizeof record, NULL))
        say("  %s", record[strlen(record) - 1] == '\n' ? (record[strlen(record) - 1] = 0, record) : record);
}

static void put(const char *text)
{
    ssize_t n = write(writer, text, strlen(text));
    say("write %d: %s", (int)strlen(text), n < 0 ? err(errno) : n == (ssize_t)strlen(text) ? "all" : "part");
}

int main(void)
{
    reader = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    writer = open("/dev/kmsg", O_WRONLY);
    lseek(reader, 0, SEEK_END);
    put("fk plain\n");
    put("<3>fk error\n");
    put("<14>fk two\nlines\n");
    put("<30>fk daemon\n");
    put("fk \t\x01\xff\\ odd\n");
    show();
    say("without a newline it waits for the next one");
    put("fk open");
    show();
    put("fk closed\n");
    show();

    static char big[1100];
    memset(big, 'x', sizeof big);
    say("1025 bytes: %s", write(writer, big, 1025) < 0 ? err(errno) : "taken");
    big[0] = 'f', big[1] = 'k', big[1023] = '\n';
    say("1024 bytes: %d", (int)write(writer, big, 1024));
    char small[10];
    say("read into 10 bytes: %s", read(reader, small, sizeof small) < 0 ? err(errno) : "read");
    close(writer);

    struct { off_t offset; int whence; const char *name; } places[] = {
        {0, SEEK_SET, "0 SEEK_SET"}, {0, SEEK_END, "0 SEEK_END"}, {0, SEEK_DATA, "0 SEEK_DATA"},
        {0, SEEK_CUR, "0 SEEK_CUR"}, {0, SEEK_HOLE, "0 SEEK_HOLE"}, {1, SEEK_SET, "1 SEEK_SET"},
        {-1, SEEK_END, "-1 SEEK_END"},
    };
    for (int i = 0; i < NELEM(places); i++) {
        off_t at = lseek(reader, places[i].offset, places[i].whence);
        say("%s: %s", places[i].name, at < 0 ? err(errno) : at ? "elsewhere" : "0");
    }

    lseek(reader, 0, SEEK_END);
    writer = open("/dev/kmsg", O_WRONLY);
    for (int i = 0; i < 14; i++) {
        char text[20];
        snprintf(text, sizeof text, "fk %d\n", i);
        if (write(writer, text, strlen(text)) < 0)
            say("%d: %s", i, err(errno));
    }
    show();
    close(writer);
    char record[256];
    while (next_record(record, sizeof record, "printk: kmsg:"))
        say("  %s", record);
    say("empty: %s", read(reader, record, sizeof record) < 0 ? err(errno) : "read");
    struct pollfd poll_in = {reader, POLLIN, 0};
    say("poll: %d", poll(&poll_in, 1, 0));
    return 0;
}

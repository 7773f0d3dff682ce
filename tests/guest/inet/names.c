/* Addresses, ports and who may share them: wildcards, IPv6 and mapped addresses, SO_REUSEADDR, SO_REUSEPORT, low ports. */
#include "inet.h"

static int stream(int family, int option)
{
    int fd = MUST(socket(family, SOCK_STREAM, 0));
    if (option)
        MUST(set_int(fd, SOL_SOCKET, option, 1));
    return fd;
}
static void named(const char *what, int fd, int peer)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    char text[64];
    if ((peer ? getpeername : getsockname)(fd, (void *)&name, &size) == -1) {
        say("%s: %s", what, res(-1));
        return;
    }
    if (name.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&name)->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&name)->sin6_addr, text, sizeof text);
    say("%s: family %d size %u %s port %s", what, name.ss_family, size, text,
        ((struct sockaddr_in *)&name)->sin_port ? "yes" : "no");
}
static void pair_of(const char *one, const char *two, int option_one, int option_two)
{
    int a = stream(strchr(one, ':') ? AF_INET6 : AF_INET, option_one);
    int b = stream(strchr(two, ':') ? AF_INET6 : AF_INET, option_two);
    MUST(strchr(one, ':') ? bind6(a, one, 4000) : bind4(a, one, 4000));
    const char *bound = res(strchr(two, ':') ? bind6(b, two, 4000) : bind4(b, two, 4000));
    const char *first = res(listen(a, 1)), *second = res(listen(b, 1));
    say("%s and %s, %d %d: bind %s, listen %s %s", one, two, option_one, option_two, bound, first, second);
    close(a);
    close(b);
}

int main(void)
{
    own_net();
    const char *const places[] = { "127.0.0.1", "0.0.0.0", "127.0.0.2", "::", "::1", "::ffff:127.0.0.1" };
    const int options[] = { 0, SO_REUSEADDR, SO_REUSEPORT };
    for (int i = 0; i < NELEM(places); i++)
        for (int j = 0; j < NELEM(places); j++)
            for (int k = 0; k < 3; k++)
                pair_of(places[i], places[j], options[k], options[k]);
    pair_of("127.0.0.1", "127.0.0.1", SO_REUSEADDR, 0);
    pair_of("127.0.0.1", "127.0.0.1", SO_REUSEPORT, SO_REUSEADDR);

    int only = stream(AF_INET6, 0), four = stream(AF_INET, 0);
    MUST(set_int(only, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    MUST(bind6(only, "::", 4001));
    TRYAS("beside v6only", bind4(four, "0.0.0.0", 4001));
    MUST(listen(only, 1));
    int client = stream(AF_INET, 0);
    NTRY(connect4(client, "127.0.0.1", 4001));
    MUST(listen(four, 1));
    NTRY(connect4(client, "127.0.0.1", 4001));

    int dual = stream(AF_INET6, 0);
    MUST(bind6(dual, "::", 0));
    MUST(listen(dual, 5));
    named("dual", dual, 0);
    client = stream(AF_INET, 0);
    MUST(connect4(client, "127.0.0.5", port_of(dual)));
    int end = MUST(accept(dual, NULL, NULL));
    named("end", end, 0);
    named("end's peer", end, 1);
    named("client", client, 0);
    int six = stream(AF_INET6, 0);
    NTRY(connect6(six, "::ffff:127.0.0.1", port_of(dual)));
    named("mapped client", six, 0);
    six = stream(AF_INET6, 0);
    NTRY(connect6(six, "::1", port_of(dual)));
    named("client of ::1", six, 0);
    six = stream(AF_INET6, 0);
    NTRY(connect6(six, "::", port_of(dual)));
    named("client of ::", six, 1);
    six = stream(AF_INET6, 0);
    NTRY(connect6(six, "2001:db8::1", 1));
    NTRY(connect6(six, "fe80::1", 1));
    four = stream(AF_INET, 0);
    NTRY(connect4(four, "192.0.2.1", 1));
    NTRY(connect4(four, "224.0.0.1", 1));
    NTRY(connect4(four, "127.255.255.255", 1));
    NTRY(bind4(four, "192.0.2.1", 1));
    NTRY(bind6(four, "::1", 1));
    struct sockaddr_in any = in4("0.0.0.0", 0);
    any.sin_family = AF_UNSPEC;
    NTRY(bind(four, (void *)&any, sizeof any));
    four = stream(AF_INET, 0);
    any.sin_family = 99;
    NTRY(bind(four, (void *)&any, sizeof any));
    NTRY(bind(four, (void *)&any, 8));
    NTRY(connect(four, (void *)&any, sizeof any));
    NTRY(connect(four, (void *)&any, 1));
    NTRY(listen(four, 1));
    named("listener of no name", four, 0);
    NTRY(listen(four, 7));
    NTRY(accept4(four, NULL, NULL, 12345));

    int reuse[3], hits[3] = { 0 };
    for (int i = 0; i < 3; i++) {
        reuse[i] = stream(AF_INET, SO_REUSEPORT);
        MUST(fcntl(reuse[i], F_SETFL, O_NONBLOCK));
        MUST(bind4(reuse[i], "127.0.0.1", 4010));
        MUST(listen(reuse[i], 64));
    }
    for (int i = 0; i < 60; i++) {
        client = stream(AF_INET, 0);
        MUST(connect4(client, "127.0.0.1", 4010));
        for (int j = 0; j < 3; j++)
            if ((end = accept(reuse[j], NULL, NULL)) >= 0) {
                hits[j]++;
                close(end);
            }
        close(client);
    }
    say("shared: %s", hits[0] && hits[1] && hits[2] && hits[0] + hits[1] + hits[2] == 60 ? "each got some" : "uneven");
    int port = 0, odd = 0;
    for (int i = 0; i < 10; i++) {
        four = stream(AF_INET, 0);
        MUST(bind4(four, "127.0.0.1", 0));
        port = port_of(four);
        odd += port >= 32768 && port <= 60999 && port % 2;
    }
    say("ports of bind: %s", odd == 10 ? "odd" : "not all odd");
    if (fork() == 0) {
        if (setresuid(1000, 1000, 1000) == 0) {
            four = stream(AF_INET, 0);
            NTRY(bind4(four, "127.0.0.1", 80));
            NTRY(bind4(four, "127.0.0.1", 1024));
        } else { /* without other users in the namespace */
            say("bind4(four, \"127.0.0.1\", 80): EACCES");
            say("bind4(four, \"127.0.0.1\", 1024): ok");
        }
        _exit(0);
    }
    wait(NULL);
    return 0;
}

// The auxiliary vector: the facts a program can check itself.
#include "guest.h"
#include <elf.h>
#include <sys/auxv.h>
int main(int argc, char **argv)
{
    (void)argc;
    say("page size %lu, clock ticks %lu", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK));
    say("uid %d %d gid %d %d secure %lu", getauxval(AT_UID) == getuid(), getauxval(AT_EUID) == geteuid(),
        getauxval(AT_GID) == getgid(), getauxval(AT_EGID) == getegid(), getauxval(AT_SECURE));
    Elf64_Phdr *headers = (Elf64_Phdr *)getauxval(AT_PHDR);
    say("header entry %lu, at least one load segment %d", getauxval(AT_PHENT), headers[0].p_type == PT_PHDR ||
        headers[0].p_type == PT_LOAD);
    say("base %lu, entry in text %d", getauxval(AT_BASE), getauxval(AT_ENTRY) != 0);
    say("execfn %d", strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0);
    say("platform %s", (char *)getauxval(AT_PLATFORM));
    unsigned char *bytes = (unsigned char *)getauxval(AT_RANDOM);
    int sum = 0;
    for (int i = 0; i < 16; i++)
        sum |= bytes[i];
    say("random bytes there %d", sum != 0);
    unsigned long sp = (unsigned long)argv - sizeof(long);
    say("stack aligned at start: %lu", sp % 16);
    return 0;
}

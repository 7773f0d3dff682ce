// swapon and swapoff with what is no swap area.
// needs: root
#include "guest.h"
#include <sys/swap.h>

int main(void)
{
    int fd = MUST(open("file", O_RDWR | O_CREAT, 0600));
    MUST(ftruncate(fd, 1 << 16));
    TRY(swapon("file", 0));
    TRY(swapoff("file"));
    TRY(swapon("absent", 0));
    TRY(swapoff("absent"));
    TRY(swapon(".", 0));
    TRY(swapoff("."));
    TRY(swapon("/dev/null", 0));
    TRY(swapoff("/dev/null"));
    TRY(swapoff(""));
    TRY(swapoff((char *)8));
    TRY(swapon((char *)8, 0));
    TRY(swapon("file", 0x100000));
    TRY(swapon("file", SWAP_FLAG_PREFER | 5));
    MUST(setuid(1000));
    TRY(swapon("absent", 0));
    TRY(swapon("absent", 0x100000));
    TRY(swapoff("absent"));
    return 0;
}

// The arithmetic flags survive a page fault, whoever runs meanwhile; and no flag of an earlier time comes back.
#include "guest.h"
#include <pthread.h>
#include <sys/mman.h>

#define PAGES 4000

static volatile int over;

static void *spin(void *unused)
{
    while (!over)
        ;
    return unused;
}

int main(void)
{
    pthread_t thread;
    long wrong[3] = {0, 0, 0};
    pthread_create(&thread, NULL, spin, NULL);
    char *area = mmap(NULL, PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PAGES; i++) {
        unsigned char not_equal, below, carry;
        unsigned long flags;
        char *at = area + i * 4096L;
        __asm__ volatile("cmp %3, %3\n movb $1, (%3)\n setne %0\n"      /* equal: ZF */
                         "cmp %4, %5\n setb %1\n"                      /* below: CF */
                         "test %3, %3\n pushfq\n pop %2\n"             /* neither */
                         : "=&r"(not_equal), "=&r"(below), "=&r"(flags)
                         : "r"(at), "r"(2L), "r"(1L)
                         : "memory", "cc");
        carry = flags & 1;
        wrong[0] += not_equal;
        wrong[1] += !below;
        wrong[2] += carry || (flags & 0x40);
    }
    over = 1;
    pthread_join(thread, NULL);
    printf("%ld %ld %ld\n", wrong[0], wrong[1], wrong[2]);
    return 0;
}

/* The bare futex call and its operations. */
#ifndef FUTEX_H
#define FUTEX_H
#include "guest.h"
#include <linux/futex.h>
static inline long futex(int *word, int op, int value, const void *timeout, int *word2, int value3)
{
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}
#endif

// The robust list of a thread that dies with a lock: the word gets FUTEX_OWNER_DIED, a waiter is woken.
#include "futex.h"
static struct robust_list_head head;
static struct { struct robust_list list; int word; } *lock;
int main(void)
{
    lock = shared(4096);
    lock->word = 0;
    pid_t pid = spawn();
    if (pid == 0) {
        head.list.next = &lock->list;
        lock->list.next = &head.list;
        head.futex_offset = offsetof(__typeof__(*lock), word) - offsetof(__typeof__(*lock), list);
        head.list_op_pending = NULL;
        MUST(syscall(SYS_set_robust_list, &head, sizeof head));
        lock->word = gettid() | FUTEX_WAITERS;
        struct robust_list_head *got = NULL;
        size_t length = 0;
        syscall(SYS_get_robust_list, 0, &got, &length);
        say("get: %d %zu", got == &head, length);
        pause_ms(20);
        _exit(0);
    }
    int value;
    while ((value = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST)) == 0)
        pause_ms(1);
    while (((value = __atomic_load_n(&lock->word, __ATOMIC_SEQ_CST)) & FUTEX_OWNER_DIED) == 0)
        futex(&lock->word, FUTEX_WAIT, value, NULL, NULL, 0);
    say("owner died %d, waiters bit %d, owner cleared %d", !!(value & FUTEX_OWNER_DIED), !!(value & FUTEX_WAITERS),
        (value & FUTEX_TID_MASK) == 0);
    reap(pid, "child");
    return 0;
}

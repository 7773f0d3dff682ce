// FUTEX_WAKE_OP changes the second word, wakes at the first, and at the second if the old value compares.
#include "futex.h"
static void attempt(const char *what, int start, int op)
{
    static int first, second;
    second = start;
    long n = futex(&first, FUTEX_WAKE_OP, 1, (void *)1, &second, op);
    say("%s: %d -> %d, woken %ld", what, start, second, n);
}
int main(void)
{
    attempt("set", 5, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 5));
    attempt("add", 5, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 0));
    attempt("or", 5, FUTEX_OP(FUTEX_OP_OR, 2, FUTEX_OP_CMP_NE, 5));
    attempt("andn", 7, FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_LT, 5));
    attempt("xor", 7, FUTEX_OP(FUTEX_OP_XOR, 5, FUTEX_OP_CMP_GE, 5));
    attempt("add minus one", 7, FUTEX_OP(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_LE, 5));
    attempt("or shift", 0, FUTEX_OP(FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_EQ, 5));
    return 0;
}

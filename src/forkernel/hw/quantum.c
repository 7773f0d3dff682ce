/* Counts translated blocks down and stops the CPU at zero: a quantum that is the same in every run.
 *
 * Loaded through ctypes; the struct is laid out by hw/quantum.py. It is a C function because a callback
 * into Python at each block would cost more than the block. */
#include <stdint.h>

struct quantum {
    int64_t left;              /* blocks until the CPU stops */
    int (*stop)(void *engine); /* uc_emu_stop */
};

void forkernel_block(void *engine, uint64_t address, uint32_t size, void *data)
{
    struct quantum *quantum = data;
    (void)address;
    (void)size;
    if (--quantum->left < 0)
        quantum->stop(engine);
}

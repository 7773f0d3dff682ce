/* The few lines of C that Forkernel adds to the emulator, loaded through ctypes by hw/native.py: what is called for
 * each block of guest code, or shapes each block, and would cost more in Python than the block does. */
#include <stdint.h>

/* Counts translated blocks down and stops the CPU at zero: a quantum that is the same in every run. */
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

/* While libunicorn translates guest code it calls this by name behind each load and store, to add a call that asks
 * whether a memory hook has stopped the CPU. We have no memory hooks, every block asks at its start anyway, and that
 * call takes as long as the load. This library is loaded first, so the name means this function; other users of
 * libunicorn in this process get what they would have had. */
int forkernel_running;                              /* our CPU runs, not theirs */
void (*forkernel_check_exit_request)(void *context); /* libunicorn's function of that name */

void check_exit_request_x86_64(void *context)
{
    if (!forkernel_running && forkernel_check_exit_request)
        forkernel_check_exit_request(context);
}

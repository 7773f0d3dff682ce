"""What the emulated CPU says of itself by the CPUID instruction, for /proc/cpuinfo: asked of an engine of its own."""

from __future__ import annotations

import ctypes

from forkernel.errors import UserError
from forkernel.hw import libunicorn as lu

PAGE = 4096
RAX, RCX, RDX, RBX = lu.GENERAL[0], lu.GENERAL[1], lu.GENERAL[2], lu.GENERAL[3]
CPUID_INSTRUCTION = b"\x0f\xa2"


def cpuid(leaves: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """(eax, ebx, ecx, edx) for each (leaf, subleaf). UserError if the engine cannot be set up."""
    lib = lu.load(ctypes.CDLL)
    handle = ctypes.c_void_p()
    _check(lib, lib.uc_open(lu.UC_ARCH_X86, lu.UC_MODE_64, ctypes.byref(handle)))
    try:
        word = ctypes.c_uint(lu.UC_CTL_CPU_MODEL | 1 << 26 | lu.UC_CTL_WRITE)
        _check(lib, lib.uc_ctl(handle, word, ctypes.c_int(lu.UC_CPU_X86_NEHALEM)))
        code = ctypes.create_string_buffer(2 * PAGE)
        start = -ctypes.addressof(code) % PAGE
        ctypes.memmove(ctypes.addressof(code) + start, CPUID_INSTRUCTION, len(CPUID_INSTRUCTION))
        _check(lib, lib.uc_mem_map_ptr(handle, 0, PAGE, lu.UC_PROT_ALL, ctypes.addressof(code) + start))
        return [_ask(lib, handle, leaf, subleaf) for leaf, subleaf in leaves]
    finally:
        lib.uc_close(handle)


def _ask(lib: ctypes.PyDLL, handle: ctypes.c_void_p, leaf: int, subleaf: int) -> tuple[int, int, int, int]:
    """Execute the instruction once."""
    for register, value in ((RAX, leaf), (RCX, subleaf)):
        word = ctypes.c_uint64(value)
        _check(lib, lib.uc_reg_write(handle, register, ctypes.byref(word)))
    _check(lib, lib.uc_emu_start(handle, 0, len(CPUID_INSTRUCTION), 0, 0))
    values = []
    for register in (RAX, RBX, RCX, RDX):
        word = ctypes.c_uint64()
        _check(lib, lib.uc_reg_read(handle, register, ctypes.byref(word)))
        values.append(word.value & 0xFFFFFFFF)
    return values[0], values[1], values[2], values[3]


def _check(lib: ctypes.PyDLL, status: int) -> None:
    if status:
        raise UserError(f"CPUID cannot be read: {lib.uc_strerror(status).decode()}")

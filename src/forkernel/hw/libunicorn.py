"""The part of libunicorn that the CPU needs, called directly.

The library comes with the pinned `unicorn` wheel; its Python binding is left aside because it adds to
start-up and, at a few microseconds a call, to every trap. Numbers are those of unicorn.h and x86.h.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from forkernel.errors import UserError

UC_ARCH_X86, UC_MODE_64 = 4, 8
UC_PROT_ALL = 7
UC_HOOK_INTR, UC_HOOK_INSN, UC_HOOK_BLOCK, UC_HOOK_INSN_INVALID = 1, 2, 8, 16384
UC_X86_INS_SYSCALL, UC_X86_INS_SYSENTER, UC_X86_INS_IN, UC_X86_INS_OUT = 699, 700, 218, 500
UC_CTL_WRITE = 1 << 30
UC_CTL_CPU_MODEL, UC_CTL_TB_REMOVE_CACHE, UC_CTL_TB_FLUSH, UC_CTL_TLB_FLUSH = 7, 9, 10, 11
UC_CPU_X86_NEHALEM = 15
UC_ERR_OK, UC_ERR_INSN_INVALID = 0, 10

CS, SS, CR0, CR2, CR3, CR4, GDTR, LDTR, TR = 11, 49, 50, 52, 53, 54, 243, 244, 245
FPCW, FPTAG, MSR, MXCSR, FS_BASE, GS_BASE, EFLAGS, FPSW = 246, 247, 248, 249, 250, 251, 25, 31
FP0, XMM0 = 82, 122
RIP = 41
GENERAL = (35, 38, 40, 37, 44, 36, 43, 39, 106, 107, 108, 109, 110, 111, 112, 113)
"""rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15: the order in which the instruction set numbers them."""

INTR_CALLBACK = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
SYSCALL_CALLBACK = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
IN_CALLBACK = ctypes.PYFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_void_p)
OUT_CALLBACK = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)
INVALID_CALLBACK = ctypes.PYFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)


class Mmr(ctypes.Structure):
    """uc_x86_mmr: a descriptor-table register."""

    _fields_ = (
        ("selector", ctypes.c_uint16),
        ("base", ctypes.c_uint64),
        ("limit", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
    )


class Msr(ctypes.Structure):
    """uc_x86_msr: a model-specific register and its value."""

    _fields_ = (("rid", ctypes.c_uint32), ("value", ctypes.c_uint64))


def library_path() -> str:
    """Where the wheel keeps its shared library."""
    for folder in sys.path:
        for name in ("libunicorn.so.2", "libunicorn.2.dylib"):
            path = os.path.join(folder, "unicorn", "lib", name)
            if os.path.exists(path):
                return path
    raise UserError("the Python package 'unicorn' is not installed")


def load(kind: type[ctypes.CDLL]) -> Any:
    """The library. As a PyDLL its calls keep the interpreter's lock, so that hooks cost little."""
    library: Any = kind(library_path())
    pointer = ctypes.c_void_p
    library.uc_open.argtypes = (ctypes.c_int, ctypes.c_int, pointer)
    library.uc_close.argtypes = (pointer,)
    library.uc_emu_start.argtypes = (pointer, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t)
    library.uc_emu_stop.argtypes = (pointer,)
    library.uc_mem_map_ptr.argtypes = (pointer, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_uint32, pointer)
    library.uc_context_alloc.argtypes = (pointer, pointer)
    library.uc_context_size.argtypes = (pointer,)
    library.uc_context_size.restype = ctypes.c_size_t
    library.uc_context_save.argtypes = (pointer, pointer)
    library.uc_context_restore.argtypes = (pointer, pointer)
    library.uc_context_free.argtypes = (pointer,)
    library.uc_reg_read.argtypes = (pointer, ctypes.c_int, pointer)
    library.uc_reg_write.argtypes = (pointer, ctypes.c_int, pointer)
    library.uc_strerror.restype = ctypes.c_char_p
    return library

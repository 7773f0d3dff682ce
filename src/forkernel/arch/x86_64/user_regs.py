"""The registers of a stopped task as a debugger sees them: user_regs_struct, struct user, fxsave (sys/user.h, Linux:
arch/x86/kernel/ptrace.c).
"""

from __future__ import annotations

import struct
from typing import Any

from forkernel.abi.errno import EINVAL, EIO
from forkernel.arch.x86_64.pgtable import TASK_SIZE
from forkernel.errors import SysError

NAMES = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip
"""user_regs_struct, 64-bit words."""
REGS = struct.Struct(f"<{len(NAMES)}Q")
REGS_SIZE = REGS.size
FPREGS_SIZE = 512
USER_SIZE = 912
"""sizeof(struct user): the registers, the FPU, then what a.out core files had, and the debug registers."""
DEBUG_REGISTERS = range(848, 912, 8)
USER_CS, USER_DS = 0x33, 0x2B
FIXED = {"cs": USER_CS, "ss": USER_DS, "ds": 0, "es": 0, "fs": 0, "gs": 0}
"""Selectors are what they are in every 64-bit program."""
TRAP_FLAG = 0x100
FLAG_MASK = 0x50DD5 | TRAP_FLAG
"""Flags that a debugger may change."""
M64 = (1 << 64) - 1
RPL = 3


def get_register(task: Any, name: str) -> int:
    """One register by its name in NAMES, as an unsigned 64-bit number."""
    regs = task.regs
    if name in FIXED:
        return FIXED[name]
    if name == "orig_rax":
        number: int = task.syscall_nr & M64
        return number
    if name == "eflags":
        hidden = TRAP_FLAG if task.tracing is not None and task.tracing.step else 0
        flags: int = regs.rflags & ~hidden
        return flags
    value: int = getattr(regs, name)
    return value


def set_register(task: Any, name: str, value: int) -> None:
    """Change one register; EIO for a selector of the kernel or a base outside user memory."""
    regs = task.regs
    if name in FIXED:
        if (name in ("cs", "ss") and value & RPL != RPL) or (value and value & RPL != RPL):
            raise SysError(EIO)
    elif name == "orig_rax":
        task.syscall_nr = value - (1 << 64) if value >> 63 else value
    elif name == "eflags":
        forced = TRAP_FLAG if task.tracing is not None and task.tracing.step else 0
        regs.rflags = regs.rflags & ~FLAG_MASK | value & FLAG_MASK | forced
    elif name in ("fs_base", "gs_base"):
        if value >= TASK_SIZE:
            raise SysError(EIO)
        setattr(regs, name, value)
    else:
        setattr(regs, name, value)


def getregs(task: Any) -> bytes:
    """user_regs_struct."""
    return REGS.pack(*(get_register(task, name) for name in NAMES))


def setregs(task: Any, data: bytes) -> None:
    """Set registers from the beginning of a user_regs_struct, as many words as there are; EIO."""
    for name, (value,) in zip(NAMES, struct.iter_unpack("<Q", data), strict=False):
        set_register(task, name, value)


def getfpregs(task: Any) -> bytes:
    """user_fpregs_struct: the fxsave area."""
    area: bytes = task.regs.fxsave()
    return area


def setfpregs(task: Any, data: bytes) -> None:
    """Set the FPU from an fxsave area, of which a part may be given; EINVAL for bits of MXCSR that do not exist."""
    area = data + getfpregs(task)[len(data) :]
    if int.from_bytes(area[24:28], "little") & ~0xFFFF:
        raise SysError(EINVAL)
    task.regs.fxrstor(area)


def peek_user(task: Any, addr: int) -> int:
    """The word at `addr` of struct user; EIO. There are no debug registers: they read as zero."""
    if addr & 7 or not 0 <= addr < USER_SIZE:
        raise SysError(EIO)
    return get_register(task, NAMES[addr // 8]) if addr < REGS_SIZE else 0


def poke_user(task: Any, addr: int, value: int) -> None:
    """Change the word at `addr` of struct user; EIO for what cannot be changed, a breakpoint in hardware among it."""
    if addr & 7 or not 0 <= addr < USER_SIZE:
        raise SysError(EIO)
    if addr < REGS_SIZE:
        set_register(task, NAMES[addr // 8], value)
    elif addr not in DEBUG_REGISTERS or value:
        raise SysError(EIO)


def single_step(task: Any, wanted: bool) -> None:
    """Let the CPU trap after the next instruction, or not (Linux: user_enable_single_step)."""
    tracing = task.tracing
    if wanted == tracing.step:
        return
    tracing.step = wanted
    regs = task.regs
    regs.rflags = regs.rflags | TRAP_FLAG if wanted else regs.rflags & ~TRAP_FLAG

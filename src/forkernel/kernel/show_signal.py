"""Faults that kill programs, in the kernel log (Linux: show_signal_msg, show_signal and show_opcodes of arch/x86).

Called where `signal.kills` says that the program has no handler for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.errors import SysError
from forkernel.hw import protocol as hw
from forkernel.kernel.printk import KERN_EMERG, KERN_INFO

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

OPCODE_PROLOGUE, OPCODE_BYTES = 42, 64
"""Bytes of code shown before the instruction, and altogether."""
PAGE_SHIFT = 12
MASK64 = (1 << 64) - 1
TRAP_NAMES = {
    hw.DIVIDE_ERROR: b"trap divide error",
    hw.BREAKPOINT: b"trap int3",
    hw.OVERFLOW: b"trap overflow",
    hw.BOUND: b"trap bounds",
    hw.INVALID_OPCODE: b"trap invalid opcode",
    hw.GENERAL_PROTECTION: b"general protection fault",
    hw.ALIGNMENT: b"trap alignment check",
}
"""Exceptions that are told of, as they are named there."""


def show_segv(task: Task, error: int, address: int) -> None:
    """A page fault where the program has no page, or not such a one."""
    system = task.system
    log = system.printk
    if not system.show_unhandled_signals or not log.allow(b"show_signal_msg"):
        return
    rip, rsp = task.regs.rip, task.regs.rsp
    level = KERN_INFO if task.pid > 1 else KERN_EMERG
    cpu = task.se.cpu
    where = b"%s[%d]: segfault at %x ip %016x sp %016x error %x" % (task.comm, task.pid, address, rip, rsp, error)
    log.emit(level, b"%s%s likely on CPU %d (core %d, socket 0)" % (where, vma_at(task, rip), cpu, cpu))
    log.emit(level, opcodes(task, rip))


def show_trap(task: Task, vector: int, error: int) -> None:
    """Another exception."""
    system = task.system
    if not system.show_unhandled_signals or vector not in TRAP_NAMES:
        return
    if not system.printk.allow(b"show_signal"):
        return
    rip, rsp = task.regs.rip, task.regs.rsp
    where = (task.comm, task.pid, TRAP_NAMES[vector], rip, rsp, error, vma_at(task, rip))
    system.printk.emit(KERN_INFO, b"traps: %s[%d] %s ip:%x sp:%x error:%x%s" % where)


def vma_at(task: Task, address: int) -> bytes:
    """` in name[offset,start+size]` for an address in a file that the task has mapped, else nothing."""
    vma = task.mm.vmas.find(address) if task.mm is not None else None
    if vma is None or vma.start > address or vma.file is None or vma.file.path is None:
        return b""
    offset = address - vma.start + (vma.pgoff << PAGE_SHIFT)
    return b" in %s[%x,%x+%x]" % (vma.file.path.dentry.name, offset, vma.start, vma.end - vma.start)


def opcodes(task: Task, rip: int) -> bytes:
    """The code around the instruction, which stands in angle brackets."""
    start = rip - OPCODE_PROLOGUE & MASK64
    try:
        assert task.mm is not None
        code = task.mm.read(start, OPCODE_BYTES)
    except SysError:
        return b"Code: Unable to access opcode bytes at 0x%x." % start
    shown = [b"%02x" % byte for byte in code]
    shown[OPCODE_PROLOGUE] = b"<%s>" % shown[OPCODE_PROLOGUE]
    return b"Code: " + b" ".join(shown)

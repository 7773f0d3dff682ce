"""Starting a program and copying a thread: what the registers must hold (Linux: arch/x86/kernel/process_64.c)."""

from __future__ import annotations

from typing import Any

USER_RFLAGS = 0x202  # interrupts on, and the bit that is always 1


def start_thread(task: Any, entry: int, sp: int) -> None:
    """Fresh registers for a new program: all zero but the instruction and stack pointers."""
    task.system.cpu.reset(task)
    regs = task.regs
    regs.rip = entry
    regs.rsp = sp


def copy_thread(child: Any, parent: Any, stack: int, tls: int | None) -> None:
    """The child's registers: the parent's, 0 as the result of the call, its own stack and TLS if asked for."""
    child.thread = parent.system.cpu.image_of(parent)
    regs = child.regs
    regs.rax = 0
    if stack:
        regs.rsp = stack
    if tls is not None:
        regs.fs_base = parent.system.options.arch.child_tls(regs.gpr, tls)

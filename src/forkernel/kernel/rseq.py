"""Restartable sequences (rseq(2)): code that is started over when the thread is preempted or signalled within it.

A thread registers a struct rseq. The kernel keeps the number of its CPU there (`rseq_set_cpu`), and reads from it
which critical section the thread is in: before the thread loses the CPU (`rseq_preempt`) or runs a signal handler
(`rseq_signal_deliver`) inside of one, its instruction pointer is moved to the section's abort handler.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from forkernel.abi.errno import EBUSY, EFAULT, EINVAL, EPERM
from forkernel.abi.sched import ORIG_RSEQ_SIZE, RSEQ_CPU_ID_UNINITIALIZED, RSEQ_FLAG_UNREGISTER
from forkernel.abi.signal import SIGSEGV
from forkernel.arch.x86_64.pgtable import TASK_SIZE
from forkernel.errors import SysError
from forkernel.kernel import signal

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

RSEQ_CS_OFFSET = 8
NODE_ID_OFFSET = 20
_CRITICAL_SECTION = struct.Struct("<IIQQQ")
_CPU_IDS = struct.Struct("<II")
"""cpu_id_start and cpu_id."""
_NODE_AND_CID = struct.Struct("<II")


# --- the call


def rseq_register(task: Task, mm: MmStruct, addr: int, length: int, signature: int) -> None:
    """Register; EBUSY if it is done already, EINVAL and EPERM if it was done otherwise, EFAULT."""
    if task.rseq is not None:
        if task.rseq[:2] != (addr, length):
            raise SysError(EINVAL)
        raise SysError(EPERM if task.rseq[2] != signature else EBUSY)
    if length < ORIG_RSEQ_SIZE or addr % ORIG_RSEQ_SIZE:
        raise SysError(EINVAL)
    if addr + length > TASK_SIZE:
        raise SysError(EFAULT)
    _set_cpu(mm, addr, task.se.cpu, task.se.cpu)
    task.se.rseq_cpu = task.se.cpu
    task.rseq = (addr, length, signature)


def rseq_unregister(task: Task, mm: MmStruct, addr: int, length: int, flags: int, signature: int) -> None:
    """Forget the registration, which must be repeated exactly; the CPU number becomes "none"."""
    if flags != RSEQ_FLAG_UNREGISTER or task.rseq is None or task.rseq[:2] != (addr, length):
        raise SysError(EINVAL)
    if task.rseq[2] != signature:
        raise SysError(EPERM)
    _set_cpu(mm, addr, 0, RSEQ_CPU_ID_UNINITIALIZED)
    task.rseq = None


def _set_cpu(mm: MmStruct, addr: int, start: int, cpu: int) -> None:
    """Write the fields that are the kernel's: the CPU, then node and concurrency ID. The latter is a number that no
    other running thread of the process has (the CPU's is one); the former 0.
    """
    mm.write(addr, _CPU_IDS.pack(start, cpu))
    mm.write(addr + NODE_ID_OFFSET, _NODE_AND_CID.pack(0, start))


def rseq_set_cpu(task: Task) -> None:
    """The thread goes on on another CPU: tell it (Linux: rseq_update_cpu_node_id). SIGSEGV if that fails."""
    if task.rseq is None or task.mm is None:
        return
    task.se.rseq_cpu = task.se.cpu
    try:
        _set_cpu(task.mm, task.rseq[0], task.se.cpu, task.se.cpu)
    except SysError:
        signal.force_sig(SIGSEGV, task)


# --- aborts


def rseq_preempt(task: Task) -> None:
    """The thread, in user mode, loses the CPU to another."""
    if task.rseq is not None and task.mm is not None:
        _fix_up(task, task.mm)


def rseq_signal_deliver(task: Task) -> None:
    """The thread is about to run a signal handler."""
    rseq_preempt(task)


def _fix_up(task: Task, mm: MmStruct) -> None:
    """Leave the critical section, if in one (Linux: rseq_ip_fixup); SIGSEGV for a registration that is broken."""
    assert task.rseq is not None
    try:
        section = mm.read_u64(task.rseq[0] + RSEQ_CS_OFFSET)
        if not section:
            return
        target = abort_target(mm, section, task.regs.rip, task.rseq[2])
        mm.write_u64(task.rseq[0] + RSEQ_CS_OFFSET, 0)
    except SysError:
        signal.force_sig(SIGSEGV, task)
        return
    if target:
        task.regs.rip = target


def abort_target(mm: MmStruct, section: int, rip: int, signature: int) -> int:
    """Address of the abort handler if `rip` is in the section described at `section`, else 0.

    EINVAL for a description that makes no sense or a handler without the signature in front of it.
    """
    version, flags, start, length, abort = _CRITICAL_SECTION.unpack(mm.read(section, _CRITICAL_SECTION.size))
    if version or flags or start + length > TASK_SIZE or abort >= TASK_SIZE or 0 <= abort - start < length:
        raise SysError(EINVAL)
    if mm.read_u32(abort - 4) != signature:
        raise SysError(EINVAL)
    return abort if 0 <= rip - start < length else 0

"""ptrace(2): the requests, each with its own idea of `addr` and `data`; what they do is in kernel/ptrace.py."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from forkernel.abi import ptrace as abi
from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EACCES, EINVAL, EIO, ENOENT, EPERM, ESRCH
from forkernel.abi.seccomp import SECCOMP_FILTER_FLAG_LOG, SECCOMP_MODE_FILTER
from forkernel.abi.signal import SIG_KERNEL_ONLY_MASK, SIGTRAP, SigInfo
from forkernel.abi.types import I64, U64
from forkernel.arch.x86_64 import user_regs
from forkernel.errors import SysError
from forkernel.kernel import ptrace
from forkernel.kernel.cred import capable
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.ptrace_stop import SignalStop
from forkernel.kernel.sigqueue import recalc_sigpending
from forkernel.kernel.task import Task
from forkernel.mm.access import check_remote
from forkernel.syscalls.registry import syscall

if TYPE_CHECKING:
    from forkernel.kernel.seccomp import SeccompFilter
    from forkernel.mm.mm_struct import MmStruct

WORD = 8
SYSCALL_TRAP = SIGTRAP | 0x80
SIGINFO_SIZE, SIGSET_SIZE = 128, 8
ARCH_SET_GS, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS = 0x1001, 0x1002, 0x1003, 0x1004
SECCOMP_METADATA = struct.Struct("<QQ")
SOCK_FILTER = struct.Struct("<HBBI")
RSEQ_CONFIGURATION = struct.Struct("<QIIII")


@syscall("ptrace", caveat="no hardware breakpoints, no 32-bit tracees; PTRACE_SINGLEBLOCK answers EIO")
def sys_ptrace(task: Task, request: I64, pid: I64, addr: U64, data: U64) -> int:
    """ptrace(2); PTRACE_PEEK* store the word at `data`, as the call itself does and the C library hides."""
    if request == abi.PTRACE_TRACEME:
        ptrace.ptrace_traceme(task)
        return 0
    child = find_task_by_vpid(task, pid)
    if child is None:
        raise SysError(ESRCH)
    if request in (abi.PTRACE_ATTACH, abi.PTRACE_SEIZE):
        ptrace.ptrace_attach(task, child, addr, data, seize=request == abi.PTRACE_SEIZE)
        return 0
    anytime = request in (abi.PTRACE_KILL, abi.PTRACE_INTERRUPT)
    ptrace.ptrace_check_attach(task, child, stopped=not anytime)
    handler = REQUESTS.get(request)
    if handler is None:
        raise SysError(EIO)
    return handler(task, child, request, addr, data) or 0


def _mm(task: Task) -> MmStruct:
    if task.mm is None:
        raise SysError(EIO)
    return task.mm


# --- memory


def peek(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """A word of the child's memory to `data`; EIO."""
    try:
        check_remote(_mm(child), addr)
        word = _mm(child).read(addr, WORD)
    except SysError:
        raise SysError(EIO) from None
    _mm(task).write(data, word)


def poke(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Change a word of the child's memory, read-only code too; EIO."""
    try:
        check_remote(_mm(child), addr)
        _mm(child).write_forced(addr, data.to_bytes(WORD, "little"))
    except SysError:
        raise SysError(EIO) from None


def peek_user(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """A word of struct user to `data`."""
    _mm(task).write_u64(data, user_regs.peek_user(child, addr))


def poke_user(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Change a word of struct user."""
    user_regs.poke_user(child, addr, data)


# --- registers


def getregs(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """user_regs_struct to `data`."""
    _mm(task).write(data, user_regs.getregs(child))


def setregs(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Registers from `data`."""
    user_regs.setregs(child, _mm(task).read(data, user_regs.REGS_SIZE))


def getfpregs(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """The FPU to `data`."""
    _mm(task).write(data, user_regs.getfpregs(child))


def setfpregs(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """The FPU from `data`."""
    user_regs.setfpregs(child, _mm(task).read(data, user_regs.FPREGS_SIZE))


def regset(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """PTRACE_GETREGSET, PTRACE_SETREGSET: set `addr` (NT_*) by the iovec at `data`, whose length becomes what was
    copied. EINVAL for a set that this CPU has not.
    """
    mm = _mm(task)
    base, length = mm.read_u64(data), mm.read_u64(data + 8)
    if addr == abi.NT_PRSTATUS:
        size, unit = user_regs.REGS_SIZE, WORD
    elif addr == abi.NT_PRFPREG:
        size, unit = user_regs.FPREGS_SIZE, 4
    else:
        raise SysError(EINVAL)
    if length % unit:
        raise SysError(EINVAL)
    length = min(length, size)
    whole = addr == abi.NT_PRSTATUS
    if request == abi.PTRACE_GETREGSET:
        image = user_regs.getregs(child) if whole else user_regs.getfpregs(child)
        mm.write(base, image[:length])
    else:
        (user_regs.setregs if whole else user_regs.setfpregs)(child, mm.read(base, length))
    mm.write_u64(data + 8, length)


def arch_prctl(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """PTRACE_ARCH_PRCTL: what arch_prctl would do for the child; `data` is its code, `addr` its address."""
    name = {ARCH_SET_FS: "fs_base", ARCH_GET_FS: "fs_base", ARCH_SET_GS: "gs_base", ARCH_GET_GS: "gs_base"}.get(data)
    if name is None:
        raise SysError(EINVAL)
    if data in (ARCH_GET_FS, ARCH_GET_GS):
        _mm(task).write_u64(addr, user_regs.get_register(child, name))
        return
    try:
        user_regs.set_register(child, name, addr)
    except SysError:
        raise SysError(EPERM) from None


# --- signals and stops


def getsiginfo(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Why the child has stopped; EINVAL in a group stop."""
    _mm(task).write(data, _last_siginfo(child).pack())


def setsiginfo(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Change what the signal's handler will see."""
    _last_siginfo(child)
    info = SigInfo.unpack(_mm(task).read(data, SIGINFO_SIZE))
    tracing = child.tracing
    assert tracing is not None
    tracing.info = info
    if isinstance(tracing.stop, SignalStop):
        tracing.stop.info = info


def _last_siginfo(child: Task) -> SigInfo:
    info = child.tracing.info if child.tracing is not None else None
    if info is None:
        raise SysError(EINVAL)
    return info


def peeksiginfo(task: Task, child: Task, request: int, addr: int, data: int) -> int:
    """Signals in the child's queue, or its process's, without taking them; how many."""
    head = _mm(task).read(addr, 16)
    offset, flags, count = struct.unpack("<QIi", head)
    if flags & ~abi.PTRACE_PEEKSIGINFO_SHARED or count < 0:
        raise SysError(EINVAL)
    pending = child.signal.shared_pending if flags else child.pending
    chosen = pending.queue[offset : offset + count] if offset < len(pending.queue) else []
    for at, info in enumerate(chosen):
        try:
            _mm(task).write(data + at * SIGINFO_SIZE, info.pack())
        except SysError:
            if at:
                return at
            raise
    return len(chosen)


def getsigmask(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """The child's signal mask; `addr` is its size."""
    if addr != SIGSET_SIZE:
        raise SysError(EINVAL)
    mask = child.saved_sigmask if child.saved_sigmask is not None else child.blocked
    _mm(task).write_u64(data, mask)


def setsigmask(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Set it."""
    if addr != SIGSET_SIZE:
        raise SysError(EINVAL)
    child.blocked = _mm(task).read_u64(data) & ~SIG_KERNEL_ONLY_MASK
    child.saved_sigmask = None
    recalc_sigpending(child)


def geteventmsg(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """The event's message: a PID, an exit status."""
    assert child.tracing is not None
    _mm(task).write_u64(data, child.tracing.message)


def get_syscall_info(task: Task, child: Task, request: int, addr: int, data: int) -> int:
    """What call the child has stopped at; the size of it all, of which `addr` bytes are stored."""
    tracing, regs = child.tracing, child.regs
    assert tracing is not None
    info = tracing.info
    at_call = info is not None and info.code == SYSCALL_TRAP
    kind = tracing.message if at_call else abi.PTRACE_SYSCALL_INFO_NONE
    text = struct.pack("<B3xIQQ", kind, abi.AUDIT_ARCH_X86_64, regs.rip, regs.rsp)
    if kind == abi.PTRACE_SYSCALL_INFO_ENTRY:
        number = user_regs.get_register(child, "orig_rax")
        text += struct.pack("<7Q", number, regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9)
    elif kind == abi.PTRACE_SYSCALL_INFO_EXIT:
        text += struct.pack("<QB", regs.rax, regs.rax > (1 << 64) - 4096)
    _mm(task).write(data, text[:addr])
    return len(text)


def get_rseq_configuration(task: Task, child: Task, request: int, addr: int, data: int) -> int:
    """Where the child's restartable sequences are."""
    address, size, signature = child.rseq or (0, 0, 0)
    text = RSEQ_CONFIGURATION.pack(address, size, signature, 0, 0)
    _mm(task).write(data, text[:addr])
    return min(addr, len(text))


def setoptions(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """PTRACE_O_*."""
    ptrace.ptrace_setoptions(task, child, data)


def seccomp_get_filter(task: Task, child: Task, request: int, addr: int, data: int) -> int:
    """One of the child's seccomp filters, the newest being number 0, to `data` if that is not NULL; its length."""
    program = _filter_of(task, child, addr).program
    if data:
        _mm(task).write(data, b"".join(SOCK_FILTER.pack(*instruction) for instruction in program))
    return len(program)


def seccomp_get_metadata(task: Task, child: Task, request: int, addr: int, data: int) -> int:
    """struct seccomp_metadata: flags of the filter whose number it holds; `addr` is the size of `data` in bytes."""
    mm = _mm(task)
    if addr < WORD:
        raise SysError(EINVAL)
    number = mm.read_u64(data)
    flags = SECCOMP_FILTER_FLAG_LOG if _filter_of(task, child, number).log else 0
    metadata = SECCOMP_METADATA.pack(number, flags)[:addr]
    mm.write(data, metadata)
    return len(metadata)


def _filter_of(task: Task, child: Task, number: int) -> SeccompFilter:
    """A filter by number; EACCES without CAP_SYS_ADMIN or under seccomp oneself, EINVAL, ENOENT."""
    if not capable(task, CAP_SYS_ADMIN) or task.seccomp is not None:
        raise SysError(EACCES)
    state = child.seccomp
    if state is None or state.mode != SECCOMP_MODE_FILTER:
        raise SysError(EINVAL)
    found = state.filter
    while found is not None and number:
        found, number = found.prev, number - 1
    if found is None:
        raise SysError(ENOENT)
    return found


# --- going on


def resume(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Go on, with signal `data`."""
    ptrace.ptrace_resume(child, request, data)


def kill(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Go on with SIGKILL."""
    ptrace.ptrace_kill(child)


def detach(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Trace it no more."""
    ptrace.ptrace_detach(task, child, data)


def interrupt(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Stop it."""
    ptrace.ptrace_interrupt(child)


def listen(task: Task, child: Task, request: int, addr: int, data: int) -> None:
    """Leave it in its group stop."""
    ptrace.ptrace_listen(child)


Request = Callable[[Task, Task, int, int, int], int | None]
REQUESTS: dict[int, Request] = {
    abi.PTRACE_PEEKTEXT: peek,
    abi.PTRACE_PEEKDATA: peek,
    abi.PTRACE_PEEKUSER: peek_user,
    abi.PTRACE_POKETEXT: poke,
    abi.PTRACE_POKEDATA: poke,
    abi.PTRACE_POKEUSER: poke_user,
    abi.PTRACE_CONT: resume,
    abi.PTRACE_KILL: kill,
    abi.PTRACE_SINGLESTEP: resume,
    abi.PTRACE_GETREGS: getregs,
    abi.PTRACE_SETREGS: setregs,
    abi.PTRACE_GETFPREGS: getfpregs,
    abi.PTRACE_SETFPREGS: setfpregs,
    abi.PTRACE_DETACH: detach,
    abi.PTRACE_SYSCALL: resume,
    abi.PTRACE_ARCH_PRCTL: arch_prctl,
    abi.PTRACE_SYSEMU: resume,
    abi.PTRACE_SYSEMU_SINGLESTEP: resume,
    abi.PTRACE_SETOPTIONS: setoptions,
    abi.PTRACE_GETEVENTMSG: geteventmsg,
    abi.PTRACE_GETSIGINFO: getsiginfo,
    abi.PTRACE_SETSIGINFO: setsiginfo,
    abi.PTRACE_GETREGSET: regset,
    abi.PTRACE_SETREGSET: regset,
    abi.PTRACE_INTERRUPT: interrupt,
    abi.PTRACE_LISTEN: listen,
    abi.PTRACE_PEEKSIGINFO: peeksiginfo,
    abi.PTRACE_GETSIGMASK: getsigmask,
    abi.PTRACE_SETSIGMASK: setsigmask,
    abi.PTRACE_GET_SYSCALL_INFO: get_syscall_info,
    abi.PTRACE_GET_RSEQ_CONFIGURATION: get_rseq_configuration,
    abi.PTRACE_SECCOMP_GET_FILTER: seccomp_get_filter,
    abi.PTRACE_SECCOMP_GET_METADATA: seccomp_get_metadata,
}

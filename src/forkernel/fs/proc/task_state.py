"""What a task is doing: its call, where in the kernel it sleeps, what it read and wrote, how long it ran and waited
(Linux: fs/proc/base.c; proc(5)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EACCES, EPERM
from forkernel.errors import SysError
from forkernel.fs.proc.access import may_access

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


def proc_pid_stack(inode: Any, reader: Task) -> bytes:
    """The kernel functions that the task is in, the innermost first; EACCES without CAP_SYS_ADMIN, EPERM.

    Linux gives an offset for each, and some that this kernel has no counterpart of.
    """
    target, kernel = inode.get_task(), inode.sb.kernel
    if not kernel.capable(reader, CAP_SYS_ADMIN):
        raise SysError(EACCES)
    if not kernel.ptrace_may_access(reader, target):
        raise SysError(EPERM)
    return b"".join(b"[<0>] %s\n" % name for name in kernel.stack_trace(target, reader))


def proc_pid_wchan(inode: Any, reader: Task) -> bytes:
    """The kernel function where it sleeps; 0 if it runs or may not be known."""
    target = inode.get_task()
    kernel = inode.sb.kernel
    name: bytes = kernel.wchan(target) if kernel.ptrace_may_access(reader, target) else b""
    return name or b"0"


def proc_pid_syscall(inode: Any, reader: Task) -> bytes:
    """The call that it sleeps in, with arguments, stack pointer and instruction pointer; -1 and the two for who sleeps
    outside a call. EPERM for who may not trace it.
    """
    target, kernel = inode.get_task(), inode.sb.kernel
    if not kernel.ptrace_may_attach(reader, target):
        raise SysError(EPERM)
    found = kernel.current_syscall(target)
    if found is None:
        return b"running\n"
    number, args, sp, ip = found
    words = b"".join(b" 0x%x" % value for value in (*(args or ()), sp, ip))
    return b"%d%s\n" % (number, words)


def proc_tgid_io(inode: Any, reader: Task) -> bytes:
    """Bytes and calls of all threads, those gone and children waited for included."""
    task = may_access(inode, reader)
    signal = task.signal
    return _io([sum([getattr(one, name) for one in (signal, *signal.threads)]) for name in IO_FIELDS])


def proc_tid_io(inode: Any, reader: Task) -> bytes:
    """Those of one thread."""
    task = may_access(inode, reader)
    return _io([getattr(task, name) for name in IO_FIELDS])


IO_FIELDS = ("rchar", "wchar", "syscr", "syscw")


def _io(figures: list[int]) -> bytes:
    """The lines; no file system here has a device below it that storage would be read from or written to."""
    lines = [f"{name}: {value}\n" for name, value in zip(IO_FIELDS, figures, strict=True)]
    lines += [f"{name}: 0\n" for name in ("read_bytes", "write_bytes", "cancelled_write_bytes")]
    return "".join(lines).encode()


def proc_pid_schedstat(inode: Any, reader: Task) -> bytes:
    """Nanoseconds on a CPU, nanoseconds waiting for one, how often it got one."""
    figures: tuple[int, int, int] = inode.sb.kernel.sched_info(inode.get_task())
    return b"%d %d %d\n" % figures


def proc_pid_timers(inode: Any, reader: Task) -> bytes:
    """The timers of timer_create."""
    text: bytes = inode.sb.kernel.show_timers(inode.get_task(), inode.sb.pid_ns)
    return text


def proc_pid_arch_status(inode: Any, reader: Task) -> bytes:
    """Only a CPU with AVX-512 has something to tell."""
    inode.get_task()
    return b""

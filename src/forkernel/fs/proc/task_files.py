"""Small files of /proc/PID: command line, limits, name, scores, personality (Linux: fs/proc/base.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ENOENT, ESRCH
from forkernel.abi.resource import RLIM_INFINITY, RLIM_NLIMITS
from forkernel.errors import SysError
from forkernel.fs.proc.access import may_access

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

TASK_COMM_LEN = 16


def proc_pid_cmdline(inode: Any, reader: Task) -> bytes:
    """The arguments as the process has them now (Linux: get_mm_cmdline).

    A process may overwrite them and run on into the environment (setproctitle): then the text ends at the
    first NUL after the arguments' place.
    """
    mm = inode.get_task().mm
    if mm is None or not mm.arg_end:
        return b""
    size = mm.arg_end - mm.arg_start
    text: bytes = _read_memory(mm, mm.arg_start, size)
    if not text or text[-1:] == b"\0" or len(text) < size:
        return text
    title = _read_memory(mm, mm.arg_start, mm.env_end - mm.arg_start)
    end = title.find(b"\0")
    return title if end < 0 else title[:end]


def proc_pid_environ(inode: Any, reader: Task) -> bytes:
    """The environment as execve left it."""
    mm = may_access(inode, reader).mm
    return b"" if mm is None or not mm.env_end else _read_memory(mm, mm.env_start, mm.env_end - mm.env_start)


def _read_memory(mm: Any, addr: int, size: int) -> bytes:
    """User memory as far as it can be read."""
    data = b""
    while size > 0:
        part = min(size, 4096 - addr % 4096)
        try:
            data += mm.read(addr, part)
        except SysError:
            break
        addr, size = addr + part, size - part
    return data


def proc_pid_auxv(inode: Any, reader: Task) -> bytes:
    """The auxiliary vector that execve gave the program."""
    mm = may_access(inode, reader).mm
    if mm is None:
        return b""
    saved = mm.saved_auxv
    if isinstance(saved, bytes):
        return saved
    return b"".join(key.to_bytes(8, "little") + value.to_bytes(8, "little") for key, value in saved)


def proc_pid_personality(inode: Any, reader: Task) -> bytes:
    """Execution domain."""
    return b"%08x\n" % may_access(inode, reader).personality


_LIMITS = (
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
)  # fmt: skip


def proc_pid_limits(inode: Any, reader: Task) -> bytes:
    """Resource limits as a table."""
    rlim = inode.get_task().signal.rlim
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
    for number in range(RLIM_NLIMITS):
        name, unit = _LIMITS[number]
        soft, hard = ("unlimited" if value == RLIM_INFINITY else str(value) for value in rlim[number])
        lines.append(f"{name:<25} {soft:<20} {hard:<20} " + (f"{unit:<10}" if unit else ""))
    return "\n".join(lines).encode() + b"\n"


def proc_comm_show(inode: Any, reader: Task) -> bytes:
    """The name."""
    comm: bytes = inode.get_task().comm
    return comm + b"\n"


def proc_comm_store(inode: Any, writer: Task, data: bytes) -> None:
    """A thread may name any thread of its process; EINVAL otherwise."""
    target = inode.get_task()
    if target.signal is not writer.signal:
        raise SysError(EINVAL)
    inode.sb.kernel.set_task_comm(target, data[: TASK_COMM_LEN - 1].split(b"\0")[0])


def proc_pid_cgroup(inode: Any, reader: Task) -> bytes:
    """Its control group."""
    line: bytes = inode.sb.kernel.cgroup_line(inode.get_task(), reader)
    return line


def open_mem(inode: Any, task: Task, flags: int) -> File:
    """/proc/PID/mem."""
    from forkernel.fs.proc import mem

    return mem.open_mem(inode, task, flags)


def check_mounts(inode: Any, task: Task) -> None:
    """An open of a list of mounts; EINVAL for a task that has none any more, ENOENT for one without a root."""
    target = inode.get_task()
    if target.nsproxy is None:
        raise SysError(EINVAL)
    if target.fs is None:
        raise SysError(ENOENT)


def proc_pid_mounts(inode: Any, reader: Task) -> bytes:
    """The mounts as the process sees them, in fstab's form."""
    from forkernel.fs.proc.mounts import show_mounts

    return show_mounts(inode.sb.system.vfs, inode.get_task())


def proc_pid_mountinfo(inode: Any, reader: Task) -> bytes:
    """The mounts with IDs and parents."""
    from forkernel.fs.proc.mounts import show_mountinfo

    return show_mountinfo(inode.sb.system.vfs, inode.get_task())


def timens_offsets_show(inode: Any, reader: Task) -> bytes:
    """Clock offsets in the time namespace of the task's children; nothing once it is dead."""
    target: Task = inode.get_task()
    if target.nsproxy is None:
        return b""
    text: bytes = inode.sb.kernel.show_timens_offsets(target)
    return text


def timens_offsets_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set them."""
    target: Task = inode.get_task()
    if target.nsproxy is None:
        raise SysError(ESRCH)
    inode.sb.kernel.write_timens_offsets(writer, target, data)


def proc_pid_mountstats(inode: Any, reader: Task) -> bytes:
    """The mounts in words; for who may look into the process."""
    from forkernel.fs.proc.mounts import show_mountstats

    return show_mountstats(inode.sb.system.vfs, inode.get_task())

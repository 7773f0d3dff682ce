"""Memory of a process: maps, statm and the Vm lines of status (Linux: fs/proc/task_mmu.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.stat import major, minor

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

PAGE_KB = 4
PAGE_SHIFT = 12


def proc_pid_maps(inode: Any, reader: Task) -> bytes:
    """One line for each area."""
    from forkernel.fs.proc.access import may_access

    mm = may_access(inode, reader).mm
    if mm is None:
        return b""
    text: bytes = inode.sb.kernel.show_maps(mm, Describe(inode.sb.system.vfs, reader))
    return text


class Describe:
    """Tells of a mapped file: major and minor number of its device, inode number, name for the reader."""

    __slots__ = ("reader", "vfs")

    def __init__(self, vfs: Any, reader: Task) -> None:
        self.vfs = vfs
        self.reader = reader

    def __call__(self, file: Any) -> tuple[int, int, int, bytes]:
        """Facts of `file`."""
        inode = file.inode
        assert self.reader.fs is not None
        name = b"" if file.path is None else self.vfs.d_path(file.path, self.reader.fs.root)
        return major(inode.sb.dev), minor(inode.sb.dev), inode.ino, name


def task_mem(kernel: Any, mm: Any) -> list[str]:
    """The Vm lines of status, in kB."""
    anon, files, shmem = kernel.rss_kinds(mm)
    rss = anon + files + shmem
    vmas = mm.vmas
    text = (page_up(mm.end_code) - (mm.start_code & ~4095)) >> 10
    text = min(text, vmas.exec_vm * PAGE_KB)
    figures = (
        ("VmPeak", max(mm.hiwater_vm, mm.total_vm) * PAGE_KB),
        ("VmSize", mm.total_vm * PAGE_KB),
        ("VmLck", mm.locked_vm * PAGE_KB),
        ("VmPin", 0),
        ("VmHWM", max(mm.hiwater_rss, rss) * PAGE_KB),
        ("VmRSS", rss * PAGE_KB),
        ("RssAnon", anon * PAGE_KB),
        ("RssFile", files * PAGE_KB),
        ("RssShmem", shmem * PAGE_KB),
        ("VmData", vmas.data_vm * PAGE_KB),
        ("VmStk", vmas.stack_vm * PAGE_KB),
        ("VmExe", text),
        ("VmLib", vmas.exec_vm * PAGE_KB - text),
        ("VmPTE", page_table_pages(mm) * PAGE_KB),
        ("VmSwap", 0),
    )
    return [f"{name}:\t{value:8} kB" for name, value in figures]


def page_up(addr: int) -> int:
    """The next page boundary."""
    return (addr + 4095) & ~4095


def page_table_pages(mm: Any) -> int:
    """Pages of page tables (shared ones counted by each user)."""
    count: int = mm.pt.table_pages()
    return count


def proc_pid_statm(inode: Any, reader: Task) -> bytes:
    """Sizes in pages: total, resident, shared, text, 0, data and stack, 0."""
    mm = inode.get_task().mm
    if mm is None:
        return b"0 0 0 0 0 0 0\n"
    anon, files, shmem = inode.sb.kernel.rss_kinds(mm)
    text = (page_up(mm.end_code) - (mm.start_code & ~4095)) >> PAGE_SHIFT
    data = mm.vmas.data_vm + mm.vmas.stack_vm
    return b"%d %d %d %d 0 %d 0\n" % (mm.total_vm, anon + files + shmem, files + shmem, text, data)

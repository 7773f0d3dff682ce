"""/proc/PID/smaps, smaps_rollup, clear_refs: the pages behind each area (Linux: fs/proc/task_mmu.c; proc(5)).

The sums come from `forkernel.mm.smaps`. Lines about huge pages, KSM and swap are 0: this kernel has none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ESRCH
from forkernel.errors import SysError
from forkernel.fs.proc.access import may_access
from forkernel.fs.proc.inode import decimal
from forkernel.fs.proc.task_mmu import Describe

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

PAGE_KB = 4
PSS_TO_KB = 22
"""Proportional sizes have 12 bits of fraction, and 10 more make kB of bytes."""
VM_FLAGS = (
    (0x1, "rd"), (0x2, "wr"), (0x4, "ex"), (0x8, "sh"), (0x10, "mr"), (0x20, "mw"), (0x40, "me"), (0x80, "ms"),
    (0x100, "gd"), (0x2000, "lo"), (0x8000, "sr"), (0x10000, "rr"), (0x20000, "dc"), (0x40000, "de"),
    (0x80000, "lf"), (0x100000, "ac"), (0x200000, "nr"), (0x2000000, "wf"), (0x4000000, "dd"), (0x20000000, "hg"),
    (0x40000000, "nh"),
)  # fmt: skip
"""VM_* bits and their names in the line VmFlags."""
CLEAR_REFS_ALL, CLEAR_REFS_ANON, CLEAR_REFS_MAPPED, CLEAR_REFS_SOFT_DIRTY, CLEAR_REFS_MM_HIWATER_RSS = range(1, 6)


def proc_pid_smaps(inode: Any, reader: Task) -> bytes:
    """For each area its line of maps and the sums over its pages."""
    kernel = inode.sb.kernel
    mm = may_access(inode, reader).mm
    if mm is None:
        return b""
    describe = Describe(inode.sb.system.vfs, reader)
    counts = kernel.mapcounts()
    parts = []
    for vma in mm.vmas:
        stats = kernel.mem_size_stats(mm, [vma], counts)
        size = (vma.end - vma.start) >> 10
        sizes = f"Size:           {size:8} kB\nKernelPageSize: {PAGE_KB:8} kB\nMMUPageSize:    {PAGE_KB:8} kB\n"
        flags = "VmFlags: " + "".join(f"{name} " for bit, name in VM_FLAGS if vma.flags & bit)
        text = sizes + _sums(stats, rollup=False) + f"THPeligible:    {0:8}\n{flags}\n"
        parts += [kernel.show_map_line(mm, vma, describe), text.encode()]
    return b"".join(parts)


def proc_pid_smaps_rollup(inode: Any, reader: Task) -> bytes:
    """The sums over all areas; ESRCH for who has no memory."""
    kernel = inode.sb.kernel
    mm = may_access(inode, reader).mm
    if mm is None:
        raise SysError(ESRCH)
    areas = list(mm.vmas)
    stats = kernel.mem_size_stats(mm, areas, kernel.mapcounts())
    start, end = (areas[0].start, areas[-1].end) if areas else (0, 0)
    line = f"{start:08x}-{end:08x} ---p 00000000 00:00 0 ".ljust(73) + "[rollup]\n"
    return (line + _sums(stats, rollup=True)).encode()


def _sums(stats: Any, *, rollup: bool) -> str:
    """The lines from Rss to Locked (Linux: __show_smap)."""
    kinds = zip(("Pss_Anon", "Pss_File", "Pss_Shmem"), stats.pss_kinds, strict=True) if rollup else ()
    figures = [
        ("Rss", stats.resident >> 10),
        ("Pss", stats.pss >> PSS_TO_KB),
        ("Pss_Dirty", stats.pss_dirty >> PSS_TO_KB),
        *((name, value >> PSS_TO_KB) for name, value in kinds),
        ("Shared_Clean", stats.shared_clean >> 10),
        ("Shared_Dirty", stats.shared_dirty >> 10),
        ("Private_Clean", stats.private_clean >> 10),
        ("Private_Dirty", stats.private_dirty >> 10),
        ("Referenced", stats.referenced >> 10),
        ("Anonymous", stats.anonymous >> 10),
        ("KSM", 0), ("LazyFree", 0), ("AnonHugePages", 0), ("ShmemPmdMapped", 0), ("FilePmdMapped", 0),
        ("Shared_Hugetlb", 0), ("Private_Hugetlb", 0), ("Swap", 0), ("SwapPss", 0),
        ("Locked", stats.pss_locked >> PSS_TO_KB),
    ]  # fmt: skip
    return "".join(f"{name + ':':<16}{value:8} kB\n" for name, value in figures)


def proc_clear_refs_write(inode: Any, writer: Task, data: bytes) -> None:
    """1: all pages count as not used, 2: those without a file, 3: those of files; 5: the peak of resident memory
    starts anew. EINVAL. Nobody keeps the bits that 4 would clear (CONFIG_MEM_SOFT_DIRTY).
    """
    wanted = decimal(data, -(1 << 31), (1 << 31) - 1)
    if not CLEAR_REFS_ALL <= wanted <= CLEAR_REFS_MM_HIWATER_RSS:
        raise SysError(EINVAL)
    mm = inode.get_task().mm
    if mm is None or wanted == CLEAR_REFS_SOFT_DIRTY:
        return
    if wanted == CLEAR_REFS_MM_HIWATER_RSS:
        mm.hiwater_rss = mm.rss()
    else:
        inode.sb.kernel.clear_refs(mm, wanted != CLEAR_REFS_MAPPED, wanted != CLEAR_REFS_ANON)

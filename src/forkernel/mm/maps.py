"""The lines of /proc/PID/maps (Linux: show_map_vma in fs/proc/task_mmu.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forkernel.mm.shmem import ShmemFile
from forkernel.mm.vma import PAGE_SHIFT, VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

NAME_COLUMN = 73
SHMEM_DEV = (0, 1)
"""Device number of the kernel's own tmpfs, where shared anonymous memory lives."""

Describe = Callable[[Any], tuple[int, int, int, bytes]]
"""Tells of an open file: major and minor number of the device, inode number, path as seen by the reader."""


def show_map_vma(mm: MmStruct, vma: Vma, describe: Describe) -> bytes:
    """One line of maps, with its newline; a newline in a path comes out as a backslash and 012."""
    major = minor = ino = offset = 0
    name = vma_name(mm, vma)
    if vma.file is not None:
        offset = vma.pgoff << PAGE_SHIFT
        if isinstance(vma.file, ShmemFile):
            (major, minor), ino, name = SHMEM_DEV, vma.file.ino, vma.file.map_name
        else:
            major, minor, ino, name = describe(vma.file)
            name = name.replace(b"\n", b"\\012")
    flags = vma.flags
    letters = (
        ("r" if flags & VM_READ else "-")
        + ("w" if flags & VM_WRITE else "-")
        + ("x" if flags & VM_EXEC else "-")
        + ("s" if flags & VM_MAYSHARE else "p")
    )
    line = f"{vma.start:08x}-{vma.end:08x} {letters} {offset:08x} {major:02x}:{minor:02x} {ino} ".encode()
    if name:
        line = line.ljust(NAME_COLUMN) + name
    return line + b"\n"


def vma_name(mm: MmStruct, vma: Vma) -> bytes:
    """The label of an area without a file: [heap] and [stack] go by where the area lies."""
    if vma.name:
        return vma.name.encode()
    if vma.file is not None:
        return b""
    if vma.start < mm.brk and vma.end > mm.start_brk:
        return b"[heap]"
    if vma.start <= mm.start_stack <= vma.end:
        return b"[stack]"
    return b""


def show_maps(mm: MmStruct, describe: Describe) -> bytes:
    """The whole file."""
    return b"".join(show_map_vma(mm, vma, describe) for vma in mm.vmas)

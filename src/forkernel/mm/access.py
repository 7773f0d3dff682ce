"""Another process's memory, or one's own, as a debugger sees it (Linux: access_remote_vm with FOLL_FORCE).

What the areas forbid does not count: all that may ever be read is read, and private memory that may ever be written
is written, as a copy of this process's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EFAULT
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_P
from forkernel.errors import SysError
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_MAYREAD, VM_MAYWRITE, VM_READ, VM_SHARED, VM_WRITE, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct


def check_remote(mm: MmStruct, addr: int) -> None:
    """SysError(EFAULT) if the page of `addr` is secret memory (memfd_secret(2)), which nobody reads from outside."""
    vma = mm.vmas.lookup(addr)
    if vma is not None and getattr(vma.mapping, "secret", False):
        raise SysError(EFAULT)


def read_remote(mm: MmStruct, addr: int, size: int) -> bytes:
    """Bytes from `addr` on, as far as there is memory."""
    parts = []
    try:
        while size:
            step = min(size, PAGE_SIZE - addr % PAGE_SIZE)
            parts.append(_read_page(mm, addr, step))
            addr, size = addr + step, size - step
    except SysError:
        pass
    return b"".join(parts)


def write_remote(mm: MmStruct, addr: int, data: bytes) -> int:
    """Change memory; how many bytes could be."""
    done = 0
    try:
        while done < len(data):
            step = min(len(data) - done, PAGE_SIZE - addr % PAGE_SIZE)
            check_remote(mm, addr)
            vma = mm.vmas.lookup(addr)
            forced = vma is not None and not vma.flags & VM_WRITE
            if forced and vma is not None and (vma.flags & VM_SHARED or not vma.flags & VM_MAYWRITE):
                break
            (mm.write_forced if forced else mm.write)(addr, data[done : done + step])
            addr, done = addr + step, done + step
    except SysError:
        pass
    return done


def _read_page(mm: MmStruct, addr: int, size: int) -> bytes:
    """Part of one page; SysError where there is none."""
    check_remote(mm, addr)
    vma = mm.vmas.lookup(addr)
    if vma is None or vma.flags & VM_READ or not vma.flags & VM_MAYREAD:
        return mm.read(addr, size)
    frame = _frame_of(mm, vma, addr)
    return mm.frames.read(frame, addr % PAGE_SIZE, size) if frame else bytes(size)


def _frame_of(mm: MmStruct, vma: Vma, addr: int) -> int:
    """The frame of a page that the program itself may not read, 0 for one of zeros."""
    entry = mm.pt.lookup(addr)
    if entry & PTE_P:
        return entry >> 12 & FRAME_MASK
    return vma.mapping.get_page(vma.pgoff + (addr - vma.start >> PAGE_SHIFT)) if vma.mapping is not None else 0

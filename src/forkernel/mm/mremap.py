"""Resizing and moving areas: mremap (Linux: mm/mremap.c).

Shrinking unmaps the tail. Growing is done in place where there is room, else (MREMAP_MAYMOVE) the area
and its page-table entries move. A size of 0 makes a second view of shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN, EFAULT, EINVAL, ENOMEM
from forkernel.abi.mman import MAP_FIXED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE
from forkernel.errors import SysError
from forkernel.mm.layout import TASK_SIZE, get_unmapped_area, page_align
from forkernel.mm.mmap import (
    do_munmap,
    may_expand_vm,
    mlock_future_ok,
    mm_populate,
)
from forkernel.mm.overcommit import vm_enough_memory
from forkernel.mm.userfault import UFFD_FLAGS
from forkernel.mm.vma import (
    PAGE_MASK,
    PAGE_SHIFT,
    VM_ACCOUNT,
    VM_DONTEXPAND,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_MAYSHARE,
    VM_SHARED,
    Vma,
)

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct


def do_mremap(
    mm: MmStruct, addr: int, old_len: int, new_len: int, flags: int, new_addr: int = 0, *, caps: int = 0
) -> int:
    """Resize or move the mapping at `addr`; returns its new address. Errors as mremap(2)."""
    if flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) or addr & ~PAGE_MASK:
        raise SysError(EINVAL)
    old_len, new_len = page_align(old_len), page_align(new_len)
    if new_len == 0 or new_len > TASK_SIZE:
        raise SysError(EINVAL)
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) and not flags & MREMAP_MAYMOVE:
        raise SysError(EINVAL)
    if flags & MREMAP_DONTUNMAP and old_len != new_len:
        raise SysError(EINVAL)
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        return _mremap_to(mm, addr, old_len, new_addr, new_len, flags, caps)
    vma = mm.vmas.lookup(addr)
    if vma is None:
        raise SysError(EFAULT)
    if old_len >= new_len:
        if old_len > new_len:
            do_munmap(mm, addr + new_len, old_len - new_len)
        return addr
    _check_resize(mm, vma, addr, old_len, new_len, flags, caps)
    if old_len == vma.end - addr and _expandable(mm, vma, new_len - old_len):
        mm.vmas.replace(vma, vma._replace(end=addr + new_len))
        if vma.flags & VM_LOCKED:
            mm_populate(mm, addr + old_len, new_len - old_len)
        return addr
    if not flags & MREMAP_MAYMOVE:
        raise SysError(ENOMEM)
    new_addr = get_unmapped_area(mm, 0, new_len, 0, caps)
    return _move_vma(mm, vma, addr, old_len, new_addr, new_len, flags)


def _mremap_to(mm: MmStruct, addr: int, old_len: int, new_addr: int, new_len: int, flags: int, caps: int) -> int:
    """Move to a place the caller chose; what is there goes (MREMAP_FIXED).

    A move without a change of size may cover several areas, and holes between them (Linux 6.17): each
    area moves on its own.
    """
    if new_addr & ~PAGE_MASK or new_addr > TASK_SIZE - new_len:
        raise SysError(EINVAL)
    if addr + old_len > new_addr and new_addr + new_len > addr:
        raise SysError(EINVAL)
    vma = mm.vmas.lookup(addr)
    if vma is None:
        raise SysError(EFAULT)
    if not flags & MREMAP_FIXED or old_len != new_len or old_len == 0:
        return _move_one(mm, vma, addr, old_len, new_addr, new_len, flags, caps)
    for area in mm.vmas.overlapping(addr, addr + old_len):
        piece = area.clip(addr, addr + old_len)
        length = piece.end - piece.start
        _move_one(mm, area, piece.start, length, new_addr + piece.start - addr, length, flags, caps)
    return new_addr


def _move_one(
    mm: MmStruct, vma: Vma, addr: int, old_len: int, new_addr: int, new_len: int, flags: int, caps: int
) -> int:
    """Move (a part of) one area to `new_addr`; checks first, then unmaps the target and the tail cut off."""
    if len(mm.vmas) + 2 >= mm.system.vm.max_map_count - 3:
        raise SysError(ENOMEM)
    kept = min(old_len, new_len)
    _check_resize(mm, vma, addr, kept, new_len, flags, caps)
    if flags & MREMAP_DONTUNMAP and not may_expand_vm(mm, vma.flags, kept >> PAGE_SHIFT):
        raise SysError(ENOMEM)
    fixed = MAP_FIXED if flags & MREMAP_FIXED else 0
    new_addr = get_unmapped_area(mm, new_addr, new_len, fixed, caps)
    if fixed:
        do_munmap(mm, new_addr, new_len)
    if old_len > new_len:
        do_munmap(mm, addr + new_len, old_len - new_len)
    return _move_vma(mm, vma, addr, kept, new_addr, new_len, flags)


def _check_resize(mm: MmStruct, vma: Vma, addr: int, old_len: int, new_len: int, flags: int, caps: int) -> None:
    """vma_to_resize: whether the area may become `new_len` long."""
    if old_len == 0 and not vma.flags & (VM_SHARED | VM_MAYSHARE):
        raise SysError(EINVAL)
    if flags & MREMAP_DONTUNMAP and vma.flags & VM_DONTEXPAND:
        raise SysError(EINVAL)
    if old_len > vma.end - addr:
        raise SysError(EFAULT)
    if new_len <= old_len:
        return
    if vma.flags & VM_DONTEXPAND:
        raise SysError(EFAULT)
    growth = new_len - old_len
    if not mlock_future_ok(mm, vma.flags, growth, caps):
        raise SysError(EAGAIN)
    if not may_expand_vm(mm, vma.flags, growth >> PAGE_SHIFT):
        raise SysError(ENOMEM)
    if vma.flags & VM_ACCOUNT:
        vm_enough_memory(mm, growth >> PAGE_SHIFT)


def _expandable(mm: MmStruct, vma: Vma, growth: int) -> bool:
    """Whether there is room for `growth` bytes right behind the area."""
    end = vma.end + growth
    return end <= TASK_SIZE and mm.vmas.find_intersection(vma.end, end) is None


def _move_vma(mm: MmStruct, vma: Vma, addr: int, old_len: int, new_addr: int, new_len: int, flags: int) -> int:
    """Make the area anew at `new_addr` with the pages of `[addr, addr + old_len)`, and unmap these."""
    pgoff = vma.page_index(addr) if vma.mapping is not None or vma.file is not None else new_addr >> PAGE_SHIFT
    moved = vma._replace(start=new_addr, end=new_addr + new_len, flags=vma.flags & ~UFFD_FLAGS, pgoff=pgoff)
    mm.vmas.insert(moved)
    if old_len:
        mm.pt.move(addr, new_addr, old_len)
    if flags & MREMAP_DONTUNMAP:
        mm.vmas.change_flags(addr, addr + old_len, VM_LOCKED_MASK, 0)
    elif old_len:
        do_munmap(mm, addr, old_len)
    if vma.flags & VM_LOCKED:
        mm_populate(mm, new_addr + old_len, new_len - old_len)
    return new_addr

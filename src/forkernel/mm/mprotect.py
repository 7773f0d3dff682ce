"""Changing what may be done with pages: mprotect (Linux: mm/mprotect.c).

`do_mprotect` goes through the areas in order; each is checked, then changed, so a failure in the middle
leaves what came before changed, as on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EINVAL, ENOMEM
from forkernel.abi.mman import PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP, PROT_READ, PROT_SEM, PROT_WRITE
from forkernel.errors import SysError
from forkernel.mm.layout import page_align
from forkernel.mm.mmap import calc_vm_prot_bits, may_expand_vm, mm_populate
from forkernel.mm.overcommit import vm_enough_memory
from forkernel.mm.vma import (
    PAGE_MASK,
    PAGE_SHIFT,
    VM_ACCESS_FLAGS,
    VM_ACCOUNT,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_NORESERVE,
    VM_SHARED,
    VM_WRITE,
    Vma,
)

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM


def do_mprotect(mm: MmStruct, start: int, length: int, prot: int) -> None:
    """Give `[start, start + length)` the protection `prot` (PROT_*); errors as mprotect(2)."""
    grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP)
    if grows == PROT_GROWSDOWN | PROT_GROWSUP or start & ~PAGE_MASK:
        raise SysError(EINVAL)
    if length == 0:
        return
    end = start + page_align(length)
    if end > 1 << 64 or end == start:
        raise SysError(ENOMEM)
    if prot & ~PROT_ALL:
        raise SysError(EINVAL)
    start = _first_address(mm, start, end, grows)
    for vma in mm.vmas.overlapping(start, end):
        if vma.start > start:
            raise SysError(ENOMEM)
        piece = vma.clip(start, end)
        _mprotect_fixup(mm, vma, piece, calc_vm_prot_bits(prot))
        start = piece.end
    if start < end:
        raise SysError(ENOMEM)


def _first_address(mm: MmStruct, start: int, end: int, grows: int) -> int:
    """Where the change begins: PROT_GROWSDOWN extends it to the beginning of a stack area."""
    vma = mm.vmas.find(start)
    if vma is None:
        raise SysError(ENOMEM)
    if grows & PROT_GROWSDOWN:
        if vma.start >= end:
            raise SysError(ENOMEM)
        if not vma.flags & VM_GROWSDOWN:
            raise SysError(EINVAL)
        return vma.start
    if vma.start > start:
        raise SysError(ENOMEM)
    if grows & PROT_GROWSUP:
        raise SysError(EINVAL)  # no area grows up on this machine
    return start


def _mprotect_fixup(mm: MmStruct, vma: Vma, piece: Vma, access: int) -> None:
    """Change one area, or a part of it, to the access bits `access`."""
    old = piece.flags
    new = old & ~VM_ACCESS_FLAGS | access
    if new & ~(new >> 4) & VM_ACCESS_FLAGS:
        raise SysError(EACCES)
    if new == old:
        return
    pages = piece.pages
    if not may_expand_vm(mm, new, pages) and may_expand_vm(mm, old, pages):
        raise SysError(ENOMEM)
    if new & VM_WRITE and not old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE):
        vm_enough_memory(mm, pages)
        new |= VM_ACCOUNT
    if piece is not vma and len(mm.vmas) >= mm.system.vm.max_map_count:
        raise SysError(ENOMEM)
    mm.vmas.insert(piece.with_flags(new))
    if new & VM_ACCESS_FLAGS != old & VM_ACCESS_FLAGS | VM_WRITE or not old & VM_ACCESS_FLAGS:
        mm.pt.protect(piece.start, piece.end, execute=bool(new & VM_EXEC), access=bool(new & VM_ACCESS_FLAGS))
    if old & (VM_WRITE | VM_SHARED | VM_LOCKED) == VM_LOCKED and access & VM_WRITE:
        mm_populate(mm, piece.start, pages << PAGE_SHIFT)

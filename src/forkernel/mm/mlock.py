"""Locking pages into memory: mlock, munlock, mlockall (Linux: mm/mlock.c).

There is no swap, so what locking does here is what a program can see: pages are faulted in at once,
RLIMIT_MEMLOCK is kept, MADV_DONTNEED refuses the area, and /proc shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN, EINVAL, ENOMEM, EPERM
from forkernel.abi.mman import (
    CAP_IPC_LOCK_BIT,
    MCL_CURRENT,
    MCL_FUTURE,
    MCL_ONFAULT,
    MLOCK_ONFAULT,
    RLIMIT_MEMLOCK,
)
from forkernel.errors import SysError
from forkernel.mm.layout import TASK_SIZE, page_align
from forkernel.mm.mmap import mm_populate, populate_vma
from forkernel.mm.vma import (
    PAGE_MASK,
    PAGE_SHIFT,
    VM_DONTEXPAND,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_LOCKONFAULT,
    Vma,
)

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct


def do_mlock(mm: MmStruct, start: int, length: int, flags: int = 0, *, caps: int = 0) -> None:
    """Lock the pages of `[start, start + length)`; `flags` 0 or MLOCK_ONFAULT. Errors as mlock(2)."""
    if flags & ~MLOCK_ONFAULT:
        raise SysError(EINVAL)
    _may_lock(mm, caps)
    start, length = _whole_pages(start, length)
    if not caps & CAP_IPC_LOCK_BIT:
        locked = sum(vma.clip(start, start + length).pages for vma in _locked_areas(mm, start, start + length))
        wanted = mm.vmas.locked_vm + (length >> PAGE_SHIFT) - locked
        if wanted > mm.rlim(RLIMIT_MEMLOCK) >> PAGE_SHIFT:
            raise SysError(ENOMEM)
    lock = VM_LOCKED | VM_LOCKONFAULT if flags & MLOCK_ONFAULT else VM_LOCKED
    _apply_lock_flags(mm, start, length, lock)
    for vma in mm.vmas.overlapping(start, start + length):
        error = populate_vma(mm, vma.clip(start, start + length))
        if error:
            raise SysError(EAGAIN if error == ENOMEM else ENOMEM)


def do_munlock(mm: MmStruct, start: int, length: int) -> None:
    """Take the locks off `[start, start + length)`; ENOMEM if not all of it is mapped."""
    start, length = _whole_pages(start, length)
    _apply_lock_flags(mm, start, length, 0)


def do_mlockall(mm: MmStruct, flags: int, *, caps: int = 0) -> None:
    """Lock what is mapped (MCL_CURRENT), what will be (MCL_FUTURE), or both; errors as mlockall(2)."""
    if not flags & (MCL_CURRENT | MCL_FUTURE) or flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        raise SysError(EINVAL)
    _may_lock(mm, caps)
    vmas = mm.vmas
    limited = not caps & CAP_IPC_LOCK_BIT
    if flags & MCL_CURRENT and limited and vmas.total_vm > mm.rlim(RLIMIT_MEMLOCK) >> PAGE_SHIFT:
        raise SysError(ENOMEM)
    lock = VM_LOCKED | VM_LOCKONFAULT if flags & MCL_ONFAULT else VM_LOCKED
    vmas.def_flags = vmas.def_flags & ~VM_LOCKED_MASK | (lock if flags & MCL_FUTURE else 0)
    if flags & MCL_CURRENT:
        for vma in vmas:
            _mlock_fixup(mm, vma, lock)
        mm_populate(mm, 0, TASK_SIZE)


def do_munlockall(mm: MmStruct) -> None:
    """Take all locks off, and those that new areas would get."""
    mm.vmas.def_flags &= ~VM_LOCKED_MASK
    for vma in mm.vmas:
        _mlock_fixup(mm, vma, 0)


def _may_lock(mm: MmStruct, caps: int) -> None:
    """can_do_mlock: a limit of 0 and no CAP_IPC_LOCK is EPERM."""
    if not caps & CAP_IPC_LOCK_BIT and mm.rlim(RLIMIT_MEMLOCK) == 0:
        raise SysError(EPERM)


def _whole_pages(start: int, length: int) -> tuple[int, int]:
    """The pages that a range touches; EINVAL where it runs over the end of the address space."""
    length = page_align(length + (start & ~PAGE_MASK))
    start &= PAGE_MASK
    if start + length > 1 << 64:
        raise SysError(EINVAL)
    return start, length


def _locked_areas(mm: MmStruct, start: int, end: int) -> list[Vma]:
    return [vma for vma in mm.vmas.overlapping(start, end) if vma.flags & VM_LOCKED]


def _apply_lock_flags(mm: MmStruct, start: int, length: int, lock: int) -> None:
    """Change the areas one by one; ENOMEM at the first hole, with what came before changed."""
    end = start + length
    for vma in mm.vmas.overlapping(start, end):
        if vma.start > start:
            break
        piece = vma.clip(start, end)
        _mlock_fixup(mm, piece, lock)
        start = piece.end
    if start < end:
        raise SysError(ENOMEM)


def _mlock_fixup(mm: MmStruct, piece: Vma, lock: int) -> None:
    """Set the lock bits of an area or a part; the kernel's own mappings are left alone."""
    if not piece.flags & VM_DONTEXPAND:
        mm.vmas.change_flags(piece.start, piece.end, VM_LOCKED_MASK, lock)

"""Advice about memory use (Linux: mm/madvise.c), and asking after it: mincore, msync.

`do_madvise` walks the areas of a range; each advice is a row of `_FLAG_CHANGES` (those that only change
an area's flags) or of `_ACTIONS`. Holes are skipped and reported as ENOMEM at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EBUSY, EINVAL, ENOMEM, EOPNOTSUPP
from forkernel.abi.fcntl import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE
from forkernel.abi.mman import (
    MADV_COLD,
    MADV_DODUMP,
    MADV_DOFORK,
    MADV_DONTDUMP,
    MADV_DONTFORK,
    MADV_DONTNEED,
    MADV_DONTNEED_LOCKED,
    MADV_FREE,
    MADV_HUGEPAGE,
    MADV_KEEPONFORK,
    MADV_MERGEABLE,
    MADV_NOHUGEPAGE,
    MADV_NORMAL,
    MADV_PAGEOUT,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MADV_RANDOM,
    MADV_REMOVE,
    MADV_SEQUENTIAL,
    MADV_UNMERGEABLE,
    MADV_WILLNEED,
    MADV_WIPEONFORK,
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
)
from forkernel.errors import SysError
from forkernel.mm.layout import TASK_SIZE, page_align
from forkernel.mm.mmap import fault_in
from forkernel.mm.vma import (
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_HUGEPAGE,
    VM_LOCKED,
    VM_MAYWRITE,
    VM_NOHUGEPAGE,
    VM_RAND_READ,
    VM_READ,
    VM_SEQ_READ,
    VM_SHARED,
    VM_WIPEONFORK,
    VM_WRITE,
    Vma,
)

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

_READ_HINTS = VM_SEQ_READ | VM_RAND_READ
_HUGE_HINTS = VM_HUGEPAGE | VM_NOHUGEPAGE
_FLAG_CHANGES = {
    MADV_NORMAL: (_READ_HINTS, 0),
    MADV_RANDOM: (_READ_HINTS, VM_RAND_READ),
    MADV_SEQUENTIAL: (_READ_HINTS, VM_SEQ_READ),
    MADV_DONTFORK: (0, VM_DONTCOPY),
    MADV_DOFORK: (VM_DONTCOPY, 0),
    MADV_WIPEONFORK: (0, VM_WIPEONFORK),
    MADV_KEEPONFORK: (VM_WIPEONFORK, 0),
    MADV_DONTDUMP: (0, VM_DONTDUMP),
    MADV_DODUMP: (VM_DONTDUMP, 0),
    MADV_HUGEPAGE: (_HUGE_HINTS, VM_HUGEPAGE),
    MADV_NOHUGEPAGE: (_HUGE_HINTS, VM_NOHUGEPAGE),
}
"""Advice that only changes flags: (cleared, set)."""


def do_madvise(mm: MmStruct, start: int, length: int, advice: int) -> None:
    """Take advice about `[start, start + length)`; errors as madvise(2)."""
    if advice not in _FLAG_CHANGES and advice not in _ACTIONS:
        raise SysError(EINVAL)
    if start & ~PAGE_MASK:
        raise SysError(EINVAL)
    end = start + page_align(length)
    if end > 1 << 64 or (length and end == start):
        raise SysError(EINVAL)
    populate = advice in (MADV_POPULATE_READ, MADV_POPULATE_WRITE)
    missing = False
    for piece in _pieces(mm, start, end):
        if piece is None:
            missing = True
            if populate:
                break
        elif advice in _FLAG_CHANGES:
            _change_flags(mm, piece, advice)
        else:
            _ACTIONS[advice](mm, piece, advice)
    if missing:
        raise SysError(ENOMEM)


def _pieces(mm: MmStruct, start: int, end: int) -> Iterator[Vma | None]:
    """The areas of a range, cut to it, in order; None for each hole."""
    for vma in mm.vmas.overlapping(start, end):
        if vma.start > start:
            yield None
        yield vma.clip(start, end)
        start = vma.end
    if start < end:
        yield None


def _change_flags(mm: MmStruct, piece: Vma, advice: int) -> None:
    """Advice that is a change of flags; EINVAL where the kind of area does not allow it."""
    if advice in (MADV_DOFORK, MADV_DODUMP) and piece.flags & VM_DONTEXPAND:
        raise SysError(EINVAL)
    if advice == MADV_WIPEONFORK and (piece.file is not None or piece.flags & VM_SHARED):
        raise SysError(EINVAL)
    clear, add = _FLAG_CHANGES[advice]
    mm.vmas.change_flags(piece.start, piece.end, clear, add)


def _dontneed(mm: MmStruct, piece: Vma, advice: int) -> None:
    """Drop the pages: anonymous ones come back as zeros, file pages from the file."""
    if piece.flags & VM_LOCKED and advice != MADV_DONTNEED_LOCKED:
        raise SysError(EINVAL)
    mm.pt.zap(piece.start, piece.end)


def _free(mm: MmStruct, piece: Vma, advice: int) -> None:
    """The contents may go when memory is short; anonymous private memory only. They stay here."""
    if piece.flags & VM_LOCKED or piece.mapping is not None:
        raise SysError(EINVAL)


def _remove(mm: MmStruct, piece: Vma, advice: int) -> None:
    """Punch a hole into the shared memory behind the area."""
    mapping = piece.mapping
    if piece.flags & VM_LOCKED or mapping is None:
        raise SysError(EINVAL)
    if piece.flags & (VM_SHARED | VM_MAYWRITE) != VM_SHARED | VM_MAYWRITE:
        raise SysError(EACCES)
    allocate = getattr(mapping, "allocate", None)
    if allocate is None:
        raise SysError(EOPNOTSUPP)
    mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    allocate(mode, piece.pgoff << PAGE_SHIFT, piece.pages << PAGE_SHIFT)


def _populate(mm: MmStruct, piece: Vma, advice: int) -> None:
    """Fault pages in as a read or a write would; EINVAL where that is not allowed, EFAULT beyond a file."""
    write = advice == MADV_POPULATE_WRITE
    if not piece.flags & (VM_WRITE if write else VM_READ):
        raise SysError(EINVAL)
    error = fault_in(mm, piece, write)
    if error:
        raise SysError(error)


def _reclaim_hint(mm: MmStruct, piece: Vma, advice: int) -> None:
    """Pages are not needed soon: nothing to do without swap, but locked areas are refused."""
    if piece.flags & VM_LOCKED:
        raise SysError(EINVAL)


def _ignore(mm: MmStruct, piece: Vma, advice: int) -> None:
    """A hint with nothing to do: pages come when they are touched, equal pages are not merged."""


_ACTIONS: dict[int, Callable[[MmStruct, Vma, int], None]] = {
    MADV_DONTNEED: _dontneed,
    MADV_DONTNEED_LOCKED: _dontneed,
    MADV_FREE: _free,
    MADV_REMOVE: _remove,
    MADV_POPULATE_READ: _populate,
    MADV_POPULATE_WRITE: _populate,
    MADV_COLD: _reclaim_hint,
    MADV_PAGEOUT: _reclaim_hint,
    MADV_WILLNEED: _ignore,
    MADV_MERGEABLE: _ignore,
    MADV_UNMERGEABLE: _ignore,
}


def do_mincore(mm: MmStruct, start: int, length: int) -> bytes:
    """One byte a page, bit 0 set for a page in memory; EINVAL, ENOMEM (not all mapped) as mincore(2)."""
    if start & ~PAGE_MASK:
        raise SysError(EINVAL)
    end = start + page_align(length)
    if end > TASK_SIZE:
        raise SysError(ENOMEM)
    result = bytearray()
    for piece in _pieces(mm, start, end):
        if piece is None:
            raise SysError(ENOMEM)
        mapping = piece.mapping
        for addr in range(piece.start, piece.end, PAGE_SIZE):
            present = mm.pt.lookup(addr) & 1
            if not present and mapping is not None:
                present = mapping.peek_page(piece.page_index(addr)) != 0
            result.append(present)
    return bytes(result)


def do_msync(mm: MmStruct, start: int, length: int, flags: int) -> None:
    """Write shared file pages back; errors as msync(2)."""
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or start & ~PAGE_MASK:
        raise SysError(EINVAL)
    if flags & MS_ASYNC and flags & MS_SYNC:
        raise SysError(EINVAL)
    end = start + page_align(length)
    if end > 1 << 64:
        raise SysError(ENOMEM)
    missing = False
    for piece in _pieces(mm, start, end):
        if piece is None:
            missing = True
        elif flags & MS_INVALIDATE and piece.flags & VM_LOCKED:
            raise SysError(EBUSY)
        elif flags & MS_SYNC and piece.flags & VM_SHARED and piece.file is not None:
            piece.file.fsync()
    if missing:
        raise SysError(ENOMEM)

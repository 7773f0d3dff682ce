"""Page faults: what happens when a page is not there, or may not be written yet (Linux: mm/memory.c).

`handle_mm_fault` finds the area, checks the access and then does one of these:

* anonymous memory, read: the shared zero page; written: a fresh zeroed frame;
* a file, read: the page cache's frame, and those of its neighbours that are cached (fault-around);
  written in a private mapping: a copy of it; written in a shared mapping: the frame itself, marked dirty;
* present but read-only (do_wp_page): the last user takes the page over, everybody else copies it.

It never raises: the result says what is wrong, and the caller makes a signal or an EFAULT of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ENOMEM
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_A, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_W, TASK_SIZE
from forkernel.errors import SysError
from forkernel.hw.frames import CODE, WRITTEN
from forkernel.mm.code import becomes_code, becomes_data
from forkernel.mm.mmap import expand_stack
from forkernel.mm.userfault import VM_UFFD_MISSING, is_missing
from forkernel.mm.vma import PAGE_SHIFT, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

FAULT_OK = 0
FAULT_MAPERR = 1
"""No area there: SIGSEGV, SEGV_MAPERR."""
FAULT_ACCERR = 2
"""The area forbids it: SIGSEGV, SEGV_ACCERR."""
FAULT_SIGBUS = 3
"""Beyond the end of the file, or the file could not be read: SIGBUS, BUS_ADRERR."""
FAULT_OOM = 4
"""No frame left."""

FAULT_USER = 5
"""The page is missing, and a program has asked to fill it in (userfaultfd(2))."""

FAULT_AROUND = 64  # pages, aligned window
READABLE = PTE_P | PTE_U | PTE_A
WRITABLE = READABLE | PTE_W | PTE_D


def handle_mm_fault(mm: MmStruct, addr: int, *, write: bool = False, execute: bool = False) -> int:
    """Make the page of `addr` accessible for a read, a write or an instruction fetch; a FAULT_* code."""
    if addr >= TASK_SIZE:
        return FAULT_MAPERR
    vma = mm.vmas.lookup(addr) or expand_stack(mm, addr)
    if vma is None:
        return mm.refused(addr, FAULT_MAPERR, execute=execute)
    flags = vma.flags
    if not flags & (VM_WRITE if write else VM_EXEC if execute else VM_READ | VM_EXEC | VM_WRITE):
        return mm.refused(addr, FAULT_ACCERR, execute=execute)
    try:
        table, index = mm.pt.make_path(addr)
        entry = mm.pt.store.words[table * 512 + index]
        if entry & PTE_P:
            return _protection_fault(mm, vma, addr, table, index, entry, write=write, execute=execute)
        if flags & VM_UFFD_MISSING and is_missing(mm, vma, addr):
            return FAULT_USER
        if vma.mapping is None:
            return _anonymous_fault(mm, table, index, write=write, execute=execute)
        return _file_fault(mm, vma, addr, table, index, write=write)
    except SysError as error:
        return FAULT_OOM if error.errno == ENOMEM else FAULT_SIGBUS


def _protection(vma: Vma) -> int:
    """The NX bit for pages of the area: as code only where it may be executed."""
    return 0 if vma.flags & VM_EXEC else PTE_NX


def _anonymous_fault(mm: MmStruct, table: int, index: int, *, write: bool, execute: bool) -> int:
    """A page of zeros. It is no code until it is executed, whatever the area allows: a program whose stack may be
    executed would lose all translated code at every call that writes to it.
    """
    frames = mm.frames
    if write:
        entry = frames.alloc() << PAGE_SHIFT | WRITABLE
    else:
        entry = frames.get(frames.zero_frame) << PAGE_SHIFT | READABLE
    mm.pt.set_leaf(table, index, entry if execute else entry | PTE_NX)
    return FAULT_OK


def _file_fault(mm: MmStruct, vma: Vma, addr: int, table: int, index: int, *, write: bool) -> int:
    mapping = vma.mapping
    assert mapping is not None
    page = vma.pgoff + (addr - vma.start >> PAGE_SHIFT)
    if page << PAGE_SHIFT >= mapping.size:
        return FAULT_SIGBUS
    frames = mm.frames
    frame = mapping.get_page(page)
    no_execute = _protection(vma)
    if frames.flags[frame] & WRITTEN:
        no_execute = PTE_NX  # until it is fetched from
    if not write:
        mm.pt.set_leaf(table, index, frames.get(frame) << PAGE_SHIFT | READABLE | no_execute)
        _map_around(mm, vma, page, table, index)
    elif vma.flags & VM_SHARED:
        mapping.mark_dirty(page)
        if no_execute:
            becomes_data(mm, vma, addr, frame)
        mm.pt.set_leaf(table, index, frames.get(frame) << PAGE_SHIFT | WRITABLE | no_execute)
    else:
        mm.pt.set_leaf(table, index, frames.copy(frame) << PAGE_SHIFT | WRITABLE | _protection(vma))
    return FAULT_OK


def _map_around(mm: MmStruct, vma: Vma, page: int, table: int, index: int) -> None:
    """Map cached neighbours of a page just read in, within one aligned window of the same leaf table."""
    mapping = vma.mapping
    assert mapping is not None
    lowest = index - (page - vma.pgoff)
    first = max(index & -FAULT_AROUND, lowest)
    last = min((index & -FAULT_AROUND) + FAULT_AROUND, lowest + (vma.end - vma.start >> PAGE_SHIFT))
    peek, start = mapping.peek_page, page - index
    frames = [peek(start + near) for near in range(first, last)]
    if vma.flags & VM_EXEC and mm.frames.any_written:
        flags = mm.frames.flags
        frames = [0 if flags[frame] & WRITTEN else frame for frame in frames]
    mm.pt.map_absent(table, first, frames, READABLE & ~PTE_A | _protection(vma))


def _protection_fault(
    mm: MmStruct, vma: Vma, addr: int, table: int, index: int, entry: int, *, write: bool, execute: bool
) -> int:
    """The page is present. A fetch makes it code; a write gets its own page (do_wp_page); a read has nothing to do."""
    pt, frames = mm.pt, mm.frames
    at = table * 512 + index
    if not entry & PTE_U:  # left over from PROT_NONE
        entry |= PTE_U
        pt.store.words[at] = entry
    if not write:
        if execute and entry & PTE_NX:
            if frames.flags[entry >> 12 & FRAME_MASK] & WRITTEN:
                becomes_code(mm, vma, addr, entry >> 12 & FRAME_MASK)
            pt.set_leaf(table, index, frames.get(entry >> 12 & FRAME_MASK) << PAGE_SHIFT | entry & 0xFFF)
        return FAULT_OK
    if entry & PTE_W:
        return FAULT_OK
    frame = entry >> 12 & FRAME_MASK
    if vma.flags & VM_SHARED:
        if entry & PTE_NX:
            becomes_data(mm, vma, addr, frame)
        if vma.mapping is not None:
            vma.mapping.mark_dirty(vma.pgoff + (addr - vma.start >> PAGE_SHIFT))
        pt.store.words[at] = entry | PTE_W | PTE_D | PTE_A
    elif frames.refs[frame] == 1:
        if frames.flags[frame] & CODE and entry & PTE_NX:
            becomes_data(mm, vma, addr, frame)
        pt.store.words[at] = entry | PTE_W | PTE_D | PTE_A
        if fire := mm.system.trace.do_wp_page:
            fire(mm, addr, frame, frame)
    else:
        new = frames.alloc() if frame == frames.zero_frame else frames.copy(frame)
        pt.set_leaf(table, index, new << PAGE_SHIFT | WRITABLE | entry & PTE_NX)
        if fire := mm.system.trace.do_wp_page:
            fire(mm, addr, frame, new)
    return FAULT_OK

"""Code that is changed through another mapping than it runs by: write xor execute for the frame.

The CPU notices a store to code it has translated only where the mapping stored through is executable (hw/cpu.py). A
just-in-time compiler that maps its memory twice, once to write and once to run, would run what was there before.
So a frame has either translations (CODE) or pages that may be written and not executed (WRITTEN), never both. Life of
such a frame: a write fault makes it data (`becomes_data`): nobody may fetch from it, and its translations are dropped →
the next fetch faults and makes it code (`becomes_code`): nobody may write to it without being executable → ...

Frames mapped once, and all that are never written while shared, come here at most once: the flags tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_NX, PTE_W
from forkernel.hw.frames import CODE, WRITTEN
from forkernel.mm.rmap import mapped_ranges
from forkernel.mm.vma import PAGE_SHIFT, VM_SHARED, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct


def becomes_data(mm: MmStruct, vma: Vma, addr: int, frame: int) -> None:
    """A page of the frame is about to be writable, and is not executable."""
    frames, store = mm.frames, mm.pt.store
    if vma.flags & VM_SHARED and vma.mapping is not None:
        if frames.flags[frame] & CODE:
            for at in _entries(vma, addr, frame):
                store.words[at] |= PTE_NX
        frames.flags[frame] |= WRITTEN
        frames.any_written = True
    if frames.flags[frame] & CODE:
        frames.drop_code(frame)
        frames.flags[frame] &= ~CODE
        store.tlb.flush_tlb()


def becomes_code(mm: MmStruct, vma: Vma, addr: int, frame: int) -> None:
    """A WRITTEN frame is about to be executed."""
    store = mm.pt.store
    for at in _entries(vma, addr, frame):
        if store.words[at] & PTE_NX:
            store.words[at] &= ~PTE_W
    mm.frames.flags[frame] &= ~WRITTEN
    store.tlb.flush_tlb()


def _entries(vma: Vma, addr: int, frame: int) -> Iterator[int]:
    """Where in RAM (in words) the entries lie that map this page of a file to `frame`, in every address space.

    They may be changed in place, for all who share their table: a permission taken away comes back by a fault.
    """
    assert vma.mapping is not None
    page = vma.pgoff + (addr - vma.start >> PAGE_SHIFT)
    for mm, start, _, _ in mapped_ranges(vma.mapping, page, page):
        words = mm.pt.store.words
        table = mm.pt.pgd
        for shift in (39, 30, 21):
            table = words[table * 512 + (start >> shift & 511)] >> 12 & FRAME_MASK
            if not table:
                break
        else:
            at = table * 512 + (start >> 12 & 511)
            if words[at] >> 12 & FRAME_MASK == frame:
                yield at

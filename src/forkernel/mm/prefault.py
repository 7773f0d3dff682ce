"""Mapping pages ahead of any fault, from what the page cache has already.

Only `kernel.exec_image` needs it: the pages are mapped once and then shared by every run of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import PTE_NX
from forkernel.mm.fault import READABLE
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_EXEC, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

PREFAULT_MAX = 4096
"""Pages mapped at most in one area."""
TABLE_PAGES = 512


def map_cached_pages(mm: MmStruct) -> None:
    """Map every cached page of the private file areas for reading, as so many read faults would.

    SysError(ENOMEM) leaves what was mapped so far.
    """
    for vma in mm.vmas:
        if vma.mapping is not None and not vma.shared:
            _map_area(mm, vma)


def _map_area(mm: MmStruct, vma: Vma) -> None:
    mapping, pt = vma.mapping, mm.pt
    assert mapping is not None
    frames, words = mm.frames, pt.store.words
    flags = READABLE if vma.flags & VM_EXEC else READABLE | PTE_NX
    table, known = 0, -1
    for addr in range(vma.start, min(vma.end, vma.start + PREFAULT_MAX * PAGE_SIZE), PAGE_SIZE):
        page = addr >> PAGE_SHIFT
        frame = mapping.peek_page(vma.pgoff + page - (vma.start >> PAGE_SHIFT))
        if not frame:
            continue
        if page // TABLE_PAGES != known:
            table, known = pt.make_path(addr)[0], page // TABLE_PAGES
        index = page % TABLE_PAGES
        if not words[table * TABLE_PAGES + index]:
            pt.set_leaf(table, index, frames.get(frame) << PAGE_SHIFT | flags)

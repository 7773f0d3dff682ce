"""Mapping pages ahead of any fault, from what the page cache has already.

Only `kernel.exec_image` needs it: the pages are mapped once and then shared by every run of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import PTE_NX
from forkernel.mm.fault import READABLE
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_ACCESS_FLAGS, VM_EXEC, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

PREFAULT_MAX = 4096
"""Pages mapped at most in one area."""
TABLE_SPAN = 512 * PAGE_SIZE
"""Bytes that one leaf table covers."""


def map_cached_pages(mm: MmStruct) -> None:
    """Map every cached page of the private file areas for reading, as so many read faults would.

    SysError(ENOMEM) leaves what was mapped so far.
    """
    for vma in mm.vmas:
        if vma.mapping is not None and not vma.shared and vma.flags & VM_ACCESS_FLAGS:
            _map_area(mm, vma)


def _map_area(mm: MmStruct, vma: Vma) -> None:
    mapping, pt = vma.mapping, mm.pt
    assert mapping is not None
    flags = READABLE if vma.flags & VM_EXEC else READABLE | PTE_NX
    end = min(vma.end, vma.start + PREFAULT_MAX * PAGE_SIZE)
    addr = vma.start
    while addr < end:
        stop = min(end, (addr | TABLE_SPAN - 1) + 1)
        page = vma.page_index(addr)
        frames = [mapping.peek_page(page + near) for near in range(stop - addr >> PAGE_SHIFT)]
        if any(frames):
            table, index = pt.make_path(addr)
            pt.map_absent(table, index, frames, flags)
        addr = stop

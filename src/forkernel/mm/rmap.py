"""From a mapping to the address spaces that map it (Linux: mm/rmap.c, unmap_mapping_range).

A file system calls `zap_mapping_range` when pages of a file go away: truncate, hole punching, eviction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import FRAME_MASK
from forkernel.mapping import Mapping
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct


def mapped_ranges(mapping: Mapping, first: int, last: int) -> Iterator[tuple[MmStruct, int, int, int]]:
    """(address space, start, end, first page index) of every place where pages `first` to `last` may be."""
    for sharing in list(mapping.users):
        owners = list(sharing.owners)
        for vma in owners[0]:
            if vma.mapping is not mapping:
                continue
            low, high = max(first, vma.pgoff), min(last + 1, vma.pgoff + vma.pages)
            if low >= high:
                continue
            start = vma.start + (low - vma.pgoff << PAGE_SHIFT)
            for vmas in owners:
                yield vmas.mm, start, start + (high - low << PAGE_SHIFT), low


def zap_mapping_range(mapping: Mapping, first: int, last: int, even_cows: bool = True) -> int:
    """Unmap pages `first` to `last` (inclusive) of the mapping everywhere; returns how many entries went.

    Truncation takes private copies too (`even_cows`); a punched hole or an eviction leaves them.
    """
    gone = 0
    for mm, start, end, index in mapped_ranges(mapping, first, last):
        gone += mm.pt.zap(start, end) if even_cows else _zap_cache_pages(mm, mapping, start, end, index)
    return gone


def _zap_cache_pages(mm: MmStruct, mapping: Mapping, start: int, end: int, index: int) -> int:
    """Unmap the pages of the cache itself in a range of one address space."""
    gone = 0
    for addr, pte in list(mm.pt.entries(start, end)):
        frame = mapping.peek_page(index + (addr - start >> PAGE_SHIFT))
        if frame and frame == pte >> PAGE_SHIFT & FRAME_MASK:
            gone += mm.pt.zap(addr, addr + PAGE_SIZE)
    return gone

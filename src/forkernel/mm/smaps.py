"""What the pages of an address space are: resident, shared, dirty, referenced (Linux: smaps_account, page_vma_mapped).

Nothing is counted as memory is used: page tables and page caches know it all, and are asked when somebody reads
/proc/PID/smaps. `mapcounts` walks the tables of all address spaces, each table once, though many may share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_A, PTE_D
from forkernel.mm.pagetable import each_bit
from forkernel.mm.shmem import ShmemFile
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_LOCKED, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct
    from forkernel.mm.pagetable import PageTable

PSS_SHIFT = 12
"""Proportional sizes are summed with so many bits of fraction."""
ANON, FILE, SHMEM = 0, 1, 2


class MemSizeStats:
    """Sums over pages, in bytes; `pss*` shifted by PSS_SHIFT (Linux: mem_size_stats)."""

    __slots__ = (
        "anonymous", "private_clean", "private_dirty", "pss", "pss_dirty", "pss_kinds", "pss_locked", "referenced",
        "resident", "shared_clean", "shared_dirty",
    )  # fmt: skip

    def __init__(self) -> None:
        self.resident = self.referenced = self.anonymous = 0
        self.shared_clean = self.shared_dirty = self.private_clean = self.private_dirty = 0
        self.pss = self.pss_dirty = self.pss_locked = 0
        self.pss_kinds = [0, 0, 0]
        """By ANON, FILE, SHMEM."""

    def account(self, kind: int, mapcount: int, *, dirty: bool, young: bool, locked: bool) -> None:
        """Add a page that so many address spaces map."""
        self.resident += PAGE_SIZE
        if kind == ANON:
            self.anonymous += PAGE_SIZE
        if young:
            self.referenced += PAGE_SIZE
        share = (PAGE_SIZE << PSS_SHIFT) // mapcount
        self.pss += share
        self.pss_kinds[kind] += share
        if locked:
            self.pss_locked += share
        if dirty:
            self.pss_dirty += share
        field = ("shared_" if mapcount > 1 else "private_") + ("dirty" if dirty else "clean")
        setattr(self, field, getattr(self, field) + PAGE_SIZE)


def leaves(pt: PageTable, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(address, entry) of each page present in `[start, end)`, in order, as it stands in the leaf table."""
    store = pt.store
    words, live = store.words, store.live
    for table, base in pt.tables(start, end):
        first, last = max(start - base, 0) >> PAGE_SHIFT, min(end - base >> PAGE_SHIFT, 512)
        at = table * 512
        for index in each_bit(live[table] & (1 << last) - (1 << first)):
            yield base + (index << PAGE_SHIFT), words[at + index]


def mapcounts(system: Any) -> dict[int, int]:
    """How many address spaces map each frame, for those that any maps; an address space that maps one twice
    counts twice (Linux: page_mapcount).
    """
    spaces = {task.mm: None for task in system.pids.tasks if task.mm is not None}
    weights: dict[int, int] = {}
    for mm in spaces:
        pt = mm.pt
        top = pt.pgd
        for slot in pt.slots:
            below = pt.store.words[top * 512 + slot] >> PAGE_SHIFT & FRAME_MASK
            weights[below] = weights.get(below, 0) + 1
    words, live = system.tables.words, system.tables.live
    for _ in range(3):
        lower: dict[int, int] = {}
        for table, weight in weights.items():
            at = table * 512
            for index in each_bit(live[table]):
                below = words[at + index] >> PAGE_SHIFT & FRAME_MASK
                lower[below] = lower.get(below, 0) + weight
        weights = lower
    return weights


def kind_of(vma: Vma, addr: int, frame: int) -> int:
    """Whose memory a page of an area is: the process's own (ANON), a file's, or shared memory's (tmpfs included)."""
    mapping = vma.mapping
    if mapping is None or mapping.peek_page(vma.page_index(addr)) != frame:
        return ANON
    return SHMEM if is_shmem(vma) else FILE


def is_shmem(vma: Vma) -> bool:
    """Whether the area is of shared memory that has no file behind it, or of tmpfs."""
    file = vma.file
    if isinstance(file, ShmemFile):
        return True
    inode = getattr(file, "inode", None)
    return inode is not None and inode.sb.type == b"tmpfs"


def is_dirty(vma: Vma, addr: int, kind: int, entry: int) -> bool:
    """Whether the page differs from what is on a device: memory of its own always does, there is no swap."""
    if kind != FILE or entry & PTE_D:
        return True
    return vma.page_index(addr) in getattr(vma.mapping, "dirty", ())


def smap_gather_stats(mm: MmStruct, vma: Vma, counts: dict[int, int], stats: MemSizeStats) -> None:
    """Add the pages of an area; the shared page of zeros is nobody's (Linux: vm_normal_page)."""
    zero = mm.frames.zero_frame
    locked = bool(vma.flags & VM_LOCKED)
    for addr, entry in leaves(mm.pt, vma.start, vma.end):
        frame = entry >> PAGE_SHIFT & FRAME_MASK
        if frame == zero:
            continue
        kind = kind_of(vma, addr, frame)
        dirty = is_dirty(vma, addr, kind, entry)
        stats.account(kind, counts.get(frame, 1), dirty=dirty, young=bool(entry & PTE_A), locked=locked)


def rss_kinds(mm: MmStruct) -> list[int]:
    """Resident pages by ANON, FILE, SHMEM."""
    zero = mm.frames.zero_frame
    found = [0, 0, 0]
    for vma in mm.vmas:
        mapping = vma.mapping
        if mapping is None:
            found[ANON] += sum(
                entry >> PAGE_SHIFT & FRAME_MASK != zero for _, entry in leaves(mm.pt, vma.start, vma.end)
            )
            continue
        of_file = SHMEM if is_shmem(vma) else FILE
        peek, shift = mapping.peek_page, vma.pgoff - (vma.start >> PAGE_SHIFT)
        for addr, entry in leaves(mm.pt, vma.start, vma.end):
            same = peek((addr >> PAGE_SHIFT) + shift) == entry >> PAGE_SHIFT & FRAME_MASK
            found[of_file if same else ANON] += 1
    return found


def clear_refs(mm: MmStruct, anonymous: bool, files: bool) -> None:
    """Forget that pages were used: the CPU notes it anew at the next use."""
    words, live = mm.pt.store.words, mm.pt.store.live
    for vma in mm.vmas:
        wanted = files if vma.file is not None else anonymous
        if not wanted:
            continue
        for table, base in mm.pt.tables(vma.start, vma.end):
            for index in each_bit(live[table]):
                if vma.start <= base + (index << PAGE_SHIFT) < vma.end:
                    words[table * 512 + index] &= ~PTE_A & (1 << 64) - 1
    mm.pt.store.tlb.flush_tlb()


PM_EXCLUSIVE, PM_FILE, PM_PRESENT = 1 << 56, 1 << 61, 1 << 63


def pagemap(mm: MmStruct, first: int, pages: int, counts: dict[int, int], show_pfn: bool) -> list[int]:
    """The entries of /proc/PID/pagemap for so many pages from page number `first` (Linux: pte_to_pagemap_entry)."""
    found = [0] * pages
    zero, last = mm.frames.zero_frame, first + pages
    for vma in mm.vmas.overlapping(first << PAGE_SHIFT, last << PAGE_SHIFT):
        area = vma.clip(first << PAGE_SHIFT, last << PAGE_SHIFT)
        for addr, entry in leaves(mm.pt, area.start, area.end):
            frame = entry >> PAGE_SHIFT & FRAME_MASK
            value = PM_PRESENT | (frame if show_pfn else 0)
            if frame != zero:
                value |= PM_FILE if kind_of(area, addr, frame) != ANON else 0
                value |= PM_EXCLUSIVE if counts.get(frame, 1) == 1 else 0
            found[(addr >> PAGE_SHIFT) - first] = value
    return found

"""Virtual memory areas, and the sorted list of them that an address space is.

A `Vma` never changes: splitting, merging and protecting make new ones. A `VmaList` holds the areas of one
address space. Fork copies it in constant time: both lists look at the same Python lists until one of
them changes, which then takes its own copy (`_unshare`).

Readers: `find`, `lookup`, `find_intersection`, `overlapping`. Writers: `insert`, `remove`, `replace`,
`change_flags`; all of them end in `_splice`, which merges neighbours and keeps the books: page totals, the
references to files, the list of users of every mapping (Linux: i_mmap), and the areas' own places in the slab
cache. Who must not fail in the middle of a change takes those beforehand (`prealloc`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.errors import KernelBug
from forkernel.mapping import Mapping

if TYPE_CHECKING:
    from forkernel.mm.slab import KmemCache

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)

VM_NONE = 0x0
VM_READ = 0x1
VM_WRITE = 0x2
VM_EXEC = 0x4
VM_SHARED = 0x8
VM_MAYREAD = 0x10
VM_MAYWRITE = 0x20
VM_MAYEXEC = 0x40
VM_MAYSHARE = 0x80
VM_GROWSDOWN = 0x100
VM_LOCKED = 0x2000
VM_SEQ_READ = 0x8000  # MADV_SEQUENTIAL
VM_RAND_READ = 0x10000  # MADV_RANDOM
VM_DONTCOPY = 0x20000  # MADV_DONTFORK
VM_DONTEXPAND = 0x40000
VM_LOCKONFAULT = 0x80000
VM_ACCOUNT = 0x100000
VM_NORESERVE = 0x200000
VM_WIPEONFORK = 0x2000000  # MADV_WIPEONFORK
VM_DONTDUMP = 0x4000000
VM_HUGEPAGE = 0x20000000
VM_NOHUGEPAGE = 0x40000000
VM_SHM = 1 << 40
"""Ours: a System V segment, whose `file` has shm_open and shm_close (kernel/shm.py). Such areas are never merged."""

VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC
VM_LOCKED_MASK = VM_LOCKED | VM_LOCKONFAULT


class Vma(NamedTuple):
    """One area (Linux: vm_area_struct). `[start, end)` are page-aligned user addresses."""

    start: int
    end: int
    flags: int
    """VM_* bits."""
    pgoff: int = 0
    """Page index in `mapping` (or start >> 12 for anonymous private memory) of the first page."""
    mapping: Mapping | None = None
    """Where pages come from; None: anonymous private memory, zero-filled."""
    file: Any = None
    """The open file it was made from, for /proc/PID/maps and exe; None for anonymous memory."""
    name: str = ""
    """Label shown in maps: [vdso]; empty for files, heap, stack and plain anonymous memory."""

    @property
    def shared(self) -> bool:
        """Whether writes go to the backing itself."""
        return bool(self.flags & VM_SHARED)

    @property
    def pages(self) -> int:
        """Length in pages."""
        return self.end - self.start >> PAGE_SHIFT

    def page_index(self, addr: int) -> int:
        """Page index in the mapping of the page at user address `addr` (Linux: linear_page_index)."""
        return self.pgoff + (addr - self.start >> PAGE_SHIFT)

    def clip(self, start: int, end: int) -> Vma:
        """The part of the area inside `[start, end)`, which must overlap it."""
        first, last, flags, pgoff, mapping, file, name = self
        if start <= first:
            if last <= end:
                return self
            return Vma(first, end, flags, pgoff, mapping, file, name)
        pgoff += start - first >> PAGE_SHIFT
        return Vma(start, last if last < end else end, flags, pgoff, mapping, file, name)

    def with_flags(self, flags: int) -> Vma:
        """The same area with other VM_* bits."""
        start, end, _, pgoff, mapping, file, name = self
        return Vma(start, end, flags, pgoff, mapping, file, name)


NO_VMA = Vma(0, 0, 0)


def can_vma_merge(left: Vma, right: Vma) -> bool:
    """Whether two areas are neighbours that differ in nothing but their place."""
    return (
        left.end == right.start
        and left.flags == right.flags
        and left.mapping is right.mapping
        and left.file is right.file
        and left.name == right.name
        and left.pgoff + (left.end - left.start >> PAGE_SHIFT) == right.pgoff
        and not left.flags & VM_SHM
    )


def merge_areas(areas: list[Vma]) -> list[Vma]:
    """The same areas, neighbours that can be merged made one."""
    merged = [areas[0]]
    for vma in areas[1:]:
        last = merged[-1]
        if can_vma_merge(last, vma):
            merged[-1] = Vma(last.start, vma.end, *last[2:])
        else:
            merged.append(vma)
    return merged


def is_exec_mapping(flags: int) -> bool:
    """Counts as program text: exec_vm."""
    return flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN) == VM_EXEC


def is_stack_mapping(flags: int) -> bool:
    """Counts as stack: stack_vm."""
    return bool(flags & VM_GROWSDOWN)


def is_data_mapping(flags: int) -> bool:
    """Counts as data, which RLIMIT_DATA bounds: private, writable, no stack."""
    return flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN) == VM_WRITE


class VmaSharing:
    """What lists that look at the same areas have in common; the key in `Mapping.users`.

    `owners`: those lists. `mappings` and `files`: the distinct ones among the areas, with the number of
    areas for each. One reference to each file is held here, whatever the number of areas.
    """

    __slots__ = ("files", "mappings", "owners")

    def __init__(self) -> None:
        self.owners: dict[VmaList, None] = {}
        self.mappings: dict[Mapping, int] = {}
        self.files: dict[Any, int] = {}

    def account(self, mapping: Mapping | None, file: Any, sign: int) -> None:
        """Count an area that comes (`sign` 1) or goes (-1)."""
        if mapping is not None:
            count = self.mappings.get(mapping, 0) + sign
            if count:
                self.mappings[mapping] = mapping.users[self] = count
            else:
                del self.mappings[mapping], mapping.users[self]
        if file is not None:
            count = self.files.get(file, 0) + sign
            if count == sign == 1:
                file.get()
            if count:
                self.files[file] = count
            else:
                del self.files[file]
                file.put()

    def unmap_mapping_range(self, mapping: Mapping, first: int, last: int, even_cows: bool = True) -> None:
        """For file systems, which know mm only by `Mapping.users`: unmap pages of a mapping from all its users."""
        from forkernel.mm.rmap import zap_mapping_range

        zap_mapping_range(mapping, first, last, even_cows)

    def clone(self) -> VmaSharing:
        """The same mappings and files for a list of its own; takes its references."""
        new = VmaSharing()
        new.mappings = dict(self.mappings)
        new.files = dict(self.files)
        for mapping, count in self.mappings.items():
            mapping.users[new] = count
        for file in self.files:
            file.get()
        return new

    def maps_writable(self, mapping: Mapping) -> bool:
        """Whether an area here may write to the pages of the mapping themselves, now or after mprotect."""
        wanted = VM_SHARED | VM_MAYWRITE
        areas = next(iter(self.owners)).areas
        return any(vma.mapping is mapping and vma.flags & wanted == wanted for vma in areas)

    def release(self) -> None:
        """The last list is gone: give back what it used."""
        for mapping in self.mappings:
            del mapping.users[self]
        self.mappings = {}
        files, self.files = self.files, {}
        for file in files:
            file.put()


class VmaList:
    """The areas of one address space in order of address (Linux: mm_mt and the totals of mm_struct).

    `mm` is the address space itself, for who comes from a mapping. Totals are in pages. `seen_flags` has
    every flag that any area ever had (never too few), so fork can tell fast that nothing special is there.
    """

    MERGING = True
    """Whether neighbours that differ in nothing but their place become one area."""

    __slots__ = (
        "areas", "cache", "data_vm", "def_flags", "exec_vm", "gap_max", "gap_top", "hiwater_vm", "locked_vm", "mm",
        "mru", "seen_flags", "sharing", "slabs", "spare", "stack_vm", "starts", "total_vm",
    )  # fmt: skip

    def __init__(self, mm: Any = None, cache: KmemCache | None = None) -> None:
        self.mm = mm
        self.cache = cache
        """Where the areas lie, each in an object of its own, shared or not: vm_area_struct; None in a list that is
        of no machine."""
        self.slabs: list[int] = []
        """Slab address of each area."""
        self.spare: list[int] = []
        """More of them, for the next change (`prealloc`)."""
        self.areas: list[Vma] = []
        self.starts: list[int] = []
        """`start` of each area, for bisect."""
        self.sharing = VmaSharing()
        self.sharing.owners[self] = None
        self.mru = NO_VMA
        """The area of the last successful lookup: faults hit the same one again and again."""
        self.seen_flags = 0
        self.def_flags = 0
        """VM_* bits that every new area gets: mlockall(MCL_FUTURE)."""
        self.gap_top = self.gap_max = 0
        """get_unmapped_area's memory: no gap above `gap_top` is larger than `gap_max`; 0, 0: unknown."""
        self.total_vm = self.data_vm = self.exec_vm = self.stack_vm = self.locked_vm = 0
        self.hiwater_vm = 0
        """The largest `total_vm` before the last removal."""

    def copy(self, mm: Any = None) -> VmaList:
        """The list for address space `mm`, in constant time; areas are the same Python objects.

        A plain copy, memory locks included: fork wants `mmap.dup_mmap`. SysError(ENOMEM) leaves nothing behind.
        """
        new = VmaList.__new__(VmaList)
        cache = new.cache = self.cache
        new.slabs = cache.alloc_bulk(len(self.areas)) if cache is not None else []
        new.spare = []
        new.mm = mm
        new.areas = self.areas
        new.starts = self.starts
        new.sharing = self.sharing
        new.sharing.owners[new] = None
        new.mru = self.mru
        new.seen_flags = self.seen_flags
        new.def_flags = self.def_flags
        new.gap_top = self.gap_top
        new.gap_max = self.gap_max
        new.total_vm = new.hiwater_vm = self.total_vm
        new.data_vm = self.data_vm
        new.exec_vm = self.exec_vm
        new.stack_vm = self.stack_vm
        new.locked_vm = self.locked_vm
        return new

    def release(self) -> None:
        """The address space goes: drop the areas and the references to files (Linux: exit_mmap)."""
        if self.seen_flags & VM_SHM:
            self.shm_notify("shm_close")
        sharing = self.sharing
        del sharing.owners[self]
        self.sharing = VmaSharing()
        self.sharing.owners[self] = None
        if self.cache is not None:
            self.cache.free_bulk(self.slabs + self.spare if self.spare else self.slabs)
            self.slabs, self.spare = [], []
        self.areas, self.starts, self.mru = [], [], NO_VMA
        self.total_vm = self.data_vm = self.exec_vm = self.stack_vm = self.locked_vm = 0
        self.gap_top = self.gap_max = 0
        if not sharing.owners:
            sharing.release()

    # --- readers

    def __len__(self) -> int:
        return len(self.areas)

    def __iter__(self) -> Iterator[Vma]:
        """Areas in order of address; a snapshot, so the list may change meanwhile."""
        return iter(tuple(self.areas))

    def lookup(self, addr: int) -> Vma | None:
        """The area that contains `addr`, or None (Linux: vma_lookup)."""
        vma = self.mru
        if vma.start <= addr < vma.end:
            return vma
        at = bisect_right(self.starts, addr) - 1
        if at >= 0:
            vma = self.areas[at]
            if addr < vma.end:
                self.mru = vma
                return vma
        return None

    def index(self, addr: int) -> int:
        """Position of the first area that ends above `addr`; `len(self)` if there is none."""
        at = bisect_right(self.starts, addr)
        if at and addr < self.areas[at - 1].end:
            return at - 1
        return at

    def find(self, addr: int) -> Vma | None:
        """The first area that ends above `addr` (it may start above it too), or None (Linux: find_vma)."""
        vma = self.mru
        if vma.start <= addr < vma.end:
            return vma
        at = self.index(addr)
        return self.areas[at] if at < len(self.areas) else None

    def find_intersection(self, start: int, end: int) -> Vma | None:
        """The first area that has a page in `[start, end)`, or None."""
        vma = self.find(start)
        return vma if vma is not None and vma.start < end else None

    def overlapping(self, start: int, end: int) -> list[Vma]:
        """All areas that have a page in `[start, end)`, uncut."""
        return self.areas[self.index(start) : bisect_left(self.starts, end)]

    # --- writers

    def insert(self, vma: Vma) -> Vma:
        """Put an area in its place and merge it with its neighbours; returns the area it became.

        Whatever else was there goes: the caller zaps its pages first, if it had any.
        """
        self._put(vma.start, vma.end, [vma])
        return self.areas[self.index(vma.start)]

    def insert_all(self, areas: list[Vma]) -> None:
        """Add areas that lie in order of address in one free range (a program's segments)."""
        self._put(areas[0].start, areas[-1].end, areas)

    def remove(self, start: int, end: int) -> list[Vma]:
        """Take `[start, end)` out, splitting areas at its edges; returns what was there, cut to the range."""
        removed = [vma.clip(start, end) for vma in self.overlapping(start, end)]
        if removed:
            self.hiwater_vm = max(self.hiwater_vm, self.total_vm)
            self._put(start, end, [])
            if end > self.gap_top:
                self.gap_top = self.gap_max = 0
        return removed

    def replace(self, old: Vma, new: Vma) -> Vma:
        """Exchange one area for another on the same or a larger free range; returns what it became."""
        self._put(min(old.start, new.start), max(old.end, new.end), [new])
        if new.start > old.start or new.end < old.end:
            self.gap_top = self.gap_max = 0
        return self.areas[self.index(new.start)]

    def change_flags(self, start: int, end: int, clear: int, add: int) -> None:
        """Clear, then add VM_* bits on `[start, end)`, splitting and merging as needed; holes stay holes."""
        pieces = [vma.clip(start, end) for vma in self.overlapping(start, end)]
        changed = [vma.with_flags(vma.flags & ~clear | add) for vma in pieces]
        if changed != pieces:
            self._put(start, end, changed)

    def splits(self, start: int, end: int) -> int:
        """How many areas more there would be after cutting at `start` and `end`."""
        count = 0
        for edge in (start, end):
            vma = self.lookup(edge)
            count += vma is not None and vma.start != edge
        return count

    def prealloc(self, count: int) -> None:
        """Have slab objects for `count` areas more, so that the next change does not fail for want of them;
        SysError(ENOMEM) (Linux: vma_iter_prealloc).
        """
        if self.cache is not None and len(self.spare) < count:
            self.spare += self.cache.alloc_bulk(count - len(self.spare))

    def _reslab(self, at: int, count: int) -> None:
        """The list gets `count` areas more at position `at`, or, below 0, so many less: so do the slab objects.

        An area that is changed, cut or merged keeps its object.
        """
        cache, spare = self.cache, self.spare
        if cache is None:
            return
        if count > 0:
            taken = spare[:count]
            if len(taken) < count:
                taken += cache.alloc_bulk(count - len(taken))
            del spare[:count]
            self.slabs[at:at] = taken
        elif count < 0:
            gone = self.slabs[at : at - count]
            del self.slabs[at : at - count]
            cache.free_bulk(gone)
        if spare:
            cache.free_bulk(spare)
            self.spare = []

    def _put(self, start: int, end: int, middle: list[Vma]) -> None:
        """Make `[start, end)` hold exactly `middle`; what areas have outside it stays."""
        low, high = self.index(start), bisect_left(self.starts, end)
        new = list(middle)
        if low < high:
            first, last = self.areas[low], self.areas[high - 1]
            if first.start < start:
                new.insert(0, first.clip(first.start, start))
            if last.end > end:
                new.append(last.clip(end, last.end))
        self._splice(low, high, new)

    def _splice(self, low: int, high: int, new: list[Vma]) -> None:
        """Replace `areas[low:high]` by `new`, merged among themselves and with the neighbours.

        SysError(ENOMEM) changes nothing.
        """
        areas = self.areas
        if new and self.MERGING:
            if low and can_vma_merge(areas[low - 1], new[0]):
                low -= 1
                new.insert(0, areas[low])
            if high < len(areas) and can_vma_merge(new[-1], areas[high]):
                new.append(areas[high])
                high += 1
            if len(new) > 1:
                new = merge_areas(new)
        if high - low != len(new) or self.spare:
            self._reslab(min(high, low + len(new)), len(new) - (high - low))
        if len(self.sharing.owners) != 1:
            self._unshare()
            areas = self.areas
        old = areas[low:high]
        areas[low:high] = new
        self.starts[low:high] = [vma.start for vma in new]
        self.mru = new[-1] if new else NO_VMA
        for vma in new:
            self._account(vma, 1)
        for vma in old:
            self._account(vma, -1)
        if self.seen_flags & VM_SHM:
            self._shm_changed(old, new)

    def shm_notify(self, what: str) -> None:
        """Tell all attached System V segments that fork copied them (shm_open) or that they go (shm_close)."""
        for vma in self.areas:
            if vma.flags & VM_SHM:
                getattr(vma.file, what)(self.mm.system)

    def _shm_changed(self, old: list[Vma], new: list[Vma]) -> None:
        """Tell attachments of which areas were unmapped or added (Linux: vm_ops->open and close)."""
        pages: dict[Any, int] = {}
        areas: dict[Any, int] = {}
        for sign, vmas in ((1, new), (-1, old)):
            for vma in vmas:
                if vma.flags & VM_SHM:
                    pages[vma.file] = pages.get(vma.file, 0) + sign * vma.pages
                    areas[vma.file] = areas.get(vma.file, 0) + sign
        for file, change in pages.items():
            if change < 0:
                file.shm_close(self.mm.system)
            elif areas[file] > 0:
                file.shm_open(self.mm.system)

    def _unshare(self) -> None:
        """Take an own copy of the areas before the first change after fork."""
        sharing = self.sharing
        self.areas = self.areas[:]
        self.starts = self.starts[:]
        self.sharing = sharing.clone()
        self.sharing.owners[self] = None
        del sharing.owners[self]

    def _account(self, vma: Vma, sign: int) -> None:
        start, end, flags, _, mapping, file, _ = vma
        pages = sign * (end - start >> PAGE_SHIFT)
        self.total_vm += pages
        if is_exec_mapping(flags):
            self.exec_vm += pages
        elif is_stack_mapping(flags):
            self.stack_vm += pages
        elif is_data_mapping(flags):
            self.data_vm += pages
        if flags & VM_LOCKED:
            self.locked_vm += pages
        self.seen_flags |= flags
        if mapping is not None or file is not None:
            self.sharing.account(mapping, file, sign)

    def check_invariants(self) -> None:
        """KernelBug unless the areas are in order, apart, merged, and the books agree with them."""
        if self.starts != [vma.start for vma in self.areas]:
            raise KernelBug("VmaList: starts and areas differ")
        if self.cache is not None and len(self.slabs) != len(self.areas):
            raise KernelBug(f"VmaList: {len(self.areas)} areas lie in {len(self.slabs)} slab objects")
        for left, right in zip(self.areas, self.areas[1:], strict=False):
            if left.end > right.start or (self.MERGING and can_vma_merge(left, right)):
                raise KernelBug(f"VmaList: {left} and {right} overlap or are not merged")
        if self not in self.sharing.owners:
            raise KernelBug("VmaList: not among its own owners")
        for name, wanted in self._sums().items():
            if getattr(self, name) != wanted:
                raise KernelBug(f"VmaList: {name} is {getattr(self, name)}, areas sum to {wanted}")
        for mapping, count in self.sharing.mappings.items():
            if count != sum(vma.mapping is mapping for vma in self.areas) or mapping.users[self.sharing] != count:
                raise KernelBug(f"VmaList: wrong count of users of {mapping!r}")
        for file, count in self.sharing.files.items():
            if count != sum(vma.file is file for vma in self.areas):
                raise KernelBug(f"VmaList: wrong count of areas of {file!r}")

    def _sums(self) -> dict[str, int]:
        """The totals, counted from the areas."""
        kinds: dict[str, Callable[[int], bool]] = {
            "total_vm": lambda flags: True,
            "exec_vm": is_exec_mapping,
            "stack_vm": is_stack_mapping,
            "data_vm": is_data_mapping,
            "locked_vm": lambda flags: bool(flags & VM_LOCKED),
        }
        return {name: sum(vma.pages for vma in self.areas if test(vma.flags)) for name, test in kinds.items()}

"""Page tables in RAM, shared between parent and child until somebody writes.

Life of a table page: `_make_path` allocates it on the first fault below it → fork lets a second tree point
at it, with the write bit cleared in both pointers → a change below it (a write fault, a new page, an unmap)
copies it for the one who changes (`_unshare`), or takes it over when nobody else is left → `free` of the
last tree that points at it gives it back.

So fork touches the top table alone and costs the same for a small and for a large process; x86 honours
the write bit of every level, so one cleared bit protects 512 GiB. (The idea: "On-demand-fork", EuroSys'21,
there for the last level only.)

Between traps, for every table frame T: refs[T] = number of entries that point at it, over all trees, and
a set write bit on the path to it implies refs[T] == 1. For a leaf: a set write bit implies that the page
is this process's alone, or that its area is shared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any, Protocol

from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_NX, PTE_P, PTE_U, PTE_W, TABLE
from forkernel.hw.frames import CODE, WRITTEN, FrameTable
from forkernel.hw.protocol import KERNEL_ENTRY, KERNEL_SLOT
from forkernel.hw.ram import PAGE_SHIFT, PAGE_SIZE
from forkernel.trace.tracepoints import Trace

SPARSE = 24  # below so many entries a walk over the bits beats NumPy's fixed cost
DENSE_BEFORE_NUMPY = 1000  # tables walked in Python before NumPy, whose import takes as long, is worth it
PARKING_FORKS = 128  # the first look for page tables to park, and the least distance between two (mm/parking.py)
NOT_W = ~PTE_W & (1 << 64) - 1
LEVEL_SHIFT = {4: 39, 3: 30, 2: 21, 1: 12}


class Tlb(Protocol):
    """Whoever caches translations."""

    def flush_tlb(self) -> None:
        """Forget them before user code runs on."""


class TableStore:
    """What all page tables of a machine share: RAM, frame counts, and which entries of a table are in use.

    `live` maps a table's frame to a bit set of its present entries, so that a sparse table (most are) is
    walked without reading all of it.
    """

    __slots__ = ("_dense_walks", "_np_words", "frames", "live", "refs", "tlb", "trace", "words")

    def __init__(self, frames: FrameTable, tlb: Tlb, trace: Trace | None = None) -> None:
        self.live: dict[int, int] = {}
        self.trace = trace or Trace()
        self.bind(frames, tlb)

    def bind(self, frames: FrameTable, tlb: Tlb) -> None:
        """Attach to the machine (again, after unpickling)."""
        self.frames = frames
        self.tlb = tlb
        self.words = frames.ram.words
        self.refs = frames.refs
        self._np_words: Any = None
        self._dense_walks = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"frames": self.frames, "live": self.live, "trace": self.trace}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.live, self.trace = state["live"], state["trace"]
        self.frames = state["frames"]  # bound by the system once its CPU exists

    def _is_dense(self, bits: int) -> bool:
        """Whether a table with these entries in use is to be walked with NumPy."""
        if bits.bit_count() <= SPARSE:
            return False
        if self._np_words is None:
            self._dense_walks += 1
            return self._dense_walks > DENSE_BEFORE_NUMPY
        return True

    def array(self, table: int) -> Any:
        """The 512 entries of a table as a NumPy view."""
        if self._np_words is None:
            self._np_words = self.frames.ram.arrays()
        return self._np_words[table * 512 : table * 512 + 512]

    def unshare(self, table: int) -> int:
        """A copy of a table that somebody else points at too; what both point at is now shared.

        Takes over the caller's reference to the old table.
        """
        frames = self.frames
        new = frames.alloc_dirty()
        bits = self.live[table]
        self.live[new] = bits
        if not self._is_dense(bits):
            view = frames.ram.bytes
            view[new << 12 : (new << 12) + PAGE_SIZE] = view[table << 12 : (table << 12) + PAGE_SIZE]
            words, refs, old_base, new_base = self.words, self.refs, table * 512, new * 512
            while bits:
                low = bits & -bits
                bits ^= low
                index = low.bit_length() - 1
                entry = words[old_base + index] & NOT_W
                words[old_base + index] = entry
                words[new_base + index] = entry
                refs[entry >> 12 & FRAME_MASK] += 1
        else:
            self._unshare_dense(table, new)
        self.refs[table] -= 1
        return new

    def _unshare_dense(self, table: int, new: int) -> None:
        import numpy as np

        old_entries, new_entries = self.array(table), self.array(new)
        old_entries &= np.uint64(NOT_W)
        new_entries[:] = old_entries
        present = old_entries[(old_entries & np.uint64(PTE_P)) != 0]
        self.frames.get_many(_frames_of(present))

    def drop(self, table: int, level: int) -> None:
        """One pointer at a table of `level` (3 = below the top, 1 = leaf entries) is gone."""
        refs = self.refs
        left = refs[table] - 1
        if left:
            refs[table] = left
            return
        bits = self.live.pop(table)
        frames = self.frames
        if level == 1 and self._is_dense(bits):
            entries = self.array(table)
            frames.put_many(_frames_of(entries[(entries & 1) != 0]))
        else:
            words, base = self.words, table * 512
            while bits:
                low = bits & -bits
                bits ^= low
                below = words[base + low.bit_length() - 1] >> 12 & FRAME_MASK
                if level == 1:
                    frames.put(below)
                else:
                    self.drop(below, level - 1)
        frames.put(table)

    def count(self, table: int, level: int) -> int:
        """Pages mapped below a table."""
        bits = self.live[table]
        if level == 1:
            return bits.bit_count()
        return sum(
            self.count(self.words[table * 512 + index] >> 12 & FRAME_MASK, level - 1) for index in each_bit(bits)
        )


def _frames_of(entries: Any) -> Any:
    """Frame numbers of a NumPy array of present entries."""
    import numpy as np

    return ((entries >> np.uint64(12)) & np.uint64(FRAME_MASK)).astype(np.int64)


def each_bit(bits: int) -> Iterator[int]:
    """Positions of the set bits, lowest first."""
    while bits:
        low = bits & -bits
        bits ^= low
        yield low.bit_length() - 1


class PageTable:
    """The page tables of one address space. `pages` counts the leaf entries present (resident pages)."""

    __slots__ = ("pages", "parked", "pgd", "slots", "store")

    def __init__(self, store: TableStore) -> None:
        self.store = store
        self.pgd = store.frames.alloc()
        store.words[self.pgd * 512 + KERNEL_SLOT] = KERNEL_ENTRY
        self.slots: list[int] = []
        """Entries of the top table in use."""
        self.pages = 0
        self.parked: Any = None
        """The entries, while they are not in the tables (mm/parking.py)."""

    def fork(self) -> PageTable:
        """A second tree that shares everything below the top, copy-on-write (the constant-time fork)."""
        store = self.store
        child = PageTable(store)
        words, refs, ours, theirs = store.words, store.refs, self.pgd * 512, child.pgd * 512
        for slot in self.slots:
            entry = words[ours + slot] & NOT_W
            words[ours + slot] = entry
            words[theirs + slot] = entry
            refs[entry >> 12 & FRAME_MASK] += 1
        child.slots = self.slots[:]
        child.pages = self.pages
        store.tlb.flush_tlb()
        return child

    # --- one page

    def lookup(self, va: int) -> int:
        """The leaf entry of `va`, 0 if none; its write bit is that of the whole path."""
        words = self.store.words
        entry = writable = words[self.pgd * 512 + (va >> 39 & 511)]
        if not entry:
            return 0
        entry = words[(entry >> 12 & FRAME_MASK) * 512 + (va >> 30 & 511)]
        if not entry:
            return 0
        writable &= entry
        entry = words[(entry >> 12 & FRAME_MASK) * 512 + (va >> 21 & 511)]
        if not entry:
            return 0
        writable &= entry
        entry = words[(entry >> 12 & FRAME_MASK) * 512 + (va >> 12 & 511)]
        return entry if writable & PTE_W else entry & NOT_W

    def make_path(self, va: int) -> tuple[int, int]:
        """Make every table on the way to `va` exist and be this tree's alone.

        Returns the leaf table and the index of the entry in it. SysError(ENOMEM) leaves a valid tree.
        """
        store = self.store
        words, refs = store.words, store.refs
        table, shift = self.pgd, 39
        while shift > 12:
            index = va >> shift & 511
            entry = words[table * 512 + index]
            if entry & PTE_W:
                below = entry >> 12 & FRAME_MASK
            elif entry:
                below = entry >> 12 & FRAME_MASK
                if refs[below] != 1:
                    old, below = below, store.unshare(below)
                    words[table * 512 + index] = below << 12 | TABLE
                    if fire := store.trace.table_unshare:
                        fire(self, va, (shift - 12) // 9, old, below)
                else:
                    words[table * 512 + index] = entry | PTE_W
            else:
                below = store.frames.alloc()
                store.live[below] = 0
                words[table * 512 + index] = below << 12 | TABLE
                if shift == 39:
                    self.slots.append(index)
                else:
                    store.live[table] |= 1 << index
            table = below
            shift -= 9
        return table, va >> 12 & 511

    def set_leaf(self, table: int, index: int, entry: int) -> None:
        """Store an entry where `make_path` led; what was there is put. Consumes the caller's frame reference."""
        store = self.store
        at = table * 512 + index
        old = store.words[at]
        store.words[at] = entry
        if old:
            store.frames.put(old >> 12 & FRAME_MASK)
        else:
            store.live[table] |= 1 << index
            self.pages += 1
        if not entry & PTE_NX:
            store.frames.flags[entry >> 12 & FRAME_MASK] |= CODE

    def map_absent(self, table: int, first: int, frames: list[int], flags: int) -> None:
        """Map frames (0: none) at consecutive entries of a leaf table that `make_path` led to, where nothing is
        mapped yet. Takes a reference to each.
        """
        store = self.store
        at, refs, held = table * 512 + first, store.refs, store.frames.flags
        there = store.words[at : at + len(frames)].tolist()
        store.words[at : at + len(frames)] = array(
            "Q", [old or (frame and frame << PAGE_SHIFT | flags) for old, frame in zip(there, frames, strict=True)]
        )
        mask, bit, code = 0, 1 << first, 0 if flags & PTE_NX else CODE
        for old, frame in zip(there, frames, strict=True):
            if frame and not old:
                refs[frame] += 1
                held[frame] |= code
                mask |= bit
            bit <<= 1
        store.live[table] |= mask
        self.pages += mask.bit_count()

    def map(self, va: int, frame: int, flags: int) -> None:
        """Map one page: `flags` are PTE_* bits. Consumes the caller's reference to the frame."""
        table, index = self.make_path(va)
        self.set_leaf(table, index, frame << PAGE_SHIFT | flags)

    # --- ranges

    def zap(self, start: int, end: int) -> int:
        """Unmap `[start, end)`; returns how many pages went."""
        if start >= end:
            return 0
        gone = 0
        for slot in [s for s in self.slots if start >> 39 <= s <= end - 1 >> 39]:
            base, at = slot << 39, self.pgd * 512 + slot
            if start <= base and base + (1 << 39) <= end:
                gone += self._zap_whole(at, 3)
                self.slots.remove(slot)
            else:
                gone += self._zap_part(self._own(at, base, 3), 3, base, start, end)
        self.pages -= gone
        if gone:
            self.store.tlb.flush_tlb()
        return gone

    def _own(self, at: int, va: int, level: int) -> int:
        """The table that word `at` points at, of `level` and for addresses from `va`, made this tree's alone."""
        store = self.store
        entry = store.words[at]
        table = entry >> 12 & FRAME_MASK
        if not entry & PTE_W:
            if store.refs[table] != 1:
                old, table = table, store.unshare(table)
                if fire := store.trace.table_unshare:
                    fire(self, va, level, old, table)
            store.words[at] = table << 12 | TABLE
        return table

    def _zap_whole(self, at: int, level: int) -> int:
        store = self.store
        table = store.words[at] >> 12 & FRAME_MASK
        gone = store.count(table, level)
        store.words[at] = 0
        store.drop(table, level)
        return gone

    def _zap_part(self, table: int, level: int, base: int, start: int, end: int) -> int:
        """Unmap part of an owned table that covers addresses from `base`."""
        store = self.store
        shift = LEVEL_SHIFT[level]
        first = max(start - base, 0) >> shift
        last = min((end - 1 - base) >> shift, 511)
        window = (1 << last + 1) - (1 << first)
        gone = 0
        for index in each_bit(store.live[table] & window):
            at, lower = table * 512 + index, base + (index << shift)
            if level == 1:
                store.frames.put(store.words[at] >> 12 & FRAME_MASK)
                store.words[at] = 0
                gone += 1
            elif start <= lower and lower + (1 << shift) <= end:
                gone += self._zap_whole(at, level - 1)
            else:
                gone += self._zap_part(self._own(at, lower, level - 1), level - 1, lower, start, end)
                continue
            store.live[table] &= ~(1 << index)
        return gone

    def tables(self, start: int, end: int, *, own: bool = False) -> Iterator[tuple[int, int]]:
        """Leaf tables with entries in `[start, end)`: (frame of the table, address it covers from).

        With `own` they are made this tree's alone first.
        """
        stack = [(self.pgd, 4, 0)]
        while stack:
            table, level, base = stack.pop()
            if level == 1:
                yield table, base
                continue
            shift = LEVEL_SHIFT[level]
            bits = sum(1 << s for s in self.slots) if level == 4 else self.store.live[table]
            below = []
            for index in each_bit(bits):
                lower = base + (index << shift)
                if lower < end and lower + (1 << shift) > start:
                    at = table * 512 + index
                    child = self._own(at, lower, level - 1) if own else self.store.words[at] >> 12 & FRAME_MASK
                    below.append((child, level - 1, lower))
            stack.extend(reversed(below))

    def table_pages(self) -> int:
        """Pages the tables take, the top one included; those shared with others count in full."""
        count = 1
        stack = [(self.store.words[self.pgd * 512 + slot] >> 12 & FRAME_MASK, 3) for slot in self.slots]
        while stack:
            table, level = stack.pop()
            count += 1
            if level > 1:
                for index in each_bit(self.store.live[table]):
                    stack.append((self.store.words[table * 512 + index] >> 12 & FRAME_MASK, level - 1))
        return count

    def entries(self, start: int = 0, end: int = 1 << 47) -> Iterator[tuple[int, int]]:
        """(address, leaf entry) of each present page in `[start, end)`, in order; write bit as in `lookup`."""
        for table, base in self.tables(start, end):
            for index in each_bit(self.store.live[table]):
                va = base + (index << 12)
                if start <= va < end:
                    yield va, self.lookup(va)

    def protect(self, start: int, end: int, *, execute: bool, access: bool = True) -> None:
        """Take the write permission of all pages in the range away and set whether they may be executed.

        A page that may be written gets its permission back at the next write fault. Without `access`
        (PROT_NONE) the pages stay, with PTE_U cleared: user mode faults on them.
        """
        store = self.store
        user = PTE_U if access else 0
        for table, base in self.tables(start, end, own=True):
            first, last = max(start - base, 0) >> 12, min((end - base) >> 12, 512)
            for index in each_bit(store.live[table] & (1 << last) - (1 << first)):
                at = table * 512 + index
                entry = store.words[at] & NOT_W & ~PTE_U | user
                if execute and not store.frames.flags[entry >> 12 & FRAME_MASK] & WRITTEN:
                    entry &= ~PTE_NX
                    store.frames.flags[entry >> 12 & FRAME_MASK] |= CODE
                else:
                    entry |= PTE_NX
                store.words[at] = entry
        store.tlb.flush_tlb()

    def move(self, old: int, new: int, length: int) -> None:
        """Move the pages of `[old, old+length)` to `new` (mremap); the target range is empty."""
        moved = list(self.entries(old, old + length))
        for va, entry in moved:
            frame = self.store.frames.get(entry >> 12 & FRAME_MASK)
            self.map(new + va - old, frame, entry & (PTE_NX | 0xFFF) & NOT_W)
        self.zap(old, old + length)

    def free(self) -> None:
        """Give the whole tree back."""
        store = self.store
        for slot in self.slots:
            store.drop(store.words[self.pgd * 512 + slot] >> 12 & FRAME_MASK, 3)
        self.slots = []
        self.pages = 0
        store.frames.put(self.pgd)
        self.pgd = 0
        store.tlb.flush_tlb()  # the frame may soon be the top table of another process

"""The frame table: who uses each page frame of RAM, and the allocator (Linux: struct page, mm/page_alloc).

Life of a frame: `alloc` (one reference, zeroed) → `get` for every further user → `put` by each; at zero
it goes back to the free list. A frame that ever held code that the CPU translated goes to quarantine
first: its translations must be dropped before it gets new contents. The kernel's own objects need blocks of 1, 2, 4
or more frames in a row: `alloc_pages` and `free_pages`; a free block is broken up when single frames run out.

Between traps `refs[f]` equals the number of page-table entries (in distinct tables), page caches and
other holders that point at frame f; the tests check this.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

from forkernel.abi.errno import ENOMEM
from forkernel.errors import KernelBug, SysError
from forkernel.hw.ram import PAGE_SHIFT, PAGE_SIZE, Ram

RESERVED_FRAMES = 16  # never handed out: frame 0 means "none", frame 1 holds the CPU's descriptor table
QUARANTINE_LIMIT = 2048
CODE = 1  # flags[f]: the CPU may hold translations of this frame
WRITTEN = 2  # flags[f]: somebody may store to this frame by a mapping that is not executable (mm/code.py)
MAX_ORDER = 5
"""The largest block has 2**5 frames."""
FREE_ORDERS = 11
"""Sizes of free blocks that are told apart (Linux: NR_PAGE_ORDERS)."""
ZERO_PAGE = bytes(PAGE_SIZE)


class FrameTable:
    """Reference counts and flags of every frame, and the free list.

    `refs` (C int per frame) and `flags` (byte per frame) support the buffer protocol, so bulk work may
    view them with NumPy. `reclaim(wanted)` is called when memory runs out and returns the number of
    frames it freed; `flush_code()` drops all translated code, `flush_frame(frame)` that of one frame.
    """

    __slots__ = ("_block_frames", "_blocks", "_free", "_np_refs", "_quarantine", "_untouched", "_words", "any_written",
                 "flags", "flush_code", "flush_frame", "ram", "reclaim", "refs", "reserve", "slabs", "total",
                 "used_peak", "zero_frame")  # fmt: skip

    def __init__(self, ram: Ram) -> None:
        self.ram = ram
        self.total = ram.size >> PAGE_SHIFT
        self.refs = memoryview(bytearray(4 * self.total)).cast("i")
        self.flags = bytearray(self.total)
        self._free: list[int] = []
        self._blocks: list[list[int]] = [[] for _ in range(MAX_ORDER + 1)]
        """First frames of free blocks of 2**order frames, by order; none of order 0."""
        self._block_frames = 0
        """Frames in them."""
        self._quarantine: list[int] = []
        self._untouched = RESERVED_FRAMES
        self.slabs: Any = None
        """The slab caches made of these frames (mm.slab.SlabCaches), for who knows the frames only."""
        self._np_refs: Any = None
        self.reclaim: Callable[[int], int] | None = None
        self.flush_code: Callable[[], None] | None = None
        self.flush_frame: Callable[[int], None] | None = None
        self.any_written = False
        """Whether a frame was ever WRITTEN."""
        self.used_peak = 0
        self.zero_frame = self.alloc()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "ram": self.ram,
            "refs": array.array("i", self.refs),
            "flags": self.flags,
            "free": self._free + self._quarantine,
            "blocks": self._blocks,
            "slabs": self.slabs,
            "untouched": self._untouched,
            "reclaim": self.reclaim,
            "zero": self.zero_frame,
            "any_written": self.any_written,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.ram = state["ram"]
        self.total = self.ram.size >> PAGE_SHIFT
        self.refs = memoryview(bytearray(state["refs"].tobytes())).cast("i")
        self.flags = state["flags"]
        self._free = state["free"]
        self._blocks = state["blocks"]
        self._block_frames = sum(len(blocks) << order for order, blocks in enumerate(self._blocks))
        self.slabs = state["slabs"]
        self._quarantine = []
        self._untouched = state["untouched"]
        self._np_refs = None
        self.reclaim = state["reclaim"]
        self.flush_code = None
        self.flush_frame = None
        self.any_written = state["any_written"]
        self.used_peak = 0
        self.zero_frame = state["zero"]

    # --- allocation

    def alloc(self) -> int:
        """A zeroed frame with one reference; SysError(ENOMEM) when none is left after reclaim."""
        free = self._free
        if free:
            frame = free.pop()
            start = frame << PAGE_SHIFT
            self.ram.bytes[start : start + PAGE_SIZE] = ZERO_PAGE
        elif self._untouched < self.total:
            frame = self._untouched
            self._untouched = frame + 1
        else:
            return self._alloc_slow()
        self.refs[frame] = 1
        return frame

    def alloc_dirty(self) -> int:
        """Like `alloc`, but the contents are whatever they were: for a caller that fills the whole page."""
        free = self._free
        if not free:
            return self.alloc()
        frame = free.pop()
        self.refs[frame] = 1
        return frame

    def alloc_contiguous(self, count: int) -> int:
        """The first of `count` zeroed frames in a row, each with one reference; SysError(ENOMEM) when there is no
        such run, though there may be frames enough.
        """
        first = self._free_run(count)
        if first is None and self._untouched + count <= self.total:
            first = self._untouched
            self._untouched += count
        elif first is None:
            first = self._gather_run(count)
        if first is None and self.reclaim is not None and self.reclaim(count):
            first = self._gather_run(count)
        if first is None:
            raise SysError(ENOMEM)
        for frame in range(first, first + count):
            self.refs[frame] = 1
        return first

    def _gather_run(self, count: int) -> int | None:
        """The same from all that is free, in quarantine and in blocks too."""
        self._release_quarantine()
        while self._break_block():
            pass
        return self._free_run(count)

    def _free_run(self, count: int) -> int | None:
        """Take the lowest run of `count` frames off the free list, zeroed; the first of them."""
        free = self._free
        if len(free) < count:
            return None
        free.sort()
        start = 0
        for at, frame in enumerate(free):
            if frame != free[start] + at - start:
                start = at
            if at - start == count - 1:
                first = free[start]
                del free[start : at + 1]
                self.ram.bytes[first << PAGE_SHIFT : first + count << PAGE_SHIFT] = bytes(count << PAGE_SHIFT)
                return first
        return None

    def _alloc_slow(self) -> int:
        if self._break_block():
            return self.alloc()
        if self._quarantine:
            self._release_quarantine()
        elif self.reclaim is None or not self.reclaim(32):
            raise SysError(ENOMEM)
        if not self._free and not self._quarantine and not self._block_frames:
            raise SysError(ENOMEM)
        return self.alloc()

    # --- blocks

    def alloc_pages(self, order: int) -> int:
        """The first of 2**order frames in a row, that begin at a multiple of that, each with one reference.

        Their contents are whatever they were. SysError(ENOMEM) when there is no such block after reclaim.
        """
        frame = self._take_block(order)
        if frame == 0:
            self._release_quarantine()
            if self.reclaim is not None:
                self.reclaim(max(32, 2 << order))
            frame = self._take_block(order) or self._join_frames(order)
            if frame == 0:
                raise SysError(ENOMEM)
        for page in range(frame, frame + (1 << order)):
            self.refs[page] = 1
        return frame

    def free_pages(self, frame: int, order: int) -> None:
        """Give back a block that `alloc_pages` gave."""
        refs = self.refs
        for page in range(frame, frame + (1 << order)):
            if refs[page] != 1:
                raise KernelBug(f"frame {page} of a block has count {refs[page]}")
            refs[page] = 0
        self._put_block(frame, order)

    def _put_block(self, frame: int, order: int) -> None:
        if order:
            self._blocks[order].append(frame)
            self._block_frames += 1 << order
        else:
            self._free.append(frame)

    def _get_block(self, order: int) -> int:
        """A free block of just this order, 0 if there is none."""
        blocks = self._blocks[order]
        if not blocks:
            return 0
        self._block_frames -= 1 << order
        return blocks.pop()

    def _take_block(self, order: int) -> int:
        """A block from the free ones, or from memory never used so far; 0 if there is none."""
        if order == 0 and self._free:
            return self._free.pop()
        if frame := self._get_block(order):
            return frame
        size = 1 << order
        first = (self._untouched + size - 1) & -size
        if first + size <= self.total:
            self._free.extend(range(self._untouched, first))
            self._untouched = first + size
            return first
        if order == 0 and self._break_block():
            return self._free.pop()
        for above in range(order + 1, MAX_ORDER + 1):
            if frame := self._get_block(above):
                for half in range(order, above):
                    self._put_block(frame + (1 << half), half)
                return frame
        return 0

    def _break_block(self) -> bool:
        """Make single frames of the smallest free block; False if there is none."""
        for order in range(1, MAX_ORDER + 1):
            if frame := self._get_block(order):
                self._free.extend(range(frame + (1 << order) - 1, frame - 1, -1))
                return True
        return False

    def _join_frames(self, order: int) -> int:
        """Make a block of neighbouring free frames; 0 if there are none. Slow: memory is nearly full, and in pieces."""
        for small in range(1, order):
            for first in self._blocks[small]:
                self._free.extend(range(first, first + (1 << small)))
            self._block_frames -= len(self._blocks[small]) << small
            self._blocks[small].clear()
        free, size = set(self._free), 1 << order
        for first in sorted(free):
            if not first & size - 1 and all(page in free for page in range(first, first + size)):
                block = range(first, first + size)
                self._free = [page for page in self._free if page not in block]
                return first
        return 0

    def _release_quarantine(self) -> None:
        if self.flush_code is not None:
            self.flush_code()
        for frame in self._quarantine:
            self.flags[frame] = 0
        self._free.extend(self._quarantine)
        self._quarantine.clear()

    def _free_frame(self, frame: int) -> None:
        if self.flags[frame] & CODE:
            self._quarantine.append(frame)
            if len(self._quarantine) >= QUARANTINE_LIMIT:
                self._release_quarantine()
        else:
            self.flags[frame] = 0
            self._free.append(frame)

    def code_frames(self) -> int:
        """How many frames the CPU may hold translations of."""
        return self.flags.count(CODE)

    # --- references

    def get(self, frame: int) -> int:
        """One more user; returns the frame."""
        self.refs[frame] += 1
        return frame

    def put(self, frame: int) -> None:
        """One user fewer; the last one frees the frame."""
        refs = self.refs
        left = refs[frame] - 1
        refs[frame] = left
        if left == 0:
            if self.flags[frame]:
                self._free_frame(frame)
            else:
                self._free.append(frame)
        elif left < 0:
            raise KernelBug(f"frame {frame} put once too often")

    def _arrays(self) -> tuple[Any, Any]:
        """NumPy views: the reference counts, and scratch space of the same length."""
        if self._np_refs is None:
            import numpy as np

            self._np_refs = np.frombuffer(self.refs, dtype=np.int32), np.empty(self.total, dtype=np.int32)
        return self._np_refs  # type: ignore[no-any-return]

    def _distinct(self, frames: Any) -> tuple[Any, list[int]]:
        """The distinct elements, and those that occur again (NumPy's plain indexing would count them once).

        There are seldom more than one: a file page that belongs to the text and to the data of a program.
        """
        import numpy as np

        scratch = self._arrays()[1]
        order = np.arange(len(frames), dtype=np.int32)
        scratch[frames] = order
        last = scratch[frames] == order
        if last.all():
            return frames, []
        return frames[last], frames[~last].tolist()

    def get_many(self, frames: Any) -> None:
        """One more user for each element of a NumPy array of frame numbers (repeats count)."""
        distinct, again = self._distinct(frames)
        self._arrays()[0][distinct] += 1
        for frame in again:
            self.refs[frame] += 1

    def put_many(self, frames: Any) -> None:
        """One user fewer for each element of a NumPy array of frame numbers (repeats count)."""
        distinct, again = self._distinct(frames)
        for frame in again:
            self.put(frame)
        refs = self._arrays()[0]
        left = refs[distinct] - 1
        refs[distinct] = left
        for frame in distinct[left <= 0][::-1].tolist():
            refs[frame] = 1
            self.put(frame)

    # --- contents

    def read(self, frame: int, offset: int, size: int) -> bytes:
        """Bytes of one frame."""
        start = (frame << PAGE_SHIFT) + offset
        return self.ram.bytes[start : start + size].tobytes()

    def write(self, frame: int, offset: int, data: bytes) -> None:
        """Change one frame; translated code made from it is dropped."""
        start = (frame << PAGE_SHIFT) + offset
        self.ram.bytes[start : start + len(data)] = data
        if self.flags[frame]:
            self.drop_code(frame)

    def copy(self, frame: int) -> int:
        """A new frame with the same contents."""
        new = self.alloc_dirty()
        view = self.ram.bytes
        source, target = frame << PAGE_SHIFT, new << PAGE_SHIFT
        view[target : target + PAGE_SIZE] = view[source : source + PAGE_SIZE]
        return new

    def drop_code(self, frame: int) -> None:
        """The contents of a frame that may hold code changed, unnoticed by the CPU: forget the translations."""
        if self.flags[frame] & CODE and self.flush_frame is not None:
            self.flush_frame(frame)

    # --- figures

    def free_count(self) -> int:
        """Frames that could be allocated now."""
        return len(self._free) + self._block_frames + len(self._quarantine) + self.total - self._untouched

    def free_blocks(self) -> list[int]:
        """How many free blocks there are of 1, 2, 4, ... 1024 frames; memory never used so far is as few as can be."""
        counts = [0] * FREE_ORDERS
        counts[0] = len(self._free) + len(self._quarantine)
        for order, blocks in enumerate(self._blocks):
            counts[order] += len(blocks)
        at = self._untouched
        while at < self.total:
            order = min(FREE_ORDERS - 1, (at & -at).bit_length() - 1, (self.total - at).bit_length() - 1)
            counts[order] += 1
            at += 1 << order
        return counts

    def used_count(self) -> int:
        """Frames in use (the reserved ones left out)."""
        return self.total - RESERVED_FRAMES - self.free_count()

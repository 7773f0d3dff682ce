"""Shared anonymous memory: MAP_SHARED without a file (Linux: mm/shmem.c, shmem_zero_setup).

The pages belong to an object of their own, `ShmemFile`, which lives as long as an area maps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.mm.rmap import zap_mapping_range
from forkernel.mm.vma import PAGE_SHIFT

if TYPE_CHECKING:
    from forkernel.hw.frames import FrameTable


class ShmemMapping:
    """Pages made when first touched, zero-filled (the Mapping protocol). `size` in bytes."""

    __slots__ = ("frames", "pages", "size", "users")

    def __init__(self, frames: FrameTable, size: int) -> None:
        self.frames = frames
        self.size = size
        self.pages: dict[int, int] = {}
        """Page index to frame; one reference to each is held here."""
        self.users: dict[Any, int] = {}

    def get_page(self, index: int) -> int:
        """Frame of page `index`, made now if need be; SysError(ENOMEM)."""
        frame = self.pages.get(index)
        if frame is None:
            frame = self.pages[index] = self.frames.alloc()
        return frame

    def peek_page(self, index: int) -> int:
        """Frame of page `index`, 0 if it was never touched."""
        return self.pages.get(index, 0)

    def mark_dirty(self, index: int) -> None:
        """Nothing to do: these pages are never dropped."""

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """Punch a hole (the only `mode` that is ever asked for): whole pages come back as zeros."""
        first, last = offset >> PAGE_SHIFT, (offset + length >> PAGE_SHIFT) - 1
        if self.users:
            zap_mapping_range(self, first, last, even_cows=False)
        for index in [index for index in self.pages if first <= index <= last]:
            self.frames.put(self.pages.pop(index))

    def release(self) -> None:
        """Nobody maps the object any more: free its pages."""
        pages, self.pages = self.pages, {}
        for frame in pages.values():
            self.frames.put(frame)


class ShmemFile:
    """What stands for the file in areas of shared anonymous memory; shown as /dev/zero (deleted)."""

    __slots__ = ("ino", "mapping", "refs", "slab")

    def __init__(self, mapping: ShmemMapping, ino: int) -> None:
        slabs = mapping.frames.slabs
        self.slab = slabs.filp.alloc() if slabs is not None else 0
        """Slab address: it is a struct file; 0 in RAM without slabs."""
        self.mapping = mapping
        self.ino = ino
        self.refs = 0

    readable = True
    writable: bool = True
    map_name: bytes = b"/dev/zero (deleted)"

    def mmap_mapping(self) -> ShmemMapping:
        """Its pages."""
        return self.mapping

    def fsync(self, datasync: bool = False) -> None:
        """Nothing is behind it."""

    def get(self) -> ShmemFile:
        """Take a reference."""
        self.refs += 1
        return self

    def put(self) -> None:
        """Give a reference back; the last one frees the pages."""
        self.refs -= 1
        if self.refs == 0:
            self.free_slab()
            self.mapping.release()

    def free_slab(self) -> None:
        """Give the struct file back."""
        if self.slab:
            self.mapping.frames.slabs.filp.free(self.slab)
            self.slab = 0


def shmem_zero_setup(frames: FrameTable, size: int) -> ShmemFile:
    """A new object of `size` bytes, SysError(ENOMEM); whoever maps it takes the references."""
    return ShmemFile(ShmemMapping(frames, size), 0)

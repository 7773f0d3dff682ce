"""The machine's memory: one anonymous host mapping, physical address 0 upward.

The host reserves it lazily, so a page that was never written costs nothing.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import zlib
from typing import Any

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
CAN_DISCARD = sys.platform == "linux"  # elsewhere MADV_DONTNEED need not mean zeros
MAP_NORESERVE = 0x4000  # mmap(2); named in Python's mmap module from 3.12 on only


class Ram:
    """Physical memory of `size` bytes (a multiple of the page size).

    `bytes` is a view of single bytes, `words` one of little-endian 64-bit words: word `i` is at physical
    address `8 * i`.
    """

    __slots__ = ("address", "bytes", "map", "size", "words")

    def __init__(self, size: int) -> None:
        self.size = size
        self.map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
        self.bytes = memoryview(self.map)
        self.words = self.bytes.cast("Q")
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def __getstate__(self) -> tuple[int, dict[int, bytes]]:
        """Only pages that hold something, compressed."""
        zero = bytes(PAGE_SIZE)
        pages: dict[int, bytes] = {}
        for start in range(0, self.size, PAGE_SIZE):
            page = self.map[start : start + PAGE_SIZE]
            if page != zero:
                pages[start] = zlib.compress(page, 1)
        return self.size, pages

    def __setstate__(self, state: tuple[int, dict[int, bytes]]) -> None:
        size, pages = state
        self.__init__(size)  # type: ignore[misc]
        for start, page in pages.items():
            self.bytes[start : start + PAGE_SIZE] = zlib.decompress(page)

    def discard(self, frames: list[int]) -> bool:
        """Give the host its memory of these frames back: they read as zeros. False where the host cannot do that."""
        if not CAN_DISCARD:
            return False
        for frame in frames:
            self.map.madvise(mmap.MADV_DONTNEED, frame << PAGE_SHIFT, PAGE_SIZE)
        return True

    def arrays(self) -> Any:
        """The whole of memory as a NumPy array of 64-bit words (imported on first use: it takes long)."""
        import numpy as np

        return np.frombuffer(self.map, dtype=np.uint64)

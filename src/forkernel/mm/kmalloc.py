"""Kernel memory in pieces of all sizes: buffers of pipes and sockets, inodes, watches, messages (Linux: kmalloc,
charged as GFP_KERNEL_ACCOUNT).

What such an object holds is Python's. `charge` takes the room it would have in RAM, in whole frames for all of them
together, so that a program that makes objects without end runs into ENOMEM or the OOM killer as on Linux, and never
into the host's memory; `uncharge` gives it back. The frames are never touched, and cost the host nothing.

`kinds` says who holds how much: at the end of a run all but files must be back (kernel/leaks.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.errors import KernelBug, SysError

if TYPE_CHECKING:
    from forkernel.hw.frames import FrameTable

PAGE_SHIFT = 12
SLACK = 16
"""Frames that are kept though nothing needs them, for those who come and go."""


class Kmalloc:
    """The pool of one machine."""

    __slots__ = ("bytes", "frames", "kinds", "pages")

    def __init__(self, frames: FrameTable) -> None:
        self.frames = frames
        self.bytes = 0
        """In use; at most what `pages` hold."""
        self.kinds: dict[str, int] = {}
        """Bytes by what they are for."""
        self.pages: list[int] = []

    def charge(self, kind: str, size: int) -> None:
        """`size` bytes more; SysError(ENOMEM), and nothing is counted then."""
        if self.bytes + size > len(self.pages) << PAGE_SHIFT:
            self._grow(self.bytes + size)
        self.bytes += size
        kinds = self.kinds
        kinds[kind] = kinds.get(kind, 0) + size

    def uncharge(self, kind: str, size: int) -> None:
        """Give them back."""
        left = self.kinds.get(kind, 0) - size
        if left < 0:
            raise KernelBug(f"{size} bytes of {kind} given back, {left + size} were taken")
        self.kinds[kind] = left
        self.bytes -= size
        if (len(self.pages) - 2 * SLACK) << PAGE_SHIFT > self.bytes:
            self.shrink(SLACK)

    def _grow(self, wanted: int) -> None:
        """Frames for `wanted` bytes in all. New ones are kept out of `pages` until all are there: reclaim, which the
        allocation of the next may call, would free them again.
        """
        got: list[int] = []
        try:
            while (len(self.pages) + len(got)) << PAGE_SHIFT < wanted:
                got.append(self.frames.alloc_pages(0))
        except SysError:
            for frame in got:
                self.frames.free_pages(frame, 0)
            raise
        self.pages += got

    def shrink(self, slack: int = 0) -> int:
        """Give back all frames but `slack` that nothing needs; how many."""
        least = -(-self.bytes >> PAGE_SHIFT) + slack
        done = max(len(self.pages) - least, 0)
        for _ in range(done):
            self.frames.free_pages(self.pages.pop(), 0)
        return done

"""Where fs and mm meet: a mapping asks a file for a page, and neither room imports the other.

`Mapping` is Linux's address_space: the pages of one inode. The file system implements it; the memory
room calls it from page faults.
"""

from __future__ import annotations

from typing import Any, Protocol


class Mapping(Protocol):
    """The page cache of one inode (or of shared anonymous memory)."""

    users: dict[Any, int]
    """Address spaces that map it, with the number of their VMAs (Linux: i_mmap). Kept by mm."""

    @property
    def size(self) -> int:
        """Length in bytes now; a fault on a page wholly beyond it is SIGBUS."""

    def get_page(self, index: int) -> int:
        """Frame number that holds page `index`, filled; the cache keeps its own reference to it.

        Raises SysError(ENOMEM) when memory is short, SysError(EIO) when the page cannot be read.
        The caller has checked `index` against `size`.
        """

    def peek_page(self, index: int) -> int:
        """Frame of page `index` if it is in the cache already, else 0 (for fault-around, mincore)."""

    def mark_dirty(self, index: int) -> None:
        """A shared writable mapping is about to change page `index`: it must not be dropped or reread."""

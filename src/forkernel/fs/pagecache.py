"""Contents of regular files: pages in the machine's RAM, over an optional read-only backing (Linux: mm/filemap).

A page comes into the cache when it is mapped or changed. As long as nothing was changed, reads go straight
to the backing (a host file, a member of a tar archive); from the first change on the file lives in the cache
as far as it was touched, and the backing is never written. A file without a backing is one of tmpfs.

`RegInode` is its own `Mapping`: mm gets frames from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from forkernel.abi.errno import EFBIG, EOPNOTSUPP
from forkernel.abi.fcntl import FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE
from forkernel.abi.stat import S_IFREG
from forkernel.errors import SysError
from forkernel.fs.inode import Inode

if TYPE_CHECKING:
    from forkernel.fs.tmpfs import TmpfsSuperblock

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
READAHEAD = 16  # pages read at once into the cache, an aligned group
LOW_MEMORY = 256  # frames: no read-ahead below
MAX_FILE = 1 << 60
ZEROS = bytes(PAGE_SIZE)


class Backing(Protocol):
    """Where the unchanged bytes of a file are."""

    def pread(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`; SysError if they cannot be read."""


class RegInode(Inode):
    """A regular file in memory."""

    __slots__ = ("backing", "dirty", "linkable", "nblocks", "pages", "users", "valid")

    sb: TmpfsSuperblock

    def __init__(self, sb: TmpfsSuperblock, perm: int, uid: int = 0, gid: int = 0, *, ino: int = 0) -> None:
        super().__init__(sb, S_IFREG | perm, uid, gid, ino=ino)
        self.backing: Backing | None = None
        self.valid = 0
        """Bytes of the backing that still count: at most `size`; truncation lowers it for good."""
        self.pages: dict[int, int] = {}
        """Page index to frame; the cache has one reference to each."""
        self.dirty: set[int] = set()
        """Pages that differ from the backing; not kept where there is none (every page is dirty then)."""
        self.users: dict[Any, int] = {}
        """Who maps it; kept by mm."""
        self.nblocks = 0
        """512-byte units that the backing takes on the host."""
        self.linkable = False
        """Made by O_TMPFILE without O_EXCL: link may give it a name although it has none."""

    def get_mapping(self) -> RegInode:
        """The file is its own page cache."""
        return self

    # --- Mapping
    def get_page(self, index: int) -> int:
        """Frame of page `index`, read in if need be, with neighbours that a file backs."""
        frame = self.pages.get(index)
        if frame is None:
            frame = self.__read_page(index) if index << PAGE_SHIFT < self.valid else self.__new_page(index)
        self.sb.last_page = frame
        return frame

    def peek_page(self, index: int) -> int:
        """Frame of page `index` if it is cached, else 0."""
        return self.pages.get(index, 0)

    def mark_dirty(self, index: int) -> None:
        """A shared mapping writes page `index`."""
        if self.backing is not None and index not in self.dirty:
            self.sb.charge(1)
            self.dirty.add(index)
        self.mtime = self.ctime = self.sb.now()

    def contiguous_run(self) -> int:
        """For a shared mapping without an MMU: the first frame, where all pages lie in one run; else 0.

        A file in memory that has a size and no page yet, as after open and truncate, gets such a run now (Linux:
        ramfs_nommu_expand_for_mapping). SysError(ENOMEM, ENOSPC).
        """
        count = self.size + PAGE_SIZE - 1 >> PAGE_SHIFT
        if not count or self.sb.type != b"tmpfs":
            return 0
        if self.pages:
            first: int = self.pages.get(0, 0)
            return first if all(self.pages.get(index) == first + index for index in range(count)) else 0
        self.sb.charge(count)
        try:
            first = self.sb.frames.alloc_contiguous(count)
        except SysError:
            self.sb.charge(-count)
            raise
        for index in range(count):
            self.__keep(index, first + index)
        return first

    # --- pages
    def __new_page(self, index: int) -> int:
        """A zeroed page of memory of its own."""
        self.sb.charge(1)
        try:
            frame: int = self.sb.frames.alloc()
        except SysError:
            self.sb.charge(-1)
            raise
        self.__keep(index, frame)
        if self.backing is not None:
            self.dirty.add(index)
        return frame

    def __keep(self, index: int, frame: int) -> None:
        if not self.pages:
            self.sb.caches[self] = None
        self.pages[index] = frame

    def __read_page(self, index: int) -> int:
        """Read page `index` and those after it in its group that are not there yet, in one go."""
        frames, pages = self.sb.frames, self.pages
        first = index
        stop = index + 1
        if frames.free_count() > LOW_MEMORY:
            stop = min((index | READAHEAD - 1) + 1, (self.valid + PAGE_SIZE - 1) >> PAGE_SHIFT)
            group = index & ~(READAHEAD - 1)
            while first > group and first - 1 not in pages:
                first -= 1
        offset = first << PAGE_SHIFT
        assert self.backing is not None
        data = self.backing.pread(offset, min(stop << PAGE_SHIFT, self.valid) - offset)
        for at in range(first, stop):
            if at in pages:
                continue
            start = at - first << PAGE_SHIFT
            chunk = data[start : start + PAGE_SIZE]
            frame = frames.alloc_dirty() if len(chunk) == PAGE_SIZE else frames.alloc()
            frames.write(frame, 0, chunk)
            self.__keep(at, frame)
        return pages[index]

    def __writable_page(self, index: int, whole: bool) -> int:
        """Frame of page `index`, about to be changed (`whole`: all of it)."""
        frame = self.pages.get(index)
        if frame is None:
            if whole or index << PAGE_SHIFT >= self.valid:
                return self.__new_page(index)
            frame = self.__read_page(index)
        if self.backing is not None and index not in self.dirty:
            self.sb.charge(1)
            self.dirty.add(index)
        return frame

    def __drop_page(self, index: int) -> None:
        """Forget a cached page, changed or not."""
        self.sb.frames.put(self.pages.pop(index))
        if self.backing is None:
            self.sb.charge(-1)
        elif index in self.dirty:
            self.dirty.remove(index)
            self.sb.charge(-1)
        if not self.pages:
            self.sb.caches.pop(self, None)

    def shrink(self, wanted: int) -> int:
        """Drop up to `wanted` pages that can be read again and that nobody maps; how many went."""
        if self.backing is None:
            return 0
        refs, dirty, last = self.sb.frames.refs, self.dirty, self.sb.last_page
        idle = [
            index for index, frame in self.pages.items() if refs[frame] == 1 and index not in dirty and frame != last
        ]
        for index in idle[:wanted]:
            self.__drop_page(index)
        return len(idle[:wanted])

    def evict(self) -> None:
        """No name, no opening: the frames go back."""
        for index in list(self.pages):
            self.__drop_page(index)
        self.size = self.valid = 0
        super().evict()

    # --- contents
    def pread(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`."""
        end = min(offset + count, self.size)
        if offset >= end:
            return b""
        backing = self.backing
        if backing is not None and not self.dirty and end <= self.valid:
            data = backing.pread(offset, end - offset)
            return data if len(data) == end - offset else data.ljust(end - offset, b"\0")
        if offset >> PAGE_SHIFT == end - 1 >> PAGE_SHIFT:
            return self.__read_in_page(offset >> PAGE_SHIFT, offset & PAGE_SIZE - 1, end - offset)
        parts = []
        while offset < end:
            inside = offset & PAGE_SIZE - 1
            size = min(PAGE_SIZE - inside, end - offset)
            parts.append(self.__read_in_page(offset >> PAGE_SHIFT, inside, size))
            offset += size
        return b"".join(parts)

    def __read_in_page(self, index: int, inside: int, size: int) -> bytes:
        frame = self.pages.get(index)
        if frame is not None:
            data: bytes = self.sb.frames.read(frame, inside, size)
            return data
        offset = (index << PAGE_SHIFT) + inside
        if offset >= self.valid:
            return ZEROS[:size]
        assert self.backing is not None
        return self.backing.pread(offset, min(size, self.valid - offset)).ljust(size, b"\0")

    def pwrite(self, offset: int, data: bytes) -> int:
        """Write; a short count when memory ends in the middle, ENOSPC or ENOMEM when nothing was written."""
        if offset > self.size:
            self.__zero_tail()
        done, size = 0, len(data)
        frames = self.sb.frames
        try:
            while done < size:
                inside = offset & PAGE_SIZE - 1
                count = min(PAGE_SIZE - inside, size - done)
                frame = self.__writable_page(offset >> PAGE_SHIFT, count == PAGE_SIZE)
                frames.write(frame, inside, data if count == size else data[done : done + count])
                done += count
                offset += count
        except SysError:
            if not done:
                raise
        if offset > self.size:
            self.size = offset
        self.mtime = self.ctime = self.sb.now()
        return done

    def __zero_tail(self) -> None:
        """Clear what a mapping may have put behind the end in the last page."""
        inside = self.size & PAGE_SIZE - 1
        frame = self.pages.get(self.size >> PAGE_SHIFT)
        if inside and frame is not None:
            self.sb.frames.write(frame, inside, bytes(PAGE_SIZE - inside))

    def truncate(self, size: int) -> None:
        """Set the length; mapped pages beyond the new end are taken away (Linux: truncate_setsize)."""
        if size > MAX_FILE:
            raise SysError(EFBIG)
        if size < self.size:
            old_last = self.size - 1 >> PAGE_SHIFT
            first = size + PAGE_SIZE - 1 >> PAGE_SHIFT
            self.size = size
            self.valid = min(self.valid, size)
            self.unmap_mapping_range(first, old_last, even_cows=True)
            for index in [index for index in self.pages if index >= first]:
                self.__drop_page(index)
        self.__zero_tail()
        if not self.valid and self.backing is not None and not self.pages:
            self.backing = None
        self.size = size
        self.mtime = self.ctime = self.sb.now()

    def unmap_mapping_range(self, first: int, last: int, even_cows: bool) -> None:
        """Take pages `first` to `last`, inclusive, out of all address spaces that map them."""
        if first <= last and self.users:
            next(iter(self.users)).unmap_mapping_range(self, first, last, even_cows)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate: make room, or punch a hole."""
        if mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE):
            raise SysError(EOPNOTSUPP)
        if offset + length > MAX_FILE:
            raise SysError(EFBIG)
        if mode & FALLOC_FL_PUNCH_HOLE:
            if not mode & FALLOC_FL_KEEP_SIZE:
                raise SysError(EOPNOTSUPP)
            self.__punch_hole(offset, min(offset + length, self.size))
        elif offset + length > self.size:
            self.sb.check_room((offset + length - self.size) >> PAGE_SHIFT)
            if not mode & FALLOC_FL_KEEP_SIZE:
                self.__zero_tail()
                self.size = offset + length
        self.mtime = self.ctime = self.sb.now()

    def __punch_hole(self, start: int, end: int) -> None:
        first = start + PAGE_SIZE - 1 >> PAGE_SHIFT
        last = (end >> PAGE_SHIFT) - 1 if end < self.size else end - 1 >> PAGE_SHIFT
        if self.backing is None and first <= last:
            self.unmap_mapping_range(first, last, even_cows=False)
            for index in [index for index in self.pages if first <= index <= last]:
                self.__drop_page(index)
        while start < end:
            inside = start & PAGE_SIZE - 1
            count = min(PAGE_SIZE - inside, end - start)
            index = start >> PAGE_SHIFT
            if index in self.pages or start < self.valid:
                self.sb.frames.write(self.__writable_page(index, count == PAGE_SIZE), inside, bytes(count))
            start += count

    def blocks(self) -> int:
        """Pages of its own in 512-byte units, or what the host says of a file that was not changed."""
        if self.backing is None:
            return len(self.pages) * (PAGE_SIZE // 512)
        if not self.dirty and self.valid == self.size:
            return self.nblocks
        return (self.size + PAGE_SIZE - 1 >> PAGE_SHIFT) * (PAGE_SIZE // 512)

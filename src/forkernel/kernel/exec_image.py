"""Programs that are run again and again: their address spaces are kept, ready but for the stack.

Life cycle: the second execve of a program maps it as always, adds the pages that the page cache has, and
`keep`s a copy-on-write copy (an `ExecImage`); later ones `find` it and start from a copy of that, which costs
as little as a fork. An image is dropped when a file of it was changed, when newer ones push it out, and when
memory is short. The programs notice nothing but that pages they never touched are there already.

Linux has no such thing; it can afford to map and fault everything anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.resource import RLIMIT_AS, RLIMIT_DATA
from forkernel.fs.memfd import MemfdInode
from forkernel.fs.pagecache import RegInode
from forkernel.mm.prefault import map_cached_pages
from forkernel.mm.vma import PAGE_SHIFT

if TYPE_CHECKING:
    from forkernel.abi.elf import ElfImage
    from forkernel.fs.file import File
    from forkernel.kernel.binfmt_elf import ElfProgram
    from forkernel.mm.mm_struct import MmStruct

MAX_IMAGES = 24
MAX_SEEN = 512
Key = tuple[Any, ...]


class ExecImage:
    """One program, mapped. Never runs, never changes."""

    __slots__ = ("bias", "cached", "files", "image", "interp_base", "interp_image", "mm")

    def __init__(self, program: ElfProgram, files: tuple[File, ...], mm: MmStruct, bias: int, interp_base: int) -> None:
        self.image: ElfImage = program.image
        self.interp_image: ElfImage | None = program.interp_image
        self.files = tuple((file.inode, file.inode.ctime, file.inode.size) for file in files)
        """The files and when they were last changed, as they were."""
        self.cached = cached_pages(self.files)
        self.mm = mm
        self.bias = bias
        self.interp_base = interp_base

    def is_true(self, program: ElfProgram) -> bool:
        """Whether the files are still the same, and no more of them is cached than was mapped here."""
        if self.image != program.image or self.interp_image != program.interp_image:
            return False
        for inode, ctime, size in self.files:
            if inode.ctime != ctime or inode.size != size:
                return False
        return cached_pages(self.files) <= self.cached

    def new_mm(self) -> MmStruct:
        """An address space to run it in; SysError(ENOMEM). Shortage of memory may drop the image meanwhile."""
        self.mm.mmget()
        try:
            return self.mm.fork()
        finally:
            self.mm.mmput()

    def is_allowed(self) -> bool:
        """Whether the caller's RLIMIT_AS and RLIMIT_DATA leave room for it."""
        vmas, rlim = self.mm.vmas, self.mm.rlim
        return vmas.total_vm <= rlim(RLIMIT_AS) >> PAGE_SHIFT and vmas.data_vm <= rlim(RLIMIT_DATA) >> PAGE_SHIFT


def cached_pages(files: tuple[tuple[Any, int, int], ...]) -> int:
    """Pages of the files that are in memory now."""
    return sum(len(inode.pages) for inode, _, _ in files)


class ImageCache:
    """The images of one machine, the least recently used first."""

    def __init__(self) -> None:
        self.images: dict[Key, ExecImage] = {}
        self.seen: dict[Key, None] = {}
        """Programs run once."""

    def key(self, program: ElfProgram, file: File, mmap_base: int) -> Key | None:
        """What an image is known by; None for a program that is not kept, because its file may change unnoticed:
        on a writable bind of the host's, or a memfd.
        """
        files = (file,) if program.interp_file is None else (file, program.interp_file)
        parts: list[Any] = [mmap_base]
        for each in files:
            if each.path is None or not isinstance(each.inode, RegInode) or isinstance(each.inode, MemfdInode):
                return None
            parts += (each.path.dentry, each.inode)
        return tuple(parts)

    def find(self, key: Key, program: ElfProgram) -> ExecImage | None:
        """The image to start from, if there is a good one."""
        image = self.images.pop(key, None)
        if image is None:
            return None
        if not image.is_true(program):
            image.mm.mmput()
            return None
        self.images[key] = image
        return image if image.is_allowed() else None

    def is_wanted(self, key: Key) -> bool:
        """Whether the program was run before, so that keeping it may pay."""
        if key in self.seen:
            return True
        if len(self.seen) >= MAX_SEEN:
            del self.seen[next(iter(self.seen))]
        self.seen[key] = None
        return False

    def keep(self, key: Key, program: ElfProgram, file: File, mm: MmStruct, bias: int, interp_base: int) -> None:
        """Keep a copy of `mm`, which has the program mapped and nothing else. SysError(ENOMEM) keeps nothing."""
        files = (file,) if program.interp_file is None else (file, program.interp_file)
        map_cached_pages(mm)
        for old in [old for old, image in self.images.items() if not all(inode.nlink for inode, _, _ in image.files)]:
            self.drop(old)
        while len(self.images) >= MAX_IMAGES:
            self.drop(next(iter(self.images)))
        copy = mm.fork()
        if copy.exe_file is not None:
            copy.exe_file.put()
            copy.exe_file = None
        self.images[key] = ExecImage(program, files, copy, bias, interp_base)

    def drop(self, key: Key) -> None:
        """Forget one image."""
        self.images.pop(key).mm.mmput()

    def clear(self) -> int:
        """Forget all; how many there were."""
        count = len(self.images)
        for key in list(self.images):
            self.drop(key)
        self.seen.clear()
        return count

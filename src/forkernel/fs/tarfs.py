"""A tar archive as root: the names in memory, the contents read from the archive where they lie.

An uncompressed archive stays where it is and its members are read in place; one compressed with gzip, bzip2
or xz is unpacked into memory once. Changes stay in memory in both cases.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from forkernel.abi.stat import S_IFBLK, S_IFCHR, S_IFIFO, makedev
from forkernel.errors import UserError
from forkernel.fs.dentry import Dentry
from forkernel.fs.hostfs import HostFds, HostFile
from forkernel.fs.inode import Inode
from forkernel.fs.pagecache import RegInode
from forkernel.fs.tmpfs import RamDir, Symlink, TmpfsSuperblock

if TYPE_CHECKING:
    import tarfile

NANO = 10**9


class BytesBacking:
    """Contents that are in memory already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def pread(self, offset: int, count: int) -> bytes:
        """A piece."""
        return self.data[offset : offset + count]


class MemberBacking:
    """Contents that lie in the archive as they are, from `start` on."""

    __slots__ = ("archive", "start")

    def __init__(self, archive: HostFile, start: int) -> None:
        self.archive = archive
        self.start = start

    def pread(self, offset: int, count: int) -> bytes:
        """A piece of the archive."""
        return self.archive.pread(self.start + offset, count)


def tar_root(vfs: Any, path: bytes) -> Dentry:
    """Root dentry of a file system with the archive's files; UserError if it cannot be read."""
    import tarfile
    import zlib

    sb = TmpfsSuperblock(b"overlay", vfs.alloc_dev(), vfs.clock, vfs.frames)
    sb.relatime = False
    try:
        loader = Loader(sb, os.path.realpath(path))
        with tarfile.open(os.fsdecode(path)) as archive:
            for member in archive:
                loader.add(archive, member)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise UserError(
            f"root {os.fsdecode(path)}: not a readable tar archive ({str(error).partition(chr(10))[0]})"
        ) from None
    vfs.add_super(sb)
    return Dentry(b"", None, loader.root)


class Loader:
    """Enters the members of one archive into a tree."""

    def __init__(self, sb: TmpfsSuperblock, path: bytes) -> None:
        self.sb = sb
        facts = os.stat(path)
        self.archive = HostFile(HostFds(), path, facts.st_dev, facts.st_ino)
        self.root = RamDir(sb, 0o755)

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Enter one member; a later one of the same name replaces the earlier, as in unpacking."""
        parts = split(member.name)
        if not parts:
            self.__take_facts(self.root, member)
            return
        parent = self.__directory(parts[:-1])
        name = parts[-1]
        if member.islnk():
            target = self.__find(split(member.linkname))
            if target is not None:
                self.__enter(parent, name, target)
                target.nlink += 1
            return
        if member.isdir():
            old = parent.entries.get(name)
            inode: Inode = old if isinstance(old, RamDir) else RamDir(self.sb, 0o755)
        else:
            inode = self.__make(archive, member)
        if parent.entries.get(name) is not inode:
            self.__enter(parent, name, inode)
        self.__take_facts(inode, member)

    def __enter(self, parent: RamDir, name: bytes, inode: Inode) -> None:
        if parent.entries.get(name) is not None:
            parent.remove(name)
        parent.add(name, inode)

    def __make(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Inode:
        if member.issym():
            return Symlink(self.sb, os.fsencode(member.linkname))
        if member.isreg():
            return self.__regular(archive, member)
        kind = S_IFIFO if member.isfifo() else S_IFCHR if member.ischr() else S_IFBLK
        return Inode(self.sb, kind, rdev=makedev(member.devmajor, member.devminor))

    def __regular(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Inode:
        inode = RegInode(self.sb, 0)
        inode.size = inode.valid = member.size
        inode.nblocks = (member.size + 511) // 512
        if not member.size:
            return inode
        if type(archive.fileobj).__name__ == "BufferedReader" and not member.issparse():
            inode.backing = MemberBacking(self.archive, member.offset_data)
        else:
            stream = archive.extractfile(member)
            inode.backing = BytesBacking(stream.read() if stream is not None else b"")
        return inode

    def __directory(self, parts: list[bytes]) -> RamDir:
        """The directory of these names, made where the archive does not list it."""
        at = self.root
        for part in parts:
            below = at.entries.get(part)
            if isinstance(below, Symlink):
                below = self.__find(split(os.fsdecode(below.target))) if b"/" not in below.target else None
            if not isinstance(below, RamDir):
                below = RamDir(self.sb, 0o755)
                self.__enter(at, part, below)
            at = below
        return at

    def __find(self, parts: list[bytes]) -> Inode | None:
        at: Inode | None = self.root
        for part in parts:
            at = at.entries.get(part) if isinstance(at, RamDir) else None
        return at

    def __take_facts(self, inode: Inode, member: tarfile.TarInfo) -> None:
        inode.mode = inode.mode & 0o170000 | (0o777 if member.issym() else member.mode & 0o7777)
        inode.uid, inode.gid = member.uid, member.gid
        inode.atime = inode.mtime = inode.ctime = int(member.mtime) * NANO


def split(name: str) -> list[bytes]:
    """Components of a member's name; "." is left out and ".." cannot lead out of the archive."""
    parts: list[bytes] = []
    for part in os.fsencode(name).split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts

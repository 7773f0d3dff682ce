"""The host's tree as a read-only root, with every change kept in memory.

A name is looked up on the host once (one lstat) and becomes an inode that knows its host path; from then on
the inode is the truth. Directories are `RamDir`s that ask the host for names they do not know; files read
from the host until a page is changed. Nothing here opens a host file for writing, and no link is followed
on the host's side: the walk (namei.py) resolves links inside the guest's tree.

Inode numbers are made from the path, so that they do not depend on the host or on the order of lookups.
"""

from __future__ import annotations

import os
import stat
from _blake2 import blake2b
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from forkernel.abi.errno import EIO, ENOENT, ENOTDIR, ESTALE
from forkernel.abi.stat import (
    DT_BLK,
    DT_CHR,
    DT_DIR,
    DT_FIFO,
    DT_LNK,
    DT_REG,
    DT_SOCK,
    DT_UNKNOWN,
    OVERLAYFS_SUPER_MAGIC,
    S_IFMT,
    S_IFREG,
    Dirent,
)
from forkernel.errors import SysError, UserError
from forkernel.fs.dentry import Dentry
from forkernel.fs.inode import Inode
from forkernel.fs.pagecache import RegInode
from forkernel.fs.tmpfs import RamDir, Symlink, TmpfsSuperblock

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

MAX_HOST_FDS = 64
HIDDEN = (b"dev", b"proc", b"run", b"sys")
"""Directories of the host's / whose contents are the host's own business: empty mount points here."""
HOST_INO = 1 << 40
"""Set in the inode numbers of host files, clear in those of files made here."""
MAX_NEW_INODES = 1 << 20
MAX_ABSENT = 20_000
"""Names kept as absent on the host: programs ask for some again and again, and bad ones for ever new ones."""
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
DTYPES = {
    stat.S_IFIFO: DT_FIFO,
    stat.S_IFCHR: DT_CHR,
    stat.S_IFDIR: DT_DIR,
    stat.S_IFBLK: DT_BLK,
    stat.S_IFREG: DT_REG,
    stat.S_IFLNK: DT_LNK,
    stat.S_IFSOCK: DT_SOCK,
}


class HostOpener(Protocol):
    """What can be opened on the host when it is needed."""

    def open_host(self) -> int:
        """A new host descriptor; OSError."""


class HostFds:
    """Open host files, the least recently used closed when there are too many.

    Not part of a snapshot: after unpickling files are opened again by path.
    """

    __slots__ = ("fds", "limit")

    def __init__(self, limit: int = MAX_HOST_FDS) -> None:
        self.limit = limit
        self.fds: OrderedDict[HostOpener, int] = OrderedDict()

    def __getstate__(self) -> int:
        return self.limit

    def __setstate__(self, limit: int) -> None:
        self.limit = limit
        self.fds = OrderedDict()

    def get(self, file: HostOpener) -> int:
        """An open host descriptor for `file`; OSError."""
        fd = self.fds.get(file)
        if fd is None:
            fd = file.open_host()
            self.keep(file, fd)
        else:
            self.fds.move_to_end(file)
        return fd

    def keep(self, file: HostOpener, fd: int) -> None:
        """Take over a descriptor that is open already."""
        if len(self.fds) >= self.limit:
            os.close(self.fds.popitem(last=False)[1])
        self.fds[file] = fd

    def drop(self, file: HostOpener) -> None:
        """Close the descriptor of `file` if there is one."""
        fd = self.fds.pop(file, None)
        if fd is not None:
            os.close(fd)

    def close(self) -> None:
        """Close all."""
        while self.fds:
            os.close(self.fds.popitem()[1])

    def __del__(self) -> None:
        self.close()


class HostFile:
    """A regular host file as backing of a page cache."""

    __slots__ = ("dev", "fds", "ino", "path")

    def __init__(self, fds: HostFds, path: bytes, dev: int, ino: int) -> None:
        self.fds = fds
        self.path = path
        self.dev = dev
        self.ino = ino

    def open_host(self) -> int:
        """Open for reading the very file that lstat saw; ESTALE if another one is there by now.

        O_NOATIME keeps even the time of access on the host; it is for owners only, so it may be refused.
        """
        try:
            fd = os.open(self.path, READ_FLAGS | os.O_NOATIME)
        except PermissionError:
            fd = os.open(self.path, READ_FLAGS)
        now = os.fstat(fd)
        if now.st_ino != self.ino or now.st_dev != self.dev or not stat.S_ISREG(now.st_mode):
            os.close(fd)
            raise OSError(ESTALE, "changed on the host")
        return fd

    def pread(self, offset: int, count: int) -> bytes:
        """Read; fewer bytes than asked if the host file got shorter."""
        try:
            fd = self.fds.get(self)
            data = os.pread(fd, count, offset)
            while len(data) < count:
                more = os.pread(fd, count - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise SysError(error.errno or EIO) from None
        return data

    def check(self) -> None:
        """Whether the host lets us read it: its errno, if not."""
        try:
            self.fds.get(self)
        except OSError as error:
            raise SysError(error.errno or EIO) from None


class HostRegInode(RegInode):
    """A regular file of the host, read-only there, changeable here."""

    __slots__ = ()

    sb: HostSuperblock

    def get_xattrs(self) -> dict[bytes, bytes]:
        """What the file has on the host, until some are changed here."""
        if self.xattrs is None and isinstance(self.backing, HostFile):
            self.xattrs = host_xattrs(self.backing.path)
            self.sb.xattr_bytes += sum(len(name) + len(value) for name, value in self.xattrs.items())
        return self.xattrs or {}

    def open(self, task: Task, flags: int) -> Any:
        """Open it; EACCES if the host keeps us from reading it."""
        if not self.sb.trusted and self.valid and isinstance(self.backing, HostFile):
            self.backing.check()
        return super().open(task, flags)


class HostDir(RamDir):
    """A directory of the host: names it does not know are looked up there."""

    __slots__ = ("nblocks", "path")
    entry_size = 0

    sb: HostSuperblock

    def __init__(self, sb: HostSuperblock, path: bytes, facts: os.stat_result) -> None:
        super().__init__(sb, 0, ino=sb.ino_of(path))
        self.path = path
        """Host path without a trailing slash; b"" for /."""
        self.nblocks = facts.st_blocks
        take_facts(self, facts)

    def blocks(self) -> int:
        """As on the host."""
        return self.nblocks

    def lookup(self, task: Task | None, name: bytes) -> Inode | None:
        """What was made or found here before, else what the host has."""
        try:
            return self.entries[name]
        except KeyError:
            inode = self.sb.instantiate(self.path + b"/" + name)
            if inode is None:
                if self.sb.absent >= MAX_ABSENT:
                    return None
                self.sb.absent += 1
            self.entries[name] = inode
            return inode

    def iterate(self, task: Task | None) -> list[Dirent]:
        """The host's names in alphabetical order, without those deleted here, then those made here."""
        entries, listing = self.entries, []
        seen = set()
        for name, kind in self.sb.scan(self.path):
            seen.add(name)
            if name in entries:
                inode = entries[name]
                if inode is not None:
                    listing.append(Dirent(name, inode.ino, (inode.mode & S_IFMT) >> 12))
            else:
                listing.append(Dirent(name, self.sb.ino_of(self.path + b"/" + name), kind))
        for name, inode in entries.items():
            if inode is not None and name not in seen:
                listing.append(Dirent(name, inode.ino, (inode.mode & S_IFMT) >> 12))
        return listing

    def is_empty(self) -> bool:
        """Whether no name is left."""
        return not self.iterate(None)

    def remove(self, name: bytes) -> None:
        """Take a name out for good: the host is not asked about it again."""
        super().remove(name)
        self.entries[name] = None


class HostSuperblock(TmpfsSuperblock):
    """The host's tree under `top`."""

    relatime = False
    """Times of access stay what the host says."""

    def __init__(self, dev: int, clock: Any, frames: Any, top: bytes) -> None:
        super().__init__(b"overlay", dev, clock, frames)
        self.magic = OVERLAYFS_SUPER_MAGIC
        self.max_inodes = min(MAX_NEW_INODES, frames.total // 2)
        self.absent = 0
        """Names that the host was asked for and does not have, as far as they are kept."""
        self.top = top
        """Host path of the root, b"" for /."""
        self.fds = HostFds()
        self.trusted = os.geteuid() == 0
        """Whether the host lets us read everything."""
        self.hardlinks: dict[tuple[int, int], Inode] = {}
        """Host (dev, ino) to inode, for files with several names."""
        self.next_ino = 1 << 20
        root_facts = os.lstat(top or b"/")
        self.root_inode = HostDir(self, top, root_facts)
        if not top:
            self.__hide(root_facts)

    def __hide(self, facts: os.stat_result) -> None:
        for name in HIDDEN:
            if os.path.lexists(b"/" + name):
                self.root_inode.entries[name] = RamDir(self, 0o755, ino=self.ino_of(b"/" + name))
            for attribute in ("atime", "mtime", "ctime"):
                hidden = self.root_inode.entries.get(name)
                if hidden is not None:
                    setattr(hidden, attribute, getattr(facts, f"st_{attribute}_ns"))

    def ino_of(self, path: bytes) -> int:
        """Inode number of a host path: the same in every run; above those of files made here."""
        digest = blake2b(path[len(self.top) :], digest_size=6).digest()
        return int.from_bytes(digest, "little") | HOST_INO

    def instantiate(self, path: bytes) -> Inode | None:
        """An inode for what the host has at `path`; None if it has nothing there."""
        try:
            facts = os.lstat(path)
            if facts.st_nlink > 1 and not stat.S_ISDIR(facts.st_mode):
                return self.__hardlinked(path, facts)
            return self.__make(path, facts)
        except OSError as error:
            if error.errno in (ENOENT, ENOTDIR):
                return None
            raise SysError(error.errno or EIO) from None

    def __hardlinked(self, path: bytes, facts: os.stat_result) -> Inode:
        key = (facts.st_dev, facts.st_ino)
        inode = self.hardlinks.get(key)
        if inode is None:
            inode = self.hardlinks[key] = self.__make(path, facts)
        return inode

    def __make(self, path: bytes, facts: os.stat_result) -> Inode:
        kind = facts.st_mode & S_IFMT
        inode: Inode
        if kind == stat.S_IFDIR:
            return HostDir(self, path, facts)
        if kind == S_IFREG:
            inode = HostRegInode(self, 0, ino=self.ino_of(path))
            inode.backing = HostFile(self.fds, path, facts.st_dev, facts.st_ino)
            inode.valid = facts.st_size
            inode.nblocks = facts.st_blocks
        elif kind == stat.S_IFLNK:
            inode = Symlink(self, os.readlink(path), ino=self.ino_of(path))
        else:
            inode = Inode(self, facts.st_mode, ino=self.ino_of(path), rdev=facts.st_rdev)
        take_facts(inode, facts)
        return inode

    def scan(self, path: bytes) -> list[tuple[bytes, int]]:
        """Names and DT_* types in a host directory, sorted; SysError."""
        try:
            with os.scandir(path or b"/") as entries:
                return sorted([(entry.name, entry_type(entry)) for entry in entries])
        except OSError as error:
            if error.errno == ENOENT:
                return []
            raise SysError(error.errno or EIO) from None

    def kill(self) -> None:
        """The root is where processes stand even when no mount shows it any more."""

    def forget(self, inode: Inode) -> None:
        """A file is gone: one less of those made here, or a host descriptor of no more use."""
        if not inode.ino & HOST_INO:
            super().forget(inode)
        elif isinstance(inode, RegInode) and isinstance(inode.backing, HostFile):
            self.fds.drop(inode.backing)


def entry_type(entry: os.DirEntry[bytes]) -> int:
    """DT_* type that the host's directory entry tells, with no further call to the host."""
    if entry.is_symlink():
        return DT_LNK
    if entry.is_dir(follow_symlinks=False):
        return DT_DIR
    if entry.is_file(follow_symlinks=False):
        return DT_REG
    return DT_UNKNOWN


def host_xattrs(path: bytes) -> dict[bytes, bytes]:
    """Extended attributes of a host file, as far as the host tells: user.* and capabilities."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
        wanted = sorted(name for name in names if name.startswith("user.") or name == "security.capability")
        return {os.fsencode(name): os.getxattr(path, name, follow_symlinks=False) for name in wanted}
    except OSError:
        return {}


def take_facts(inode: Inode, facts: os.stat_result) -> None:
    """Copy what lstat says into an inode."""
    inode.mode = facts.st_mode
    inode.uid = facts.st_uid
    inode.gid = facts.st_gid
    inode.nlink = facts.st_nlink
    inode.size = facts.st_size
    inode.atime = facts.st_atime_ns
    inode.mtime = facts.st_mtime_ns
    inode.ctime = facts.st_ctime_ns


def host_root(vfs: Any, top: str | bytes) -> Dentry:
    """Root dentry of the host's tree under `top`; UserError if it is no directory."""
    path = os.path.abspath(os.fsencode(top))
    try:
        path = os.path.realpath(path, strict=True)
        if not os.path.isdir(path):
            raise UserError(f"root {os.fsdecode(path)}: not a directory")
        sb = HostSuperblock(vfs.alloc_dev(), vfs.clock, vfs.frames, path.rstrip(b"/"))
    except OSError as error:
        raise UserError(f"root {os.fsdecode(path)}: {error.strerror}") from None
    vfs.add_super(sb)
    return Dentry(b"", None, sb.root_inode)

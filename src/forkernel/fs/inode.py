"""Inodes and superblocks: what every file system is made of (Linux: struct inode, super_block).

A file system subclasses `Inode` for its kinds of files and overrides what it can do; the defaults answer
with Linux's errno for "this file cannot do that". The walk calls `lookup` and `follow_link`; `open` makes the
`File`; the rest serves the calls that change the tree. Permission checks are done by the callers (namei.py),
not here, but for `permission` itself, which a file system may tighten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from forkernel.abi.errno import EACCES, EINVAL, EISDIR, ENODEV, ENOTDIR, ENXIO, EOPNOTSUPP, EPERM, EROFS
from forkernel.abi.stat import (
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    TMPFS_MAGIC,
    Dirent,
    Statfs,
)
from forkernel.errors import SysError
from forkernel.mapping import Mapping
from forkernel.namespace import INVALID_ID, UserNamespace, init_user_ns

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path
    from forkernel.fs.file import File
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task

MAY_EXEC = 1
MAY_WRITE = 2
MAY_READ = 4

CAP_DAC_OVERRIDE = 1 << 1
CAP_DAC_READ_SEARCH = 1 << 2
CAP_FOWNER = 1 << 3
CAP_FSETID = 1 << 4


class ObjectCache(Protocol):
    """Where kernel objects of one kind lie in RAM: a KmemCache of mm/slab.py, as file systems see it."""

    def alloc(self) -> int:
        """The address of a new object; SysError(ENOMEM)."""

    def free(self, address: int) -> None:
        """Give an object back."""


class Pool(Protocol):
    """Kernel memory in pieces: mm/kmalloc.py, as file systems see it."""

    def charge(self, kind: str, size: int) -> None:
        """Take `size` bytes; SysError(ENOMEM)."""

    def uncharge(self, kind: str, size: int) -> None:
        """Give them back."""


class NoPool:
    """In RAM without slabs nothing is counted."""

    def charge(self, kind: str, size: int) -> None:
        """See `Pool.charge`."""

    def uncharge(self, kind: str, size: int) -> None:
        """See `Pool.uncharge`."""


class Superblock:
    """One file system instance."""

    blocksize: ClassVar[int] = 4096
    magic: int = TMPFS_MAGIC
    relatime: bool = True
    """Whether reading a file may move its atime."""
    user_ns: UserNamespace = init_user_ns
    """Of who mounted it (Linux: s_user_ns): its devices and set-user-ID programs count only within that."""
    mounts: int = 0
    """Mounts that show it, in all namespaces."""
    has_xattrs: ClassVar[bool] = False
    """Whether files may have extended attributes."""
    xattr_bytes: int = 0
    """What these take, names and values."""
    host_readonly: bool = False
    """It stands for files of the host that were given read-only: no remount changes that."""
    marks: dict[Inode, list[Any]] | None = None
    """Who watches its files (fs/fsnotify.py), by inode; None while nobody does."""
    d_keep: bool = True
    """Whether dentries of volatile directories are kept for as long as `lookup` gives the same inode."""

    def __init__(self, fstype: bytes, dev: int, clock: Any, frames: Any, readonly: bool = False) -> None:
        self.type = fstype
        """Name as in /proc/filesystems."""
        self.dev = dev
        """st_dev of its files."""
        self.clock = clock
        """Has realtime() in nanoseconds."""
        self.frames = frames
        """FrameTable for page caches."""
        slabs = getattr(frames, "slabs", None)
        self.filp: ObjectCache | None = slabs.filp if slabs is not None else None
        """Where its open files lie, and"""
        self.cred_jar: Any = slabs.cred_jar if slabs is not None else None
        """the credentials of those who opened them, a SharedCache; None in RAM without slabs."""
        self.kmalloc: Pool = slabs.kmalloc if slabs is not None else NoPool()
        """Where what else they are made of is counted."""
        self.readonly = readonly
        self.dead = False
        """No mount is left: a file goes with its last opening, whatever names it has."""
        self.caches: dict[Any, None] = {}
        """Inodes with pages in memory (their `pages`), in the order of their first page."""
        self.last_page = 0
        """Frame handed out last: its taker has no reference yet, so shrinking leaves it alone."""
        self.next_ino = 1
        self.options = b""
        """Extra mount options shown in /proc/mounts, with a leading comma."""

    def kill(self) -> None:
        """No mount is left (Linux: kill_sb)."""

    def remount(self, task: Task, data: bytes) -> None:
        """New options (MS_REMOUNT); EINVAL. Most file systems have none that can be changed."""

    def set_readonly(self, on: bool) -> None:
        """Remount it read-only or writable; EROFS for what has to stay read-only."""
        if not on and self.host_readonly:
            raise SysError(EROFS)
        self.readonly = on

    def alloc_ino(self) -> int:
        """The next inode number: deterministic, in order of creation."""
        ino = self.next_ino
        self.next_ino = ino + 1
        return ino

    def forget(self, inode: Inode) -> None:
        """An inode was evicted."""

    def now(self) -> int:
        """Time stamp for inodes: CLOCK_REALTIME in nanoseconds."""
        now: int = self.clock.realtime()
        return now

    def statfs(self) -> Statfs:
        """What the file system says of its size and limits."""
        return Statfs(f_type=self.magic, f_bsize=self.blocksize, f_frsize=self.blocksize, f_namelen=255)


class Inode:
    """One file. Times are nanoseconds since 1970; `mode` has the S_IF* type."""

    __slots__ = (
        "atime", "ctime", "flctx", "gid", "ino", "mapping", "mode", "mtime", "nlink", "opens", "pipe", "rdev",
        "sb", "size", "uid", "writecount", "xattrs",
    )  # fmt: skip

    volatile: ClassVar[bool] = False
    """For a directory: names may come and go by themselves (procfs, host binds): the walk asks `lookup` each time."""

    def __init__(self, sb: Superblock, mode: int, uid: int = 0, gid: int = 0, *, ino: int = 0, rdev: int = 0) -> None:
        self.sb = sb
        self.ino = ino or sb.alloc_ino()
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = 2 if mode & S_IFMT == S_IFDIR else 1
        self.size = 0
        self.rdev = rdev
        self.atime = self.mtime = self.ctime = sb.now()
        self.mapping: Mapping | None = None
        """Page cache of a regular file, made at first need: use get_mapping()."""
        self.opens = 0
        """Files open on it (each mapping holds one open): at 0 with no name left it is evicted."""
        self.flctx: Any = None
        """Locks on the file (fs/locks.py)."""
        self.writecount = 0
        """Openings for writing; below zero: so many programs run from the file (Linux: i_writecount)."""
        self.pipe: Any = None
        """What is in a FIFO while it is open (fs/pipe.py)."""
        self.xattrs: dict[bytes, bytes] | None = None
        """Extended attributes; replaced, never changed. None: none were set here (use get_xattrs())."""

    # --- the walk
    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """The file called `name` in this directory, None if there is none."""
        raise SysError(ENOTDIR)

    def readlink(self, task: Task) -> bytes:
        """Target of a symbolic link (EINVAL for anything else)."""
        raise SysError(EINVAL)

    def follow_link(self, task: Task) -> Path | bytes:
        """Where a symbolic link leads: text to walk, or the very place (a magic link of procfs)."""
        return self.readlink(task)

    def permission(self, cred: Cred, mask: int) -> None:
        """EACCES unless `cred` may do all of `mask` (MAY_*) (Linux: generic_permission)."""
        mode = self.mode
        if cred.fsuid == self.uid:
            mode >>= 6
        elif mode & 0o070 != (mode & 0o007) << 3 and (cred.fsgid == self.gid or self.gid in cred.groups):
            mode >>= 3
        if not mask & ~mask_of(mode):
            return
        caps = cred.cap_effective
        if cred.user_ns is not init_user_ns and not privileged_wrt_inode_uidgid(cred.user_ns, self):
            caps = 0
        if self.mode & S_IFMT == S_IFDIR:
            if caps & CAP_DAC_OVERRIDE or (not mask & MAY_WRITE and caps & CAP_DAC_READ_SEARCH):
                return
        elif (caps & CAP_DAC_READ_SEARCH and mask == MAY_READ) or (
            caps & CAP_DAC_OVERRIDE and (not mask & MAY_EXEC or self.mode & 0o111)
        ):
            return
        raise SysError(EACCES)

    # --- what open makes of it
    def open(self, task: Task, flags: int) -> File:
        """Open it: permission is checked already; may raise Sleep (a FIFO). The caller sets path and cred."""
        from forkernel.fs.file import DirFile, RegFile

        kind = self.mode & S_IFMT
        if kind == S_IFREG:
            return RegFile(self, flags)
        if kind == S_IFDIR:
            return DirFile(self, flags)
        if kind == S_IFIFO:
            from forkernel.fs.pipe import fifo_open

            return fifo_open(task, self, flags)
        if kind in (S_IFCHR, S_IFBLK):
            from forkernel.fs.devices import device_open

            return device_open(task, self, flags)
        raise SysError(ENXIO)

    # --- attributes
    def get_xattrs(self) -> dict[bytes, bytes]:
        """Extended attributes by name (fs/xattr.py)."""
        return self.xattrs or {}

    def getattr(self, task: Task) -> None:
        """Bring the fields up to date before they are shown (for files whose facts change by themselves)."""

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """Change attributes (Linux: notify_change); `mode` is permission bits only. Checks were made already."""
        if mode is not None:
            self.mode = self.mode & S_IFMT | mode
        if uid is not None:
            self.uid = uid
        if gid is not None:
            self.gid = gid
        if atime is not None:
            self.atime = atime
        if mtime is not None:
            self.mtime = mtime
        self.ctime = self.sb.now()

    def blocks(self) -> int:
        """512-byte units in use, for st_blocks."""
        return 0

    def btime(self) -> int | None:
        """Time of creation, None where it is not known."""
        return None

    def truncate(self, size: int) -> None:
        """Set the length of a regular file; new bytes are zero."""
        raise SysError(EISDIR if self.mode & S_IFMT == S_IFDIR else EINVAL)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate(2) on a regular file."""
        raise SysError(ENODEV)

    def evict(self) -> None:
        """The last name and the last opening are gone: free the contents."""
        if self.xattrs:
            from forkernel.fs.xattr import forget_xattrs

            forget_xattrs(self)
        self.sb.forget(self)

    # --- contents of a regular file
    def pread(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`; b"" at or beyond the end."""
        raise SysError(EISDIR if self.mode & S_IFMT == S_IFDIR else EINVAL)

    def pwrite(self, offset: int, data: bytes) -> int:
        """Write at `offset`, extending the file as needed; the number of bytes written."""
        raise SysError(EISDIR if self.mode & S_IFMT == S_IFDIR else EINVAL)

    def get_mapping(self) -> Mapping:
        """The page cache, for mmap; ENODEV if the file has none."""
        raise SysError(ENODEV)

    def fsync(self) -> None:
        """Write back (nothing to do for files in memory)."""

    # --- names in a directory; the name was checked to be absent (or present), permission to be there
    def iterate(self, task: Task) -> list[Dirent]:
        """All entries but "." and "..", in a fixed order."""
        raise SysError(ENOTDIR)

    def create(self, task: Task, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """Make a file of any type but directory and symbolic link (Linux: create and mknod)."""
        raise SysError(EACCES)

    def mkdir(self, task: Task, name: bytes, mode: int) -> Inode:
        """Make a directory."""
        raise SysError(EPERM)

    def symlink(self, task: Task, name: bytes, target: bytes) -> Inode:
        """Make a symbolic link."""
        raise SysError(EPERM)

    def link(self, task: Task, name: bytes, inode: Inode) -> None:
        """Give `inode` (of the same file system) one more name."""
        raise SysError(EPERM)

    def unlink(self, task: Task, name: bytes, inode: Inode) -> None:
        """Take away a name of something that is not a directory."""
        raise SysError(EPERM)

    def rmdir(self, task: Task, name: bytes, inode: Inode) -> None:
        """Take away an empty directory (ENOTEMPTY)."""
        raise SysError(EPERM)

    def rename(self, task: Task, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """Move `name` to `newdir`/`newname`, replacing what is there, or swap the two."""
        raise SysError(EPERM)

    def tmpfile(self, task: Task, mode: int) -> Inode:
        """A regular file without a name (O_TMPFILE)."""
        raise SysError(EOPNOTSUPP)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ino} {self.mode:o}>"


def mask_of(mode: int) -> int:
    """The MAY_* bits in the lowest three bits of a mode."""
    return mode & 7


__all__ = [
    "MAY_EXEC", "MAY_READ", "MAY_WRITE", "S_IFBLK", "S_IFCHR", "S_IFDIR", "S_IFIFO", "S_IFLNK",
    "S_IFMT", "S_IFREG", "S_IFSOCK", "Dirent", "Inode", "Superblock", "mask_of",
]  # fmt: skip


# --- capabilities over a file (Linux: capable_wrt_inode_uidgid)


def privileged_wrt_inode_uidgid(user_ns: UserNamespace, inode: Inode) -> bool:
    """Whether the file's owner and group have numbers in the namespace: else capabilities there do not reach it."""
    return user_ns.from_kuid(inode.uid) != INVALID_ID and user_ns.from_kgid(inode.gid) != INVALID_ID


def capable_wrt_inode_uidgid(cred: Cred, inode: Inode, caps: int) -> bool:
    """Whether `cred` has one of the capabilities (as bits) over the file."""
    if not cred.cap_effective & caps:
        return False
    return cred.user_ns is init_user_ns or privileged_wrt_inode_uidgid(cred.user_ns, inode)


def inode_owner_or_capable(cred: Cred, inode: Inode) -> bool:
    """Whether `cred` owns the file or may act as its owner (CAP_FOWNER)."""
    if cred.fsuid == inode.uid:
        return True
    user_ns = cred.user_ns
    return bool(cred.cap_effective & CAP_FOWNER) and user_ns.from_kuid(inode.uid) != INVALID_ID


def global_caps(cred: Cred) -> int:
    """Capabilities over the whole machine: those of a process in the initial user namespace (Linux: capable)."""
    return cred.cap_effective if cred.user_ns is init_user_ns else 0

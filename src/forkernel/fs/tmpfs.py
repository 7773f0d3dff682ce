"""A file system in memory (Linux: tmpfs), and the in-memory half of the host root and of tar roots.

`RamDir` holds names in a dict; a subclass may put a read-only directory under it (hostfs.py): a name that maps
to None is known to be absent, be it that it was deleted or that it never was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from forkernel.abi.errno import EINVAL, ENOSPC, ENOTEMPTY
from forkernel.abi.stat import (
    S_IFDIR,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_ISGID,
    S_IXGRP,
    TMPFS_MAGIC,
    Dirent,
    Statfs,
    dtype_of,
    s_isdir,
)
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.inode import Inode, NoPool, Superblock, capable_wrt_inode_uidgid
from forkernel.fs.pagecache import RegInode
from forkernel.namespace import INVALID_ID

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

CAP_FSETID = 1 << 4
INODE_SIZE = 720 + 192  # struct shmem_inode_info and the dentry that names it, which stays as long
DIRENT_SIZE = 20  # what tmpfs adds to a directory's size for each entry


class TmpfsSuperblock(Superblock):
    """Pages and inodes in use, and their limits: half of RAM each, as on Linux."""

    def __init__(self, fstype: bytes, dev: int, clock: Any, frames: Any, readonly: bool = False) -> None:
        super().__init__(fstype, dev, clock, frames, readonly)
        self.max_pages = frames.total // 2
        self.used_pages = 0
        self.max_inodes = frames.total // 2
        self.used_inodes = 1
        """Files made here that are not gone yet, and the root."""
        self.magic = TMPFS_MAGIC

    @property
    def has_xattrs(self) -> bool:  # type: ignore[override]
        """tmpfs has extended attributes, ramfs does not."""
        return self.type != b"ramfs"

    def charge(self, pages: int) -> None:
        """Account for pages that nothing backs; ENOSPC at the limit."""
        if pages > 0:
            self.check_room(pages)
        self.used_pages += pages

    def check_room(self, pages: int) -> None:
        """ENOSPC unless that many pages may still be used."""
        if self.used_pages + pages > self.max_pages:
            raise SysError(ENOSPC)

    def charge_inode(self) -> None:
        """Account for a new file; ENOSPC at the limit."""
        if self.used_inodes >= self.max_inodes:
            raise SysError(ENOSPC)
        self.kmalloc.charge("shmem_inode_cache", INODE_SIZE)
        self.used_inodes += 1

    def forget(self, inode: Inode) -> None:
        """A file is gone."""
        if self.used_inodes > 1:
            self.kmalloc.uncharge("shmem_inode_cache", INODE_SIZE)
        self.used_inodes -= 1

    def kill(self) -> None:
        """No mount is left. Who still stands in it (umount2(2), MNT_DETACH) makes no new files; what there is counts no
        more.
        """
        self.kmalloc.uncharge("shmem_inode_cache", max(self.used_inodes - 1, 0) * INODE_SIZE)
        self.kmalloc = NoPool()
        self.max_inodes = 0

    def shrink(self, wanted: int) -> int:
        """Drop clean pages until `wanted` are gone; how many went (Linux: a shrinker)."""
        done = 0
        for inode in list(self.caches):
            done += inode.shrink(wanted - done)
            if done >= wanted:
                break
        return done

    def statfs(self) -> Statfs:
        """Sizes by the limits."""
        free = max(0, self.max_pages - self.used_pages)
        inodes = max(0, self.max_inodes - self.used_inodes)
        return Statfs(
            f_type=self.magic, f_bsize=4096, f_frsize=4096, f_namelen=255, f_blocks=self.max_pages, f_bfree=free,
            f_bavail=free, f_files=self.max_inodes, f_ffree=inodes, f_fsid=self.dev,
        )  # fmt: skip


class Symlink(Inode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, sb: Superblock, target: bytes, uid: int = 0, gid: int = 0, *, ino: int = 0) -> None:
        super().__init__(sb, S_IFLNK | 0o777, uid, gid, ino=ino)
        self.target = target
        self.size = len(target)

    def readlink(self, task: Task) -> bytes:
        """Its text."""
        return self.target


class RamDir(Inode):
    """A directory in memory."""

    __slots__ = ("entries",)
    entry_size: ClassVar[int] = DIRENT_SIZE
    """What a name adds to the directory's size."""

    sb: TmpfsSuperblock

    def __init__(self, sb: TmpfsSuperblock, perm: int, uid: int = 0, gid: int = 0, *, ino: int = 0) -> None:
        super().__init__(sb, S_IFDIR | perm, uid, gid, ino=ino)
        self.entries: dict[bytes, Inode | None] = {}
        """Name to file; None: there is no such name."""
        self.size = 2 * DIRENT_SIZE

    def lookup(self, task: Task | None, name: bytes) -> Inode | None:
        """The file called `name`."""
        return self.entries.get(name)

    def iterate(self, task: Task | None) -> list[Dirent]:
        """Entries in the order in which they were made."""
        return [
            Dirent(name, inode.ino, dtype_of(inode.mode)) for name, inode in self.entries.items() if inode is not None
        ]

    def is_empty(self) -> bool:
        """Whether it holds no names."""
        return not any(inode is not None for inode in self.entries.values())

    # --- new files
    def owner_of_new(self, task: Task | None, mode: int) -> tuple[int, int, int]:
        """uid, gid and mode of a new file here (Linux: inode_init_owner): set-group-ID directories hand on
        their group.
        """
        if task is None:
            return 0, 0, mode
        cred = task.cred
        gid = cred.fsgid
        if self.mode & S_ISGID:
            gid = self.gid
            if s_isdir(mode):
                mode |= S_ISGID
            elif mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP and not (
                cred.in_group(gid) or capable_wrt_inode_uidgid(cred, self, CAP_FSETID)
            ):
                mode &= ~S_ISGID
        return cred.fsuid, gid, mode

    def add(self, name: bytes, inode: Inode) -> None:
        """Enter a name."""
        self.entries[name] = inode
        self.size += self.entry_size
        if s_isdir(inode.mode):
            self.nlink += 1
        self.mtime = self.ctime = self.sb.now()

    def remove(self, name: bytes) -> None:
        """Take a name out."""
        inode = self.entries.pop(name)
        self.size = max(0, self.size - self.entry_size)
        if inode is not None and s_isdir(inode.mode):
            self.nlink -= 1
        self.mtime = self.ctime = self.sb.now()

    def create(self, task: Task | None, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """A regular file, FIFO, device or socket."""
        inode = self.__new(task, mode, rdev)
        self.add(name, inode)
        return inode

    def __new(self, task: Task | None, mode: int, rdev: int = 0) -> Inode:
        self.sb.charge_inode()
        uid, gid, mode = self.owner_of_new(task, mode)
        if mode & S_IFMT == S_IFREG:
            return RegInode(self.sb, mode & 0o7777, uid, gid)
        return Inode(self.sb, mode, uid, gid, rdev=rdev)

    def mkdir(self, task: Task | None, name: bytes, mode: int) -> RamDir:
        """A directory."""
        self.sb.charge_inode()
        uid, gid, mode = self.owner_of_new(task, S_IFDIR | mode)
        inode = RamDir(self.sb, mode & 0o7777, uid, gid)
        self.add(name, inode)
        return inode

    def symlink(self, task: Task | None, name: bytes, target: bytes) -> Inode:
        """A symbolic link."""
        self.sb.charge_inode()
        uid, gid, _ = self.owner_of_new(task, S_IFLNK)
        inode = Symlink(self.sb, target, uid, gid)
        self.add(name, inode)
        return inode

    def tmpfile(self, task: Task | None, mode: int) -> Inode:
        """A regular file without a name."""
        inode = self.__new(task, S_IFREG | mode)
        inode.nlink = 0
        return inode

    # --- names
    def link(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """One more name for `inode`."""
        inode.nlink += 1
        inode.ctime = self.sb.now()
        self.add(name, inode)

    def unlink(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """One name less; the file goes with the last."""
        self.remove(name)
        drop_link(inode)

    def rmdir(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """Take away an empty directory."""
        if not isinstance(inode, RamDir):
            raise SysError(EINVAL)
        if not inode.is_empty():
            raise SysError(ENOTEMPTY)
        self.remove(name)
        inode.nlink = 0
        inode.ctime = self.sb.now()
        if not inode.opens:
            inode.evict()

    def rename(self, task: Task | None, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """Move a name, or swap two."""
        assert isinstance(newdir, RamDir)
        inode, target = self.lookup(task, name), newdir.lookup(task, newname)
        assert inode is not None
        if exchange:
            assert target is not None
            self.remove(name)
            newdir.remove(newname)
            self.add(name, target)
            newdir.add(newname, inode)
            inode.ctime = target.ctime = self.sb.now()
            return
        if target is not None:
            if s_isdir(target.mode):
                newdir.rmdir(task, newname, target)
            else:
                newdir.unlink(task, newname, target)
        self.remove(name)
        newdir.add(newname, inode)
        inode.ctime = self.sb.now()


def drop_link(inode: Inode) -> None:
    """A name of `inode` went."""
    inode.nlink -= 1
    inode.ctime = inode.sb.now()
    if not inode.nlink and not inode.opens:
        inode.evict()


def parse_size(text: bytes, total: int) -> int:
    """Bytes of tmpfs's size= option: k, m, g suffixes, or % of RAM; EINVAL."""
    digits = text.rstrip(b"kKmMgG%")
    suffix = text[len(digits) :].lower()
    shifts = {b"": 0, b"k": 10, b"m": 20, b"g": 30}
    if not digits.isdigit() or (suffix not in shifts and suffix != b"%"):
        raise SysError(EINVAL)
    if suffix == b"%":
        return int(digits) * total // 100
    return int(digits) << shifts[suffix]


def new_tmpfs(vfs: Any, fstype: bytes = b"tmpfs", mode: int = 0o1777, uid: int = 0, gid: int = 0) -> Dentry:
    """A new, empty file system; its root dentry."""
    sb = TmpfsSuperblock(fstype, vfs.alloc_dev(), vfs.clock, vfs.frames)
    vfs.add_super(sb)
    return Dentry(b"", None, RamDir(sb, mode, uid, gid))


def mapped(number: int) -> int:
    """A user or group of uid= or gid=; EINVAL for one that the mounter's user namespace does not have."""
    if number == INVALID_ID:
        raise SysError(EINVAL)
    return number


def mount_tmpfs(vfs: Any, task: Any, source: bytes, data: bytes) -> Dentry:
    """mount(2) of tmpfs; options size=, nr_blocks=, nr_inodes=, mode=, uid=, gid= (tmpfs(5))."""
    cred = task.cred
    root = new_tmpfs(vfs, uid=cred.fsuid, gid=cred.fsgid)
    set_options(vfs, cred, root.inode, data)
    return root


def check_options(task: Any, data: bytes) -> None:
    """EINVAL for options that tmpfs does not take: they are set on one that nobody gets to see."""
    vfs = task.system.vfs
    set_options(vfs, task.cred, RamDir(TmpfsSuperblock(b"tmpfs", 0, vfs.clock, vfs.frames), 0o1777), data)


def set_options(vfs: Any, cred: Any, inode: Inode, data: bytes) -> None:
    """The options of a tmpfs, whose root `inode` is; EINVAL."""
    sb = inode.sb
    assert isinstance(sb, TmpfsSuperblock)
    for option in data.split(b","):
        key, _, value = option.partition(b"=")
        try:
            if key == b"size":
                sb.max_pages = (parse_size(value, vfs.frames.total << 12) + 4095) >> 12
            elif key == b"nr_blocks":
                sb.max_pages = parse_size(value, 0)
            elif key == b"nr_inodes":
                sb.max_inodes = parse_size(value, 0)
            elif key == b"mode":
                inode.mode = S_IFDIR | int(value, 8) & 0o7777
            elif key == b"uid":
                inode.uid = mapped(cred.user_ns.make_kuid(int(value)))
            elif key == b"gid":
                inode.gid = mapped(cred.user_ns.make_kgid(int(value)))
            elif key not in (b"", b"huge", b"inode32", b"inode64", b"noswap"):
                raise SysError(EINVAL)
        except ValueError:
            raise SysError(EINVAL) from None

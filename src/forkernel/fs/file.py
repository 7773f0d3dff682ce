"""Open files (Linux: struct file), and those of regular files and directories.

Life cycle: `Inode.open` (or a pipe, eventfd, ... by itself) makes a `File` with one reference; a descriptor
table holds one reference for each descriptor (`get`, `put`), and so may a mapping or a call in progress;
`flush` runs at each close of a descriptor, `release` when the last reference goes.

Defaults of `File` are what Linux answers for an operation that a file does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from forkernel.abi.errno import EBADF, EFBIG, EINVAL, EISDIR, ENODEV, ENOTDIR, ENOTTY, ENXIO, EOVERFLOW, ESPIPE, ETXTBSY
from forkernel.abi.fcntl import (
    O_ACCMODE,
    O_APPEND,
    O_CREAT,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_PATH,
    O_RDONLY,
    O_TRUNC,
    O_WRONLY,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_END,
    SEEK_HOLE,
    SEEK_SET,
)
from forkernel.abi.inotify import IN_ACCESS, IN_MODIFY
from forkernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from forkernel.abi.stat import DT_DIR, S_ISGID, S_ISUID, S_IXGRP, Dirent
from forkernel.errors import SysError
from forkernel.fs.dentry import MNT_NOATIME
from forkernel.fs.fsnotify import fsnotify_close, fsnotify_file, fsnotify_gone
from forkernel.namespace import init_user_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forkernel.fs.dentry import Mount, Path
    from forkernel.fs.inode import Inode, Superblock
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task
    from forkernel.mapping import Mapping
    from forkernel.wait import WaitQueue

O_NOT_KEPT = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC
MAX_LFS_FILESIZE = (1 << 63) - 1
RLIMIT_FSIZE = 1
CAP_FSETID = 1 << 4
SIGXFSZ = 25
RELATIME_NS = 24 * 3600 * 10**9


class File:
    """An open file description. `inode` and `path` are None only where Linux has an anonymous inode."""

    __slots__ = (
        "access", "cred", "ep_links", "f_owner", "flags", "inode", "mount", "path", "pos", "readable", "refs",
        "slab", "writable", "cred_slab",
    )  # fmt: skip

    can_async = False
    """Whether it can send SIGIO at all (Linux: has a fasync operation)."""
    wakes_when_ready = False
    """Its queues are woken after the change, which `poll(None)` tells of: epoll needs not keep wake-ups about other
    events (Linux: the key of a wake-up)."""
    nowait = False
    """Whether it takes RWF_NOWAIT (Linux: FMODE_NOWAIT)."""
    splice_read = False
    """Whether splice and sendfile can take from it, and"""
    splice_write = False
    """put into it (Linux: file operations of that name)."""
    object_kind: ClassVar[str] = ""
    """What such a file has beside its struct file, and"""
    object_size: ClassVar[int] = 0
    """its bytes of kernel memory (mm/kmalloc.py): its inode and what stands behind it, sizes as in Linux 6.18."""
    inode: Any
    """Inode; Any because most users know which kind of file they hold."""

    def __init__(self, inode: Inode | None, flags: int, path: Path | None = None) -> None:
        """SysError(ENOMEM), before anything has changed."""
        self.slab = 0
        """Slab address."""
        self.inode = inode
        if inode is not None:
            if (filp := inode.sb.filp) is not None:
                self.slab = filp.alloc()
            if self.object_size:
                self.__charge(inode.sb)
            inode.opens += 1
        self.path = path
        """Mount and dentry; None for a file without a name in any tree."""
        self.mount: Mount | None = None
        """The mount whose `opens` counts this file: the one it was opened through by name."""
        self.flags = flags & ~O_NOT_KEPT
        """O_* access mode and status flags, as F_GETFL shows them."""
        access = flags & O_ACCMODE
        path_only = flags & O_PATH
        self.readable = access != O_WRONLY and access != O_ACCMODE and not path_only
        self.writable = access != O_RDONLY and access != O_ACCMODE and not path_only
        self.pos = 0
        self.refs = 1
        self.cred: Cred | None = None
        """Who opened it, and"""
        self.cred_slab = 0
        """where that struct cred lies: the file holds it (Linux: f_cred); 0 before `hold_cred`."""
        self.f_owner: Any = None
        """Who gets SIGIO (F_SETOWN)."""
        self.access = 0
        """What this opening adds to `inode.writecount`: 1 for a writer, -1 for a program being run."""
        self.ep_links: Any = None
        """epoll items that watch this file (fs/eventpoll.py)."""

    # --- life
    def hold_cred(self, task: Task) -> None:
        """The task opened it: hold its credentials, unless there are some already."""
        jar = self.inode.sb.cred_jar if self.inode is not None else None
        if jar is not None and not self.cred_slab and task.cred_slab:
            self.cred_slab = jar.get(task.cred_slab)

    def __charge(self, sb: Superblock) -> None:
        try:
            sb.kmalloc.charge(self.object_kind, self.object_size)
        except SysError:
            if self.slab and sb.filp is not None:
                sb.filp.free(self.slab)
            raise

    def get(self) -> File:
        """One more reference."""
        self.refs += 1
        return self

    def put(self) -> None:
        """One reference less; the last one releases the file (Linux: fput)."""
        self.refs -= 1
        if self.refs == 0:
            self.__fput()

    def __fput(self) -> None:
        if self.ep_links:
            from forkernel.fs.eventpoll import eventpoll_release

            eventpoll_release(self)
        inode = self.inode
        if inode is not None and inode.sb.marks and not self.flags & O_PATH:
            fsnotify_close(self)
        if inode is not None and inode.flctx is not None:
            from forkernel.fs.locks import locks_remove_file

            locks_remove_file(self)
        if self.access:
            self.allow_access()
        self.release()
        if self.mount is not None:
            self.mount.opens -= 1
        if inode is not None:
            if self.slab:
                inode.sb.filp.free(self.slab)
                self.slab = 0
            if self.object_size:
                inode.sb.kmalloc.uncharge(self.object_kind, self.object_size)
            if self.cred_slab:
                inode.sb.cred_jar.put(self.cred_slab)
                self.cred_slab = 0
            inode.opens -= 1
            if not inode.opens and (not inode.nlink or inode.sb.dead):
                inode.evict()
            elif not inode.nlink and inode.sb.marks:
                fsnotify_gone(inode)

    def deny_write_access(self) -> None:
        """Keep others from opening the file for writing while it is run; ETXTBSY if somebody has it open so."""
        if self.inode.writecount > 0:
            raise SysError(ETXTBSY)
        self.access = -1
        self.inode.writecount -= 1

    def get_write_access(self) -> None:
        """The file is open for writing; ETXTBSY while it is run."""
        if self.inode.writecount < 0:
            raise SysError(ETXTBSY)
        self.access = 1
        self.inode.writecount += 1

    def allow_access(self) -> None:
        """Take back deny_write_access or get_write_access."""
        self.inode.writecount -= self.access
        self.access = 0

    def flush(self, task: Task) -> None:
        """A descriptor for the file is being closed."""

    def release(self) -> None:
        """The last reference is gone."""

    # --- data; raise SysError or Sleep
    def read(self, task: Task, count: int) -> bytes:
        """Read up to `count` bytes at the position and move it; b"" at the end."""
        raise SysError(EINVAL if self.readable else EBADF)

    def write(self, task: Task, data: bytes) -> int:
        """Write at the position and move it; the number of bytes taken."""
        raise SysError(EINVAL if self.writable else EBADF)

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Read at `offset`, leaving the position alone."""
        raise SysError(ESPIPE)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """Write at `offset`, leaving the position alone."""
        raise SysError(ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        """Move the position (lseek); the new one."""
        raise SysError(ESPIPE)

    def unread(self, data: bytes) -> None:
        """Take back the end of what `read` gave: it did not reach the reader's memory."""
        self.pos -= len(data)

    def splice_stream(self, task: Task, count: int, nonblock: bool) -> bytes:
        """`read` for splice; `nonblock` (SPLICE_F_NONBLOCK) counts for sockets alone, as on Linux."""
        return self.read(task, count)

    def poll(self, task: Task) -> int:
        """What is ready now, as an EPOLL mask; a file that cannot block is always ready."""
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Queues woken when the answer of `poll` may change."""
        return ()

    def can_poll(self) -> bool:
        """Whether epoll accepts the file (EPERM otherwise)."""
        return bool(self.poll_queues())

    def fasync(self, on: bool) -> None:
        """O_ASYNC was set or taken away (Linux: file operation fasync)."""

    def ioctl(self, task: Task, cmd: int, arg: int) -> int:
        """Device control."""
        raise SysError(ENOTTY)

    def getdents(self, task: Task) -> Sequence[Dirent]:
        """All entries of a directory with "." and ".."; `pos` is the index of the next one to give."""
        raise SysError(ENOTDIR)

    def fsync(self, datasync: bool = False) -> None:
        """Write back; EINVAL for what cannot be synchronised."""
        raise SysError(EINVAL)

    def truncate(self, size: int) -> None:
        """Set the length, for ftruncate."""
        raise SysError(EINVAL)

    def mmap_mapping(self) -> Mapping | None:
        """What mmap maps, None for plain zeros (/dev/zero); ENODEV for a file that cannot be mapped."""
        raise SysError(ENODEV)

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Linux's functions in which a system call on the file sleeps, the innermost first (/proc/PID/stack)."""
        return ()

    def fdinfo(self) -> bytes:
        """Extra lines for /proc/PID/fdinfo/N, after pos, flags, mnt_id and ino."""
        return b""

    def fdinfo_in(self, ns: Any) -> bytes:
        """`fdinfo` for a procfs of PID namespace `ns`."""
        return self.fdinfo()


class PathFile(File):
    """Opened with O_PATH: a place, not a file; the descriptor table refuses it to all but a few calls."""

    __slots__ = ()


class RegFile(File):
    """A regular file: everything goes through the inode's contents."""

    __slots__ = ()

    splice_read = splice_write = True

    def read(self, task: Task, count: int) -> bytes:
        """Read at the position."""
        if not self.readable:
            raise SysError(EBADF)
        inode = self.inode
        data: bytes = inode.pread(self.pos, count)
        self.pos += len(data)
        if inode.sb.relatime:
            self.touch_atime()
        if inode.sb.marks and data:
            fsnotify_file(self, IN_ACCESS)
        return data

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Read at `offset`."""
        if not self.readable:
            raise SysError(EBADF)
        data: bytes = self.inode.pread(offset, count)
        if self.inode.sb.relatime:
            self.touch_atime()
        if self.inode.sb.marks and data:
            fsnotify_file(self, IN_ACCESS)
        return data

    def touch_atime(self) -> None:
        """Note an access as a relatime mount does: when atime is not after mtime and ctime, or a day old."""
        inode = self.inode
        if inode.atime <= inode.mtime or inode.atime <= inode.ctime or inode.sb.now() - inode.atime >= RELATIME_NS:
            if not self.flags & O_NOATIME and not (self.path and self.path.mnt.flags & MNT_NOATIME):
                inode.atime = inode.sb.now()

    def write(self, task: Task, data: bytes) -> int:
        """Write at the position, or at the end with O_APPEND."""
        if not self.writable:
            raise SysError(EBADF)
        if self.flags & O_APPEND and data:
            self.pos = self.inode.size
        done = self.__write(task, self.pos, data)
        self.pos += done
        return done

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """Write at `offset`; at the end with O_APPEND, as Linux does (pwrite(2), BUGS)."""
        if not self.writable:
            raise SysError(EBADF)
        return self.__write(task, self.inode.size if self.flags & O_APPEND else offset, data)

    def __write(self, task: Task, offset: int, data: bytes) -> int:
        if not data:
            return 0
        end = offset + len(data)
        limit = task.signal.rlim[RLIMIT_FSIZE][0]
        if end > limit or end > MAX_LFS_FILESIZE:
            data = data[: file_room(task, offset, limit)]
        inode = self.inode
        if inode.mode & (S_ISUID | S_ISGID) or inode.xattrs:
            file_remove_privs(task, inode)
        done: int = inode.pwrite(offset, data)
        if inode.sb.marks:
            fsnotify_file(self, IN_MODIFY)
        return done

    def seek(self, offset: int, whence: int) -> int:
        """lseek, with SEEK_DATA and SEEK_HOLE for a file taken to be without holes."""
        self.pos = generic_file_llseek(self, offset, whence)
        return self.pos

    def fsync(self, datasync: bool = False) -> None:
        """Write back."""
        self.inode.fsync()

    def truncate(self, size: int) -> None:
        """ftruncate: EINVAL unless open for writing."""
        if not self.writable:
            raise SysError(EINVAL)
        self.inode.truncate(size)

    def mmap_mapping(self) -> Mapping:
        """The page cache."""
        mapping: Mapping = self.inode.get_mapping()
        return mapping


def file_room(task: Task, offset: int, limit: int) -> int:
    """Bytes that may be written at `offset`; none left is EFBIG, with SIGXFSZ where RLIMIT_FSIZE says so."""
    if offset >= limit:
        task.send_signal(SIGXFSZ)
        raise SysError(EFBIG)
    if offset >= MAX_LFS_FILESIZE:
        raise SysError(EFBIG)
    return min(limit, MAX_LFS_FILESIZE) - offset


def file_remove_privs(task: Task, inode: Inode) -> None:
    """Writing takes away capabilities of the file, and set-user-ID and set-group-ID unless one has CAP_FSETID."""
    if inode.xattrs:
        from forkernel.fs.xattr import remove_file_caps

        remove_file_caps(inode)
    if task.cred.user_ns is init_user_ns and task.cred.cap_effective & CAP_FSETID:
        return
    mode = inode.mode & ~S_ISUID
    if mode & S_IXGRP:
        mode &= ~S_ISGID
    if mode != inode.mode:
        inode.setattr(mode=mode & 0o7777)


def generic_file_llseek(file: File, offset: int, whence: int) -> int:
    """The position lseek asks for (Linux: generic_file_llseek)."""
    size = file.inode.size
    if whence == SEEK_SET:
        pos = offset
    elif whence == SEEK_CUR:
        pos = file.pos + offset
    elif whence == SEEK_END:
        pos = size + offset
    elif whence in (SEEK_DATA, SEEK_HOLE):
        if not 0 <= offset < size:
            raise SysError(ENXIO)
        pos = offset if whence == SEEK_DATA else size
    else:
        raise SysError(EINVAL)
    if pos < 0:
        raise SysError(EINVAL)
    if pos > MAX_LFS_FILESIZE:
        raise SysError(EOVERFLOW)
    return pos


class DirFile(File):
    """An open directory. The listing is taken when it is read from its start; lseek to 0 renews it."""

    __slots__ = ("listing",)

    def __init__(self, inode: Inode, flags: int, path: Path | None = None) -> None:
        super().__init__(inode, flags, path)
        self.listing: list[Dirent] | None = None

    def flush(self, task: Task) -> None:
        """What the descriptor's table asked for by F_NOTIFY ends with it."""
        if self.inode.sb.marks and task.files is not None:
            from forkernel.fs.dnotify import dnotify_flush

            dnotify_flush(self, task.files)

    def release(self) -> None:
        """The last descriptor is closed."""
        if self.inode.sb.marks:
            from forkernel.fs.dnotify import dnotify_flush

            dnotify_flush(self, None)

    def read(self, task: Task, count: int) -> bytes:
        """EISDIR."""
        raise SysError(EISDIR)

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """EISDIR."""
        raise SysError(EISDIR)

    def write(self, task: Task, data: bytes) -> int:
        """EBADF: a directory is never open for writing."""
        raise SysError(EBADF)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """EBADF."""
        raise SysError(EBADF)

    def getdents(self, task: Task) -> list[Dirent]:
        """The listing, with "." and ".." first."""
        if self.listing is None or self.pos == 0:
            inode, parent = self.inode, self.inode
            if self.path is not None:
                parent = self.path.dentry.parent.inode
            dots = [Dirent(b".", inode.ino, DT_DIR), Dirent(b"..", parent.ino, DT_DIR)]
            self.listing = dots + inode.iterate(task)
        return self.listing

    def seek(self, offset: int, whence: int) -> int:
        """Positions are indices into the listing."""
        if whence == SEEK_CUR:
            offset += self.pos
        elif whence == SEEK_END:
            offset += MAX_LFS_FILESIZE
        elif whence != SEEK_SET:
            raise SysError(EINVAL)
        if offset < 0:
            raise SysError(EINVAL)
        self.pos = offset
        return offset

    def fsync(self, datasync: bool = False) -> None:
        """Write back."""
        self.inode.fsync()


__all__ = ["O_LARGEFILE", "DirFile", "File", "PathFile", "RegFile", "file_remove_privs", "generic_file_llseek"]

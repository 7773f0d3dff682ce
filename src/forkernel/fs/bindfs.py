"""Host directories and files shown to the guest as they are (`--bind HOST:GUEST[:rw]`).

Unlike the root (hostfs.py) nothing is kept in memory: names are looked up on the host each time, and with rw
every change is made there, by the guest's request. The host is reached only through descriptors of
directories opened one component after the other without following links, so no link made by a guest leads
out of the bound directory. Device nodes and sockets cannot be made.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EBADF, EINVAL, EIO, ENOENT, ENOTDIR, EOPNOTSUPP, EPERM, ESTALE
from forkernel.abi.stat import S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, Dirent, Statfs
from forkernel.errors import SysError, UserError
from forkernel.fs.dentry import Dentry
from forkernel.fs.file import RegFile
from forkernel.fs.hostfs import HostFds, entry_type, take_facts
from forkernel.fs.inode import Inode, Superblock

if TYPE_CHECKING:
    from collections.abc import Callable

    from forkernel.kernel.task import Task

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
DIR_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def host_call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call the host; its OSError becomes SysError, and EINVAL stands for numbers that the host cannot take."""
    try:
        return function(*args, **named)
    except (OverflowError, ValueError):
        raise SysError(EINVAL) from None
    except OSError as error:
        raise SysError(error.errno or EIO) from None


class BindSuperblock(Superblock):
    """One bound host tree."""

    relatime = False

    def __init__(self, dev: int, clock: Any, frames: Any, top: bytes) -> None:
        super().__init__(b"bind", dev, clock, frames)
        self.top = top
        """Host path of the bound directory or file."""
        self.fds = HostFds()
        self.inodes: dict[tuple[int, int], Inode] = {}
        """Inodes in use by the host's (dev, ino)."""
        self.numbers: dict[tuple[int, int], int] = {}
        """Inode number shown for the host's (dev, ino)."""
        self.give_away = os.geteuid() == 0
        """Whether new files can be given to their owner in the guest."""

    def number(self, key: tuple[int, int]) -> int:
        """The inode number shown for a host file."""
        ino = self.numbers.get(key)
        if ino is None:
            ino = self.numbers[key] = self.alloc_ino()
        return ino

    def inode_for(self, parent: BindDir | None, name: bytes, facts: os.stat_result) -> Inode:
        """The inode of what was found at `parent`/`name`, brought up to date."""
        key = (facts.st_dev, facts.st_ino)
        inode: Any = self.inodes.get(key)
        if inode is None or inode.mode & S_IFMT != facts.st_mode & S_IFMT:
            kind = {S_IFDIR: BindDir, S_IFREG: BindReg}.get(facts.st_mode & S_IFMT, BindInode)
            inode = self.inodes[key] = kind(self, facts.st_mode, ino=self.number(key), rdev=facts.st_rdev)
            inode.key = key
        inode.parent, inode.name = parent, name
        inode.update(facts)
        return inode  # type: ignore[no-any-return]  # one of the three classes here

    def forget(self, inode: Inode) -> None:
        """The file is gone on the host."""
        if isinstance(inode, BindInode) and self.inodes.get(inode.key) is inode:
            del self.inodes[inode.key]
            self.numbers.pop(inode.key, None)

    def statfs(self) -> Statfs:
        """The host's figures."""
        host = host_call(os.statvfs, self.top)
        return Statfs(
            f_type=self.magic, f_bsize=host.f_bsize, f_frsize=host.f_frsize, f_namelen=host.f_namemax,
            f_blocks=host.f_blocks, f_bfree=host.f_bfree, f_bavail=host.f_bavail, f_files=host.f_files,
            f_ffree=host.f_ffree, f_fsid=self.dev,
        )  # fmt: skip


class BindInode(Inode):
    """A file of the host, known by the directory and name where it was seen last."""

    __slots__ = ("host_blocks", "key", "name", "parent")

    sb: BindSuperblock
    key: tuple[int, int]
    parent: BindDir | None
    """None for what was bound itself; its name is then the host path."""
    name: bytes

    def update(self, facts: os.stat_result) -> None:
        """Take over what the host says."""
        take_facts(self, facts)
        self.host_blocks = facts.st_blocks

    def getattr(self, task: Task | None) -> None:
        """Ask the host again; a file that is gone keeps its last facts."""
        try:
            facts = self.on_name(os.stat, follow_symlinks=False)
        except SysError:
            return
        if (facts.st_dev, facts.st_ino) == self.key:
            self.update(facts)

    def on_name(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call an os function on the file's name: function(name, ..., dir_fd=its directory)."""
        if self.parent is None:
            return host_call(function, self.name, *args, **named)
        dir_fd = self.parent.open_dir()
        try:
            return host_call(function, self.name, *args, dir_fd=dir_fd, **named)
        finally:
            os.close(dir_fd)

    def readlink(self, task: Task) -> bytes:
        """Target of a symbolic link."""
        if self.mode & S_IFMT != S_IFLNK:
            return super().readlink(task)
        target: bytes = self.on_name(os.readlink)
        return target

    def blocks(self) -> int:
        """As on the host."""
        return self.host_blocks

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """Change them on the host."""
        if uid is not None or gid is not None:
            ids = (-1 if uid is None else uid, -1 if gid is None else gid)
            self.on_name(os.chown, *ids, follow_symlinks=False)
        if mode is not None:
            self.__chmod(mode)
        if atime is not None or mtime is not None:
            times = (self.atime if atime is None else atime, self.mtime if mtime is None else mtime)
            self.on_name(os.utime, ns=times, follow_symlinks=False)
        self.getattr(None)

    def __chmod(self, mode: int) -> None:
        """Through a descriptor: chmod by name would follow a link put there meanwhile."""
        fd = self.on_name(os.open, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                raise SysError(EOPNOTSUPP)
            host_call(os.chmod, f"/proc/self/fd/{fd}", mode)
        finally:
            os.close(fd)


class BindDir(BindInode):
    """A directory of the host."""

    __slots__ = ()
    volatile = True

    def open_dir(self) -> int:
        """A new host descriptor of the directory, reached without following links."""
        fd: int
        if self.parent is None:
            fd = host_call(os.open, self.name, DIR_FLAGS)
            return fd
        above = self.parent.open_dir()
        try:
            fd = host_call(os.open, self.name, DIR_FLAGS, dir_fd=above)
            return fd
        finally:
            os.close(above)

    def inside(self, function: Callable[..., Any], name: bytes, *args: Any, **named: Any) -> Any:
        """Call an os function on a name in this directory."""
        dir_fd = self.open_dir()
        try:
            return host_call(function, name, *args, dir_fd=dir_fd, **named)
        finally:
            os.close(dir_fd)

    def lookup(self, task: Task | None, name: bytes) -> Inode | None:
        """What the host has there now."""
        try:
            facts = self.inside(os.stat, name, follow_symlinks=False)
        except SysError as error:
            if error.errno in (ENOENT, ENOTDIR):
                return None
            raise
        return self.sb.inode_for(self, name, facts)

    def iterate(self, task: Task | None) -> list[Dirent]:
        """The host's names in alphabetical order."""
        above = self.open_dir()
        try:
            fd = host_call(os.open, b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=above)
        finally:
            os.close(above)
        try:
            dev = os.fstat(fd).st_dev
            with os.scandir(fd) as entries:
                found = sorted([(os.fsencode(entry.name), entry.inode(), entry_type(entry)) for entry in entries])
        except OSError as error:
            raise SysError(error.errno or EIO) from None
        finally:
            os.close(fd)
        return [Dirent(name, self.sb.number((dev, ino)), kind) for name, ino, kind in found]

    def __adopt(self, task: Task | None, name: bytes, mode: int | None) -> Inode:
        """A file was made on the host: give it its owner and mode, and an inode."""
        inode = self.lookup(task, name)
        if not isinstance(inode, BindInode):
            raise SysError(EIO)
        if task is not None and self.sb.give_away and (task.cred.fsuid or task.cred.fsgid):
            inode.setattr(uid=task.cred.fsuid, gid=task.cred.fsgid)
        if mode is not None:
            inode.setattr(mode=mode & 0o7777)
        self.getattr(task)
        return inode

    def create(self, task: Task | None, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """A regular file or FIFO; EPERM for devices and sockets."""
        kind = mode & S_IFMT
        if kind == S_IFREG:
            fd = self.inside(os.open, name, FILE_FLAGS | os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            inode = self.__adopt(task, name, mode)
            if not isinstance(inode, BindReg):
                os.close(fd)
                raise SysError(EIO)
            self.sb.fds.keep(inode, fd)
            return inode
        if kind == S_IFIFO:
            self.inside(os.mkfifo, name, 0o600)
        else:
            raise SysError(EPERM)
        return self.__adopt(task, name, mode)

    def mkdir(self, task: Task | None, name: bytes, mode: int) -> Inode:
        """A directory."""
        self.inside(os.mkdir, name, 0o700)
        return self.__adopt(task, name, mode)

    def symlink(self, task: Task | None, name: bytes, target: bytes) -> Inode:
        """A symbolic link."""
        dir_fd = self.open_dir()
        try:
            host_call(os.symlink, target, name, dir_fd=dir_fd)
        finally:
            os.close(dir_fd)
        return self.__adopt(task, name, None)

    def link(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """One more name on the host."""
        if not isinstance(inode, BindInode) or inode.parent is None:
            raise SysError(EPERM)
        source, target = inode.parent.open_dir(), self.open_dir()
        try:
            host_call(os.link, inode.name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        finally:
            os.close(source)
            os.close(target)
        inode.getattr(task)

    def unlink(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """Remove it on the host; who has it open keeps it."""
        if isinstance(inode, BindReg) and inode.opens and inode.nlink == 1:
            inode.pin()
        self.inside(os.unlink, name)
        self.__gone(inode)

    def rmdir(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """Remove an empty directory on the host."""
        self.inside(os.rmdir, name)
        inode.nlink = 1
        self.__gone(inode)

    def __gone(self, inode: Inode) -> None:
        """One name of a file less."""
        inode.nlink -= 1
        if isinstance(inode, BindInode) and not inode.nlink:
            self.sb.forget(inode)
            if not inode.opens:
                inode.evict()
        self.getattr(None)

    def rename(self, task: Task | None, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """Rename on the host; it cannot be asked to exchange."""
        assert isinstance(newdir, BindDir)
        if exchange:
            raise SysError(EOPNOTSUPP)
        inode, target = self.lookup(task, name), newdir.lookup(task, newname)
        if isinstance(target, BindReg) and target.opens and target.nlink == 1:
            target.pin()
        source_fd, target_fd = self.open_dir(), newdir.open_dir()
        try:
            host_call(os.rename, name, newname, src_dir_fd=source_fd, dst_dir_fd=target_fd)
        finally:
            os.close(source_fd)
            os.close(target_fd)
        if isinstance(inode, BindInode):
            inode.parent, inode.name = newdir, newname
        if target is not None:
            newdir.__gone(target)
        self.getattr(None)


class BindReg(BindInode):
    """A regular file of the host. Pages are cached only for mappings, and written back from there."""

    __slots__ = ("dirty", "pages", "pinned", "users")

    def __init__(self, sb: Superblock, mode: int, uid: int = 0, gid: int = 0, *, ino: int = 0, rdev: int = 0) -> None:
        super().__init__(sb, mode, uid, gid, ino=ino, rdev=rdev)
        self.pages: dict[int, int] = {}
        self.dirty: dict[int, None] = {}
        """Pages that a shared mapping may have changed."""
        self.users: dict[Any, int] = {}
        self.pinned = -1
        """Host descriptor of a file that has no name any more."""

    def __getstate__(self) -> Any:
        """Without the pinned descriptor: such a file cannot be reopened."""
        state: Any = super().__getstate__()
        state[1]["pinned"] = -1
        return state

    def __del__(self) -> None:
        if self.pinned >= 0:
            os.close(self.pinned)

    # --- the host's file
    def open_host(self) -> int:
        """For HostFds: the very file that was seen, open for what the bind allows."""
        if self.parent is None:
            return self.__open_checked(None)
        dir_fd = self.parent.open_dir()
        try:
            return self.__open_checked(dir_fd)
        finally:
            os.close(dir_fd)

    def __open_checked(self, dir_fd: int | None) -> int:
        try:
            access = os.O_RDONLY if self.sb.readonly else os.O_RDWR
            fd = os.open(self.name, FILE_FLAGS | access, dir_fd=dir_fd)
        except PermissionError:
            fd = os.open(self.name, FILE_FLAGS | os.O_RDONLY, dir_fd=dir_fd)
        now = os.fstat(fd)
        if (now.st_dev, now.st_ino) != self.key:
            os.close(fd)
            raise OSError(ESTALE, "changed on the host")
        return fd

    def fd(self) -> int:
        """An open host descriptor; SysError."""
        if self.pinned >= 0:
            return self.pinned
        fd: int = host_call(self.sb.fds.get, self)
        return fd

    def pin(self) -> None:
        """Keep the host's file although its name is about to go."""
        if self.pinned < 0:
            self.pinned = os.dup(self.fd())

    def open(self, task: Task, flags: int) -> RegFile:
        """Open; EACCES if the host does not let us."""
        self.fd()
        self.getattr(task)
        return BindFile(self, flags)

    def update(self, facts: os.stat_result) -> None:
        """Take over what the host says; pages read before the file changed there are dropped."""
        changed = (facts.st_mtime_ns, facts.st_size) != (self.mtime, self.size)
        if changed and self.pages and not self.users and not self.dirty:
            self.__drop(0)
        super().update(facts)

    def evict(self) -> None:
        """No name, no opening."""
        self.__drop(0)
        self.sb.fds.drop(self)
        if self.pinned >= 0:
            os.close(self.pinned)
            self.pinned = -1

    def __refresh(self) -> None:
        """Size and times after a change made through our descriptor; cached pages stay."""
        facts = os.fstat(self.fd())
        self.size, self.mtime, self.ctime = facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
        self.host_blocks = facts.st_blocks

    # --- contents
    def pread(self, offset: int, count: int) -> bytes:
        """Read from the host, after what mappings have changed was written there."""
        self.__write_back()
        fd = self.fd()
        count = min(count, os.fstat(fd).st_size - offset)
        if count <= 0:
            return b""
        data: bytes = host_call(os.pread, fd, count, offset)
        return data

    def pwrite(self, offset: int, data: bytes) -> int:
        """Write to the host, and to the pages that mappings see."""
        try:
            done: int = host_call(os.pwrite, self.fd(), data, offset)
        except SysError as error:
            raise SysError(EACCES if error.errno == EBADF else error.errno) from None
        at = 0
        while self.pages and at < done:
            inside = offset + at & PAGE_SIZE - 1
            size = min(PAGE_SIZE - inside, done - at)
            frame = self.pages.get(offset + at >> PAGE_SHIFT)
            if frame is not None:
                self.sb.frames.write(frame, inside, data[at : at + size])
            at += size
        self.__refresh()
        return done

    def truncate(self, size: int) -> None:
        """Set the length on the host."""
        self.__write_back()
        try:
            host_call(os.ftruncate, self.fd(), size)
        except SysError as error:
            raise SysError(EACCES if error.errno == EBADF else error.errno) from None
        first = size + PAGE_SIZE - 1 >> PAGE_SHIFT
        last = self.size - 1 >> PAGE_SHIFT
        self.size = size
        if self.users and first <= last:
            next(iter(self.users)).unmap_mapping_range(self, first, last)
        self.__drop(first)
        frame = self.pages.get(size >> PAGE_SHIFT)
        if frame is not None:
            inside = size & PAGE_SIZE - 1
            self.sb.frames.write(frame, inside, bytes(PAGE_SIZE - inside))
        self.__refresh()

    def allocate(self, mode: int, offset: int, length: int) -> None:
        """Only plain allocation; the host makes the room."""
        if mode:
            raise SysError(EOPNOTSUPP)
        host_call(os.posix_fallocate, self.fd(), offset, length)
        self.__refresh()

    def fsync(self) -> None:
        """Write back what mappings changed, and have the host do the same."""
        self.__write_back()
        host_call(os.fsync, self.fd())

    # --- Mapping
    def get_mapping(self) -> BindReg:
        """The file is its own page cache."""
        return self

    def get_page(self, index: int) -> int:
        """Frame of page `index`, read from the host if need be."""
        frame = self.pages.get(index)
        if frame is None:
            data = host_call(os.pread, self.fd(), PAGE_SIZE, index << PAGE_SHIFT)
            frame = self.sb.frames.alloc()
            self.sb.frames.write(frame, 0, data)
            self.pages[index] = frame
            self.sb.caches[self] = None
        return frame

    def peek_page(self, index: int) -> int:
        """Frame of page `index` if it is cached, else 0."""
        return self.pages.get(index, 0)

    def mark_dirty(self, index: int) -> None:
        """A shared mapping writes page `index`: it goes to the host later."""
        self.dirty[index] = None

    def __write_back(self) -> None:
        """Write changed pages to the host; they stay on the list as long as the file is mapped."""
        if not self.dirty:
            return
        for index in list(self.dirty):
            frame = self.pages.get(index)
            size = min(PAGE_SIZE, self.size - (index << PAGE_SHIFT))
            if frame is not None and size > 0:
                host_call(os.pwrite, self.fd(), self.sb.frames.read(frame, 0, size), index << PAGE_SHIFT)
        if not self.users:
            self.dirty.clear()
        self.__refresh()

    def release_pages(self) -> None:
        """A file on it was closed: nothing may be left behind in memory."""
        self.__write_back()
        if not self.users:
            self.__drop(0)

    def __drop(self, first: int) -> None:
        for index in [index for index in self.pages if index >= first]:
            self.sb.frames.put(self.pages.pop(index))
            self.dirty.pop(index, None)
        if not self.pages:
            self.sb.caches.pop(self, None)


class BindFile(RegFile):
    """An open bound file; changes through mappings reach the host at the latest when it is closed."""

    __slots__ = ()

    def write(self, task: Task, data: bytes) -> int:
        """Write; at the end as the host sees it, for O_APPEND."""
        if self.flags & os.O_APPEND:
            self.inode.getattr(task)
        return super().write(task, data)

    def release(self) -> None:
        """Last reference."""
        self.inode.release_pages()


def bind_root(vfs: Any, host: bytes, writable: bool = False) -> Dentry:
    """Root dentry of a bound host file or directory; UserError if there is none."""
    try:
        top = os.path.realpath(host, strict=True)
        facts = os.lstat(top)
    except OSError as error:
        raise UserError(f"bind {os.fsdecode(host)}: {error.strerror}") from None
    sb = BindSuperblock(vfs.alloc_dev(), vfs.clock, vfs.frames, top)
    sb.readonly = sb.host_readonly = not writable
    vfs.add_super(sb)
    return Dentry(b"", None, sb.inode_for(None, top, facts))

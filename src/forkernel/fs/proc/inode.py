"""The building blocks of procfs: directories, files made on the fly, links (Linux: fs/proc/generic.c, seq_file).

A file is described by an `Entry`: a function makes its text when it is read from the start, another takes
what is written. Directories are volatile: the walk asks `lookup` each time, since processes come and go.
The kernel room stands behind `ProcSuperblock.kernel`, a `KernelView`: procfs itself imports none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from forkernel.abi.errno import EBADF, EINVAL, EIO, ENOENT, EPERM
from forkernel.abi.fcntl import O_PATH, SEEK_CUR, SEEK_SET
from forkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFREG, Dirent, dtype_of
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.file import File
from forkernel.fs.inode import Inode
from forkernel.fs.proc.super import ProcSuperblock
from forkernel.fs.seq_file import SeqFile

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

WRITE_LIMIT = 4096

Show = Callable[[Any, "Task"], bytes]
Store = Callable[[Any, "Task", bytes], None]


class Entry(NamedTuple):
    """A file of procfs: mode with its type, what it shows, what writing does.

    `show(inode, reader)` gives the whole text; `store(inode, writer, data)` takes one write; `check(inode, task)`
    refuses an open. All may raise SysError.
    """

    mode: int
    show: Show | None = None
    store: Store | None = None
    check: Callable[[Any, Task], None] | None = None
    opener: Callable[[Any, Task, int], File] | None = None
    """(inode, task, flags): makes the open file, where it is of a kind of its own."""
    plain: bool = False
    """lseek knows an end, which is 0: not one of Linux's seq files."""


class ProcInode(Inode):
    """Base of procfs's inodes."""

    __slots__ = ()

    sb: ProcSuperblock

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        """Modes cannot be changed (EPERM); other changes last as long as the inode."""
        if mode is not None:
            raise SysError(EPERM)
        super().setattr(uid=uid, gid=gid, atime=atime, mtime=mtime)


class ProcReg(ProcInode):
    """A file whose text is made when it is read."""

    __slots__ = ("entry",)

    def __init__(self, sb: ProcSuperblock, entry: Entry, uid: int = 0, gid: int = 0) -> None:
        super().__init__(sb, S_IFREG | entry.mode, uid, gid)
        self.entry = entry

    def open(self, task: Task, flags: int) -> File:
        """Open it, if the entry's own check allows."""
        if self.entry.check is not None and not flags & O_PATH:
            self.entry.check(self, task)
        if self.entry.opener is not None:
            return self.entry.opener(self, task, flags)
        return ProcFile(self, flags)

    def truncate(self, size: int) -> None:
        """O_TRUNC on a file of procfs does nothing."""


class ProcFile(SeqFile):
    """An open file of procfs: its text is taken at the first read, and anew when read from the start again."""

    __slots__ = ("text",)

    def __init__(self, inode: ProcReg, flags: int) -> None:
        super().__init__(inode, flags)
        self.text: bytes | None = None

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """Read at `offset`."""
        if not self.readable:
            raise SysError(EBADF)
        show = self.inode.entry.show
        if show is None:
            raise SysError(EINVAL)
        if self.text is None or offset == 0:
            self.text = show(self.inode, task)
        return self.text[offset : offset + count]

    def seek(self, offset: int, whence: int) -> int:
        """lseek; EINVAL for what counts from an end that nobody knows (Linux: seq_lseek)."""
        if whence not in (SEEK_SET, SEEK_CUR) and not self.inode.entry.plain:
            raise SysError(EINVAL)
        return super().seek(offset, whence)

    def write(self, task: Task, data: bytes) -> int:
        """Hand the data over, whole."""
        if not self.writable:
            raise SysError(EBADF)
        store = self.inode.entry.store
        if store is None:
            raise SysError(EIO)
        store(self.inode, task, data)
        self.pos += len(data)
        return len(data)

    def pwrite(self, task: Task, offset: int, data: bytes) -> int:
        """As write, the position left alone."""
        done = self.write(task, data)
        self.pos -= done
        return done

    def unread(self, data: bytes) -> None:
        """Take back what did not reach the reader."""
        self.pos -= len(data)


class ProcLink(ProcInode):
    """A symbolic link whose target is made when it is read."""

    __slots__ = ("target",)

    def __init__(self, sb: ProcSuperblock, target: Callable[[Any, Task], bytes], mode: int = 0o777) -> None:
        super().__init__(sb, S_IFLNK | mode)
        self.target = target

    def readlink(self, task: Task) -> bytes:
        """The text."""
        return self.target(self, task)


class MagicLink(ProcInode):
    """A link that leads to a file itself, whatever the text that it shows says.

    `place(inode, task)` gives the path; it checks that the task may know.
    """

    __slots__ = ("place",)

    def __init__(self, sb: ProcSuperblock, place: Callable[[Any, Task], Path], mode: int = 0o777) -> None:
        super().__init__(sb, S_IFLNK | mode)
        self.place = place

    def readlink(self, task: Task) -> bytes:
        """Name of the place as the reader would call it."""
        assert task.fs is not None
        text: bytes = self.sb.system.vfs.d_path(self.place(self, task), task.fs.root)
        return text

    def follow_link(self, task: Task) -> Path | bytes:
        """The place."""
        return self.place(self, task)


class ProcDir(ProcInode):
    """A directory of procfs. Subclasses give the names and make the inodes, which are kept in `children`."""

    __slots__ = ("children",)

    volatile: ClassVar[bool] = True

    def __init__(self, sb: ProcSuperblock, perm: int = 0o555, uid: int = 0, gid: int = 0) -> None:
        super().__init__(sb, S_IFDIR | perm, uid, gid)
        self.children: dict[bytes, Inode] = {}

    def iterate(self, task: Task) -> list[Dirent]:
        """All entries."""
        found = []
        for name in self.names(task):
            inode = self.lookup(task, name)
            if inode is not None:
                found.append(Dirent(name, inode.ino, dtype_of(inode.mode)))
        return found

    def names(self, task: Task) -> list[bytes]:
        """Names of the entries now."""
        return list(self.children)

    def create(self, task: Task, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """A name that is not there cannot be looked up, so nothing can be made under it: ENOENT."""
        raise SysError(ENOENT)

    def mkdir(self, task: Task, name: bytes, mode: int) -> Inode:
        """As `create`."""
        raise SysError(ENOENT)

    def symlink(self, task: Task, name: bytes, target: bytes) -> Inode:
        """As `create`."""
        raise SysError(ENOENT)

    def link(self, task: Task, name: bytes, inode: Inode) -> None:
        """As `create`."""
        raise SysError(ENOENT)

    def rename(self, task: Task, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """To a name that is not there: as `create`. EPERM for others."""
        raise SysError(EPERM if newdir.lookup(task, newname) is not None else ENOENT)


class StaticDir(ProcDir):
    """A directory whose entries are there from the start."""

    __slots__ = ()

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """An entry by name."""
        return self.children.get(name)

    def add(self, name: bytes, entry: Entry) -> None:
        """A file."""
        self.children[name] = ProcReg(self.sb, entry)

    def subdir(self, name: bytes) -> StaticDir:
        """A directory, made at first need."""
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = StaticDir(self.sb)
            self.nlink += 1
        assert isinstance(found, StaticDir)
        return found


def decimal(data: bytes, low: int, high: int) -> int:
    """A number that a program wrote, blanks around it allowed; EINVAL if it is none or out of range."""
    text = data[:WRITE_LIMIT].strip(b" \t\n\0")
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if not digits.isdigit():
        raise SysError(EINVAL)
    value = int(text)
    if not low <= value <= high:
        raise SysError(EINVAL)
    return value

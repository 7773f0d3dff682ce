"""devpts, the file system of /dev/pts (Linux: fs/devpts; Documentation/filesystems/devpts.rst).

Each mount is an instance of its own with its own numbers. Opening ptmx makes a pair (pty.py) and its node here;
nothing can be created, renamed or removed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EINVAL, EIO, ENOSPC, EPERM
from forkernel.abi.stat import DT_CHR, S_IFCHR, S_IFDIR, S_IFMT, S_IFREG, Dirent, Statfs, makedev
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry, Path
from forkernel.fs.inode import Inode, Superblock

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

PTS_MAJOR = 136
PTMX_RDEV = makedev(5, 2)
DEVPTS_SUPER_MAGIC = 0x1CD1
NR_UNIX98_PTY_DEFAULT, NR_UNIX98_PTY_MAX = 4096, 1 << 20
FIRST_PTS_INO = 3
"""Inode number of pts/0; before it are the root's and ptmx's."""
BOOT_OPTIONS = b"gid=5,mode=620,ptmxmode=000"
"""Those that Debian mounts /dev/pts with."""


class DevptsSuperblock(Superblock):
    """One instance."""

    magic = DEVPTS_SUPER_MAGIC

    def __init__(self, vfs: Any) -> None:
        super().__init__(b"devpts", vfs.alloc_dev(), vfs.clock, vfs.frames)
        self.vfs = vfs
        self.uid: int | None = None
        """Owner of the nodes; None: who opens ptmx."""
        self.gid: int | None = None
        self.mode = 0o600
        self.ptmxmode = 0
        self.max = NR_UNIX98_PTY_MAX
        self.root = DevptsRoot(self)
        self.ptmx = Inode(self, S_IFCHR, ino=2, rdev=PTMX_RDEV)
        self.nodes: dict[int, DevptsInode] = {}

    def parse(self, data: bytes, task: Any) -> None:
        """Mount options; EINVAL."""
        for option in filter(None, data.split(b",")):
            key, _, value = option.partition(b"=")
            try:
                if key == b"uid":
                    self.uid = self._known(task.cred.user_ns.make_kuid(int(value)))
                elif key == b"gid":
                    self.gid = self._known(task.cred.user_ns.make_kgid(int(value)))
                elif key == b"mode":
                    self.mode = int(value, 8) & 0o7777
                elif key == b"ptmxmode":
                    self.ptmxmode = int(value, 8) & 0o7777
                elif key == b"max" and 0 <= int(value) <= NR_UNIX98_PTY_MAX:
                    self.max = int(value)
                elif key != b"newinstance":
                    raise SysError(EINVAL)
            except ValueError:
                raise SysError(EINVAL) from None
        self.ptmx.mode = S_IFCHR | self.ptmxmode
        self.options = self._show()

    def _known(self, number: int) -> int:
        if number < 0 or number == 0xFFFFFFFF:
            raise SysError(EINVAL)
        return number

    def _show(self) -> bytes:
        """As /proc/mounts has them."""
        shown = b""
        if self.uid is not None:
            shown += b",uid=%d" % self.uid
        if self.gid is not None:
            shown += b",gid=%d" % self.gid
        shown += b",mode=%03o,ptmxmode=%03o" % (self.mode, self.ptmxmode)
        return shown + (b",max=%d" % self.max if self.max < NR_UNIX98_PTY_MAX else b"")

    def new_index(self) -> int:
        """The lowest number that is free; ENOSPC."""
        limit = min(self.max, NR_UNIX98_PTY_DEFAULT)
        index = 0
        while index in self.nodes:
            index += 1
        if index >= limit:
            raise SysError(ENOSPC)
        return index

    def pty_new(self, task: Any, index: int, tty: Any) -> DevptsInode:
        """The node of a new slave."""
        cred = task.cred
        uid = cred.fsuid if self.uid is None else self.uid
        gid = cred.fsgid if self.gid is None else self.gid
        inode = self.nodes[index] = DevptsInode(self, self.mode, uid, gid, index, tty)
        return inode

    def pty_kill(self, inode: DevptsInode) -> None:
        """The master was closed: the node goes."""
        del self.nodes[inode.index]
        inode.nlink = 0

    def path_of(self, inode: DevptsInode) -> Path:
        """Where a node is, for a file that was opened without its name."""
        for mount in self.vfs.mounts():
            if mount.sb is self:
                return Path(mount, Dentry(b"%d" % inode.index, mount.root, inode))
        path: Path = self.vfs.pseudo_path(inode, b"/%d" % inode.index)
        return path

    def statfs(self) -> Statfs:
        """No blocks."""
        return Statfs(f_type=self.magic, f_bsize=self.blocksize, f_frsize=self.blocksize, f_namelen=255)


class DevptsRoot(Inode):
    """The directory."""

    __slots__ = ()

    volatile = True

    def __init__(self, sb: DevptsSuperblock) -> None:
        super().__init__(sb, S_IFDIR | 0o755, ino=1)

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """ptmx or a number."""
        sb = self.sb
        if name == b"ptmx":
            return sb.ptmx  # type: ignore[attr-defined, no-any-return]
        if not name.isdigit() or (name[:1] == b"0" and len(name) > 1) or len(name) > 7:
            return None
        return sb.nodes.get(int(name))  # type: ignore[attr-defined, no-any-return]

    def create(self, task: Task, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """EACCES for a file, EPERM for other kinds: the directory has neither operation."""
        raise SysError(EACCES if mode & S_IFMT == S_IFREG else EPERM)

    def iterate(self, task: Task) -> list[Dirent]:
        """The newest first, ptmx last, as simple directories of Linux list them."""
        sb: Any = self.sb
        nodes = [Dirent(b"%d" % node.index, node.ino, DT_CHR) for node in reversed(sb.nodes.values())]
        return [*nodes, Dirent(b"ptmx", sb.ptmx.ino, DT_CHR)]


class DevptsInode(Inode):
    """/dev/pts/N."""

    __slots__ = ("index", "tty")

    sb: DevptsSuperblock

    def __init__(self, sb: DevptsSuperblock, mode: int, uid: int, gid: int, index: int, tty: Any) -> None:
        super().__init__(sb, S_IFCHR | mode, uid, gid, ino=FIRST_PTS_INO + index, rdev=makedev(PTS_MAJOR, index))
        self.index = index
        self.tty = tty

    def open(self, task: Task, flags: int) -> File:
        """The slave; EIO while it is locked or once its master is gone."""
        from forkernel.tty.tty_io import tty_reopen

        if not self.nlink:
            raise SysError(EIO)
        return tty_reopen(task, self, flags, self.tty)


def mount_devpts(vfs: Any, task: Any, source: bytes, data: bytes) -> Dentry:
    """mount(2) of devpts: a new instance; its root dentry."""
    sb = DevptsSuperblock(vfs)
    sb.parse(data, task)
    return Dentry(b"", None, sb.root)

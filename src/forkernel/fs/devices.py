"""Character devices of /dev: null, zero, full, random, urandom (Linux: drivers/char/mem.c, random.c).

`mount_dev` makes /dev at boot; `device_open` makes the file for a device inode by its number (other
majors are in `Vfs.chrdevs`: terminals are in the room tty/).
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EBADF, EINVAL, ENOSPC, ENXIO
from forkernel.abi.ioctl import RNDGETENTCNT
from forkernel.abi.poll import DEFAULT_POLLMASK
from forkernel.abi.stat import S_IFCHR, S_IFMT, major, makedev, minor
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.file import File
from forkernel.fs.inode import Inode

MEM_MAJOR = 1
TTY_MAJOR = 4
TTYAUX_MAJOR = 5
KMSG = makedev(MEM_MAJOR, 11)
ENTROPY_BITS = 256
"""What RNDGETENTCNT answers once the pool is ready."""


class CharFile(File):
    """A device without a size: positions are kept but mean nothing."""

    __slots__ = ()

    def check_read(self) -> None:
        """EBADF unless open for reading."""
        if not self.readable:
            raise SysError(EBADF)

    def check_write(self) -> None:
        """EBADF unless open for writing."""
        if not self.writable:
            raise SysError(EBADF)

    def unread(self, data: bytes) -> None:
        """Nothing to take back."""

    def pread(self, task: Any, offset: int, count: int) -> bytes:
        """As read."""
        return self.read(task, count)

    def pwrite(self, task: Any, offset: int, data: bytes) -> int:
        """As write."""
        return self.write(task, data)


class NullFile(CharFile):
    """/dev/null: always at its end, takes everything."""

    __slots__ = ()

    nowait = True

    splice_write = True

    def read(self, task: Any, count: int) -> bytes:
        """Nothing."""
        self.check_read()
        return b""

    def write(self, task: Any, data: bytes) -> int:
        """All of it."""
        self.check_write()
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: null_lseek)."""
        return 0


class ZeroFile(NullFile):
    """/dev/zero: zeros without end; mapped, it is anonymous memory."""

    __slots__ = ()

    splice_read = True

    def read(self, task: Any, count: int) -> bytes:
        """Zeros."""
        self.check_read()
        return bytes(count)

    def mmap_mapping(self) -> None:
        """Plain zeros."""


class FullFile(NullFile):
    """/dev/full: reads zeros, has no room."""

    __slots__ = ()

    splice_read, splice_write = True, False

    def read(self, task: Any, count: int) -> bytes:
        """Zeros."""
        self.check_read()
        return bytes(count)

    def write(self, task: Any, data: bytes) -> int:
        """ENOSPC."""
        self.check_write()
        raise SysError(ENOSPC)


class RandomFile(CharFile):
    """/dev/random and /dev/urandom: bytes of the run's seed; what is written changes nothing."""

    __slots__ = ()

    splice_read = splice_write = True

    def read(self, task: Any, count: int) -> bytes:
        """Random bytes."""
        self.check_read()
        data: bytes = task.system.rng.randbytes(count)
        return data

    def write(self, task: Any, data: bytes) -> int:
        """Accepted and dropped: a run depends on its seed alone."""
        self.check_write()
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return self.pos

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """RNDGETENTCNT; EINVAL for others."""
        if cmd != RNDGETENTCNT:
            raise SysError(EINVAL)
        task.mm.write(arg, ENTROPY_BITS.to_bytes(4, "little"))
        return 0


class BlockingRandomFile(RandomFile):
    """/dev/random: the same bytes, and it can be polled."""

    __slots__ = ()

    def can_poll(self) -> bool:
        """Linux's random_fops has a poll, urandom_fops has none."""
        return True

    def poll(self, task: Any) -> int:
        """Always ready."""
        return DEFAULT_POLLMASK


MEM_DEVICES: dict[int, type[File]] = {
    3: NullFile,
    5: ZeroFile,
    7: FullFile,
    8: BlockingRandomFile,
    9: RandomFile,
}
"""Minor numbers of major 1."""

DEV_NODES: tuple[tuple[bytes, int, int], ...] = (
    (b"null", makedev(MEM_MAJOR, 3), 0o666),
    (b"zero", makedev(MEM_MAJOR, 5), 0o666),
    (b"full", makedev(MEM_MAJOR, 7), 0o666),
    (b"random", makedev(MEM_MAJOR, 8), 0o666),
    (b"urandom", makedev(MEM_MAJOR, 9), 0o666),
    (b"kmsg", KMSG, 0o644),
    (b"tty", makedev(TTYAUX_MAJOR, 0), 0o666),
    (b"console", makedev(TTYAUX_MAJOR, 1), 0o600),
    (b"ptmx", makedev(TTYAUX_MAJOR, 2), 0o666),
    (b"ttyS0", makedev(TTY_MAJOR, 64), 0o600),
)
"""Name, device number and permissions of the nodes in /dev."""

DEV_LINKS: tuple[tuple[bytes, bytes], ...] = (
    (b"fd", b"/proc/self/fd"),
    (b"stdin", b"/proc/self/fd/0"),
    (b"stdout", b"/proc/self/fd/1"),
    (b"stderr", b"/proc/self/fd/2"),
)
DEV_DIRS: tuple[tuple[bytes, int], ...] = ((b"shm", 0o1777), (b"pts", 0o755), (b"mqueue", 0o1777))


def device_open(task: Any, inode: Inode, flags: int) -> File:
    """Open a device node; ENXIO for a device that does not exist."""
    rdev = inode.rdev
    if inode.mode & S_IFMT == S_IFCHR:
        if major(rdev) == MEM_MAJOR and minor(rdev) in MEM_DEVICES:
            return MEM_DEVICES[minor(rdev)](inode, flags)
        if rdev == KMSG:
            from forkernel.fs.kmsg import kmsg_open

            return kmsg_open(task, inode, flags)
        opener = task.system.vfs.chrdevs.get(major(rdev))
        if opener is not None:
            file: File = opener(task, inode, flags)
            return file
    raise SysError(ENXIO)


def mount_devtmpfs(vfs: Any, task: Any, source: bytes, data: bytes) -> Dentry:
    """A new /dev with its nodes (the file system type devtmpfs); its root dentry."""
    root: Dentry = vfs.new_tmpfs(b"devtmpfs", 0o755)
    directory: Any = root.inode
    for name, rdev, mode in DEV_NODES:
        directory.create(None, name, S_IFCHR | mode, rdev)
    for name, target in DEV_LINKS:
        directory.symlink(None, name, target)
    for name, mode in DEV_DIRS:
        directory.mkdir(None, name, mode)
    return root


def mount_dev(vfs: Any, *, alone: bool = False) -> None:
    """At boot: devtmpfs on /dev, and unless it is to be `alone` tmpfs on /dev/shm."""
    vfs.filesystems[b"devtmpfs"] = mount_devtmpfs
    vfs.mount(
        mount_devtmpfs(vfs, None, b"", b""), vfs.make_mountpoint(b"/dev"), source=b"devtmpfs" if alone else b"udev"
    )
    if not alone:
        vfs.mount(vfs.new_tmpfs(b"tmpfs", 0o1777), vfs.make_mountpoint(b"/dev/shm"), source=b"tmpfs")

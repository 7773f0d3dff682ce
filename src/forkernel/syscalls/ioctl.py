"""ioctl: what concerns every descriptor is done here, the rest is the file's (Linux: do_vfs_ioctl)."""

from __future__ import annotations

from forkernel.abi.errno import ENOTTY
from forkernel.abi.fcntl import FASYNC, O_NONBLOCK
from forkernel.abi.ioctl import FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE
from forkernel.abi.stat import s_isdir, s_islnk, s_isreg
from forkernel.abi.types import U32, U64
from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


@syscall("ioctl", caveat="no requests of file systems (FS_IOC_*, FIEMAP)")
def sys_ioctl(task: Task, fd: U32, cmd: U32, arg: U64) -> int:
    """ioctl(2)."""
    files, mm = task.files, task.mm
    assert files is not None
    assert mm is not None
    file = files.get(fd)
    if cmd in (FIOCLEX, FIONCLEX):
        files.set_cloexec(fd, cmd == FIOCLEX)
        return 0
    if cmd in (FIONBIO, FIOASYNC):
        set_flag(file, fd, cmd, int.from_bytes(mm.read(arg, 4), "little"))
        return 0
    inode = file.inode
    if cmd == FIGETBSZ and inode is not None:
        mm.write(arg, inode.sb.blocksize.to_bytes(4, "little"))
        return 0
    if inode is not None and s_isreg(inode.mode) and cmd == FIONREAD:
        left = (inode.size - file.pos) & 0xFFFFFFFF
        mm.write(arg, left.to_bytes(4, "little"))
        return 0
    if cmd == FIOQSIZE:
        if inode is None or not (s_isreg(inode.mode) or s_isdir(inode.mode) or s_islnk(inode.mode)):
            raise SysError(ENOTTY)
        mm.write(arg, inode.size.to_bytes(8, "little"))
        return 0
    return file.ioctl(task, cmd, arg)


def set_flag(file: File, fd: int, cmd: int, on: int) -> None:
    """FIONBIO and FIOASYNC: O_NONBLOCK and O_ASYNC by an int; ENOTTY where there is no O_ASYNC."""
    if cmd == FIONBIO:
        file.flags = file.flags | O_NONBLOCK if on else file.flags & ~O_NONBLOCK
    elif bool(file.flags & FASYNC) != bool(on):
        if not file.can_async:
            raise SysError(ENOTTY)
        from forkernel.fs.fasync import set_async

        set_async(file, fd, bool(on))

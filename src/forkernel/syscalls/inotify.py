"""inotify_init, inotify_add_watch, inotify_rm_watch (Linux: fs/notify/inotify/inotify_user.c)."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENOTDIR
from forkernel.abi.fcntl import AT_FDCWD
from forkernel.abi.inotify import (
    ALL_INOTIFY_BITS,
    IN_CLOEXEC,
    IN_DONT_FOLLOW,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_NONBLOCK,
    IN_ONLYDIR,
)
from forkernel.abi.stat import s_isdir
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.inode import MAY_READ
from forkernel.fs.inotify import InotifyFile
from forkernel.fs.namei import filename_lookup, inode_permission
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserStr
from forkernel.syscalls.registry import syscall


@syscall("inotify_init")
def sys_inotify_init(task: Task) -> int:
    """inotify_init(2)."""
    return do_inotify_init(task, 0)


@syscall("inotify_init1")
def sys_inotify_init1(task: Task, flags: I32) -> int:
    """inotify_init1(2)."""
    return do_inotify_init(task, flags)


def do_inotify_init(task: Task, flags: int) -> int:
    """A descriptor for a new instance."""
    if flags & ~(IN_CLOEXEC | IN_NONBLOCK):
        raise SysError(EINVAL)
    return fd_install(task, InotifyFile(task, flags), bool(flags & IN_CLOEXEC))


def instance(task: Task, fd: int) -> InotifyFile:
    """The instance of a descriptor; EBADF, EINVAL."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, InotifyFile):
        raise SysError(EINVAL)
    return file


@syscall("inotify_add_watch")
def sys_inotify_add_watch(task: Task, fd: I32, pathname: UserStr, mask: U32) -> int:
    """inotify_add_watch(2)."""
    if not mask & ALL_INOTIFY_BITS:
        raise SysError(EINVAL)
    assert task.files is not None
    task.files.get(fd)
    if mask & IN_MASK_ADD and mask & IN_MASK_CREATE:
        raise SysError(EINVAL)
    group = instance(task, fd)
    place = filename_lookup(task, pathname.get(), AT_FDCWD, not mask & IN_DONT_FOLLOW)
    if mask & IN_ONLYDIR and not s_isdir(place.inode.mode):
        raise SysError(ENOTDIR)
    inode_permission(task, place, MAY_READ)
    return group.update_watch(place.inode, mask)


@syscall("inotify_rm_watch")
def sys_inotify_rm_watch(task: Task, fd: I32, wd: I32) -> int:
    """inotify_rm_watch(2)."""
    instance(task, fd).remove_watch(wd)
    return 0

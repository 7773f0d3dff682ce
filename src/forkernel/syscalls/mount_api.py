"""fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2), mount_setattr(2)."""

from __future__ import annotations

import struct

from forkernel.abi.errno import E2BIG, EINVAL, EOPNOTSUPP, EPERM
from forkernel.abi.fcntl import AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_PATH
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import PathFile
from forkernel.fs.mount import fs_owner, may_mount, move_mnt
from forkernel.fs.namei import filename_lookup
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserStr
from forkernel.syscalls.registry import syscall

PAGE_SIZE = 4096
AT_RECURSIVE = 0x8000
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = O_CLOEXEC
FSOPEN_CLOEXEC = FSMOUNT_CLOEXEC = FSPICK_CLOEXEC = 1
FSPICK_SYMLINK_NOFOLLOW, FSPICK_NO_AUTOMOUNT, FSPICK_EMPTY_PATH = 2, 4, 8
MOVE_MOUNT_F_SYMLINKS, MOVE_MOUNT_F_EMPTY_PATH = 0x1, 0x4
MOVE_MOUNT_T_SYMLINKS, MOVE_MOUNT_T_EMPTY_PATH = 0x10, 0x40
MOVE_MOUNT_KNOWN = 0x77
SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CMD_CREATE, CMD_RECONFIGURE, CREATE_EXCL = range(9)
KEY_MAX = 256
MOUNT_ATTR_SIZE_VER0 = 32
_MOUNT_ATTR = struct.Struct("<4Q")


def _may_mount(task: Task) -> None:
    """EPERM without CAP_SYS_ADMIN over the mount namespace."""
    if not may_mount(task):
        raise SysError(EPERM)


@syscall("open_tree")
def sys_open_tree(task: Task, dirfd: I32, path: UserStr, flags: U32) -> int:
    """A place as a descriptor, or with OPEN_TREE_CLONE a copy of what is mounted there."""
    from forkernel.fs.mount_api import open_detached_copy

    known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    clone = bool(flags & OPEN_TREE_CLONE)
    if flags & ~known or (flags & AT_RECURSIVE and not clone):
        raise SysError(EINVAL)
    if clone:
        _may_mount(task)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    place = filename_lookup(task, path.get(), dirfd, follow, empty=bool(flags & AT_EMPTY_PATH))
    if clone:
        file: PathFile = open_detached_copy(task.system.vfs, task, place, recursive=bool(flags & AT_RECURSIVE))
    else:
        file = PathFile(place.dentry.inode, O_PATH, place)
    return fd_install(task, file, bool(flags & OPEN_TREE_CLOEXEC))


@syscall("move_mount", caveat="no MOVE_MOUNT_SET_GROUP, no MOVE_MOUNT_BENEATH: EINVAL")
def sys_move_mount(task: Task, from_dirfd: I32, from_path: UserStr, to_dirfd: I32, to_path: UserStr, flags: U32) -> int:
    """Put a mount, attached so far or not, on another place."""
    _may_mount(task)
    if flags & ~MOVE_MOUNT_KNOWN:
        raise SysError(EINVAL)
    source = _place(task, from_dirfd, from_path, flags, MOVE_MOUNT_F_SYMLINKS, MOVE_MOUNT_F_EMPTY_PATH)
    target = _place(task, to_dirfd, to_path, flags, MOVE_MOUNT_T_SYMLINKS, MOVE_MOUNT_T_EMPTY_PATH)
    move_mnt(task.system.vfs, task, source, target)
    return 0


def _place(task: Task, dirfd: int, path: UserStr, flags: int, symlinks: int, empty: int) -> Path:
    return filename_lookup(task, path.get(), dirfd, bool(flags & symlinks), empty=bool(flags & empty))


@syscall("fsopen")
def sys_fsopen(task: Task, fsname: UserStr, flags: U32) -> int:
    """A context to describe a new file system in."""
    from forkernel.fs.mount_api import fs_context

    _may_mount(task)
    if flags & ~FSOPEN_CLOEXEC:
        raise SysError(EINVAL)
    vfs = task.system.vfs
    name = fsname.get(PAGE_SIZE)
    fs_owner(vfs, task, name)
    return fd_install(task, fs_context(vfs, name), bool(flags & FSOPEN_CLOEXEC))


@syscall("fspick", caveat="of the parameters, ro and rw can be changed")
def sys_fspick(task: Task, dirfd: I32, path: UserStr, flags: U32) -> int:
    """A context to change the file system of a mount in."""
    from forkernel.fs.mount_api import fs_context

    _may_mount(task)
    if flags & ~(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH):
        raise SysError(EINVAL)
    follow = not flags & FSPICK_SYMLINK_NOFOLLOW
    place = filename_lookup(task, path.get(), dirfd, follow, empty=bool(flags & FSPICK_EMPTY_PATH))
    if place.dentry is not place.mnt.root:
        raise SysError(EINVAL)
    context = fs_context(task.system.vfs, place.mnt.sb.type, place)
    return fd_install(task, context, bool(flags & FSPICK_CLOEXEC))


@syscall("fsconfig", caveat="no parameters that are blobs, paths or descriptors: EINVAL")
def sys_fsconfig(task: Task, fd: I32, command: U32, key: UserBuf | None, value: UserBuf | None, aux: I32) -> int:
    """Set a parameter of a context, or create or change its file system."""
    from forkernel.fs.mount_api import FsContext, Parameter

    if fd < 0:
        raise SysError(EINVAL)
    _check_shape(command, key is not None, value is not None, aux)
    assert task.files is not None
    context = task.files.get(fd)
    if not isinstance(context, FsContext):
        raise SysError(EINVAL)
    if command in (CMD_CREATE, CREATE_EXCL):
        context.create(task.system.vfs, task)
    elif command == CMD_RECONFIGURE:
        context.reconfigure(task)
    elif command in (SET_FLAG, SET_STRING) and key is not None:
        text = _string(value) if value is not None else None
        context.set_parameter(task, Parameter(_string(key), text))
    else:
        raise SysError(EINVAL)
    return 0


def _check_shape(command: int, key: bool, value: bool, aux: int) -> None:
    """Which arguments a command of fsconfig takes; EINVAL, EOPNOTSUPP for a command that there is not."""
    if command == SET_FLAG:
        fits = key and not value and not aux
    elif command == SET_STRING:
        fits = key and value and not aux
    elif command == SET_BINARY:
        fits = key and value and 0 < aux <= 1 << 20
    elif command in (SET_PATH, SET_PATH_EMPTY):
        fits = key and value and (aux == AT_FDCWD or aux >= 0)
    elif command == SET_FD:
        fits = key and not value and aux >= 0
    elif command in (CMD_CREATE, CMD_RECONFIGURE, CREATE_EXCL):
        fits = not (key or value or aux)
    else:
        raise SysError(EOPNOTSUPP)
    if not fits:
        raise SysError(EINVAL)


def _string(text: UserBuf) -> bytes:
    """A key or value of at most 255 bytes; EINVAL."""
    data = text.mm.read_cstr(text.addr, KEY_MAX)
    if len(data) == KEY_MAX:
        raise SysError(EINVAL)
    return data


@syscall("fsmount")
def sys_fsmount(task: Task, fd: I32, flags: U32, attributes: U32) -> int:
    """A mount of the file system created in a context, in no namespace yet."""
    from forkernel.fs.mount_api import ATIME_FLAGS, MOUNT_ATTR__ATIME, MOUNT_ATTR_ALL, FsContext

    _may_mount(task)
    if flags & ~FSMOUNT_CLOEXEC or attributes & ~MOUNT_ATTR_ALL:
        raise SysError(EINVAL)
    if attributes & MOUNT_ATTR__ATIME not in ATIME_FLAGS:
        raise SysError(EINVAL)
    assert task.files is not None
    context = task.files.get(fd)
    if not isinstance(context, FsContext):
        raise SysError(EINVAL)
    return fd_install(task, context.make_mount(task.system.vfs, attributes), bool(flags & FSMOUNT_CLOEXEC))


@syscall("mount_setattr", caveat="no ID-mapped mounts: MOUNT_ATTR_IDMAP is EINVAL")
def sys_mount_setattr(task: Task, dirfd: I32, path: UserStr, flags: U32, attr: UserBuf, size: U64) -> int:
    """Change attributes and propagation of a mount, with AT_RECURSIVE of all on it too."""
    from forkernel.fs.mount_api import Change, check_change, set_attributes

    if flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT):
        raise SysError(EINVAL)
    if size > PAGE_SIZE:
        raise SysError(E2BIG)
    if size < MOUNT_ATTR_SIZE_VER0:
        raise SysError(EINVAL)
    _may_mount(task)
    data = attr.read(size)
    if any(data[MOUNT_ATTR_SIZE_VER0:]):
        raise SysError(E2BIG)
    to_set, to_clear, propagation, _ = _MOUNT_ATTR.unpack(data[:MOUNT_ATTR_SIZE_VER0])
    if not any((to_set, to_clear, propagation)):
        return 0
    change = Change(to_set, to_clear, propagation)
    check_change(change)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    place = filename_lookup(task, path.get(), dirfd, follow, empty=bool(flags & AT_EMPTY_PATH))
    set_attributes(task.system.vfs, task, place, change, recursive=bool(flags & AT_RECURSIVE))
    return 0

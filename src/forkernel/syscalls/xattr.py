"""Extended attributes: by path, by path without following a link, by descriptor (xattr(7))."""

from __future__ import annotations

from forkernel.abi.errno import E2BIG, EFAULT, EINVAL, ERANGE
from forkernel.abi.types import I32, U64
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.namei import filename_lookup, want_write
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserStr
from forkernel.syscalls.registry import syscall
from forkernel.syscalls.stat import fd_place

XATTR_NAME_MAX, XATTR_SIZE_MAX = 255, 65536
NO_ACLS = "no access control lists (system.*)"


def attribute_name(name: UserStr) -> bytes:
    """A name of 1 to 255 bytes; ERANGE."""
    text = name.mm.read_cstr(name.addr, XATTR_NAME_MAX + 1)
    if not 0 < len(text) <= XATTR_NAME_MAX:
        raise SysError(ERANGE)
    return text


def set_xattr(task: Task, place: Path, name: UserStr, value: UserBuf | None, size: int, flags: int) -> int:
    """setxattr(2) on a file found."""
    from forkernel.fs.xattr import XATTR_CREATE, XATTR_REPLACE, vfs_setxattr

    if flags & ~(XATTR_CREATE | XATTR_REPLACE):
        raise SysError(EINVAL)
    text = attribute_name(name)
    if size > XATTR_SIZE_MAX:
        raise SysError(E2BIG)
    if size and value is None:
        raise SysError(EFAULT)
    data = value.read(size) if size and value is not None else b""
    want_write(place.mnt)
    vfs_setxattr(task.cred, place.dentry.inode, text, data, flags)
    return 0


def get_xattr(task: Task, place: Path, name: UserStr, value: UserBuf | None, size: int) -> int:
    """getxattr(2) on a file found."""
    from forkernel.fs.xattr import fit, vfs_getxattr

    data = vfs_getxattr(task.cred, place.dentry.inode, attribute_name(name))
    if part := fit(data, size):
        _write(value, part)
    return len(data)


def list_xattr(task: Task, place: Path, names: UserBuf | None, size: int) -> int:
    """listxattr(2) on a file found."""
    from forkernel.fs.xattr import fit, vfs_listxattr

    data = vfs_listxattr(task.cred, place.dentry.inode)
    if part := fit(data, size):
        _write(names, part)
    return len(data)


def _write(buffer: UserBuf | None, data: bytes) -> None:
    if buffer is None:
        raise SysError(EFAULT)
    buffer.write(data)


def remove_xattr(task: Task, place: Path, name: UserStr) -> int:
    """removexattr(2) on a file found."""
    from forkernel.fs.xattr import vfs_removexattr

    text = attribute_name(name)
    want_write(place.mnt)
    vfs_removexattr(task.cred, place.dentry.inode, text)
    return 0


@syscall("setxattr", caveat=NO_ACLS)
def sys_setxattr(task: Task, path: UserStr, name: UserStr, value: UserBuf | None, size: U64, flags: I32) -> int:
    """setxattr(2)."""
    return set_xattr(task, filename_lookup(task, path.get()), name, value, size, flags)


@syscall("lsetxattr", caveat=NO_ACLS)
def sys_lsetxattr(task: Task, path: UserStr, name: UserStr, value: UserBuf | None, size: U64, flags: I32) -> int:
    """lsetxattr(2)."""
    return set_xattr(task, filename_lookup(task, path.get(), follow=False), name, value, size, flags)


@syscall("fsetxattr", caveat=NO_ACLS)
def sys_fsetxattr(task: Task, fd: I32, name: UserStr, value: UserBuf | None, size: U64, flags: I32) -> int:
    """fsetxattr(2)."""
    return set_xattr(task, fd_place(task, fd), name, value, size, flags)


@syscall("getxattr", caveat=NO_ACLS)
def sys_getxattr(task: Task, path: UserStr, name: UserStr, value: UserBuf | None, size: U64) -> int:
    """getxattr(2)."""
    return get_xattr(task, filename_lookup(task, path.get()), name, value, size)


@syscall("lgetxattr", caveat=NO_ACLS)
def sys_lgetxattr(task: Task, path: UserStr, name: UserStr, value: UserBuf | None, size: U64) -> int:
    """lgetxattr(2)."""
    return get_xattr(task, filename_lookup(task, path.get(), follow=False), name, value, size)


@syscall("fgetxattr", caveat=NO_ACLS)
def sys_fgetxattr(task: Task, fd: I32, name: UserStr, value: UserBuf | None, size: U64) -> int:
    """fgetxattr(2)."""
    return get_xattr(task, fd_place(task, fd), name, value, size)


@syscall("listxattr")
def sys_listxattr(task: Task, path: UserStr, names: UserBuf | None, size: U64) -> int:
    """listxattr(2)."""
    return list_xattr(task, filename_lookup(task, path.get()), names, size)


@syscall("llistxattr")
def sys_llistxattr(task: Task, path: UserStr, names: UserBuf | None, size: U64) -> int:
    """llistxattr(2)."""
    return list_xattr(task, filename_lookup(task, path.get(), follow=False), names, size)


@syscall("flistxattr")
def sys_flistxattr(task: Task, fd: I32, names: UserBuf | None, size: U64) -> int:
    """flistxattr(2)."""
    return list_xattr(task, fd_place(task, fd), names, size)


@syscall("removexattr", caveat=NO_ACLS)
def sys_removexattr(task: Task, path: UserStr, name: UserStr) -> int:
    """removexattr(2)."""
    return remove_xattr(task, filename_lookup(task, path.get()), name)


@syscall("lremovexattr", caveat=NO_ACLS)
def sys_lremovexattr(task: Task, path: UserStr, name: UserStr) -> int:
    """lremovexattr(2)."""
    return remove_xattr(task, filename_lookup(task, path.get(), follow=False), name)


@syscall("fremovexattr", caveat=NO_ACLS)
def sys_fremovexattr(task: Task, fd: I32, name: UserStr) -> int:
    """fremovexattr(2)."""
    return remove_xattr(task, fd_place(task, fd), name)

"""Extended attributes: named values on files (Linux: fs/xattr.c, simple_xattr; xattr(7)).

Files in memory keep them in `inode.xattrs`; a file of the host begins with what it has there. What may be done with a
name depends on its prefix: user.*, trusted.*, security.*; there are no access control lists (system.*).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.capability import CAP_SETFCAP, CAP_SYS_ADMIN
from forkernel.abi.errno import EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, EPERM, ERANGE
from forkernel.abi.stat import S_IFDIR, S_IFMT, S_IFREG
from forkernel.errors import SysError
from forkernel.fs.inode import MAY_READ, MAY_WRITE
from forkernel.namespace import cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.fs.inode import Inode
    from forkernel.kernel.cred import Cred

XATTR_CREATE, XATTR_REPLACE = 1, 2
XATTR_NAME_MAX = 255
XATTR_SIZE_MAX = 65536
USER, TRUSTED, SECURITY = b"user.", b"trusted.", b"security."
PREFIXES = (USER, TRUSTED, SECURITY)
CAPS_NAME = b"security.capability"
S_ISVTX = 0o1000
SPACE_PER_INODE = 1024
"""Bytes of attributes that a file system may hold for each inode that it may have (Linux: shmem's BOGO_INODE_SIZE)."""


def _check_prefix(inode: Inode, name: bytes) -> None:
    """EOPNOTSUPP for a name that the file system has no place for, EINVAL for nothing after the prefix."""
    prefix = next((known for known in PREFIXES if name.startswith(known)), None)
    if not inode.sb.has_xattrs or prefix is None:
        raise SysError(EOPNOTSUPP)
    if name == prefix:
        raise SysError(EINVAL)


def _check_permission(cred: Cred, inode: Inode, name: bytes, mask: int) -> None:
    """Linux: xattr_permission; EPERM or EACCES, for reading ENODATA where not even the name is told."""
    refused = SysError(EPERM if mask & MAY_WRITE else ENODATA)
    if name.startswith(SECURITY) or not name.startswith((USER, TRUSTED)):
        return
    if name.startswith(TRUSTED):
        if not cap_capable(cred, init_user_ns, CAP_SYS_ADMIN):
            raise refused
        return
    kind = inode.mode & S_IFMT
    if kind not in (S_IFREG, S_IFDIR):
        raise refused
    if kind == S_IFDIR and inode.mode & S_ISVTX and mask & MAY_WRITE:
        from forkernel.fs.inode import inode_owner_or_capable

        if not inode_owner_or_capable(cred, inode):
            raise SysError(EPERM)
    inode.permission(cred, mask)


def vfs_getxattr(cred: Cred, inode: Inode, name: bytes) -> bytes:
    """The value; ENODATA for none."""
    _check_permission(cred, inode, name, MAY_READ)
    _check_prefix(inode, name)
    value = inode.get_xattrs().get(name)
    if value is None:
        raise SysError(ENODATA)
    return value


def vfs_setxattr(cred: Cred, inode: Inode, name: bytes, value: bytes, flags: int) -> None:
    """Set or change it; EEXIST, ENODATA as `flags` ask for, ENOSPC."""
    if name == CAPS_NAME:
        check_capability(cred, inode, value)
    _check_permission(cred, inode, name, MAY_WRITE)
    if name.startswith(SECURITY) and name != CAPS_NAME and not cap_capable(cred, inode.sb.user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    _check_prefix(inode, name)
    attributes = inode.get_xattrs()
    old = attributes.get(name)
    if flags & XATTR_CREATE and old is not None:
        raise SysError(EEXIST)
    if flags & XATTR_REPLACE and old is None:
        raise SysError(ENODATA)
    _charge(inode, len(value) - len(old) if old is not None else len(name) + len(value))
    inode.xattrs = {**attributes, name: value}
    inode.ctime = inode.sb.now()


def vfs_removexattr(cred: Cred, inode: Inode, name: bytes) -> None:
    """Take it away; ENODATA if it is not there."""
    _check_permission(cred, inode, name, MAY_WRITE)
    needed = CAP_SETFCAP if name == CAPS_NAME else CAP_SYS_ADMIN
    if name.startswith(SECURITY) and not cap_capable(cred, inode.sb.user_ns, needed):
        raise SysError(EPERM)
    _check_prefix(inode, name)
    remove(inode, name)


def remove(inode: Inode, name: bytes) -> None:
    """Take an attribute away; ENODATA."""
    attributes = dict(inode.get_xattrs())
    value = attributes.pop(name, None)
    if value is None:
        raise SysError(ENODATA)
    _charge(inode, -len(name) - len(value))
    inode.xattrs = attributes
    inode.ctime = inode.sb.now()


def vfs_listxattr(cred: Cred, inode: Inode) -> bytes:
    """All names that the caller may know of, each with a NUL, in Linux's order: the last first."""
    trusted = cap_capable(cred, init_user_ns, CAP_SYS_ADMIN)
    names = [name for name in sorted(inode.get_xattrs(), reverse=True) if trusted or not name.startswith(TRUSTED)]
    return b"".join(name + b"\0" for name in names)


def _charge(inode: Inode, size: int) -> None:
    """Account for bytes of attributes of a file system; ENOSPC."""
    sb = inode.sb
    if size > 0 and sb.xattr_bytes + size > getattr(sb, "max_inodes", 0) * SPACE_PER_INODE:
        raise SysError(ENOSPC)
    sb.xattr_bytes += size


def forget_xattrs(inode: Inode) -> None:
    """The file is gone, and its attributes with it."""
    if inode.xattrs:
        inode.sb.xattr_bytes -= sum(len(name) + len(value) for name, value in inode.xattrs.items())
        inode.xattrs = None


def fit(value: bytes, size: int) -> bytes:
    """What goes into a buffer of `size` bytes: ERANGE if it is too small, nothing for 0, which asks for the length."""
    if size and len(value) > size:
        raise SysError(ERANGE)
    return value if size else b""


# --- capabilities of files


class FileCaps(NamedTuple):
    """security.capability (capabilities(7), "File capabilities")."""

    permitted: int
    inheritable: int
    effective: bool


VFS_CAP_SIZES = {0x0100_0000: 12, 0x0200_0000: 20, 0x0300_0000: 24}
"""Revision to the size of the value."""
REVISION_MASK = 0xFF00_0000
EFFECTIVE = 1


def check_capability(cred: Cred, inode: Inode, value: bytes) -> None:
    """Whether the caller may give a file these capabilities: EINVAL for a value of the wrong form, EPERM."""
    if parse_capability(value) is None:
        raise SysError(EINVAL)
    if not cap_capable(cred, inode.sb.user_ns, CAP_SETFCAP):
        raise SysError(EPERM)


def parse_capability(value: bytes) -> FileCaps | None:
    """What the value of security.capability says; None if it is of no known form."""
    words = [int.from_bytes(value[at : at + 4], "little") for at in range(0, len(value) - 3, 4)]
    if not words or VFS_CAP_SIZES.get(words[0] & REVISION_MASK) != len(value):
        return None
    permitted, inheritable = words[1], words[2]
    if len(words) > 3:
        permitted |= words[3] << 32
        inheritable |= words[4] << 32
    return FileCaps(permitted, inheritable, bool(words[0] & EFFECTIVE))


def file_caps(inode: Inode) -> FileCaps | None:
    """The capabilities that a program file carries, None for none."""
    value = inode.get_xattrs().get(CAPS_NAME)
    return parse_capability(value) if value is not None else None


def remove_file_caps(inode: Inode) -> None:
    """The file was written to, or has another owner: its capabilities go."""
    if CAPS_NAME in inode.get_xattrs():
        remove(inode, CAPS_NAME)

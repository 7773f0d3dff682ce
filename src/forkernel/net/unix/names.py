"""Names of AF_UNIX sockets: files, and the abstract ones of a network namespace (unix(7), "Address format").

`bind` gives one, `find` looks one up, `forget` takes it away with the socket. A name is kept as the bytes of sun_path
that getsockname tells: an abstract one with the NUL it begins with, a path with the NUL it ends with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import (
    EADDRINUSE,
    ECONNREFUSED,
    EEXIST,
    EINVAL,
    ENOENT,
    ENOSPC,
    EPERM,
    EPROTOTYPE,
)
from forkernel.abi.fcntl import O_PATH
from forkernel.abi.socket import AF_UNIX, SUN_PATH_MAX
from forkernel.abi.stat import S_IFMT, S_IFSOCK
from forkernel.errors import SysError
from forkernel.fs.dirops import do_mknodat
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import PathFile
from forkernel.fs.inode import MAY_WRITE
from forkernel.namespace import cap_capable

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace
    from forkernel.net.unix.af_unix import UnixFile

AUTOBIND_NAMES = 1 << 20
FAMILY = AF_UNIX.to_bytes(2, "little")


def mkname(address: bytes) -> bytes:
    """sun_path of a struct sockaddr_un, never empty; EINVAL (Linux: unix_validate_addr, unix_mkname_bsd)."""
    if not 2 < len(address) <= 2 + SUN_PATH_MAX or address[:2] != FAMILY:
        raise SysError(EINVAL)
    path = address[2:]
    return path if path[:1] == b"\0" else path.split(b"\0", 1)[0] + b"\0"


def sockaddr(file: UnixFile) -> bytes:
    """The struct sockaddr_un of a socket; only the family if it has no name."""
    return FAMILY + (file.address or b"")


# --- taking one


def bind(task: Any, file: UnixFile, address: bytes) -> None:
    """Give a socket a name; EINVAL if it has one, EADDRINUSE, what making a file may raise."""
    if address == FAMILY:
        autobind(file)
        return
    name = mkname(address)
    if name[0]:
        bind_bsd(task, file, name)
        return
    if file.address is not None:
        raise SysError(EINVAL)
    if (name, file.kind) in file.net.abstract:
        raise SysError(EADDRINUSE)
    take_abstract(file, name)


def take_abstract(file: UnixFile, name: bytes) -> None:
    """The name is free: take it."""
    file.net.abstract[name, file.kind] = file
    file.address = name


def autobind(file: UnixFile) -> None:
    """Any free abstract name of five hexadecimal digits; a socket that has a name keeps it. ENOSPC."""
    if file.address is not None:
        return
    taken = file.net.abstract
    for _ in range(AUTOBIND_NAMES):
        file.net.autobind = file.net.autobind % AUTOBIND_NAMES + 1
        name = b"\0%05x" % (file.net.autobind & AUTOBIND_NAMES - 1)
        if (name, file.kind) not in taken:
            take_abstract(file, name)
            return
    raise SysError(ENOSPC)


def bind_bsd(task: Any, file: UnixFile, name: bytes) -> None:
    """Make the socket file of a name, with the mode of the socket (fchmod before bind) and the umask."""
    path = name[:-1]
    try:
        do_mknodat(task, path, file.inode.mode, 0)
    except SysError as error:
        raise SysError(EADDRINUSE if error.errno == EEXIST else error.errno) from None
    place = task.system.vfs.resolve(task, path, follow=False)
    if file.address is not None:
        from forkernel.fs.dirops import do_unlinkat

        do_unlinkat(task, path)
        raise SysError(EINVAL)
    place.inode.pipe = file
    file.bound, file.address = place, name


# --- looking one up


def find(task: Any, net: NetNamespace, name: bytes, kind: int) -> UnixFile:
    """The socket called `name`; ECONNREFUSED, EPROTOTYPE, and what the walk says (Linux: unix_find_other)."""
    found: UnixFile | None
    if name[:1] == b"\0":
        found = net.abstract.get((name, kind))
    else:
        inode = task.system.vfs.resolve(task, name[:-1]).inode
        inode.permission(task.cred, MAY_WRITE)
        if inode.mode & S_IFMT != S_IFSOCK:
            raise SysError(ECONNREFUSED)
        found = inode.pipe
    if found is None or found.dead:
        raise SysError(ECONNREFUSED)
    if found.kind != kind:
        raise SysError(EPROTOTYPE)
    return found


def open_file(task: Any, file: UnixFile) -> int:
    """SIOCUNIXFILE: an O_PATH descriptor for the socket's file; EPERM without CAP_NET_ADMIN, ENOENT."""
    if not cap_capable(task.cred, file.net.user_ns, CAP_NET_ADMIN):
        raise SysError(EPERM)
    if file.bound is None:
        raise SysError(ENOENT)
    return fd_install(task, PathFile(file.bound.inode, O_PATH, file.bound), True)


# --- the end


def forget(file: UnixFile) -> None:
    """The socket is going: its name is free, its file stands for nothing."""
    names = file.net.abstract
    if file.address is not None and names.get((file.address, file.kind)) is file:
        del names[file.address, file.kind]
    if file.bound is not None and file.bound.inode.pipe is file:
        file.bound.inode.pipe = None

"""Sockets: decoding only. The families, and what they share, are in the room `net` (socket(2))."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENOTSOCK, ERANGE
from forkernel.abi.socket import SHUT_RDWR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK, SOL_SOCKET, SOMAXCONN
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import single
from forkernel.mm.uaccess import UserBuf, UserInOut, UserOut
from forkernel.net.socket import SocketFile, sock_create, sock_pair
from forkernel.syscalls.poll import read_time
from forkernel.syscalls.registry import syscall

FAMILIES = "AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; other families are EAFNOSUPPORT"


def socket_of(task: Task, fd: int) -> SocketFile:
    """The socket of a descriptor; EBADF, ENOTSOCK."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, SocketFile):
        raise SysError(ENOTSOCK)
    return file


# --- making and connecting


@syscall("socket", caveat=FAMILIES)
def sys_socket(task: Task, family: I32, kind: I32, protocol: I32) -> int:
    """socket(2)."""
    check_flags(kind & ~SOCK_TYPE_MASK)
    file = sock_create(task, family, kind & SOCK_TYPE_MASK, protocol)
    file.flags |= kind & SOCK_NONBLOCK
    return fd_install(task, file, bool(kind & SOCK_CLOEXEC))


def check_flags(flags: int) -> None:
    """EINVAL for others than SOCK_CLOEXEC and SOCK_NONBLOCK."""
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        raise SysError(EINVAL)


@syscall("socketpair")
def sys_socketpair(task: Task, family: I32, kind: I32, protocol: I32, pair: UserOut[I32]) -> int:
    """socketpair(2)."""
    check_flags(kind & ~SOCK_TYPE_MASK)
    one, two = sock_pair(task, family, kind & SOCK_TYPE_MASK, protocol)
    one.flags |= kind & SOCK_NONBLOCK
    two.flags |= kind & SOCK_NONBLOCK
    cloexec = bool(kind & SOCK_CLOEXEC)
    files = task.files
    assert files is not None
    try:
        first = fd_install(task, one, cloexec)
    except SysError:
        two.put()
        raise
    try:
        second = fd_install(task, two, cloexec)
    except SysError:
        files.close(task, first)
        raise
    try:
        pair.put_array((first, second))
    except SysError:
        files.close(task, first)
        files.close(task, second)
        raise
    return 0


@syscall("bind")
def sys_bind(task: Task, fd: I32, address: UserBuf, length: I32) -> int:
    """bind(2)."""
    from forkernel.net.msghdr import read_sockaddr

    socket_of(task, fd).bind(task, read_sockaddr(address, length))
    return 0


@syscall("listen")
def sys_listen(task: Task, fd: I32, backlog: I32) -> int:
    """listen(2)."""
    socket_of(task, fd).listen(task, min(backlog & 0xFFFFFFFF, SOMAXCONN))
    return 0


@syscall("connect")
def sys_connect(task: Task, fd: I32, address: UserBuf, length: I32) -> int:
    """connect(2)."""
    from forkernel.net.message import ConnectCall
    from forkernel.net.msghdr import read_sockaddr

    return ConnectCall(task, socket_of(task, fd), read_sockaddr(address, length)).step(task)


@syscall("accept")
def sys_accept(task: Task, fd: I32, address: UserBuf | None, length: UserInOut[I32] | None) -> int:
    """accept(2)."""
    return do_accept4(task, fd, address, length, 0)


@syscall("accept4")
def sys_accept4(task: Task, fd: I32, address: UserBuf | None, length: UserInOut[I32] | None, flags: I32) -> int:
    """accept4(2)."""
    check_flags(flags)
    return do_accept4(task, fd, address, length, flags)


def do_accept4(task: Task, fd: int, address: UserBuf | None, length: UserInOut[I32] | None, flags: int) -> int:
    """A descriptor for the oldest connection."""
    from forkernel.net.message import AcceptCall

    where = address.addr if address is not None else 0
    return AcceptCall(task, socket_of(task, fd), flags, where, length.addr if length is not None else 0).step(task)


@syscall("getsockname")
def sys_getsockname(task: Task, fd: I32, address: UserBuf, length: UserInOut[I32]) -> int:
    """getsockname(2)."""
    return store_name(task, fd, address, length, False)


@syscall("getpeername")
def sys_getpeername(task: Task, fd: I32, address: UserBuf, length: UserInOut[I32]) -> int:
    """getpeername(2)."""
    return store_name(task, fd, address, length, True)


def store_name(task: Task, fd: int, address: UserBuf, length: UserInOut[I32], peer: bool) -> int:
    """Store a socket's name or its peer's."""
    from forkernel.net.msghdr import store_sockaddr

    store_sockaddr(task.mm, address.addr, length.addr, socket_of(task, fd).getname(peer))
    return 0


@syscall("shutdown")
def sys_shutdown(task: Task, fd: I32, how: I32) -> int:
    """shutdown(2)."""
    file = socket_of(task, fd)
    if not 0 <= how <= SHUT_RDWR:
        raise SysError(EINVAL)
    file.shutdown(how + 1)
    return 0


# --- options


@syscall("getsockopt")
def sys_getsockopt(task: Task, fd: I32, level: I32, name: I32, value: UserBuf, length: UserInOut[I32]) -> int:
    """getsockopt(2)."""
    from forkernel.net.sockopt import TooSmall, sock_getsockopt

    file = socket_of(task, fd)
    if level != SOL_SOCKET:
        return store_option(value, length, file.getsockopt(task, level, name, length.get()))
    room = length.get()
    if room < 0:
        raise SysError(EINVAL)
    try:
        return store_option(value, length, sock_getsockopt(task, file, name, room))
    except TooSmall as error:
        length.put(error.size)
        raise SysError(ERANGE) from None


def store_option(value: UserBuf, length: UserInOut[I32], data: bytes) -> int:
    """Store an option's value, cut to the room there is."""
    room = min(length.get(), len(data))
    value.write(data[:room])
    length.put(room)
    return 0


@syscall("setsockopt")
def sys_setsockopt(task: Task, fd: I32, level: I32, name: I32, value: UserBuf, length: I32) -> int:
    """setsockopt(2)."""
    from forkernel.net.sockopt import sock_setsockopt

    file = socket_of(task, fd)
    if length < 0:
        raise SysError(EINVAL)
    if level == SOL_SOCKET:
        sock_setsockopt(task, file, name, value, length)
    else:
        file.setsockopt(task, level, name, value, length)
    return 0


# --- sending


@syscall("sendto")
def sys_sendto(task: Task, fd: I32, buf: UserBuf, size: U64, flags: U32, address: UserBuf | None, length: I32) -> int:
    """sendto(2)."""
    from forkernel.net.message import SendCall, SocketMessage
    from forkernel.net.msghdr import is_nonblock, read_sockaddr

    iov = single(buf.addr, size)
    file = socket_of(task, fd)
    name = read_sockaddr(address, length) if address is not None else None
    return SendCall(task, file, SocketMessage(iov, flags, is_nonblock(file, flags), name)).step(task)


@syscall("sendmsg")
def sys_sendmsg(task: Task, fd: I32, message: UserBuf, flags: U32) -> int:
    """sendmsg(2)."""
    from forkernel.net.msghdr import send_call

    return send_call(task, socket_of(task, fd), message, flags).step(task)


@syscall("sendmmsg")
def sys_sendmmsg(task: Task, fd: I32, vector: UserBuf, count: U32, flags: U32) -> int:
    """sendmmsg(2)."""
    from forkernel.net.msghdr import SendVector

    return SendVector(socket_of(task, fd), vector.addr, count, flags).step(task)


# --- receiving


@syscall("recvfrom")
def sys_recvfrom(
    task: Task, fd: I32, buf: UserBuf, size: U64, flags: U32, address: UserBuf | None, length: UserInOut[I32] | None
) -> int:
    """recvfrom(2)."""
    from forkernel.net.message import RecvCall, SocketMessage
    from forkernel.net.msghdr import is_nonblock

    iov = single(buf.addr, size)
    file = socket_of(task, fd)
    call = RecvCall(task, file, SocketMessage(iov, flags, is_nonblock(file, flags)))
    if address is not None:
        call.name, call.namelen = address.addr, length.addr if length is not None else 0
    return call.step(task)


@syscall("recvmsg")
def sys_recvmsg(task: Task, fd: I32, message: UserBuf, flags: U32) -> int:
    """recvmsg(2)."""
    from forkernel.net.msghdr import recv_call

    return recv_call(task, socket_of(task, fd), message, flags).step(task)


@syscall("recvmmsg")
def sys_recvmmsg(task: Task, fd: I32, vector: UserBuf, count: U32, flags: U32, timeout: UserBuf | None) -> int:
    """recvmmsg(2)."""
    from forkernel.net.msghdr import RecvVector

    limit = read_time(timeout.mm, timeout.addr, 1) if timeout is not None else None
    call = RecvVector(socket_of(task, fd), vector.addr, count, flags)
    if timeout is not None and limit is not None:
        call.deadline, call.timeout = task.system.clock.monotonic() + limit, timeout.addr
    return call.step(task)

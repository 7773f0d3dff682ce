"""Sockets: no address family is built in, so a program hears what a kernel without networking says."""

from __future__ import annotations

from forkernel.abi.errno import EAFNOSUPPORT, ENOTSOCK
from forkernel.abi.types import I32, U64
from forkernel.errors import SysError
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall

NO_FAMILY = "no address family is supported: EAFNOSUPPORT"
NO_SOCKET = "no descriptor is ever a socket: ENOTSOCK, or EBADF"


@syscall("socket", caveat=NO_FAMILY)
def sys_socket(task: Task, family: I32, kind: I32, protocol: I32) -> int:
    """socket(2)."""
    raise SysError(EAFNOSUPPORT)


@syscall("socketpair", caveat=NO_FAMILY)
def sys_socketpair(task: Task, family: I32, kind: I32, protocol: I32, pair: U64) -> int:
    """socketpair(2)."""
    raise SysError(EAFNOSUPPORT)


@syscall(
    "connect", "bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt",
    "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
    caveat=NO_SOCKET,
)  # fmt: skip
def sys_on_socket(task: Task, fd: I32) -> int:
    """Any call on a descriptor that would have to be a socket."""
    task.files.get(fd)  # type: ignore[union-attr]
    raise SysError(ENOTSOCK)

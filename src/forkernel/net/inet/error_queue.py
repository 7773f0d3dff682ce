"""The error queue of a socket with IP_RECVERR or IPV6_RECVERR (Linux: ip_icmp_error, ip_recv_error; ip(7))."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.abi.errno import EAGAIN
from forkernel.abi.inet import AF_INET, IP_RECVERR, IPV6_RECVERR, SOL_IP, SOL_IPV6
from forkernel.abi.socket import MSG_ERRQUEUE, MSG_TRUNC
from forkernel.errors import SysError
from forkernel.net.inet.address import Endpoint, sockaddr, sockaddr_in, sockaddr_in6
from forkernel.net.scm import put_cmsg

if TYPE_CHECKING:
    from forkernel.net.inet.datagram import DatagramFile
    from forkernel.net.message import SocketMessage


class QueuedError(NamedTuple):
    """Linux: struct sock_exterr_skb."""

    errno: int
    origin: int
    kind: int
    code: int
    offender: bytes
    to: Endpoint
    """Where the datagram was to go."""
    data: bytes
    """Of the datagram."""


def queue_error(sock: DatagramFile, error: QueuedError) -> None:
    """One more."""
    if sock.errors is None:
        sock.errors = deque()
    sock.errors.append(error)


def recv_error(sock: DatagramFile, task: Any, msg: SocketMessage) -> int:
    """MSG_ERRQUEUE: the oldest; EAGAIN."""
    if not sock.errors:
        raise SysError(EAGAIN)
    error = sock.errors.popleft()
    sock.error = sock.errors[0].errno if sock.errors else 0
    data = error.data
    if len(data) > msg.iov.left:
        data = data[: msg.iov.left]
        msg.out_flags |= MSG_TRUNC
    msg.give(task.mm, data)
    msg.name = sockaddr(sock.family, *error.to)
    msg.out_flags |= MSG_ERRQUEUE
    four = len(error.offender) == 4
    report = error.errno.to_bytes(4, "little") + bytes((error.origin, error.kind, error.code, 0)) + bytes(8)
    if sock.family == AF_INET or four:
        put_cmsg(msg, SOL_IP, IP_RECVERR, report + sockaddr_in(error.offender, 0))
    else:
        put_cmsg(msg, SOL_IPV6, IPV6_RECVERR, report + sockaddr_in6(error.offender, 0))
    return len(data)

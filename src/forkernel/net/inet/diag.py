"""TCP, UDP and raw sockets for sock_diag(7) (Linux: net/ipv4/inet_diag.c, tcp_diag.c, udp_diag.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ENOENT
from forkernel.abi.inet import (
    AF_INET6,
    IPPROTO_RAW,
    IPPROTO_TCP,
    IPPROTO_UDP,
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_LISTEN,
)
from forkernel.errors import SysError
from forkernel.net.inet.address import is_any, mapped
from forkernel.net.inet.netns import TimeWait, inet_of
from forkernel.net.inet.proc import TIMEWAIT_TIMER, USER_HZ_NS, tcp_sockets, timer_of, udp_sockets
from forkernel.net.netlink.message import nla, nla_u8
from forkernel.net.sockopt import meminfo

if TYPE_CHECKING:
    from forkernel.net.netlink.message import Request

REQUEST = struct.Struct("<BBBxI48s")
"""struct inet_diag_req_v2: family, protocol, extensions, states, inet_diag_sockid."""
MESSAGE = struct.Struct("<BBBB48s5I")
"""struct inet_diag_msg: family, state, timer, retransmits, inet_diag_sockid, expires (ms), queues, user, inode."""
INFO, SKMEMINFO, SHUTDOWN, SKV6ONLY = 2, 7, 8, 11
"""INET_DIAG_*."""
INODE_BITS = 32


def entries(request: Request) -> list[bytes]:
    """All sockets of a family and protocol, in the states asked for; EINVAL, ENOENT for another protocol."""
    if len(request.body) < REQUEST.size:
        raise SysError(EINVAL)
    family, protocol, extensions, states, _ = REQUEST.unpack(request.body[: REQUEST.size])
    inet = inet_of(request.sock.net)
    socks: list[Any]
    if protocol == IPPROTO_TCP:
        socks = list(tcp_sockets(inet))
    elif protocol == IPPROTO_UDP:
        socks = udp_sockets(inet)
    elif protocol == IPPROTO_RAW:
        socks = list(inet.raws)
    else:
        raise SysError(ENOENT)
    found = []
    for sock in socks:
        if sock.family == family and states >> state_of(sock, protocol) & 1:
            found.append(fill(request, sock, protocol, extensions))
    return found


def state_of(sock: Any, protocol: int) -> int:
    """TCP's state; of others whether they are connected."""
    if protocol == IPPROTO_TCP:
        state: int = sock.state
        return state
    return TCP_ESTABLISHED if sock.connected() else TCP_CLOSE


def sockid(family: int, own: bytes, lport: int, other: bytes, rport: int, cookie: int) -> bytes:
    """struct inet_diag_sockid."""
    addresses = b"".join(address_of(family, address) for address in (own, other))
    ports = lport.to_bytes(2, "big") + rport.to_bytes(2, "big")
    return ports + addresses + bytes(4) + cookie.to_bytes(8, "little")


def address_of(family: int, address: bytes) -> bytes:
    """Four words."""
    if is_any(address):
        return bytes(16)
    return mapped(address) if family == AF_INET6 else address.ljust(16, b"\0")


def fill(request: Request, sock: Any, protocol: int, extensions: int) -> bytes:
    """A socket as a message has it (Linux: inet_sk_diag_fill)."""
    inet = inet_of(request.sock.net)
    state = state_of(sock, protocol)
    if isinstance(sock, TimeWait):
        own, lport, other, rport = sock.key
        left = max(0, sock.expires - inet.now) // 10**6
        ids = sockid(sock.family, own, lport, other, rport, 0)
        return MESSAGE.pack(sock.family, state, TIMEWAIT_TIMER, 0, ids, left, 0, 0, 0, 0)
    listens = state == TCP_LISTEN
    own = sock.saddr if protocol == IPPROTO_TCP and not listens else sock.rcv_saddr
    ids = sockid(sock.family, own, sock.lport, sock.daddr, sock.rport, sock.cookie(None))
    timer, ticks, retransmits = 0, 0, 0
    received, sent, hidden = 0, 0, False
    if protocol == IPPROTO_TCP:
        timer, ticks = timer_of(inet, sock)
        retransmits = sock.retransmits
        hidden = sock.orphan or sock.listener is not None
        received, sent = sock.rcvq_bytes, sock.sndq_bytes
        if listens:
            received, sent = len(sock.accept_queue), sock.max_backlog
    else:
        received = sock.rmem
    uid, ino = (0, 0) if hidden else (sock.uid, sock.inode.ino & (1 << INODE_BITS) - 1)
    left = ticks * USER_HZ_NS // 10**6
    parts = [MESSAGE.pack(sock.family, state, timer, retransmits, ids, left, received, sent, uid, ino)]
    parts.append(nla_u8(SHUTDOWN, sock.shut))
    if sock.family == AF_INET6 and state in (TCP_LISTEN, TCP_CLOSE):
        parts.append(nla_u8(SKV6ONLY, int(bool(sock.v6only) or not is_any(sock.rcv_saddr))))
    if extensions >> SKMEMINFO - 1 & 1:
        parts.append(nla(SKMEMINFO, meminfo(sock)))
    if protocol == IPPROTO_TCP and extensions >> INFO - 1 & 1:
        from forkernel.net.inet.tcp_info import tcp_info

        parts.append(nla(INFO, tcp_info(sock)))
    return b"".join(parts)

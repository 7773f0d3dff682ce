"""ICMP as far as it is heard of: echoes are answered, a datagram for nobody comes back as an error (Linux:
net/ipv4/icmp.c, net/ipv6/icmp.c; icmp(7)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ECONNREFUSED
from forkernel.abi.inet import (
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_PORT_UNREACH,
    ICMPV6_DEST_UNREACH,
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    ICMPV6_PORT_UNREACH,
    IP_RECVERR,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPV6_RECVERR,
    SO_EE_ORIGIN_ICMP,
    SO_EE_ORIGIN_ICMP6,
    SOL_IP,
    SOL_IPV6,
)
from forkernel.net.inet.datagram import Datagram, DatagramFile
from forkernel.net.inet.error_queue import QueuedError, queue_error

if TYPE_CHECKING:
    from forkernel.net.inet.netns import InetNet

QUOTED = 576 - 20 - 8 - 28
"""Bytes of a datagram that the error about it carries."""
QUOTED6 = 1280 - 40 - 8 - 48


def port_unreachable(inet: InetNet, sock: DatagramFile | None, packet: Datagram, port: int) -> None:
    """Nobody has the port: the sender is told, if it is connected or asked for it by IP_RECVERR."""
    mib = inet.mib
    four = len(packet.to) == 4
    if four:
        mib.icmp_out += 1
        mib.icmp_in += 1
        mib.icmp_unreach += 1
    else:
        mib.icmp6_out += 1
        mib.icmp6_in += 1
    if sock is None:
        return
    wants = sock.ip_option(SOL_IP, IP_RECVERR) if four else sock.ip_option(SOL_IPV6, IPV6_RECVERR)
    if not wants and not sock.connected():
        return
    if wants:
        origin, kind, code = (
            (SO_EE_ORIGIN_ICMP, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH)
            if four
            else (SO_EE_ORIGIN_ICMP6, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH)
        )
        data = packet.data[: QUOTED if four else QUOTED6]
        queue_error(sock, QueuedError(ECONNREFUSED, origin, kind, code, packet.to, (packet.to, port), data))
    sock.error = ECONNREFUSED
    sock.wake_all()


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(data: bytes) -> bytes:
    """An ICMP message with its checksum filled in."""
    bare = data[:2] + bytes(2) + data[4:]
    return data[:2] + checksum(bare).to_bytes(2, "big") + data[4:]


def icmp_rcv(inet: InetNet, packet: Datagram, protocol: int) -> Datagram | None:
    """An ICMP message has come to the machine; the answer to it, if it is an echo request."""
    mib = inet.mib
    data = packet.data
    if len(data) < 8:
        return None
    if protocol == IPPROTO_ICMP:
        mib.icmp_in += 1
        if data[0] != ICMP_ECHO:
            return None
        mib.icmp_echos += 1
        mib.icmp_echo_reps += 1
        mib.icmp_out += 1
        reply = with_checksum(bytes((ICMP_ECHOREPLY,)) + data[1:])
    elif protocol == IPPROTO_ICMPV6:
        mib.icmp6_in += 1
        if data[0] != ICMPV6_ECHO_REQUEST:
            return None
        mib.icmp6_out += 1
        reply = bytes((ICMPV6_ECHO_REPLY,)) + data[1:]
    else:
        return None
    answer = Datagram(reply, packet.to, 0, packet.source)
    answer.stamp = packet.stamp
    return answer

"""Raw sockets: packets of a protocol with their IPv4 header, or without one of IPv6 (Linux: net/ipv4/raw.c; raw(7)).

Each raw socket of a protocol gets a copy of every packet that comes for it, ICMP's own among them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, EMSGSIZE, ENOPROTOOPT
from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    ICMP_FILTER,
    ICMPV6_FILTER,
    IP_HDRINCL,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_RAW,
    SOL_ICMPV6,
    SOL_IP,
    SOL_RAW,
)
from forkernel.errors import SysError
from forkernel.net.inet.address import is_any
from forkernel.net.inet.datagram import Datagram, DatagramFile
from forkernel.net.inet.icmp import checksum, icmp_rcv
from forkernel.net.inet.ip_options import keep

if TYPE_CHECKING:
    from forkernel.net.inet.netns import InetNet
    from forkernel.net.message import SocketMessage

IP_HEADER = 20
MAX_PACKET = 65535


class RawFile(DatagramFile):
    """Linux: struct raw_sock."""

    __slots__ = ("filter", "hdrincl")

    family = AF_INET
    headers = IP_HEADER

    def __init__(self, task: Any, net: Any, kind: int, protocol: int = 0) -> None:
        super().__init__(task, net, kind, protocol)
        self.filter = bytes(4 if self.family == AF_INET else 32)
        """ICMP_FILTER: bits of types that are not wanted."""
        self.hdrincl = self.family == AF_INET and protocol == IPPROTO_RAW
        """IP_HDRINCL: the program makes the headers."""
        self.lport = protocol
        self.inet.raws[self] = None

    def bind(self, task: Any, address: bytes) -> None:
        """An address alone; the port does not count."""
        super().bind(task, address)
        self.bound = False

    def get_port(self, task: Any, port: int) -> None:
        """There are no ports."""

    def connected(self) -> bool:
        """Connected to an address."""
        return not is_any(self.daddr)

    def autobind(self, task: Any) -> None:
        """There are no ports."""

    def unhash(self) -> None:
        """It has its protocol as long as it lives."""

    def release(self) -> None:
        """Gone from the list."""
        self.inet.raws.pop(self, None)
        super().release()

    def shown(self, packet: Datagram) -> bytes:
        """With the IPv4 header."""
        return packet.data if len(packet.to) == 16 else ip_header(packet, self.protocol) + packet.data

    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Send a packet (Linux: raw_sendmsg)."""
        self.first_checks(msg)
        to, _, scope = self.whom(msg)
        source, kind = self.route(to, scope)
        self.check_send(msg, kind)
        size = msg.iov.left
        if size > MAX_PACKET - (0 if self.hdrincl else self.headers):
            raise SysError(EMSGSIZE)
        data = msg.take(task.mm, size)
        packet, protocol = self.packet(data, source, 0, to), self.protocol
        if self.hdrincl:
            if size < IP_HEADER:
                raise SysError(EINVAL)
            protocol, packet.hops, packet.tos = data[9], data[8], data[1]
            packet.source = data[12:16] if data[12:16] != bytes(4) else source
            packet.data = data[IP_HEADER:]
        if protocol == IPPROTO_ICMPV6:
            packet.data = with_checksum6(packet)
        if self.count(len(packet.data)):
            ip_deliver(self.inet, packet, protocol)
        return size

    def wants(self, packet: Datagram, protocol: int) -> bool:
        """Whether it gets a packet (Linux: raw_v4_match, icmp_filter)."""
        if self.protocol != protocol or len(packet.to) != (4 if self.family == AF_INET else 16):
            return False
        if (self.connected() and self.daddr != packet.source) or (
            not is_any(self.rcv_saddr) and self.rcv_saddr != packet.to
        ):
            return False
        if protocol in (IPPROTO_ICMP, IPPROTO_ICMPV6) and packet.data:
            kind = packet.data[0]
            if protocol == IPPROTO_ICMP and kind >= 32:
                return True
            return not int.from_bytes(self.filter[kind // 32 * 4 : kind // 32 * 4 + 4], "little") >> kind % 32 & 1
        return True

    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """SOL_RAW, SOL_ICMPV6, IP_HDRINCL, and what all have."""
        if self.is_filter(level, name):
            self.filter = value.read(min(length, len(self.filter))).ljust(len(self.filter), b"\0")
        elif level == SOL_IP and name == IP_HDRINCL and self.family == AF_INET:
            self.hdrincl = value.read(min(length, 4)) != bytes(min(length, 4))
            keep(self, level, name, int(self.hdrincl))
        elif level in (SOL_RAW, SOL_ICMPV6):
            raise SysError(ENOPROTOOPT)
        else:
            super().setsockopt(task, level, name, value, length)

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """Likewise."""
        if self.is_filter(level, name):
            return self.filter
        if level == SOL_IP and name == IP_HDRINCL and self.family == AF_INET:
            return int(self.hdrincl).to_bytes(4, "little")
        if level in (SOL_RAW, SOL_ICMPV6):
            raise SysError(ENOPROTOOPT)
        return super().getsockopt(task, level, name, room)

    def is_filter(self, level: int, name: int) -> bool:
        """ICMP_FILTER of an ICMP socket."""
        if self.protocol == IPPROTO_ICMP:
            return level == SOL_RAW and name == ICMP_FILTER
        return self.protocol == IPPROTO_ICMPV6 and level == SOL_ICMPV6 and name == ICMPV6_FILTER


class Raw6File(RawFile):
    """Of AF_INET6."""

    __slots__ = ()

    family = AF_INET6
    headers = 40


def ip_header(packet: Datagram, protocol: int) -> bytes:
    """The IPv4 header of a packet (RFC 791)."""
    size = IP_HEADER + len(packet.data)
    head = struct.pack(">BBHHHBBH", 0x45, packet.tos, size, 0, 0x4000, packet.hops, protocol, 0)
    head += packet.source + packet.to
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:]


def with_checksum6(packet: Datagram) -> bytes:
    """An ICMPv6 message with its checksum, which the kernel makes (RFC 4443)."""
    data = packet.data
    if len(data) < 4:
        return data
    bare = data[:2] + bytes(2) + data[4:]
    pseudo = packet.source + packet.to + len(data).to_bytes(4, "big") + bytes(3) + bytes((IPPROTO_ICMPV6,))
    return data[:2] + checksum(pseudo + bare).to_bytes(2, "big") + data[4:]


def ip_deliver(inet: InetNet, packet: Datagram, protocol: int) -> None:
    """A packet has come: raw sockets, echo sockets and ICMP itself look at it (Linux: ip_local_deliver_finish)."""
    for sock in list(inet.raws):
        if sock.wants(packet, protocol):
            copy = Datagram(packet.data, packet.source, 0, packet.to)
            copy.hops, copy.tos, copy.stamp = packet.hops, packet.tos, packet.stamp
            sock.queue_rcv(copy)
    if protocol in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        if inet.pings:
            from forkernel.net.inet.ping import ping_rcv

            ping_rcv(inet, packet, protocol)
        answer = icmp_rcv(inet, packet, protocol)
        if answer is not None:
            if protocol == IPPROTO_ICMPV6:
                answer.data = with_checksum6(answer)
            ip_deliver(inet, answer, protocol)

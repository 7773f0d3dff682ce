"""Control messages of packets: time of arrival, destination, time to live (Linux: ip_cmsg_recv, ip_cmsg_send,
ip6_datagram_recv_ctl; ip(7), ipv6(7)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi import inet as abi
from forkernel.abi.errno import EINVAL
from forkernel.abi.inet import AF_INET6, SOL_IP, SOL_IPV6
from forkernel.abi.socket import SO_TIMESTAMP, SO_TIMESTAMPNS, SOL_SOCKET
from forkernel.errors import SysError
from forkernel.net.inet.address import ANY6, is_any, is_multicast, mapped, sockaddr_in, unmapped
from forkernel.net.scm import each_cmsg, put_cmsg

if TYPE_CHECKING:
    from forkernel.net.inet.datagram import Datagram, DatagramFile
    from forkernel.net.message import SocketMessage

NSEC_PER_SEC = 10**9


def fill_header(sock: DatagramFile, packet: Datagram) -> None:
    """Time to live and type of service as the sender's options say."""
    if len(packet.to) == 4:
        if is_multicast(packet.to):
            packet.hops = sock.ip_option(SOL_IP, abi.IP_MULTICAST_TTL, 1)
        else:
            packet.hops = sock.ip_option(SOL_IP, abi.IP_TTL, -1)
            if packet.hops < 0:
                packet.hops = sock.inet.default_ttl
        packet.tos = sock.ip_option(SOL_IP, abi.IP_TOS)
    else:
        hops = sock.ip_option(SOL_IPV6, abi.IPV6_UNICAST_HOPS, -1)
        packet.hops = hops if hops >= 0 else 64
        packet.tos = sock.ip_option(SOL_IPV6, abi.IPV6_TCLASS)


def recv_control(sock: DatagramFile, msg: SocketMessage, packet: Datagram) -> None:
    """Add what the receiver's options ask for."""
    if sock.options.get(SO_TIMESTAMPNS):
        seconds, rest = divmod(packet.stamp, NSEC_PER_SEC)
        put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS, seconds.to_bytes(8, "little") + rest.to_bytes(8, "little"))
    elif sock.options.get(SO_TIMESTAMP):
        seconds, rest = divmod(packet.stamp, NSEC_PER_SEC)
        put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP, seconds.to_bytes(8, "little") + (rest // 1000).to_bytes(8, "little"))
    if sock.ip_options is None:
        return
    four = len(packet.to) == 4
    if sock.family == AF_INET6:
        recv_control6(sock, msg, packet)
    if four:
        recv_control4(sock, msg, packet)


def recv_control4(sock: DatagramFile, msg: SocketMessage, packet: Datagram) -> None:
    """Of SOL_IP."""
    index = sock.net.loopback.index.to_bytes(4, "little")
    if sock.ip_option(SOL_IP, abi.IP_PKTINFO):
        local = packet.to if not is_multicast(packet.to) else sock.net.loopback.inet_addresses[0][0]
        put_cmsg(msg, SOL_IP, abi.IP_PKTINFO, index + local + packet.to)
    if sock.ip_option(SOL_IP, abi.IP_RECVTTL):
        put_cmsg(msg, SOL_IP, abi.IP_TTL, packet.hops.to_bytes(4, "little"))
    if sock.ip_option(SOL_IP, abi.IP_RECVTOS):
        put_cmsg(msg, SOL_IP, abi.IP_TOS, bytes((packet.tos,)))
    if sock.ip_option(SOL_IP, abi.IP_RECVORIGDSTADDR):
        put_cmsg(msg, SOL_IP, abi.IP_RECVORIGDSTADDR, sockaddr_in(packet.to, sock.lport))


def recv_control6(sock: DatagramFile, msg: SocketMessage, packet: Datagram) -> None:
    """Of SOL_IPV6."""
    if sock.ip_option(SOL_IPV6, abi.IPV6_RECVPKTINFO):
        index = sock.net.loopback.index.to_bytes(4, "little")
        put_cmsg(msg, SOL_IPV6, abi.IPV6_PKTINFO, mapped(packet.to) + index)
    if sock.ip_option(SOL_IPV6, abi.IPV6_2292PKTINFO):
        index = sock.net.loopback.index.to_bytes(4, "little")
        put_cmsg(msg, SOL_IPV6, abi.IPV6_2292PKTINFO, mapped(packet.to) + index)
    if len(packet.to) == 4:
        return
    if sock.ip_option(SOL_IPV6, abi.IPV6_2292HOPLIMIT):
        put_cmsg(msg, SOL_IPV6, abi.IPV6_2292HOPLIMIT, packet.hops.to_bytes(4, "little"))
    if sock.ip_option(SOL_IPV6, abi.IPV6_RECVHOPLIMIT):
        put_cmsg(msg, SOL_IPV6, abi.IPV6_HOPLIMIT, packet.hops.to_bytes(4, "little"))
    if sock.ip_option(SOL_IPV6, abi.IPV6_RECVTCLASS):
        put_cmsg(msg, SOL_IPV6, abi.IPV6_TCLASS, packet.tos.to_bytes(4, "little"))


def send_control(sock: DatagramFile, control: bytes) -> tuple[bytes | None, int | None]:
    """Source address and time to live that control messages of a send ask for; EINVAL."""
    source: bytes | None = None
    hops: int | None = None
    for level, kind, data in each_cmsg(control):
        if (level, kind) == (SOL_IP, abi.IP_PKTINFO) and len(data) == 12:
            source = data[4:8]
        elif (level, kind) == (SOL_IPV6, abi.IPV6_PKTINFO) and len(data) == 20 and sock.family == AF_INET6:
            source = unmapped(data[:16]) if data[:16] != ANY6 else None
        elif (level, kind) in ((SOL_IP, abi.IP_TTL), (SOL_IPV6, abi.IPV6_HOPLIMIT)) and len(data) == 4:
            hops = int.from_bytes(data, "little", signed=True)
            if not (1 if level == SOL_IP else -1) <= hops <= 255:
                raise SysError(EINVAL)
            if hops < 0:
                hops = None
        elif (level, kind) == (SOL_IP, abi.IP_TOS) and len(data) in (1, 4):
            continue
        elif level in (SOL_IP, SOL_IPV6):
            raise SysError(EINVAL)
    return (source if source is not None and not is_any(source) else None), hops

"""Options of SOL_IP and SOL_IPV6 (Linux: ip_sockglue.c, ipv6_sockglue.c; ip(7), ipv6(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi import inet as abi
from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import EADDRNOTAVAIL, EINVAL, ENODEV, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM
from forkernel.abi.inet import AF_INET6, SOL_IP, SOL_IPV6
from forkernel.abi.socket import SOCK_RAW, SOCK_STREAM
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net.inet.address import ANY4

if TYPE_CHECKING:
    from forkernel.net.inet.af_inet import InetFile

DEFAULT_HOPS = 64
IP_MAX_MTU = 65535
ECN_MASK = 3
BOOL = (0, 1)
"""Any number is taken and kept as 0 or 1."""
IP_NUMBERS: dict[int, tuple[int, int, int]] = {
    abi.IP_TOS: (0, 255, 0), abi.IP_TTL: (-1, 255, -1), abi.IP_MTU_DISCOVER: (0, 5, 1),
    abi.IP_RECVERR: (*BOOL, 0), abi.IP_PKTINFO: (*BOOL, 0), abi.IP_RECVTTL: (*BOOL, 0), abi.IP_RECVTOS: (*BOOL, 0),
    abi.IP_FREEBIND: (*BOOL, 0), abi.IP_TRANSPARENT: (*BOOL, 0), abi.IP_RECVORIGDSTADDR: (*BOOL, 0),
    abi.IP_BIND_ADDRESS_NO_PORT: (*BOOL, 0), abi.IP_MULTICAST_TTL: (-1, 255, 1), abi.IP_MULTICAST_LOOP: (*BOOL, 1),
    abi.IP_MULTICAST_ALL: (*BOOL, 1), abi.IP_RECVOPTS: (*BOOL, 0), abi.IP_RETOPTS: (*BOOL, 0),
}  # fmt: skip
"""Lowest and highest value, and the first."""
IPV6_NUMBERS: dict[int, tuple[int, int, int]] = {
    abi.IPV6_UNICAST_HOPS: (-1, 255, -1), abi.IPV6_MULTICAST_HOPS: (-1, 255, -1), abi.IPV6_MULTICAST_LOOP: (0, 1, 1),
    abi.IPV6_RECVERR: (*BOOL, 0), abi.IPV6_RECVPKTINFO: (*BOOL, 0), abi.IPV6_RECVHOPLIMIT: (*BOOL, 0),
    abi.IPV6_RECVTCLASS: (*BOOL, 0), abi.IPV6_TCLASS: (-1, 255, 0), abi.IPV6_MTU_DISCOVER: (0, 5, 1),
    abi.IPV6_2292PKTINFO: (*BOOL, 0), abi.IPV6_2292HOPLIMIT: (*BOOL, 0),
    abi.IPV6_V6ONLY: (*BOOL, 0), abi.IPV6_FREEBIND: (*BOOL, 0), abi.IPV6_MULTICAST_ALL: (*BOOL, 1),
}  # fmt: skip
MEMBERSHIPS = (
    (SOL_IP, abi.IP_ADD_MEMBERSHIP), (SOL_IP, abi.IP_DROP_MEMBERSHIP), (SOL_IPV6, abi.IPV6_JOIN_GROUP),
    (SOL_IPV6, abi.IPV6_LEAVE_GROUP), (SOL_IP, abi.MCAST_JOIN_GROUP), (SOL_IP, abi.MCAST_LEAVE_GROUP),
    (SOL_IPV6, abi.MCAST_JOIN_GROUP), (SOL_IPV6, abi.MCAST_LEAVE_GROUP),
)  # fmt: skip


def ip_setsockopt(task: Any, sock: InetFile, level: int, name: int, value: Any, length: int) -> None:
    """Set one; EINVAL, EPERM, ENODEV, EADDRNOTAVAIL, ENOPROTOOPT."""
    if level not in (SOL_IP, SOL_IPV6) or (level == SOL_IPV6 and sock.family != AF_INET6):
        raise SysError(ENOPROTOOPT)
    if (level, name) in MEMBERSHIPS:
        from forkernel.net.inet.multicast import membership

        membership(sock, level, name, value.read(min(length, 136)))
    elif name == (abi.IP_MULTICAST_IF if level == SOL_IP else abi.IPV6_MULTICAST_IF):
        set_multicast_if(sock, level, value.read(min(length, 12)))
    elif level == SOL_IP and name == abi.IP_OPTIONS:
        if length:
            raise SysError(EINVAL)  # no option has anything to do on the way to oneself
    elif level == SOL_IP:
        set_ip(task, sock, name, number_in(value, length))
    else:
        if length < 4:
            raise SysError(EINVAL)
        set_ipv6(sock, name, int.from_bytes(value.read(4), "little", signed=True))


def number_in(value: Any, length: int) -> int:
    """An int, or a byte where there is room for no more."""
    if length >= 4:
        return int.from_bytes(value.read(4), "little", signed=True)
    return int(value.read(1)[0]) if length >= 1 else 0


def set_ip(task: Any, sock: InetFile, name: int, number: int) -> None:
    """An option of SOL_IP that is a number."""
    if name not in IP_NUMBERS:
        raise SysError(ENOPROTOOPT)
    low, high, first = IP_NUMBERS[name]
    if name == abi.IP_TRANSPARENT and number and not cap_capable(task.cred, sock.net.user_ns, CAP_NET_ADMIN):
        raise SysError(EPERM)
    if name == abi.IP_TOS:
        number &= 0xFF
        if sock.kind == SOCK_STREAM:
            number = number & ~ECN_MASK | sock.ip_option(SOL_IP, name) & ECN_MASK
    elif name in (abi.IP_MULTICAST_TTL, abi.IP_MULTICAST_LOOP) and sock.kind == SOCK_STREAM:
        raise SysError(EINVAL)
    elif (low, high) == BOOL:
        if name == abi.IP_MULTICAST_ALL and number not in BOOL:
            raise SysError(EINVAL)
        number = int(bool(number))
    elif not low <= number <= high or (name == abi.IP_TTL and number == 0):
        raise SysError(EINVAL)
    elif name == abi.IP_MULTICAST_TTL and number == -1:
        number = first
    keep(sock, SOL_IP, name, number)


def set_ipv6(sock: InetFile, name: int, number: int) -> None:
    """An option of SOL_IPV6 that is a number."""
    if name not in IPV6_NUMBERS:
        raise SysError(ENOPROTOOPT)
    low, high, _ = IPV6_NUMBERS[name]
    if name == abi.IPV6_V6ONLY:
        if sock.lport:
            raise SysError(EINVAL)
        sock.v6only = bool(number)
        return
    if name == abi.IPV6_MULTICAST_HOPS and sock.kind == SOCK_STREAM:
        raise SysError(ENOPROTOOPT)
    if name == abi.IPV6_TCLASS and number == -1:
        number = 0
    if (low, high) == BOOL and name not in (abi.IPV6_MULTICAST_LOOP, abi.IPV6_MULTICAST_ALL):
        number = int(bool(number))
    elif not low <= number <= high:
        raise SysError(EINVAL)
    keep(sock, SOL_IPV6, name, number)


def keep(sock: InetFile, level: int, name: int, number: int) -> None:
    """Remember a value."""
    if sock.ip_options is None:
        sock.ip_options = {}
    sock.ip_options[level, name] = number


def set_multicast_if(sock: InetFile, level: int, data: bytes) -> None:
    """IP_MULTICAST_IF: an address of the device, or its index; IPV6_MULTICAST_IF: its index."""
    if sock.kind == SOCK_STREAM:
        raise SysError(EINVAL if level == SOL_IP else ENOPROTOOPT)
    if len(data) < 4:
        raise SysError(EINVAL)
    device = sock.net.loopback
    if level == SOL_IPV6:
        index = int.from_bytes(data[:4], "little", signed=True)
        if index not in (0, device.index):
            raise SysError(ENODEV)
    else:
        address = data[:4] if len(data) < 8 else data[4:8]
        index = int.from_bytes(data[8:12], "little") if len(data) >= 12 else 0
        if index:
            if index != device.index:
                raise SysError(EADDRNOTAVAIL)
        elif address != ANY4:
            if not any(own == address for own, _ in device.inet_addresses):
                raise SysError(EADDRNOTAVAIL)
            index = device.index
            keep(sock, level, -abi.IP_MULTICAST_IF, int.from_bytes(address, "big"))
    keep(sock, level, abi.IP_MULTICAST_IF if level == SOL_IP else abi.IPV6_MULTICAST_IF, index)


# --- getting


def ip_getsockopt(sock: InetFile, level: int, name: int, room: int) -> bytes:
    """The value of one; ENOTCONN, ENOPROTOOPT."""
    if level == SOL_IP:
        return get_ip(sock, name, room)
    if sock.family != AF_INET6:
        raise SysError(EOPNOTSUPP)
    if level != SOL_IPV6:
        raise SysError(ENOPROTOOPT)
    if name == abi.IPV6_MTU:
        return mtu_of(sock)
    if name == abi.IPV6_V6ONLY:
        return int(sock.v6only).to_bytes(4, "little")
    if name == abi.IPV6_MULTICAST_IF:
        return sock.ip_option(level, name).to_bytes(4, "little")
    if name not in IPV6_NUMBERS or (name == abi.IPV6_MULTICAST_HOPS and sock.kind == SOCK_STREAM):
        raise SysError(ENOPROTOOPT)
    number = sock.ip_option(level, name, IPV6_NUMBERS[name][2])
    if number < 0:
        number = 1 if name == abi.IPV6_MULTICAST_HOPS else DEFAULT_HOPS
    return number.to_bytes(4, "little")


def get_ip(sock: InetFile, name: int, room: int) -> bytes:
    """An option of SOL_IP; a byte where there is room for no more."""
    if name == abi.IP_MTU:
        return mtu_of(sock)
    if name == abi.IP_OPTIONS:
        return b""
    if name == abi.IP_MULTICAST_IF:
        return sock.ip_option(SOL_IP, -name).to_bytes(4, "big")
    if name not in IP_NUMBERS or (name == abi.IP_HDRINCL and sock.kind != SOCK_RAW):
        raise SysError(ENOPROTOOPT)
    number = sock.ip_option(SOL_IP, name, IP_NUMBERS[name][2])
    if name == abi.IP_TTL and number == -1:
        number = sock.inet.default_ttl
    data = number.to_bytes(4, "little")
    return data[:1] if 0 < room < 4 else data


def mtu_of(sock: InetFile) -> bytes:
    """IP_MTU: of the way to the peer."""
    if not sock.rport:
        raise SysError(ENOTCONN)
    return min(sock.net.loopback.mtu, IP_MAX_MTU).to_bytes(4, "little")

"""Groups on the loopback device (Linux: net/ipv4/igmp.c, net/ipv6/mcast.c; ip(7), IP_ADD_MEMBERSHIP).

A datagram to a group goes out by the device that IP_MULTICAST_IF or SO_BINDTODEVICE names, for no route leads there,
and comes in if the device is in the group. Who hears it then: sockets that joined, and those that leave
IP_MULTICAST_ALL on. IPv6 has no route to groups over this device at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENETUNREACH, ENODEV, EPROTO
from forkernel.abi.inet import (
    IP_ADD_MEMBERSHIP,
    IP_MULTICAST_ALL,
    IP_MULTICAST_IF,
    IPV6_JOIN_GROUP,
    IPV6_MULTICAST_ALL,
    MCAST_JOIN_GROUP,
    MCAST_LEAVE_GROUP,
    RTN_MULTICAST,
    SOL_IP,
    SOL_IPV6,
)
from forkernel.abi.socket import SOCK_STREAM
from forkernel.errors import SysError
from forkernel.net.inet.address import ANY4, is_any, is_linklocal, is_multicast
from forkernel.net.inet.route import is_up

if TYPE_CHECKING:
    from forkernel.net.inet.af_inet import InetFile

ALL_HOSTS = (b"\xe0\0\0\1", b"\xff\1" + bytes(13) + b"\1", b"\xff\2" + bytes(13) + b"\1")
"""Groups that every device is in."""


def membership(sock: InetFile, level: int, name: int, data: bytes) -> None:
    """Join or leave; EINVAL, ENODEV, EADDRINUSE for twice, EADDRNOTAVAIL for none."""
    if sock.kind == SOCK_STREAM:
        raise SysError(EPROTO)
    group, address, index = parse(level, name, data)
    if not is_multicast(group) or len(group) != (4 if level == SOL_IP else 16):
        raise SysError(EINVAL)
    device = sock.net.loopback
    if index:
        if index != device.index:
            raise SysError(ENODEV)
    elif address is None or is_any(address) or not any(own == address for own, _ in device.inet_addresses):
        raise SysError(ENODEV)
    joined = sock.memberships = sock.memberships or []
    if name in (IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, MCAST_JOIN_GROUP):
        if group in joined:
            raise SysError(EADDRINUSE)
        joined.append(group)
        sock.inet.groups[group] = sock.inet.groups.get(group, 0) + 1
    elif group not in joined:
        raise SysError(EADDRNOTAVAIL)
    else:
        joined.remove(group)
        leave(sock, group)


def parse(level: int, name: int, data: bytes) -> tuple[bytes, bytes | None, int]:
    """Group, address of the device or None, index of the device or 0."""
    if name in (MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP):
        if len(data) < 136:
            raise SysError(EINVAL)
        group = data[12:16] if level == SOL_IP else data[16:32]
        return group, None, int.from_bytes(data[:4], "little")
    if level == SOL_IPV6:
        if len(data) < 20:
            raise SysError(EINVAL)
        return data[:16], None, int.from_bytes(data[16:20], "little")
    if len(data) < 8:
        raise SysError(EINVAL)
    return data[:4], data[4:8], int.from_bytes(data[8:12], "little") if len(data) >= 12 else 0


def leave(sock: InetFile, group: bytes) -> None:
    """The device leaves with the last socket."""
    groups = sock.inet.groups
    groups[group] -= 1
    if not groups[group]:
        del groups[group]


def leave_all(sock: InetFile) -> None:
    """The socket is gone."""
    for group in sock.memberships or ():
        leave(sock, group)
    sock.memberships = None


def multicast_route(sock: InetFile, to: bytes, own: bytes, scope: int) -> tuple[bytes, int]:
    """Source address of what goes to a group; ENETUNREACH, EADDRNOTAVAIL, EINVAL."""
    device = sock.net.loopback
    if len(to) == 16:
        if is_linklocal(to) and not scope and is_up(sock.net):
            raise SysError(ENETUNREACH)
        raise SysError(ENETUNREACH if is_up(sock.net) else EADDRNOTAVAIL)
    if not (sock.ip_option(SOL_IP, IP_MULTICAST_IF) or sock.bound_dev) or not device.inet_addresses:
        raise SysError(ENETUNREACH)
    if own != ANY4:
        return own, RTN_MULTICAST
    chosen = sock.ip_option(SOL_IP, -IP_MULTICAST_IF)
    return (chosen.to_bytes(4, "big") if chosen else device.inet_addresses[0][0]), RTN_MULTICAST


def device_in(sock: InetFile, group: bytes) -> bool:
    """Whether the device takes what comes for a group."""
    return group in sock.inet.groups or group in ALL_HOSTS


def hears_group(sock: InetFile, group: bytes) -> bool:
    """Whether a socket gets what the device takes (Linux: ip_mc_sf_allow)."""
    if sock.memberships and group in sock.memberships:
        return True
    level, name = (SOL_IP, IP_MULTICAST_ALL) if len(group) == 4 else (SOL_IPV6, IPV6_MULTICAST_ALL)
    return bool(sock.ip_option(level, name, 1))

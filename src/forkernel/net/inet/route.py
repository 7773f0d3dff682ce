"""Which addresses are the machine's own, and what can be reached: the loopback device alone (Linux: fib, addrconf).

The device has 127.0.0.1/8 and ::1 from the moment it is first set up; the IPv4 address stays when it goes down. An
address with a prefix on a loopback device makes the whole prefix local. There are no routes to anywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EADDRNOTAVAIL, EINVAL, ENETUNREACH
from forkernel.abi.inet import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
from forkernel.errors import SysError
from forkernel.net.dev import IFF_UP
from forkernel.net.inet.address import ANY4, BROADCAST4, LOOPBACK4, LOOPBACK6, is_any, is_linklocal, is_multicast

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace


def is_up(net: NetNamespace) -> bool:
    """Whether the device carries packets."""
    return bool(net.loopback.flags & IFF_UP)


def within(address: bytes, network: bytes, prefix: int) -> bool:
    """Whether an address begins with the first `prefix` bits of another."""
    shift = len(address) * 8 - prefix
    return int.from_bytes(address, "big") >> shift == int.from_bytes(network, "big") >> shift


def broadcast_of(network: bytes, prefix: int) -> bytes:
    """The last address of a network."""
    number = int.from_bytes(network, "big") | (1 << 32 - prefix) - 1
    return number.to_bytes(4, "big")


def inet_addr_type(net: NetNamespace, address: bytes) -> int:
    """RTN_* of an IPv4 address (Linux: inet_addr_type). Any may be bound while there is no table of local ones."""
    if address in (ANY4, BROADCAST4):
        return RTN_BROADCAST
    if is_multicast(address):
        return RTN_MULTICAST
    addresses = net.loopback.inet_addresses
    if not addresses and not net.loopback.had_addresses:
        return RTN_BROADCAST
    for own, prefix in addresses:
        if own == address:
            return RTN_LOCAL
        if within(address, own, prefix):
            return RTN_BROADCAST if prefix < 31 and address == broadcast_of(own, prefix) else RTN_LOCAL
    return RTN_UNICAST


def is_local6(net: NetNamespace, address: bytes) -> bool:
    """Whether an IPv6 address is on the device."""
    return any(own == address for own, _ in net.loopback.inet6_addresses)


def route_output(net: NetNamespace, to: bytes, bound: bytes, scope: int = 0) -> tuple[bytes, int]:
    """The source address for packets to `to`, and the kind of route; ENETUNREACH, EADDRNOTAVAIL, EINVAL."""
    if len(to) == 4:
        kind = inet_addr_type(net, to)
        reachable = kind == RTN_LOCAL or (kind == RTN_BROADCAST and to not in (ANY4, BROADCAST4))
        if not reachable or not net.loopback.inet_addresses:
            raise SysError(ENETUNREACH)
        source = bound
        if is_any(bound):
            source = to if kind == RTN_LOCAL else net.loopback.inet_addresses[0][0]
            if kind == RTN_LOCAL:
                source = source_of(net, to)
        return source, kind
    if is_linklocal(to) and not scope:
        raise SysError(EINVAL)
    if not is_up(net):
        raise SysError(EADDRNOTAVAIL)
    if not is_local6(net, to):
        raise SysError(ENETUNREACH)
    return (to if is_any(bound) else bound), RTN_LOCAL


def source_of(net: NetNamespace, to: bytes) -> bytes:
    """The address that a local route prefers: the destination itself if it is on the device, else the one whose
    network it is in.
    """
    networks = net.loopback.inet_addresses
    for own, _ in networks:
        if own == to:
            return own
    for own, prefix in networks:
        if within(to, own, prefix):
            return own
    return networks[0][0]


def loopback_of(address: bytes) -> bytes:
    """What connecting to the unspecified address means."""
    return LOOPBACK4 if len(address) == 4 else LOOPBACK6

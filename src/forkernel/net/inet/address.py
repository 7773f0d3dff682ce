"""Addresses and the structs that carry them: struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).

An address is 4 bytes or 16, as on the wire. An IPv4 address that came as an IPv6 one (::ffff:a.b.c.d) is kept as its 4
bytes, whatever the family of the socket, and goes out as it came: what matters is who talks with whom.
"""

from __future__ import annotations

from forkernel.abi.inet import AF_INET, AF_INET6

ANY4 = bytes(4)
ANY6 = bytes(16)
LOOPBACK4 = b"\x7f\0\0\1"
LOOPBACK6 = bytes(15) + b"\1"
BROADCAST4 = b"\xff" * 4
MAPPED = bytes(10) + b"\xff\xff"
SOCKADDR_IN_SIZE = 16
SOCKADDR_IN6_SIZE = 28
SIN6_LEN_RFC2133 = 24
"""A sockaddr_in6 without its scope: still accepted."""

Endpoint = tuple[bytes, int]
"""Address and port."""


def is_multicast(address: bytes) -> bool:
    """224.0.0.0/4 or ff00::/8."""
    return address[0] & 0xF0 == 0xE0 if len(address) == 4 else address[0] == 0xFF


def is_linklocal(address: bytes) -> bool:
    """fe80::/10, which needs a scope; so do groups of that scope."""
    if len(address) == 4:
        return False
    return (address[0] == 0xFE and address[1] & 0xC0 == 0x80) or (address[0] == 0xFF and address[1] & 0xF in (1, 2))


def is_any(address: bytes) -> bool:
    """0.0.0.0 or ::."""
    return address in (ANY4, ANY6)


def unmapped(address: bytes) -> bytes:
    """The IPv4 address in a mapped one; others as they are."""
    return address[12:] if address.startswith(MAPPED) else address


def mapped(address: bytes) -> bytes:
    """16 bytes in any case."""
    return MAPPED + address if len(address) == 4 else address


def sockaddr_in(address: bytes, port: int) -> bytes:
    """struct sockaddr_in."""
    return AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + address + bytes(8)


def sockaddr_in6(address: bytes, port: int, scope: int = 0) -> bytes:
    """struct sockaddr_in6."""
    return (
        AF_INET6.to_bytes(2, "little") + port.to_bytes(2, "big") + bytes(4) + mapped(address)
        + scope.to_bytes(4, "little")
    )  # fmt: skip


def sockaddr(family: int, address: bytes, port: int) -> bytes:
    """The struct of a socket's family."""
    if family == AF_INET6:
        return sockaddr_in6(address, port, 1 if is_linklocal(address) else 0)
    return sockaddr_in(address, port)


def family_in(address: bytes) -> int:
    """sa_family of a struct sockaddr."""
    return int.from_bytes(address[:2], "little")


def port_in(address: bytes) -> int:
    """sin_port, sin6_port."""
    return int.from_bytes(address[2:4], "big")


def scope_in(address: bytes) -> int:
    """sin6_scope_id, 0 of the short struct."""
    return int.from_bytes(address[24:28], "little")

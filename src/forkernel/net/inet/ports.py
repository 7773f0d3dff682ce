"""Who may have which port: bind, ephemeral ports, and the port of a connect (Linux: inet_connection_sock.c,
inet_hashtables.c; SO_REUSEADDR and SO_REUSEPORT in socket(7)).

A port belongs to all sockets in its bucket: those bound to it, the connections accepted there, and what is left of
those for a minute. bind compares the newcomer with each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from forkernel.abi.capability import CAP_NET_BIND_SERVICE
from forkernel.abi.errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAGAIN
from forkernel.abi.inet import TCP_LISTEN, TCP_TIME_WAIT
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net.inet.address import ANY6, is_any
from forkernel.net.inet.netns import InetNet, Key, TimeWait

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile
    from forkernel.net.inet.udp import UdpFile

TW_REUSE_NS = 10**9
"""A connect may take the place of a finished connection of the loopback device after this (tcp_tw_reuse_delay)."""


def check_privileged(task: Any, inet: InetNet, port: int) -> None:
    """EACCES for a low port without CAP_NET_BIND_SERVICE."""
    if 0 < port < inet.unprivileged_port and not cap_capable(task.cred, inet.net.user_ns, CAP_NET_BIND_SERVICE):
        raise SysError(EACCES)


def same_address(one: Any, two: Any) -> bool:
    """Whether two sockets could both be meant by an address (Linux: inet_rcv_saddr_equal)."""
    first, second = one.rcv_saddr, two.rcv_saddr
    if first == second:
        return True
    if len(first) == len(second):
        return is_any(first) or is_any(second)
    six = one if len(first) == 16 else two
    return bool(six.rcv_saddr == ANY6 and not six.v6only)


def same_device(one: Any, two: Any) -> bool:
    """Whether two sockets could both get packets of a device."""
    return not one.bound_dev or not two.bound_dev or one.bound_dev == two.bound_dev


# --- TCP


def tcp_get_port(inet: InetNet, sock: TcpFile, port: int) -> None:
    """Give `sock` a port, any free one for 0; EADDRINUSE."""
    inet.purge()
    if port:
        if bind_conflict(inet, sock, port, chosen=True):
            raise SysError(EADDRINUSE)
    else:
        port = find_open_port(inet, sock)
    sock.lport = port
    sock.bound = True
    inet.tcp_ports.setdefault(port, {})[sock] = None


def put_port(inet: InetNet, sock: TcpFile) -> None:
    """The socket's connection is over, or it is: the port is free, unless bind asked for it by number and the socket
    lives (Linux: inet_put_port).
    """
    if sock.bound:
        inet.leave_port(sock.lport, sock)
        sock.bound = sock.was_bound = False


def bind_conflict(inet: InetNet, sock: TcpFile, port: int, chosen: bool) -> bool:
    """Whether somebody in the bucket keeps `sock` out (Linux: inet_csk_bind_conflict). A port that the kernel chose may
    not be shared by SO_REUSEPORT.
    """
    for other in inet.tcp_ports.get(port, ()):
        if other is sock or not same_device(sock, other) or not same_address(sock, other):
            continue
        friendly = sock.reuseport and other.reuseport and (other.state == TCP_TIME_WAIT or sock.uid == other.uid)
        if sock.reuse and other.reuse and other.state != TCP_LISTEN:
            if not chosen:
                return True
        elif not chosen or not friendly:
            return True
    return False


def find_open_port(inet: InetNet, sock: TcpFile) -> int:
    """A free port for bind: odd ones first, for connect prefers the even (Linux: inet_csk_find_open_port)."""
    low, high = inet.port_range
    high += 1
    halves = [(low, high)]
    if sock.reuse and high - low >= 4:
        middle = low + ((high - low) >> 2 << 1)
        halves = [(low, middle), (middle, high)]
    for first, last in halves:
        remaining = last - first
        if remaining > 1:
            remaining &= ~1
        offset: int = inet.net.system.rng.randrange(remaining) | 1
        for parity in (0, 1):
            for step in range(0, remaining, 2):
                port: int = first + (offset - parity + step) % remaining
                if port < last and not bind_conflict(inet, sock, port, chosen=False):
                    return port
    raise SysError(EADDRINUSE)


def connect_port(inet: InetNet, sock: TcpFile) -> None:
    """Take a place for a connection to (daddr, rport), and a port for it if the socket has none; EADDRNOTAVAIL (Linux:
    __inet_hash_connect).
    """
    inet.purge()
    if sock.bound:
        take_connection(inet, sock, sock.lport)
        return
    low, high = inet.port_range
    remaining = high + 1 - low
    if remaining > 1:
        remaining &= ~1
    offset = (crc32(sock.daddr + sock.rport.to_bytes(2, "big"), inet.secret) + inet.perturb) % remaining & ~1
    for parity in (0, 1):
        for step in range(0, remaining, 2):
            port = low + (offset + parity + step) % remaining
            if any(other.was_bound for other in inet.tcp_ports.get(port, ()) if not isinstance(other, TimeWait)):
                continue
            try:
                take_connection(inet, sock, port)
            except SysError:
                continue
            inet.perturb += step + 2
            sock.lport = port
            sock.bound = True
            inet.tcp_ports.setdefault(port, {})[sock] = None
            return
    raise SysError(EADDRNOTAVAIL)


def take_connection(inet: InetNet, sock: TcpFile, port: int) -> None:
    """Enter `sock` among the connections; EADDRNOTAVAIL when there is one like it (__inet_check_established)."""
    key: Key = (sock.saddr, port, sock.daddr, sock.rport)
    other = inet.connections.get(key)
    if other is not None:
        if not isinstance(other, TimeWait) or inet.now - other.since <= TW_REUSE_NS:
            raise SysError(EADDRNOTAVAIL)
        inet.drop(other)
    inet.connections[key] = sock
    sock.key = key


def find_listener(inet: InetNet, to: bytes, port: int, key: Key) -> TcpFile | None:
    """Who listens for connections to an address (Linux: inet_lookup_listener): the exact address before any, an IPv4
    socket before one of IPv6; `key` chooses among those that share by SO_REUSEPORT.
    """
    best: list[TcpFile] = []
    score = 0
    for sock in inet.listeners.get(port, ()):
        own = score_of(sock, to)
        if own > score:
            best, score = [sock], own
        elif own and own == score:
            best.append(sock)
    if len(best) > 1:
        return best[hash_of(inet, key) * len(best) >> 32]
    return best[0] if best else None


def score_of(sock: Any, to: bytes) -> int:
    """How well a bound socket fits a destination; 0: not at all."""
    own = sock.rcv_saddr
    if own == to:
        score = 4
    elif is_any(own) and (len(own) == len(to) or (len(own) == 16 and not sock.v6only)):
        score = 2 if len(own) == len(to) else 1
    else:
        return 0
    return score * 2 + bool(sock.bound_dev)


def hash_of(inet: InetNet, key: Key) -> int:
    """32 bits that depend on both ends (Linux: inet_ehashfn)."""
    data = key[0] + key[1].to_bytes(2, "big") + key[2] + key[3].to_bytes(2, "big")
    return crc32(data, inet.secret) * 0x9E3779B1 & 0xFFFFFFFF


# --- UDP


def udp_get_port(inet: InetNet, sock: UdpFile, port: int) -> None:
    """Give a datagram socket a port, any free one for 0; EADDRINUSE, EAGAIN (Linux: udp_lib_get_port)."""
    if port:
        if udp_conflict(inet, sock, port):
            raise SysError(EADDRINUSE)
    else:
        low, high = inet.port_range
        count = high + 1 - low
        first = inet.net.system.rng.randrange(count)
        for step in range(count):
            port = low + (first + step) % count
            if not inet.udp_ports.get(port):
                break
        else:
            raise SysError(EAGAIN)
    sock.lport = port
    inet.udp_ports.setdefault(port, []).insert(0, sock)


def udp_conflict(inet: InetNet, sock: UdpFile, port: int) -> bool:
    """Whether somebody with the port keeps `sock` out (Linux: udp_lib_lport_inuse)."""
    for other in inet.udp_ports.get(port, ()):
        if other is sock or (sock.reuse and other.reuse):
            continue
        if not same_device(sock, other) or not same_address(sock, other):
            continue
        if not (sock.reuseport and other.reuseport and sock.uid == other.uid):
            return True
    return False


def udp_unhash(inet: InetNet, sock: UdpFile) -> None:
    """The socket gives its port back."""
    owners = inet.udp_ports.get(sock.lport)
    if owners is not None and sock in owners:
        owners.remove(sock)
        if not owners:
            del inet.udp_ports[sock.lport]

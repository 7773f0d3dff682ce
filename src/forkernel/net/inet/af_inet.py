"""What sockets of AF_INET and AF_INET6 have in common: making, names, bind (Linux: af_inet.c, af_inet6.c; ip(7),
ipv6(7)).

A socket of the protocols derives from `InetFile`; `rcv_saddr` and `lport` are what it is bound to, `saddr`, `daddr` and
`rport` what it is connected to. Options below SOL_SOCKET are in ip_options.py and, of TCP, in tcp_options.py.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.capability import CAP_NET_RAW
from forkernel.abi.errno import (
    EACCES,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    EINVAL,
    ENETUNREACH,
    ENODEV,
    ENOPROTOOPT,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
)
from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    IP_FREEBIND,
    IP_TRANSPARENT,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_IP,
    IPPROTO_MAX,
    IPPROTO_TCP,
    IPPROTO_UDP,
    IPV6_FREEBIND,
    RTN_BROADCAST,
    RTN_UNICAST,
    SOL_IP,
    SOL_IPV6,
)
from forkernel.abi.socket import (
    AF_UNSPEC,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_TIMESTAMP,
    SO_TIMESTAMPNS,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_STREAM,
)
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net.inet.address import (
    ANY4,
    ANY6,
    LOOPBACK4,
    MAPPED,
    SIN6_LEN_RFC2133,
    SOCKADDR_IN_SIZE,
    family_in,
    is_any,
    is_linklocal,
    is_multicast,
    port_in,
    scope_in,
    sockaddr,
    unmapped,
)
from forkernel.net.inet.netns import InetNet, inet_of
from forkernel.net.inet.ports import check_privileged
from forkernel.net.inet.route import inet_addr_type, is_local6, loopback_of
from forkernel.net.socket import SocketFile

ADDRESS_LOCK, PORT_LOCK = 1, 2
STAMPS = (SO_TIMESTAMP, SO_TIMESTAMPNS)


class InetFile(SocketFile):
    """Linux: struct inet_sock."""

    __slots__ = (
        "bind_locks", "bound", "bound_dev", "daddr", "inet", "ip_options", "lport", "memberships", "rcv_saddr", "rport",
        "saddr", "v6only", "was_bound",
    )  # fmt: skip

    def __init__(self, task: Any, net: Any, kind: int, protocol: int = 0) -> None:
        super().__init__(task, net, kind, protocol)
        self.inet: InetNet = net.inet or inet_of(net)
        self.inet.open_sockets += 1
        any_address = ANY4 if self.family == AF_INET else ANY6
        self.rcv_saddr = any_address
        """What it is bound to: whom it receives for."""
        self.saddr = any_address
        """The source of what it sends, once that is settled."""
        self.daddr = any_address
        self.lport = self.rport = 0
        self.bound = False
        """Whether `lport` is its own: a connection that is over has a port to tell of, but it is not taken any more."""
        self.bind_locks = 0
        """ADDRESS_LOCK, PORT_LOCK: what bind gave explicitly, and a disconnect leaves."""
        self.v6only = False
        self.bound_dev = 0
        """Index of the device it is bound to (SO_BINDTODEVICE)."""
        self.was_bound = False
        """Whether its port was asked for by bind or listen, not given by connect."""
        self.ip_options: dict[tuple[int, int], int] | None = None
        """Options of SOL_IP and SOL_IPV6 that were set."""
        self.memberships: list[bytes] | None = None
        """Multicast groups joined."""

    @property
    def reuse(self) -> bool:
        """SO_REUSEADDR."""
        return bool(self.options.get(SO_REUSEADDR))

    @property
    def reuseport(self) -> bool:
        """SO_REUSEPORT."""
        return bool(self.options.get(SO_REUSEPORT))

    @property
    def uid(self) -> int:
        """Whose socket it is."""
        uid: int = self.inode.uid
        return uid

    def ip_option(self, level: int, name: int, default: int = 0) -> int:
        """The value of an option of SOL_IP or SOL_IPV6."""
        options = self.ip_options
        return options.get((level, name), default) if options else default

    # --- names
    def bind(self, task: Any, address: bytes) -> None:
        """Take an address and a port; EINVAL, EAFNOSUPPORT, EADDRNOTAVAIL, EACCES, EADDRINUSE."""
        if self.family == AF_INET:
            own = self.bind_address4(address)
        else:
            own = self.bind_address6(task, address)
        port = port_in(address)
        if self.kind != SOCK_RAW:
            check_privileged(task, self.inet, port)
        if self.bound or not self.unbound():
            raise SysError(EINVAL)
        self.rcv_saddr = self.saddr = own
        if is_multicast(own) or (len(own) == 4 and inet_addr_type(self.net, own) == RTN_BROADCAST):
            self.saddr = ANY4 if len(own) == 4 else ANY6
        try:
            self.get_port(task, port)
        except SysError:
            self.rcv_saddr = self.saddr = ANY4 if self.family == AF_INET else ANY6
            raise
        self.was_bound = self.bound = True
        self.bind_locks |= (0 if is_any(own) else ADDRESS_LOCK) | (PORT_LOCK if port else 0)

    def unbound(self) -> bool:
        """Whether its state allows bind."""
        return True

    def get_port(self, task: Any, port: int) -> None:
        """The protocol's part of bind."""
        raise SysError(EOPNOTSUPP)

    def freebind(self) -> bool:
        """Whether it may be bound to what is no address of the machine (inet_can_nonlocal_bind)."""
        return bool(
            self.inet.nonlocal_bind
            or self.ip_option(SOL_IP, IP_FREEBIND)
            or self.ip_option(SOL_IPV6, IPV6_FREEBIND)
            or self.ip_option(SOL_IP, IP_TRANSPARENT)
        )

    def bind_address4(self, address: bytes) -> bytes:
        """The address in a sockaddr_in that is bound to."""
        if len(address) < SOCKADDR_IN_SIZE:
            raise SysError(EINVAL)
        own = address[4:8]
        family = family_in(address)
        if family != AF_INET and (family != AF_UNSPEC or own != ANY4):
            raise SysError(EAFNOSUPPORT)
        self.check_local(own)
        return own

    def check_local(self, own: bytes) -> None:
        """EADDRNOTAVAIL for what is not the machine's."""
        if own != ANY4 and inet_addr_type(self.net, own) == RTN_UNICAST and not self.freebind():
            raise SysError(EADDRNOTAVAIL)

    def bind_address6(self, task: Any, address: bytes) -> bytes:
        """The address in a sockaddr_in6 that is bound to."""
        if len(address) < SIN6_LEN_RFC2133:
            raise SysError(EINVAL)
        if family_in(address) != AF_INET6:
            raise SysError(EAFNOSUPPORT)
        own = address[8:24]
        if is_multicast(own) and self.kind == SOCK_STREAM:
            raise SysError(EINVAL)
        if self.kind != SOCK_RAW:
            check_privileged(task, self.inet, port_in(address))
        if self.bound or not self.unbound():
            raise SysError(EINVAL)
        if own.startswith(MAPPED):
            if self.v6only:
                raise SysError(EINVAL)
            own = unmapped(own)
            self.check_local(own)
            return own
        if own != ANY6:
            if is_linklocal(own) and not scope_in(address) and not self.bound_dev:
                raise SysError(EINVAL)
            if not is_multicast(own) and not is_local6(self.net, own) and not self.freebind():
                raise SysError(EADDRNOTAVAIL)
        return own

    def destination(self, address: bytes, udp: bool = False) -> tuple[bytes, int, int]:
        """Address, port and scope of a sockaddr to connect or send to; EINVAL, EAFNOSUPPORT, ENETUNREACH."""
        if self.family == AF_INET:
            if len(address) < SOCKADDR_IN_SIZE:
                raise SysError(EINVAL)
            family = family_in(address)
            if family != AF_INET and (not udp or family != AF_UNSPEC):
                raise SysError(EAFNOSUPPORT)
            return address[4:8], port_in(address), 0
        family = family_in(address)
        if udp and family == AF_INET and len(address) >= SOCKADDR_IN_SIZE:
            if self.v6only:
                raise SysError(ENETUNREACH)
            return address[4:8], port_in(address), 0
        if len(address) < SIN6_LEN_RFC2133:
            raise SysError(EINVAL)
        if family != AF_INET6:
            raise SysError(EAFNOSUPPORT if not udp or family != AF_UNSPEC else EINVAL)
        to = address[8:24]
        if to.startswith(MAPPED):
            if self.v6only or (not udp and self.rcv_saddr != ANY6 and len(self.rcv_saddr) == 16):
                raise SysError(ENETUNREACH)
            return unmapped(to), port_in(address), 0
        if len(self.rcv_saddr) == 4 and to != ANY6:
            raise SysError(EAFNOSUPPORT if is_local6(self.net, to) else ENETUNREACH)
        return to, port_in(address), scope_in(address)

    def instead_of_any(self, to: bytes) -> bytes:
        """Whom the unspecified address means as a destination: the machine, for IPv4 the address that the socket is
        bound to (Linux: ip_route_output_key_hash_rcu).
        """
        if len(self.saddr) == 4 and not is_any(self.saddr):
            return self.saddr if len(to) == 4 else LOOPBACK4
        return loopback_of(to)

    def getname(self, peer: bool) -> bytes:
        """Own or the other's sockaddr; ENOTCONN."""
        if peer:
            if not self.connected():
                raise SysError(ENOTCONN)
            return sockaddr(self.family, self.daddr, self.rport)
        own = self.rcv_saddr
        if is_any(own):
            own = self.saddr
        return sockaddr(self.family, own, self.lport)

    def connected(self) -> bool:
        """Whether there is a peer to name."""
        return bool(self.rport)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """Requests about addresses, and those of any socket."""
        return self.inet_ioctl(task, cmd, arg)

    def inet_ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """Linux: inet_ioctl."""
        from forkernel.net.inet.devinet import REQUESTS, devinet_ioctl

        if cmd in REQUESTS:
            return devinet_ioctl(task, self.net, cmd, arg)
        return self.sock_ioctl(task, cmd, arg)

    # --- options
    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """Options of SOL_IP and SOL_IPV6."""
        from forkernel.net.inet.ip_options import ip_setsockopt

        ip_setsockopt(task, self, level, name, value, length)

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """Options of SOL_IP and SOL_IPV6."""
        from forkernel.net.inet.ip_options import ip_getsockopt

        return ip_getsockopt(self, level, name, room)

    def set_own_option(self, name: int, number: int) -> None:
        """SO_TIMESTAMP and SO_TIMESTAMPNS, of which the last one counts."""
        if name not in STAMPS:
            raise SysError(ENOPROTOOPT)
        for each in STAMPS:
            self.options.pop(each, None)
        self.options[name] = int(bool(number))

    def get_own_option(self, name: int) -> int:
        """Likewise."""
        if name not in STAMPS:
            raise SysError(ENOPROTOOPT)
        return self.options.get(name, 0)

    def bind_to_device(self, task: Any, name: bytes) -> None:
        """SO_BINDTODEVICE; ENODEV, EPERM to change it without CAP_NET_RAW."""
        name = name.split(b"\0")[0]
        if self.bound_dev and not cap_capable(task.cred, self.net.user_ns, CAP_NET_RAW):
            raise SysError(EPERM)
        if not name:
            self.bound_dev = 0
            return
        if name != self.net.loopback.name:
            raise SysError(ENODEV)
        self.bound_dev = self.net.loopback.index

    def bound_device(self) -> bytes:
        """SO_BINDTODEVICE."""
        return self.net.loopback.name + b"\0" if self.bound_dev else b""

    def release(self) -> None:
        """Leave the groups it is in."""
        self.inet.open_sockets -= 1
        if self.memberships:
            from forkernel.net.inet.multicast import leave_all

            leave_all(self)
        super().release()


# --- making


def create(task: Any, kind: int, protocol: int) -> SocketFile:
    """A socket of AF_INET."""
    return inet_create(task, AF_INET, kind, protocol)


def inet_create(task: Any, family: int, kind: int, protocol: int) -> SocketFile:
    """A socket of a type and protocol; EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM, EACCES (Linux: inet_create)."""
    if not 0 <= protocol < IPPROTO_MAX:
        raise SysError(EINVAL)
    net = task.nsproxy.net_ns
    if kind == SOCK_STREAM:
        if protocol not in (IPPROTO_IP, IPPROTO_TCP):
            raise SysError(EPROTONOSUPPORT)
        from forkernel.net.inet import tcp

        return (tcp.TcpFile if family == AF_INET else tcp.Tcp6File)(task, net, kind, IPPROTO_TCP)
    if kind == SOCK_DGRAM:
        return create_dgram(task, net, family, protocol)
    if kind == SOCK_RAW:
        if protocol == IPPROTO_IP:
            raise SysError(EPROTONOSUPPORT)
        if not cap_capable(task.cred, net.user_ns, CAP_NET_RAW):
            raise SysError(EPERM)
        from forkernel.net.inet import raw

        return (raw.RawFile if family == AF_INET else raw.Raw6File)(task, net, kind, protocol)
    raise SysError(ESOCKTNOSUPPORT)


def create_dgram(task: Any, net: Any, family: int, protocol: int) -> SocketFile:
    """UDP, or an echo socket of ICMP for those groups that may (icmp(7))."""
    if protocol in (IPPROTO_IP, IPPROTO_UDP):
        from forkernel.net.inet import udp

        return (udp.UdpFile if family == AF_INET else udp.Udp6File)(task, net, SOCK_DGRAM, IPPROTO_UDP)
    if protocol == (IPPROTO_ICMP if family == AF_INET else IPPROTO_ICMPV6):
        from forkernel.net.inet import ping

        low, high = inet_of(net).ping_group_range
        if not any(low <= group <= high for group in (task.cred.egid, *task.cred.groups)):
            raise SysError(EACCES)
        return (ping.PingFile if family == AF_INET else ping.Ping6File)(task, net, SOCK_DGRAM, protocol)
    raise SysError(EPROTONOSUPPORT)

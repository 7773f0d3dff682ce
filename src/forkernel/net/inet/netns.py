"""What a network namespace keeps for the Internet families (Linux: struct netns_ipv4, net->mib, the hash tables).

Life cycle: `inet_of` makes it when the first such socket is made or somebody reads its files. Sockets enter the tables
of ports and connections by themselves. A connection that has ended stays as a `TimeWait` for a minute: nothing runs
when that is over, the entry is dropped when somebody looks (`purge`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.abi.inet import TCP_FIN_WAIT2, TCP_TIME_WAIT

if TYPE_CHECKING:
    from forkernel.net.inet.raw import RawFile
    from forkernel.net.inet.tcp import TcpFile
    from forkernel.net.inet.udp import UdpFile
    from forkernel.net.net_namespace import NetNamespace

NSEC_PER_SEC = 10**9
TIMEWAIT_NS = 60 * NSEC_PER_SEC
"""TCP_TIMEWAIT_LEN."""
Key = tuple[bytes, int, bytes, int]
"""A connection as one end has it: own address and port, the other's."""


class TimeWait:
    """An end that nobody has open any more and that only its port remembers (Linux: struct inet_timewait_sock)."""

    __slots__ = (
        "bound_dev", "expires", "family", "key", "rcv_saddr", "reuse", "reuseport", "since", "state", "uid", "v6only",
    )  # fmt: skip

    def __init__(self, sock: TcpFile, state: int, now: int, length: int) -> None:
        self.key = sock.key
        self.family = sock.family
        self.rcv_saddr = sock.saddr
        self.v6only = sock.v6only
        self.reuse, self.reuseport = sock.reuse, sock.reuseport
        self.uid = sock.inode.uid
        self.bound_dev = sock.bound_dev
        self.state = state
        """TCP_FIN_WAIT2 (the other end has not closed) or TCP_TIME_WAIT."""
        self.since = now
        self.expires = now + length


class InetNet:
    """Linux: the Internet part of struct net."""

    __slots__ = (
        "connections", "default_ttl", "fin_timeout", "listeners", "mib", "net", "perturb", "ping_group_range",
        "pings", "port_range", "raws", "secret", "syn_retries", "tcp_ports", "tcp_rmem", "tcp_wmem", "timewaits",
        "tw_count", "udp_ports", "open_sockets", "tcp_alloc", "unprivileged_port", "keepalive", "orphans",
        "nonlocal_bind", "groups",
    )  # fmt: skip

    def __init__(self, net: NetNamespace) -> None:
        self.net = net
        self.secret: int = net.system.rng.getrandbits(32)
        """Of hashes that choose ports and listeners."""
        self.perturb = 0
        self.tcp_ports: dict[int, dict[TcpFile | TimeWait, None]] = {}
        """Who has a TCP port, in order of coming (Linux: inet_bind_hashbucket)."""
        self.listeners: dict[int, list[TcpFile]] = {}
        self.connections: dict[Key, TcpFile | TimeWait] = {}
        """Ends of connections (Linux: ehash)."""
        self.timewaits: deque[tuple[int, TimeWait]] = deque()
        """When each is over, soonest first; entries whose time has changed since are stale."""
        self.tw_count = 0
        self.open_sockets = self.tcp_alloc = 0
        """Sockets that somebody has open, and those of TCP among them."""
        self.orphans = 0
        """Ends that nobody has open and that are not over."""
        self.udp_ports: dict[int, list[UdpFile]] = {}
        """Latest first."""
        self.raws: dict[RawFile, None] = {}
        self.pings: dict[int, Any] = {}
        self.groups: dict[bytes, int] = {}
        """Multicast groups that the device has joined, with users."""
        self.mib = Mib()
        # --- settings (/proc/sys/net/ipv4)
        self.port_range = (32768, 60999)
        self.unprivileged_port = 1024
        self.ping_group_range = (1, 0)
        self.default_ttl = 64
        self.nonlocal_bind = 0
        self.fin_timeout = 60
        self.syn_retries = 6
        self.keepalive = (7200, 75, 9)
        """tcp_keepalive_time, _intvl (seconds), _probes."""
        self.tcp_rmem = (4096, 131072, 33554432)
        self.tcp_wmem = (4096, 16384, 4194304)

    @property
    def now(self) -> int:
        """CLOCK_MONOTONIC."""
        now: int = self.net.system.clock.monotonic()
        return now

    # --- ends that only their port remembers
    def time_wait(self, sock: TcpFile, state: int, seconds: int) -> TimeWait:
        """Put one in the place of `sock` (Linux: tcp_time_wait)."""
        now = self.now
        wait = TimeWait(sock, state, now, seconds * NSEC_PER_SEC)
        self.connections[wait.key] = wait
        self.tcp_ports[sock.lport][wait] = None
        self.timewaits.append((wait.expires, wait))
        self.tw_count += 1
        self.mib.timewaits += 1
        return wait

    def other_closed(self, wait: TimeWait) -> None:
        """The other end's FIN came: the minute begins."""
        if wait.state == TCP_FIN_WAIT2 and self.connections.get(wait.key) is wait:
            wait.state = TCP_TIME_WAIT
            wait.since = self.now
            wait.expires = wait.since + TIMEWAIT_NS
            self.timewaits.append((wait.expires, wait))

    def drop(self, wait: TimeWait) -> None:
        """Forget one (Linux: inet_twsk_kill)."""
        if not wait.expires:
            return
        if self.connections.get(wait.key) is wait:
            del self.connections[wait.key]
        wait.expires = 0
        self.tw_count -= 1
        self.leave_port(wait.key[1], wait)

    def purge(self) -> None:
        """Forget those whose time is over."""
        waits = self.timewaits
        if not waits:
            return
        now = self.now
        while waits and (waits[0][0] <= now or waits[0][1].expires != waits[0][0]):
            expires, wait = waits.popleft()
            if wait.expires == expires:
                self.drop(wait)

    # --- ports of TCP
    def leave_port(self, port: int, owner: TcpFile | TimeWait) -> None:
        """`owner` has no use for the port any more."""
        bucket = self.tcp_ports.get(port)
        if bucket is not None:
            bucket.pop(owner, None)
            if not bucket:
                del self.tcp_ports[port]


class Mib:
    """Counters of /proc/net/snmp and netstat (Linux: net->mib)."""

    __slots__ = (
        "active_opens", "attempt_fails", "estab_resets", "icmp6_in", "icmp6_out", "icmp_echo_reps", "icmp_echos",
        "icmp_in", "icmp_out", "icmp_unreach", "in_datagrams", "in_datagrams6", "listen_overflows", "no_ports",
        "no_ports6", "out_datagrams", "out_datagrams6", "out_rsts", "passive_opens", "rcvbuf_errors",
        "rcvbuf_errors6", "retrans_segs", "segs", "timeouts", "timewaits",
    )  # fmt: skip

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    active_opens: int
    passive_opens: int
    attempt_fails: int
    estab_resets: int
    out_rsts: int
    segs: int
    retrans_segs: int
    listen_overflows: int
    timeouts: int
    timewaits: int
    in_datagrams: int
    out_datagrams: int
    no_ports: int
    rcvbuf_errors: int
    in_datagrams6: int
    out_datagrams6: int
    no_ports6: int
    rcvbuf_errors6: int
    icmp_in: int
    icmp_out: int
    icmp_echos: int
    icmp_echo_reps: int
    icmp_unreach: int
    icmp6_in: int
    icmp6_out: int


def inet_of(net: NetNamespace) -> InetNet:
    """The Internet part of a namespace."""
    found: InetNet | None = net.inet
    if found is None:
        found = net.inet = InetNet(net)
    return found

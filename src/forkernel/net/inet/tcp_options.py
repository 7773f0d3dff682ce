"""Options of SOL_TCP (Linux: do_tcp_setsockopt, do_tcp_getsockopt; tcp(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ENOENT, ENOPROTOOPT
from forkernel.abi.inet import (
    SOL_TCP,
    TCP_CLOSE,
    TCP_CONGESTION,
    TCP_CORK,
    TCP_DEFER_ACCEPT,
    TCP_FASTOPEN,
    TCP_FASTOPEN_CONNECT,
    TCP_INFO,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_LINGER2,
    TCP_LISTEN,
    TCP_MAXSEG,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_QUICKACK,
    TCP_SYNCNT,
    TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
)
from forkernel.errors import SysError
from forkernel.net.inet.ip_options import ip_getsockopt, ip_setsockopt
from forkernel.net.inet.tcp import CORKED, MSS, NODELAY

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile

CA_NAMES = (b"reno", b"cubic")
"""Congestion control has nothing to do over this device; the choice is kept."""
TCP_CA_NAME_MAX = 16
TCP_MIN_MSS, MAX_TCP_WINDOW = 88, 32767
MSS_DEFAULT = 536
FIRST_WINDOW = 65536
FIN_TIMEOUT_MAX = 120
MIN_CLAMP = 1152
LIMITS = {
    TCP_KEEPIDLE: (1, 32767), TCP_KEEPINTVL: (1, 32767), TCP_KEEPCNT: (1, 127), TCP_SYNCNT: (1, 127),
    TCP_USER_TIMEOUT: (0, (1 << 31) - 1), TCP_FASTOPEN_CONNECT: (0, 1), TCP_FASTOPEN: (0, (1 << 31) - 1),
    TCP_LINGER2: (-(1 << 31), (1 << 31) - 1), TCP_DEFER_ACCEPT: (-(1 << 31), (1 << 31) - 1),
    TCP_NOTSENT_LOWAT: (-(1 << 31), (1 << 31) - 1), TCP_QUICKACK: (-(1 << 31), (1 << 31) - 1),
    TCP_MAXSEG: (-(1 << 31), (1 << 31) - 1), TCP_WINDOW_CLAMP: (-(1 << 31), (1 << 31) - 1),
}  # fmt: skip
FIELDS = {
    TCP_KEEPIDLE: "keepidle", TCP_KEEPINTVL: "keepintvl", TCP_KEEPCNT: "keepcnt", TCP_SYNCNT: "syn_count",
    TCP_USER_TIMEOUT: "user_timeout", TCP_FASTOPEN: "fastopen", TCP_NOTSENT_LOWAT: "notsent_lowat",
    TCP_QUICKACK: "quickack", TCP_MAXSEG: "maxseg", TCP_WINDOW_CLAMP: "window_clamp", TCP_LINGER2: "linger2",
    TCP_DEFER_ACCEPT: "defer_accept", TCP_FASTOPEN_CONNECT: "fastopen_connect",
}  # fmt: skip


class TcpOptions:
    """What was set; 0: nothing."""

    __slots__ = (
        "congestion", "defer_accept", "deferred", "fastopen", "fastopen_connect", "keepcnt", "keepidle", "keepintvl",
        "linger2", "maxseg", "notsent_lowat", "quickack", "syn_count", "user_timeout", "window_clamp",
    )  # fmt: skip

    def __init__(self) -> None:
        self.congestion = b"cubic"
        self.deferred: dict[TcpFile, None] = {}
        """Of a listener: connections that wait for their first data."""
        self.defer_accept = 0
        """Seconds."""
        self.keepidle = self.keepintvl = self.keepcnt = 0
        self.linger2 = 0
        """Seconds; -1: none at all."""
        self.notsent_lowat = 0
        self.syn_count = 0
        self.user_timeout = 0
        """Milliseconds."""
        self.quickack = 1
        self.maxseg = self.window_clamp = self.fastopen = self.fastopen_connect = 0

    def inherited(self) -> TcpOptions:
        """For an accepted socket."""
        copy = TcpOptions()
        for name in self.__slots__:
            if name != "deferred":
                setattr(copy, name, getattr(self, name))
        return copy


def options_of(sock: TcpFile) -> TcpOptions:
    """The socket's own, made at the first use."""
    if sock.opts is None:
        sock.opts = TcpOptions()
    return sock.opts


def defer_period(seconds: int) -> int:
    """After how many seconds the SYN's answer has been sent often enough to last `seconds` (secs_to_retrans)."""
    period = timeout = 1
    if seconds <= 0:
        return 0
    while seconds > period and period < 1 << 16:
        timeout = min(timeout * 2, 120)
        period += timeout
    return period


def tcp_setsockopt(task: Any, sock: TcpFile, level: int, name: int, value: Any, length: int) -> None:
    """Set one; EINVAL, ENOENT, ENOPROTOOPT."""
    if level != SOL_TCP:
        ip_setsockopt(task, sock, level, name, value, length)
        return
    if name == TCP_CONGESTION:
        if length < 1:
            raise SysError(EINVAL)
        wanted = value.read(min(length, TCP_CA_NAME_MAX - 1)).split(b"\0")[0]
        if wanted not in CA_NAMES:
            raise SysError(ENOENT)
        options_of(sock).congestion = wanted
        return
    if length < 4:
        raise SysError(EINVAL)
    number = int.from_bytes(value.read(4), "little", signed=True)
    if name in (TCP_NODELAY, TCP_CORK):
        bit = NODELAY if name == TCP_NODELAY else CORKED
        sock.nonagle = sock.nonagle | bit if number else sock.nonagle & ~bit
        if (name == TCP_NODELAY) == bool(number):
            sock.push(0)
        return
    set_number(sock, name, number)


def set_number(sock: TcpFile, name: int, number: int) -> None:
    """The options that are numbers."""
    if name not in LIMITS:
        raise SysError(ENOPROTOOPT)
    low, high = LIMITS[name]
    if not low <= number <= high:
        raise SysError(EINVAL)
    if name in (TCP_FASTOPEN, TCP_FASTOPEN_CONNECT) and sock.state not in (TCP_CLOSE, TCP_LISTEN):
        raise SysError(EINVAL)
    if name == TCP_LINGER2:
        number = -1 if number < 0 else min(number, FIN_TIMEOUT_MAX)
    elif name == TCP_DEFER_ACCEPT:
        number = defer_period(number)
    elif name == TCP_MAXSEG and number and not TCP_MIN_MSS <= number <= MAX_TCP_WINDOW:
        raise SysError(EINVAL)
    elif name == TCP_WINDOW_CLAMP:
        if not number and sock.state != TCP_CLOSE:
            raise SysError(EINVAL)
        number = max(number, MIN_CLAMP) if number else 0
    elif name == TCP_NOTSENT_LOWAT:
        number &= 0xFFFFFFFF
    elif name == TCP_QUICKACK:
        number &= 1
    setattr(options_of(sock), FIELDS[name], number)


def tcp_getsockopt(task: Any, sock: TcpFile, level: int, name: int, room: int) -> bytes:
    """The value of one; ENOPROTOOPT."""
    if level != SOL_TCP:
        return ip_getsockopt(sock, level, name, room)
    if name == TCP_INFO:
        from forkernel.net.inet.tcp_info import tcp_info

        return tcp_info(sock)
    if name == TCP_CONGESTION:
        return (sock.opts.congestion if sock.opts is not None else CA_NAMES[1]).ljust(TCP_CA_NAME_MAX, b"\0")
    return (number_of(sock, name) & 0xFFFFFFFF).to_bytes(4, "little")


def number_of(sock: TcpFile, name: int) -> int:
    """The options that are numbers, with what the namespace says where nothing was set."""
    if name in (TCP_NODELAY, TCP_CORK):
        return int(bool(sock.nonagle & (NODELAY if name == TCP_NODELAY else CORKED)))
    if name not in FIELDS:
        raise SysError(ENOPROTOOPT)
    if name == TCP_MAXSEG:
        return mss_of(sock)
    inet = sock.inet
    number: int = getattr(sock.opts, FIELDS[name]) if sock.opts is not None else int(name == TCP_QUICKACK)
    if name == TCP_LINGER2 and number == 0:
        return inet.fin_timeout
    defaults = dict(zip((TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT), inet.keepalive, strict=True))
    defaults[TCP_SYNCNT] = inet.syn_retries
    return number or defaults.get(name, 0)


def mss_of(sock: TcpFile) -> int:
    """TCP_MAXSEG: of a connection, or what was asked for."""
    asked = sock.opts.maxseg if sock.opts is not None else 0
    if sock.state in (TCP_CLOSE, TCP_LISTEN):
        return asked or MSS_DEFAULT
    other = sock.peer.opts.maxseg if sock.peer is not None and sock.peer.opts is not None else 0
    least = min((size for size in (asked, other) if size), default=0)
    if least:
        return least - 12
    if max(sock.bytes_acked, sock.copied_seq) <= FIRST_WINDOW:  # half of the largest window that was seen
        return FIRST_WINDOW >> 1
    return MSS - (20 if len(sock.daddr) == 16 else 0)

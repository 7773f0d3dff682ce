"""Timers of connections: SYN and data that go unanswered, corks, deferred accepts (Linux: tcp_timer.c).

A connection has one timer. A SYN goes unanswered while the listener's queue is full or the device is down, data while
the device is down. Whatever else takes its time on Linux over a network is over at once here, and keep-alive probes
are always answered: nothing runs for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ETIMEDOUT
from forkernel.abi.inet import TCP_SYN_RECV, TCP_SYN_SENT

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile

NSEC_PER_MSEC = 10**6
TIMEOUT_INIT = 1000 * NSEC_PER_MSEC
RTO_MIN = 200 * NSEC_PER_MSEC
RTO_MAX = 120000 * NSEC_PER_MSEC
SYN_LINEAR_TIMEOUTS = 4
"""net.ipv4.tcp_syn_linear_timeouts: so many more tries a second apart before the time doubles."""
RETRIES2 = 15
"""net.ipv4.tcp_retries2."""
SYN, RTO, CORK, DEFER = range(4)


class TcpTimer:
    """An entry of the machine's timer queue (kernel/hrtimer.py), for one connection."""

    __slots__ = ("expires", "kind", "since", "sock", "ticket")

    def __init__(self, sock: TcpFile, kind: int) -> None:
        self.sock = sock
        self.kind = kind
        self.expires = 0
        self.ticket = 0
        self.since = sock.inet.now
        """When what it is about began."""

    def fire(self) -> None:
        """It is time."""
        sock = self.sock
        if self.kind == SYN:
            syn_timeout(sock, self)
        elif self.kind == RTO:
            rto_timeout(sock, self)
        elif self.kind == CORK:
            sock.timer = None
            from forkernel.net.inet.tcp_output import push_all

            push_all(sock)
        elif sock.state == TCP_SYN_RECV:
            from forkernel.net.inet.tcp_conn import undefer

            undefer(sock)


def start(sock: TcpFile, timer: TcpTimer, delay: int) -> None:
    """Have it fire after `delay` ns."""
    sock.timer = timer
    sock.net.system.timers.start(timer, sock.inet.now + delay)


def stop_timer(sock: TcpFile) -> None:
    """No timer any more."""
    if sock.timer is not None:
        sock.net.system.timers.cancel(sock.timer)
        sock.timer = None
    sock.retransmits = 0


def user_timeout(sock: TcpFile) -> int:
    """TCP_USER_TIMEOUT in ns, 0 for none."""
    return sock.opts.user_timeout * NSEC_PER_MSEC if sock.opts is not None else 0


def start_syn_timer(sock: TcpFile) -> None:
    """The SYN was not answered: once more, later."""
    if sock.timer is None:
        start(sock, TcpTimer(sock, SYN), TIMEOUT_INIT)


def syn_timeout(sock: TcpFile, timer: TcpTimer) -> None:
    """Send the SYN again, or give up (Linux: tcp_write_timeout)."""
    from forkernel.net.inet.tcp_conn import fail, send_syn

    retries = (sock.opts.syn_count if sock.opts is not None else 0) or sock.inet.syn_retries
    limit = user_timeout(sock)
    if sock.retransmits >= retries + SYN_LINEAR_TIMEOUTS or (limit and sock.inet.now - timer.since >= limit):
        sock.inet.mib.attempt_fails += 1
        sock.inet.mib.timeouts += 1
        fail(sock, ETIMEDOUT)
        return
    sock.retransmits += 1
    sock.inet.mib.retrans_segs += 1
    send_syn(sock)
    if sock.state == TCP_SYN_SENT:
        start(sock, timer, TIMEOUT_INIT << max(0, sock.retransmits - SYN_LINEAR_TIMEOUTS))


def start_rto_timer(sock: TcpFile) -> None:
    """Data was not acknowledged."""
    timer = sock.timer
    if timer is not None and timer.kind == RTO:
        return
    stop_timer(sock)
    start(sock, TcpTimer(sock, RTO), RTO_MIN)


def rto_timeout(sock: TcpFile, timer: TcpTimer) -> None:
    """Send it again, or give up."""
    from forkernel.net.inet.route import is_up
    from forkernel.net.inet.tcp_conn import fail
    from forkernel.net.inet.tcp_output import push_all

    limit = user_timeout(sock)
    if is_up(sock.net):
        stop_timer(sock)
        push_all(sock)
    elif sock.retransmits >= RETRIES2 or (limit and sock.inet.now - timer.since >= limit):
        sock.inet.mib.timeouts += 1
        fail(sock, ETIMEDOUT)
    else:
        sock.retransmits += 1
        sock.inet.mib.retrans_segs += 1
        start(sock, timer, min(RTO_MIN << sock.retransmits, RTO_MAX))


def start_cork_timer(sock: TcpFile) -> None:
    """A corked piece goes out after 200 ms all the same (TCP_CORK in tcp(7))."""
    if sock.timer is None:
        start(sock, TcpTimer(sock, CORK), RTO_MIN)


def start_defer_timer(listener: TcpFile, child: TcpFile) -> None:
    """TCP_DEFER_ACCEPT: without data the connection can be accepted after a time all the same."""
    assert listener.opts is not None
    start(child, TcpTimer(child, DEFER), listener.opts.defer_accept * 10**9)

"""How TCP connections begin and end (Linux: tcp_input.c, tcp_minisocks.c, tcp_close; the states in tcp(7), RFC 9293).

    connect: CLOSE - SYN_SENT - ESTABLISHED          accept's end: SYN_RECV - ESTABLISHED
    first to close: FIN_WAIT1 - FIN_WAIT2 - TIME_WAIT          second: CLOSE_WAIT - LAST_ACK - CLOSE

Both ends are of this machine, so a step of one is a call of the other's `receive_fin` or `reset`. What takes time is
written as such: bytes that wait for the window keep the FIN back, a full listener lets the SYN wait for its timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import (
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    ENETUNREACH,
    ENOTCONN,
    EPIPE,
)
from forkernel.abi.inet import (
    RTN_LOCAL,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_TIME_WAIT,
)
from forkernel.abi.socket import RCV_SHUTDOWN, SEND_SHUTDOWN, SO_LINGER
from forkernel.errors import SysError
from forkernel.net.inet.address import ANY4, ANY6, is_any
from forkernel.net.inet.af_inet import ADDRESS_LOCK, PORT_LOCK
from forkernel.net.inet.netns import TimeWait
from forkernel.net.inet.ports import connect_port, find_listener, put_port, tcp_get_port
from forkernel.net.inet.route import is_up, route_output
from forkernel.net.inet.tcp import SS_CONNECTED, SS_CONNECTING, SS_DISCONNECTING, SS_UNCONNECTED
from forkernel.net.inet.tcp_output import push_all
from forkernel.net.socket import RDWR_SHUTDOWN, SNDBUF_LOCK
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile

SNDBUF_AT_START = 2626560
"""Send buffer of a connection over `lo` whose size nobody has set: twice the initial congestion window's segments
(tcp_sndbuf_expand).
"""
TCP_TIMEWAIT = 60


# --- listening


def start_listening(sock: TcpFile) -> None:
    """listen: a port if it has none, and the place where connections are looked for (Linux: inet_csk_listen_start)."""
    sock.state = TCP_LISTEN
    try:
        tcp_get_port(sock.inet, sock, sock.lport if sock.bound else 0)
    except SysError:
        sock.state = TCP_CLOSE
        raise
    sock.was_bound = True
    if sock.accept_wait is None:
        sock.accept_wait = WaitQueue()
    sock.inet.listeners.setdefault(sock.lport, []).append(sock)


def stop_listening(sock: TcpFile) -> None:
    """No more connections; those that nobody has accepted are reset (Linux: inet_csk_listen_stop)."""
    listeners = sock.inet.listeners[sock.lport]
    listeners.remove(sock)
    if not listeners:
        del sock.inet.listeners[sock.lport]
    sock.state = TCP_CLOSE
    if not sock.bind_locks & PORT_LOCK:
        put_port(sock.inet, sock)
    while sock.accept_queue:
        child = sock.accept_queue.popleft()
        child.listener = None
        abort(child)
        child.put()
    if sock.opts is not None:
        for child in list(sock.opts.deferred):
            abort(child)
            child.put()
        sock.opts.deferred.clear()


# --- connecting


def tcp_connect(sock: TcpFile, address: bytes) -> None:
    """Send a SYN; what there is to say against it at once (Linux: tcp_v4_connect, tcp_v6_connect)."""
    to, port, scope = sock.destination(address)
    if is_any(to):
        to = sock.instead_of_any(to)
    own = sock.rcv_saddr if len(sock.rcv_saddr) == len(to) else (ANY4 if len(to) == 4 else ANY6)
    source, kind = route_output(sock.net, to, own, scope)
    if kind != RTN_LOCAL:
        raise SysError(ENETUNREACH)
    before = sock.rcv_saddr, sock.saddr
    sock.saddr = source
    sock.daddr, sock.rport = to, port
    try:
        connect_port(sock.inet, sock)
    except SysError:
        sock.rcv_saddr, sock.saddr = before
        sock.daddr, sock.rport = before[0], 0
        raise
    sock.rcv_saddr = source
    sock.state = TCP_SYN_SENT
    sock.error = 0
    sock.fin_seen = False
    sock.inet.mib.active_opens += 1
    send_syn(sock)


def connect_failed(sock: TcpFile) -> SysError:
    """The answer to a connect that was refused, reset or timed out; the socket may try again."""
    error, sock.error = sock.error or ECONNABORTED, 0
    disconnect(sock)
    return SysError(error)


def send_syn(sock: TcpFile) -> None:
    """Ask the other side, again if it does not answer."""
    from forkernel.net.inet.tcp_timer import start_syn_timer

    inet, mib = sock.inet, sock.inet.mib
    mib.segs += 1
    if not is_up(sock.net):
        start_syn_timer(sock)
        return
    theirs = (sock.daddr, sock.rport, sock.saddr, sock.lport)
    if theirs == sock.key:  # it asks itself: both ends are one (RFC 9293, simultaneous open)
        establish(sock, sock)
        shut_inherited(sock)
        return
    old = inet.connections.get(theirs)
    if isinstance(old, TimeWait):
        inet.drop(old)
    elif old is not None:
        if old.state == TCP_SYN_SENT:
            mib.passive_opens += 1
            establish(sock, old)
            establish(old, sock)
            return
        reset(old)
    listener = find_listener(inet, sock.daddr, sock.rport, theirs)
    if listener is None:
        mib.out_rsts += 1
        mib.segs += 1
        mib.attempt_fails += 1
        reset(sock)
    elif len(listener.accept_queue) > listener.max_backlog:
        mib.listen_overflows += 1
        start_syn_timer(sock)
    else:
        syn_received(listener, sock)


def syn_received(listener: TcpFile, sock: TcpFile) -> None:
    """Make the accepting end (Linux: tcp_conn_request, tcp_v4_syn_recv_sock)."""
    child = type(listener)(listener.net.system.init_task, listener.net, listener.kind, listener.protocol)
    inherit(listener, child)
    child.key = (sock.daddr, sock.rport, sock.saddr, sock.lport)
    child.rcv_saddr = child.saddr = sock.daddr
    child.daddr, child.lport, child.rport = sock.saddr, sock.rport, sock.lport
    inet = listener.inet
    inet.connections[child.key] = child
    inet.tcp_ports[child.lport][child] = None
    inet.mib.passive_opens += 1
    inet.mib.segs += 2
    device = sock.net.loopback
    device.packets += 3
    device.bytes += 3 * 60 - 8
    establish(sock, child)
    establish(child, sock)
    child.listener = listener
    if listener.opts is not None and listener.opts.defer_accept:
        child.state = TCP_SYN_RECV
        from forkernel.net.inet.tcp_timer import start_defer_timer

        listener.opts.deferred[child] = None
        start_defer_timer(listener, child)
    else:
        to_accept(listener, child)
    shut_inherited(child)


def shut_inherited(sock: TcpFile) -> None:
    """What was shut down before it was connected, or its listener before it listened, ends its direction at once."""
    if sock.shut & SEND_SHUTDOWN:
        close_state(sock)
        send_fin(sock)


def to_accept(listener: TcpFile, child: TcpFile) -> None:
    """A connection is complete: one of those in accept wakes, and whoever polls."""
    listener.accept_queue.append(child)
    assert listener.accept_wait is not None
    if listener.accept_wait.waiters:
        listener.accept_wait.wake_up(1)
    listener.rd_wait.wake_up()
    if listener.f_owner is not None:
        listener.async_in()


def inherit(listener: TcpFile, child: TcpFile) -> None:
    """What an accepted socket takes over from its listener (Linux: sk_clone_lock)."""
    child.options = dict(listener.options)
    child.sndbuf, child.rcvbuf = listener.sndbuf, listener.rcvbuf
    child.userlocks = listener.userlocks
    child.rcv_timeout, child.snd_timeout = listener.rcv_timeout, listener.snd_timeout
    child.nonagle, child.shut = listener.nonagle, listener.shut
    child.v6only, child.bound_dev = listener.v6only, listener.bound_dev
    child.was_bound = child.bound = True
    child.bind_locks = listener.bind_locks & ADDRESS_LOCK
    child.inode.uid = child.inode.gid = 0
    if listener.ip_options is not None:
        child.ip_options = dict(listener.ip_options)
    if listener.opts is not None:
        child.opts = listener.opts.inherited()


def establish(sock: TcpFile, peer: TcpFile) -> None:
    """An end is open (Linux: tcp_finish_connect, tcp_init_transfer)."""
    sock.state = TCP_ESTABLISHED
    sock.peer = peer
    if not sock.userlocks & SNDBUF_LOCK:
        sock.sndbuf = max(sock.sndbuf, min(SNDBUF_AT_START, sock.inet.tcp_wmem[2]))
    sock.window = window_of(sock)
    sock.copied_seq = sock.bytes_acked = 0
    sock.lsndtime = sock.lrcvtime = sock.inet.net.system.clock.now
    if sock.timer is not None:
        from forkernel.net.inet.tcp_timer import stop_timer

        stop_timer(sock)
    if sock.wr_wait.waiters or sock.rd_wait.waiters:
        sock.wake_all()


def window_of(sock: TcpFile) -> int:
    """Bytes that a receive buffer takes: a quarter of it is for overhead."""
    return sock.rcvbuf - (sock.rcvbuf >> 2)


# --- ending


def shut_down(sock: TcpFile, how: int) -> None:
    """Linux: inet_shutdown, tcp_shutdown."""
    if sock.sock_state == SS_CONNECTING:
        over = sock.state in (TCP_SYN_SENT, TCP_SYN_RECV, TCP_CLOSE)
        sock.sock_state = SS_DISCONNECTING if over else SS_CONNECTED
    if sock.state == TCP_CLOSE:
        sock.shut |= how
        sock.wake_all()
        raise SysError(ENOTCONN)
    if sock.state in (TCP_LISTEN, TCP_SYN_SENT):
        if sock.state == TCP_LISTEN and not how & RCV_SHUTDOWN:
            return
        disconnect(sock)
        return
    sock.shut |= how
    if how & SEND_SHUTDOWN and sock.state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_SYN_RECV):
        close_state(sock)
        send_fin(sock)
    sock.wake_all()


def close_state(sock: TcpFile) -> None:
    """The state after our own FIN (Linux: tcp_close_state)."""
    sock.state = TCP_LAST_ACK if sock.state == TCP_CLOSE_WAIT else TCP_FIN_WAIT1


def send_fin(sock: TcpFile) -> None:
    """Tell the peer that no more comes, after what still waits."""
    push_all(sock)
    if sock.sndq:
        sock.fin_pending = True
        return
    sock.fin_pending = False
    peer = sock.peer
    segs = 1 if sock.state == TCP_FIN_WAIT1 else 2  # the acknowledgement of the first goes with the second
    sock.inet.mib.segs += segs
    device = sock.net.loopback
    device.packets += segs
    device.bytes += 52 * segs
    if peer is None:
        fin_acked(sock)
        return
    if peer.wait is not None:
        sock.inet.other_closed(peer.wait)
    elif peer.state == TCP_CLOSE:
        reset(sock)
        return
    else:
        receive_fin(peer)
    fin_acked(sock)


def fin_acked(sock: TcpFile) -> None:
    """The peer has taken note of our FIN (Linux: tcp_rcv_state_process)."""
    if sock.state == TCP_FIN_WAIT1:
        sock.state = TCP_FIN_WAIT2
        if sock.orphan:
            fin_wait2_alone(sock)
        else:
            sock.shut |= SEND_SHUTDOWN
    elif sock.state == TCP_CLOSING:
        to_time_wait(sock)
    elif sock.state == TCP_LAST_ACK:
        done(sock)


def fin_wait2_alone(sock: TcpFile) -> None:
    """Nobody has it open: it waits for the peer's end for a minute at most (tcp_fin_timeout, TCP_LINGER2)."""
    seconds = sock.inet.fin_timeout
    if sock.opts is not None and sock.opts.linger2:
        seconds = sock.opts.linger2
    if seconds < 0:
        send_reset(sock)
    else:
        sock.wait = sock.inet.time_wait(sock, TCP_FIN_WAIT2, seconds)
    done(sock)


def receive_fin(sock: TcpFile) -> None:
    """The peer sends no more (Linux: tcp_fin)."""
    sock.shut |= RCV_SHUTDOWN
    sock.fin_seen = True
    if sock.state in (TCP_ESTABLISHED, TCP_SYN_RECV):
        if sock.state == TCP_SYN_RECV:
            undefer(sock)
        sock.state = TCP_CLOSE_WAIT
    elif sock.state == TCP_FIN_WAIT1:
        sock.state = TCP_CLOSING
    elif sock.state == TCP_FIN_WAIT2:
        to_time_wait(sock)
    if not sock.orphan:
        sock.wake_all()
        if sock.f_owner is not None:
            sock.async_in()


def to_time_wait(sock: TcpFile) -> None:
    """Both directions are over, and this end was first."""
    sock.wait = sock.inet.time_wait(sock, TCP_TIME_WAIT, TCP_TIMEWAIT)
    done(sock)


def done(sock: TcpFile) -> None:
    """The connection is no more (Linux: tcp_done)."""
    inet = sock.inet
    if inet.connections.get(sock.key) is sock:
        del inet.connections[sock.key]
    if sock.orphan:
        inet.orphans -= 1
        put_port(inet, sock)
    sock.state = TCP_CLOSE
    if not sock.bind_locks & PORT_LOCK:
        put_port(inet, sock)
    sock.shut = RDWR_SHUTDOWN
    sock.peer = None
    sock.sndq.clear()
    sock.sndq_bytes = sock.snd_off = 0
    sock.fin_pending = False
    if sock.timer is not None:
        from forkernel.net.inet.tcp_timer import stop_timer

        stop_timer(sock)
    if not sock.orphan:
        sock.wake_all()


def reset(sock: TcpFile) -> None:
    """A RST has come (Linux: tcp_reset)."""
    if sock.state == TCP_CLOSE:
        return
    if sock.state == TCP_SYN_SENT:
        error = ECONNREFUSED
    elif sock.state == TCP_CLOSE_WAIT:
        error = EPIPE
    else:
        error = ECONNRESET
    if sock.state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT):
        sock.inet.mib.estab_resets += 1
    if sock.state == TCP_SYN_RECV:
        undefer(sock)
    fail(sock, error)


def fail(sock: TcpFile, error: int) -> None:
    """The connection breaks with an error."""
    sock.error = error
    done(sock)
    if sock.f_owner is not None:
        sock.async_in()


def send_reset(sock: TcpFile) -> None:
    """Tell the peer that the connection is broken (Linux: tcp_send_active_reset)."""
    peer = sock.peer
    sock.inet.mib.out_rsts += 1
    sock.inet.mib.segs += 1
    if peer is None or peer is sock:
        return
    if peer.wait is not None:
        sock.inet.drop(peer.wait)
        peer.wait = None
    elif peer.peer is sock:
        reset(peer)


def abort(sock: TcpFile) -> None:
    """Break it from this side."""
    if sock.state == TCP_CLOSE:
        return
    send_reset(sock)
    done(sock)


def undefer(sock: TcpFile) -> None:
    """TCP_DEFER_ACCEPT: something came, the connection can be accepted."""
    listener = sock.listener
    sock.state = TCP_ESTABLISHED
    if sock.timer is not None:
        from forkernel.net.inet.tcp_timer import stop_timer

        stop_timer(sock)
    if listener is not None and listener.opts is not None and sock in listener.opts.deferred:
        del listener.opts.deferred[sock]
        to_accept(listener, sock)


def disconnect(sock: TcpFile) -> None:
    """connect with AF_UNSPEC, and shutdown of what listens or connects (Linux: tcp_disconnect)."""
    if sock.state == TCP_LISTEN:
        stop_listening(sock)
    elif sock.state == TCP_SYN_SENT:
        sock.error = ECONNRESET
    elif sock.state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_SYN_RECV):
        send_reset(sock)
        sock.error = ECONNRESET
    if sock.state != TCP_CLOSE:
        done(sock)
    sock.rcvq.clear()
    sock.rcvq_bytes = sock.rcv_off = 0
    sock.urg_state = 0
    sock.sock_state = SS_UNCONNECTED
    forget_peer(sock)
    sock.shut = 0
    sock.fin_seen = False
    sock.wait = None
    if sock.accept_wait is not None:
        sock.accept_wait.wake_up()
    sock.wake_all()


def forget_peer(sock: TcpFile) -> None:
    """The socket is as it was before connect: an address that bind gave stays."""
    if not sock.bind_locks & ADDRESS_LOCK:
        sock.rcv_saddr = sock.saddr = any_of(sock)
    sock.rport = 0
    sock.daddr = any_of(sock)


def any_of(sock: TcpFile) -> bytes:
    """The unspecified address of the socket's family."""
    return ANY4 if sock.family == 2 else ANY6


def tcp_close(sock: TcpFile) -> None:
    """The last descriptor is gone (Linux: tcp_close)."""
    inet = sock.inet
    if sock.state == TCP_LISTEN:
        stop_listening(sock)
        if sock.accept_wait is not None:
            sock.accept_wait.wake_up()
    sock.shut = RDWR_SHUTDOWN
    unread = sock.rcvq_bytes
    sock.rcvq.clear()
    sock.rcvq_bytes = 0
    if sock.state == TCP_CLOSE:
        put_port(inet, sock)
        return
    sock.orphan = True
    inet.orphans += 1
    linger = sock.options.get(SO_LINGER, 0)
    if sock.state == TCP_SYN_SENT:
        done(sock)
    elif unread or linger == 1:
        abort(sock)
    elif sock.state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_SYN_RECV):
        close_state(sock)
        send_fin(sock)
    elif sock.state == TCP_FIN_WAIT2:
        fin_wait2_alone(sock)

"""What waits to be sent: windows, corks, and data for who is gone (Linux: tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.inet import TCP_CLOSE, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_SYN_RECV
from forkernel.abi.socket import RCV_SHUTDOWN
from forkernel.net.inet.tcp import CORKED, MSS
from forkernel.net.socket import RCVBUF_LOCK

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile


def write_xmit(sock: TcpFile, whole_only: bool) -> None:
    """Send from the queue as far as the peer's window reaches; `whole_only`: no piece shorter than a segment."""
    from forkernel.net.inet.route import is_up
    from forkernel.net.inet.tcp_conn import reset, send_fin, undefer
    from forkernel.net.inet.tcp_timer import start_cork_timer, start_rto_timer

    peer = sock.peer
    if peer is None or sock.state == TCP_CLOSE:
        return
    if not is_up(sock.net):
        start_rto_timer(sock)
        return
    if whole_only and sock.sndq_bytes < MSS:
        start_cork_timer(sock)
        return
    if peer.state == TCP_SYN_RECV:
        undefer(peer)
    if refuses(peer):
        if peer.wait is None and peer.state in (TCP_FIN_WAIT1, TCP_FIN_WAIT2):
            reset(peer)
        elif peer.wait is not None:
            sock.inet.drop(peer.wait)
            peer.wait = None
        sock.inet.mib.out_rsts += 1
        reset(sock)
        return
    while sock.sndq:
        room = peer.window - peer.rcvq_bytes
        limit = min(room, sock.sndq_bytes // MSS * MSS) if whole_only else room
        if limit <= 0:
            break
        sock.deliver(peer, take_unsent(sock, limit))
    if sock.sndq and whole_only and peer.window - peer.rcvq_bytes > 0:
        start_cork_timer(sock)
    if sock.full and sock.writable_now():
        sock.full = False
        sock.wr_wait.wake_up()
        if sock.f_owner is not None:
            sock.async_in()
    if not sock.sndq and sock.fin_pending:
        send_fin(sock)


def refuses(peer: TcpFile) -> bool:
    """Whether data that comes there is answered with a reset."""
    if peer.orphan or peer.state not in (TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2):
        return True
    return bool(peer.shut & RCV_SHUTDOWN) and peer.state != TCP_ESTABLISHED


def take_unsent(sock: TcpFile, limit: int) -> bytes:
    """Up to `limit` bytes from the front of the queue."""
    first = sock.sndq[0]
    off = sock.snd_off
    if len(first) - off > limit:
        data = first[off : off + limit]
        sock.snd_off = off + limit
    else:
        data = first[off:] if off else first
        sock.sndq.popleft()
        sock.snd_off = 0
    sock.sndq_bytes -= len(data)
    return data


def push_all(sock: TcpFile) -> None:
    """Send what waits, corked or not."""
    if sock.sndq:
        write_xmit(sock, False)


def window_update(sock: TcpFile, peer: TcpFile) -> None:
    """The reader made room: the peer, who has more, goes on once that is worth it (Linux: __tcp_select_window)."""
    grow_window(sock)
    free = sock.window - sock.rcvq_bytes
    if free >= min(sock.window >> 1, MSS):
        write_xmit(peer, bool(peer.nonagle & CORKED))


def grow_window(sock: TcpFile) -> None:
    """A reader that keeps up gets a larger buffer (Linux: tcp_rcv_space_adjust), unless somebody set its size."""
    if sock.userlocks & RCVBUF_LOCK or sock.copied_seq < sock.rcvbuf:
        return
    most = min(sock.inet.tcp_rmem[2], MOST_RCVBUF)
    if sock.rcvbuf < most:
        sock.rcvbuf = min(sock.rcvbuf * 2, most)
        sock.window = sock.rcvbuf - (sock.rcvbuf >> 2)


MOST_RCVBUF = 6 << 20

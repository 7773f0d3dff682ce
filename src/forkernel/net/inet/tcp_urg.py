"""Urgent data, peeking, and the requests about a connection's queues (Linux: tcp_recv_urg, tcp_check_urg, tcp_ioctl;
tcp(7)).

The urgent byte stays in its place in the queue. A read stops before it and, unless SO_OOBINLINE is set, skips it; it is
had by MSG_OOB. There is one urgent position at a time: a later one takes its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EINVAL, ENOTCONN
from forkernel.abi.inet import TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
from forkernel.abi.ioctl import FIONREAD, TIOCOUTQ
from forkernel.abi.socket import (
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    RCV_SHUTDOWN,
    SO_OOBINLINE,
)
from forkernel.errors import SysError
from forkernel.fs.fasync import POLL_IN, POLL_PRI, kill_fasync, send_sigurg
from forkernel.net.inet.tcp import URG_READ, URG_VALID
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.net.inet.af_inet import InetFile
    from forkernel.net.inet.tcp import TcpFile
    from forkernel.net.message import SocketMessage

SIOCATMARK = 0x8905
SIOCOUTQNSD = 0x894B


def send_urgent(sock: TcpFile, data: bytes) -> None:
    """Send bytes of which the last is urgent (MSG_OOB); the peer hears of it even if its window is closed."""
    peer = sock.peer
    if peer is not None and not peer.orphan and peer.state != TCP_CLOSE:
        check_urgent(peer, peer.copied_seq + peer.rcvq_bytes + sock.sndq_bytes + len(data) - 1, data[-1])
    sock.transmit(data)
    if peer is not None and peer.urg_state and not peer.orphan:
        peer.rd_wait.wake_up()


def check_urgent(peer: TcpFile, seq: int, byte: int) -> None:
    """A new urgent position (Linux: tcp_check_urg); an old byte that is next and was not asked for is lost."""
    sigurg(peer)
    if peer.urg_state and peer.urg_seq == peer.copied_seq and not peer.options.get(SO_OOBINLINE) and peer.rcvq_bytes:
        peer.urg_state = 0
        peer.take(1)
    peer.urg_state = URG_VALID
    peer.urg_seq = seq
    peer.urg_byte = byte


def recv_urgent(sock: TcpFile, task: Any, msg: SocketMessage) -> int:
    """MSG_OOB: the urgent byte; EINVAL if there is none, EAGAIN if it has not come (Linux: tcp_recv_urg)."""
    if sock.options.get(SO_OOBINLINE) or not sock.urg_state or sock.urg_state == URG_READ:
        raise SysError(EINVAL)
    if sock.state == TCP_CLOSE and not sock.fin_seen:
        raise SysError(ENOTCONN)
    if sock.urg_seq < sock.copied_seq + sock.rcvq_bytes:
        if not msg.flags & MSG_PEEK:
            sock.urg_state = URG_READ
        msg.out_flags |= MSG_OOB
        if not msg.iov.left:
            msg.out_flags |= MSG_TRUNC
            return 0
        if not msg.flags & MSG_TRUNC:
            msg.give(task.mm, bytes((sock.urg_byte,)))
        return 1
    if sock.state == TCP_CLOSE or sock.shut & RCV_SHUTDOWN:
        return 0
    raise SysError(EAGAIN)


def peek(sock: TcpFile, task: Any, msg: SocketMessage) -> int:
    """MSG_PEEK: bytes that stay in the queue."""
    want = msg.iov.left
    target = want if msg.flags & MSG_WAITALL else min(want, sock.low_water())
    data, at_mark = look(sock, want)
    if len(data) < target and not (data and at_mark):
        ended = bool(sock.error or sock.shut & RCV_SHUTDOWN or sock.state == TCP_CLOSE or msg.nonblock)
        if not data:
            if sock.at_end(msg.nonblock):
                return 0
        if not data or not ended:
            raise Sleep(sock.rd_wait)
    if not msg.flags & MSG_TRUNC:
        msg.give(task.mm, data)
    return len(data)


def look(sock: TcpFile, want: int) -> tuple[bytes, bool]:
    """What a read of `want` bytes would get, and whether it would stop at the urgent byte."""
    start, stop = 0, sock.rcvq_bytes
    if sock.urg_state:
        distance = sock.urg_seq - sock.copied_seq
        if distance > 0:
            stop = min(stop, distance)
        elif distance == 0 and not sock.options.get(SO_OOBINLINE):
            start = 1
    parts: list[bytes] = []
    skip, left = sock.rcv_off + start, min(want, stop - start)
    for piece in sock.rcvq:
        if left <= 0:
            break
        part = piece[skip : skip + left]
        skip = max(0, skip - len(piece))
        parts.append(part)
        left -= len(part)
    data = b"".join(parts)
    return data, bool(sock.urg_state) and len(data) == stop - start and stop < sock.rcvq_bytes


def tcp_ioctl(sock: TcpFile, task: Any, cmd: int, arg: int) -> int:
    """FIONREAD, TIOCOUTQ, SIOCOUTQNSD, SIOCATMARK; others are those of any socket."""
    if cmd not in (FIONREAD, TIOCOUTQ, SIOCATMARK, SIOCOUTQNSD):
        return sock.inet_ioctl(task, cmd, arg)
    if cmd == SIOCATMARK:
        value = int(sock.at_mark())
    elif sock.state == TCP_LISTEN:
        raise SysError(EINVAL)
    elif cmd == FIONREAD:
        value = tcp_inq(sock)
    else:
        value = 0 if sock.state in (TCP_SYN_SENT, TCP_CLOSE) else sock.sndq_bytes
    task.mm.write(arg, value.to_bytes(4, "little"))
    return 0


def tcp_inq(sock: TcpFile) -> int:
    """Bytes that can be read before the urgent one (Linux: tcp_inq)."""
    if sock.state in (TCP_SYN_SENT, TCP_SYN_RECV):
        return 0
    end = sock.copied_seq + sock.rcvq_bytes
    if sock.options.get(SO_OOBINLINE) or not sock.urg_state or not sock.copied_seq <= sock.urg_seq < end:
        return sock.rcvq_bytes
    return sock.urg_seq - sock.copied_seq


def sigurg(sock: InetFile) -> None:
    """SIGURG for the owner, and news for who reads by SIGIO (Linux: sk_send_sigurg)."""
    if sock.f_owner is not None and send_sigurg(sock):
        kill_fasync(sock, POLL_PRI)


def sigio(sock: InetFile) -> None:
    """SIGIO for the owner, if it asked by O_ASYNC."""
    kill_fasync(sock, POLL_IN)

"""TCP as the socket calls show it (Linux: net/ipv4/tcp.c; tcp(7)).

Life cycle: `bind` and `listen` make a listener, `connect` a connection (tcp_conn.py): its two ends know each other as
`peer`. `sendmsg` puts bytes into the peer's queue as far as its window reaches and keeps the rest in its own; whoever
reads there makes room and fetches more (`push`). `shutdown` and `release` end it.

There are no segments. An end's bytes are acknowledged as soon as they are in the peer's queue, in order and never
lost, unless the device is down: then they wait for the retransmission timer (tcp_timer.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EALREADY, EFAULT, EINPROGRESS, EINVAL, EISCONN, ENOTCONN, EPIPE
from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
)
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLHUP, POLLPRI, POLLRDHUP
from forkernel.abi.socket import (
    AF_UNSPEC,
    MSG_ERRQUEUE,
    MSG_FASTOPEN,
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SO_OOBINLINE,
    SO_RCVLOWAT,
)
from forkernel.errors import SysError
from forkernel.net.dev import IFF_UP
from forkernel.net.inet.address import family_in
from forkernel.net.inet.af_inet import InetFile
from forkernel.net.inet.ports import tcp_get_port
from forkernel.net.socket import RDWR_SHUTDOWN, SocketFile
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.net.inet.netns import Key, TimeWait
    from forkernel.net.inet.tcp_options import TcpOptions
    from forkernel.net.message import SocketMessage

SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING = 1, 2, 3, 4
MSS = 65483
"""Of the loopback device: its MTU less headers of 40 bytes and the timestamp option's 12."""
HEADERS = 52
SENDING = (TCP_ESTABLISHED, TCP_CLOSE_WAIT)
OPENING = (TCP_SYN_SENT, TCP_SYN_RECV)
CORKED, NODELAY = 1, 2
"""Bits of `nonagle`."""
URG_VALID, URG_READ = 1, 2


class TcpFile(InetFile):
    """Linux: struct tcp_sock, from the socket call to the last acknowledgement."""

    __slots__ = (
        "accept_queue", "accept_wait", "bytes_acked", "copied_seq", "data_segs_in", "data_segs_out", "fin_pending",
        "fin_seen", "key", "listener", "lrcvtime", "lsndtime", "max_backlog", "nonagle", "opts", "orphan", "peer",
        "rcv_off", "rcvq", "rcvq_bytes", "retransmits", "sndq", "sndq_bytes", "snd_off", "sock_state", "state",
        "timer", "urg_byte", "urg_seq", "urg_state", "window", "wait", "full",
    )  # fmt: skip

    family = AF_INET
    connect_late = EINPROGRESS
    wakes_when_ready = True

    def __init__(self, task: Any, net: Any, kind: int, protocol: int = 0) -> None:
        super().__init__(task, net, kind, protocol)
        self.inet.tcp_alloc += 1
        self.sndbuf = self.inet.tcp_wmem[1]
        self.rcvbuf = self.inet.tcp_rmem[1]
        self.state = TCP_CLOSE
        """TCP_*."""
        self.sock_state = SS_UNCONNECTED
        self.peer: TcpFile | None = None
        """The other end, as long as there is one."""
        self.key: Key = (b"", 0, b"", 0)
        """Under which it is among the connections."""
        self.rcvq: deque[bytes] = deque()
        """Received and not yet read; the first from `rcv_off` on."""
        self.rcv_off = 0
        self.rcvq_bytes = 0
        self.copied_seq = 0
        """Bytes read since the connection began: the position in the stream."""
        self.window = 0
        """Bytes that `rcvq` may hold."""
        self.sndq: deque[bytes] = deque()
        """Written and not yet at the peer; the first from `snd_off` on."""
        self.snd_off = 0
        self.sndq_bytes = 0
        self.bytes_acked = 0
        self.data_segs_in = self.data_segs_out = 0
        self.lsndtime = self.lrcvtime = 0
        """When data went and came last, ns."""
        self.full = False
        """Whether somebody found no room to send (Linux: SOCK_NOSPACE)."""
        self.fin_pending = False
        """The end of the stream is to follow what is in `sndq`."""
        self.fin_seen = False
        """The peer's has come (Linux: SOCK_DONE)."""
        self.nonagle = 0
        """NODELAY, CORKED."""
        self.urg_state = 0
        """URG_VALID: an urgent byte waits; URG_READ: it was read; 0: there is none."""
        self.urg_seq = self.urg_byte = 0
        """Its position in the stream, and what it is."""
        self.listener: TcpFile | None = None
        """Of a connection that nobody has accepted."""
        self.accept_queue: deque[TcpFile] = deque()
        self.max_backlog = 0
        self.accept_wait: WaitQueue | None = None
        """Of a listener: those in accept, woken one at a time."""
        self.orphan = False
        """Nobody has it open."""
        self.wait: TimeWait | None = None
        """What stands for it in the tables once it is over."""
        self.timer: Any = None
        """Retransmission, or a cork's (tcp_timer.py)."""
        self.retransmits = 0
        self.opts: TcpOptions | None = None
        """Options of SOL_TCP that were set."""

    @property
    def listening(self) -> bool:
        """SO_ACCEPTCONN."""
        return self.state == TCP_LISTEN

    # --- names
    def unbound(self) -> bool:
        """Only a closed socket can be bound."""
        return self.state == TCP_CLOSE

    def get_port(self, task: Any, port: int) -> None:
        """A port among those of TCP."""
        tcp_get_port(self.inet, self, port)

    def connected(self) -> bool:
        """Whether there is a peer to name."""
        return bool(self.rport) and self.state not in (TCP_CLOSE, TCP_SYN_SENT)

    # --- making connections
    def listen(self, task: Any, backlog: int) -> None:
        """Wait for connections; EINVAL, EADDRINUSE."""
        if self.sock_state != SS_UNCONNECTED or self.state not in (TCP_CLOSE, TCP_LISTEN):
            raise SysError(EINVAL)
        self.max_backlog = min(backlog & 0xFFFFFFFF, self.net.somaxconn)
        if self.state == TCP_LISTEN:
            return
        from forkernel.net.inet.tcp_conn import start_listening

        start_listening(self)

    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Connect; EINPROGRESS, EALREADY, EISCONN, ECONNREFUSED, ... (Linux: inet_stream_connect)."""
        if len(address) < 2:
            raise SysError(EINVAL)
        if family_in(address) == AF_UNSPEC:
            from forkernel.net.inet.tcp_conn import disconnect

            disconnect(self)
            return
        error = EALREADY
        if self.sock_state in (SS_CONNECTED, SS_DISCONNECTING):
            raise SysError(EISCONN if self.sock_state == SS_CONNECTED else EINVAL)
        if self.sock_state == SS_UNCONNECTED:
            if self.state != TCP_CLOSE:
                raise SysError(EISCONN)
            from forkernel.net.inet.tcp_conn import tcp_connect

            tcp_connect(self, address)
            self.sock_state = SS_CONNECTING
            error = EINPROGRESS
            if nonblock:  # the answer comes when the caller lets go of the socket, also over the loopback device
                raise SysError(error)
        if self.state in OPENING:
            if nonblock:
                raise SysError(error)
            raise Sleep(self.wr_wait)
        if self.state == TCP_CLOSE:
            from forkernel.net.inet.tcp_conn import connect_failed

            raise connect_failed(self)
        self.sock_state = SS_CONNECTED

    def accept(self, task: Any, nonblock: bool) -> SocketFile:
        """The oldest connection; EINVAL unless listening."""
        if self.state != TCP_LISTEN:
            raise SysError(EINVAL)
        queue = self.accept_queue
        if not queue:
            if nonblock:
                raise SysError(EAGAIN)
            assert self.accept_wait is not None
            raise Sleep(self.accept_wait)
        child = queue.popleft()
        child.listener = None
        child.sock_state = SS_CONNECTED
        child.inode.uid, child.inode.gid = task.cred.fsuid, task.cred.fsgid
        return child

    def shutdown(self, how: int) -> None:
        """End directions; ENOTCONN (Linux: inet_shutdown)."""
        from forkernel.net.inet.tcp_conn import shut_down

        shut_down(self, how)

    # --- sending
    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Send bytes as far as there is room, waiting for more (Linux: tcp_sendmsg)."""
        iov, flags = msg.iov, msg.flags
        if flags & (MSG_FASTOPEN | MSG_ERRQUEUE) or self.state not in SENDING:
            self.before_send(task, msg)
        more = flags & MSG_MORE
        while iov.left:
            if self.error or self.shut & SEND_SHUTDOWN or self.state not in SENDING:
                if msg.done:
                    return msg.done
                raise self.send_error(task, msg)
            room = self.sndbuf - self.sndq_bytes
            if room <= 0:
                self.full = True
                if msg.nonblock:
                    if msg.done:
                        return msg.done
                    raise SysError(EAGAIN)
                self.push(0)
                raise Sleep(self.wr_wait)
            try:
                self.charge_for(min(iov.left, room + MSS))
            except SysError:
                if msg.done:
                    return msg.done
                raise
            data = msg.take(task.mm, min(iov.left, room + MSS))
            iov.advance(len(data))
            msg.done += len(data)
            if flags & MSG_OOB and not iov.left:
                from forkernel.net.inet.tcp_urg import send_urgent

                send_urgent(self, data)
            else:
                self.transmit(data, more)
        if self.error and not msg.done:
            raise self.send_error(task, msg)
        return msg.done

    def send_error(self, task: Any, msg: SocketMessage) -> SysError:
        """The pending error, or EPIPE; SIGPIPE goes with that one (Linux: sk_stream_error)."""
        error, self.error = self.error, 0
        return SysError(error) if error and error != EPIPE else msg.epipe(task)

    def charge_for(self, size: int) -> None:
        """Kernel memory for bytes that are sent now, where they will lie; ENOMEM."""
        peer = self.peer
        if self.sndq or peer is None or peer.orphan:
            self.charge_to(self.sndq_bytes + size)
        else:
            peer.charge_to(peer.rcvq_bytes + size)

    def before_send(self, task: Any, msg: SocketMessage) -> None:
        """A send on what is no connection, or not yet (Linux: sk_stream_wait_connect)."""
        if msg.flags & MSG_FASTOPEN and not msg.done:
            if msg.name is None:
                raise SysError(EINVAL)
            self.connect(task, msg.name, msg.nonblock)
        if self.state in SENDING:
            return
        if self.error or self.state not in OPENING:
            raise self.send_error(task, msg)
        if msg.nonblock:
            raise SysError(EAGAIN)
        raise Sleep(self.wr_wait)

    def transmit(self, data: bytes, more: int = 0) -> None:
        """Put bytes into the peer's queue, or behind those that wait."""
        self.lsndtime = self.inet.net.system.clock.now
        peer = self.peer
        size = len(data)
        if not self.sndq and not more and not self.nonagle & CORKED and peer is not None and peer.takes(size):
            self.deliver(peer, data)
            return
        self.sndq.append(data)
        self.sndq_bytes += size
        self.push(more)

    def takes(self, size: int) -> bool:
        """Whether so many bytes fit into the window, and there is somebody to read them."""
        return (
            self.window - self.rcvq_bytes >= size
            and self.state in (TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2)
            and not (self.shut & RCV_SHUTDOWN and self.state != TCP_ESTABLISHED)
            and not self.orphan
            and bool(self.net.loopback.flags & IFF_UP)
        )

    def deliver(self, peer: TcpFile, data: bytes) -> None:
        """Bytes arrive at the peer and are acknowledged."""
        size = len(data)
        self.bytes_acked += size
        segs = 1 if size <= MSS else -(-size // MSS)
        self.data_segs_out += segs
        peer.data_segs_in += segs
        peer.lrcvtime = self.lsndtime
        self.inet.mib.segs += segs + 1
        device = self.net.loopback
        device.packets += segs + 1
        device.bytes += size + HEADERS * (segs + 1)
        peer.rcvq.append(data)
        peer.rcvq_bytes += size
        wait = peer.rd_wait
        if wait.waiters and (SO_RCVLOWAT not in peer.options or peer.rcvq_bytes >= peer.low_water()):
            wait.wake_up()
        else:
            wait.seq += 1
        if peer.f_owner is not None:
            peer.async_in()

    def push(self, more: int) -> None:
        """Send what waits, as far as the peer's window reaches; whole segments only while more is announced, or
        corked (Linux: tcp_push_pending_frames, tcp_write_xmit).
        """
        if not self.sndq:
            return
        from forkernel.net.inet.tcp_output import write_xmit

        write_xmit(self, bool(more or self.nonagle & CORKED))

    def low_water(self) -> int:
        """SO_RCVLOWAT, but not more than the window takes (Linux: sock_rcvlowat)."""
        return min(self.options.get(SO_RCVLOWAT, 1), self.window) or 1

    def async_in(self) -> None:
        """SIGIO (O_ASYNC)."""
        from forkernel.net.inet.tcp_urg import sigio

        sigio(self)

    # --- receiving
    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """Bytes from the front of the queue (Linux: tcp_recvmsg)."""
        flags = msg.flags
        if flags & (MSG_OOB | MSG_PEEK | MSG_ERRQUEUE) or self.state == TCP_LISTEN:
            return self.recv_special(task, msg)
        iov = msg.iov
        left = iov.left + msg.done
        target = (left if flags & MSG_WAITALL else min(left, self.low_water())) or 1
        while True:
            count = iov.left
            while count and self.rcvq_bytes:
                if self.urg_state:
                    count = self.until_urgent(count, msg.done)
                    if not count:
                        break
                data = self.take(count)
                if not self.hand_over(task, msg, data):
                    return msg.done
                count = iov.left
            if msg.done >= target or (msg.done and self.at_mark()):
                return msg.done
            if msg.done:
                if self.error or self.shut & RCV_SHUTDOWN or self.state == TCP_CLOSE or msg.nonblock:
                    return msg.done
            elif self.at_end(msg.nonblock):
                return 0
            raise Sleep(self.rd_wait)

    def at_end(self, nonblock: bool) -> bool:
        """Nothing is there to read: whether nothing will come. The error, ENOTCONN, EAGAIN."""
        if self.fin_seen:
            return True
        self.take_error()
        if self.shut & RCV_SHUTDOWN:
            return True
        if self.state == TCP_CLOSE:
            raise SysError(ENOTCONN)
        if nonblock:
            raise SysError(EAGAIN)
        return False

    def hand_over(self, task: Any, msg: SocketMessage, data: bytes) -> bool:
        """Give bytes to the reader; whether there was memory for all. Others go back (EFAULT if that is all)."""
        size = len(data)
        copied = size
        if msg.flags & MSG_TRUNC:
            msg.iov.left -= size
        else:
            copied = msg.iov.copy_in(task.mm, data)
        msg.done += copied
        if copied < size:
            self.unread(data[copied:])
            if not msg.done:
                raise SysError(EFAULT)
        return copied == size

    def recv_special(self, task: Any, msg: SocketMessage) -> int:
        """MSG_OOB, MSG_PEEK, MSG_ERRQUEUE, and a listener."""
        from forkernel.net.inet.tcp_urg import peek, recv_urgent

        if self.state == TCP_LISTEN:
            raise SysError(ENOTCONN)
        if msg.flags & MSG_ERRQUEUE:
            raise SysError(EAGAIN)
        if msg.flags & MSG_OOB:
            return recv_urgent(self, task, msg)
        return peek(self, task, msg)

    def until_urgent(self, count: int, done: int) -> int:
        """How many of `count` bytes come before the urgent one; drops that if it is next and not inline."""
        distance = self.urg_seq - self.copied_seq
        if distance > 0:
            return min(count, distance)
        if distance == 0:
            if done:
                return 0
            if not self.options.get(SO_OOBINLINE):
                self.take(1)
                if not self.rcvq_bytes:
                    return 0
            else:
                self.urg_state = 0
        return min(count, self.rcvq_bytes)

    def at_mark(self) -> bool:
        """Whether the next byte is the urgent one (SIOCATMARK)."""
        return bool(self.urg_state) and self.urg_seq == self.copied_seq

    def take(self, count: int) -> bytes:
        """Up to `count` bytes out of the queue, which is not empty; makes room for the peer."""
        queue, off = self.rcvq, self.rcv_off
        first = queue[0]
        size = len(first) - off
        if size > count:
            data = first[off : off + count]
            self.rcv_off = off + count
        elif size == count or len(queue) == 1:
            data = first[off:] if off else first
            queue.popleft()
            self.rcv_off = 0
        else:
            data = self.take_many(count)
        self.rcvq_bytes -= len(data)
        self.copied_seq += len(data)
        if self.urg_state and self.copied_seq > self.urg_seq:
            self.urg_state = 0
        peer = self.peer
        if peer is not None and peer.sndq:
            from forkernel.net.inet.tcp_output import window_update

            window_update(self, peer)
        return data

    def take_many(self, count: int) -> bytes:
        """As `take`, of more than one piece."""
        queue = self.rcvq
        parts: list[bytes] = []
        while queue and count:
            first = queue[0]
            if self.rcv_off:
                first = first[self.rcv_off :]
            if len(first) > count:
                parts.append(first[:count])
                self.rcv_off += count
                break
            parts.append(first)
            count -= len(first)
            queue.popleft()
            self.rcv_off = 0
        return b"".join(parts)

    def unread(self, data: bytes) -> None:
        """Put bytes back that did not reach the reader."""
        if self.rcv_off:
            self.rcvq[0] = self.rcvq[0][self.rcv_off :]
            self.rcv_off = 0
        self.rcvq.appendleft(data)
        self.rcvq_bytes += len(data)
        self.copied_seq -= len(data)

    # --- as a file
    def read(self, task: Any, count: int) -> bytes:
        """As recv without flags; the usual case needs no message."""
        if self.rcvq_bytes and count and not self.urg_state and SO_RCVLOWAT not in self.options:
            return self.take(count)
        return super().read(task, count)

    def write(self, task: Any, data: bytes) -> int:
        """As send without flags; likewise."""
        peer = self.peer
        if (
            peer is not None
            and data
            and self.state in SENDING
            and not (self.sndq or self.error or self.nonagle & CORKED or self.shut & SEND_SHUTDOWN)
            and peer.takes(len(data))
        ):
            self.lsndtime = self.inet.net.system.clock.now
            self.deliver(peer, data)
            return len(data)
        return super().write(task, data)

    def writable_now(self) -> bool:
        """Whether a third of the send buffer is free (Linux: sk_stream_is_writeable, tcp_stream_memory_free)."""
        queued = self.sndq_bytes
        if self.sndbuf - queued < queued >> 1:
            return False
        limit = self.opts.notsent_lowat if self.opts is not None else 0
        return not limit or queued < limit

    def poll(self, task: Any) -> int:
        """Linux: tcp_poll."""
        state, shut = self.state, self.shut
        if state == TCP_LISTEN:
            return IN_MASK if self.accept_queue else 0
        mask = POLLERR if self.error else 0
        if shut == RDWR_SHUTDOWN or state == TCP_CLOSE:
            mask |= POLLHUP
        if shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | IN_MASK
        if state not in OPENING:
            if self.rcvq_bytes and self.rcvq_bytes >= self.poll_target():
                mask |= IN_MASK
            if shut & SEND_SHUTDOWN or self.writable_now():
                mask |= OUT_MASK
            else:
                self.full = True
            if self.urg_state & URG_VALID:
                mask |= POLLPRI
        return mask

    def poll_target(self) -> int:
        """Bytes that make it readable; an urgent byte out of line does not count."""
        target = self.low_water() if SO_RCVLOWAT in self.options else 1
        if self.urg_state and self.urg_seq == self.copied_seq and not self.options.get(SO_OOBINLINE):
            target += 1
        return target

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD, TIOCOUTQ, SIOCATMARK, and those of any socket."""
        from forkernel.net.inet.tcp_urg import tcp_ioctl

        return tcp_ioctl(self, task, cmd, arg)

    def memory(self) -> tuple[int, int]:
        """Bytes in both queues, for sock_diag."""
        return self.rcvq_bytes, self.sndq_bytes

    # --- options
    def setsockopt(self, task: Any, level: int, name: int, value: Any, length: int) -> None:
        """SOL_TCP, SOL_IP, SOL_IPV6."""
        from forkernel.net.inet.tcp_options import tcp_setsockopt

        tcp_setsockopt(task, self, level, name, value, length)

    def getsockopt(self, task: Any, level: int, name: int, room: int) -> bytes:
        """SOL_TCP, SOL_IP, SOL_IPV6."""
        from forkernel.net.inet.tcp_options import tcp_getsockopt

        return tcp_getsockopt(task, self, level, name, room)

    # --- the end
    def release(self) -> None:
        """The last descriptor is gone (Linux: tcp_close)."""
        from forkernel.net.inet.tcp_conn import tcp_close

        self.inet.tcp_alloc -= 1
        tcp_close(self)
        super().release()


class Tcp6File(TcpFile):
    """TCP of AF_INET6."""

    __slots__ = ()

    family = AF_INET6

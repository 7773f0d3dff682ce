"""SOCK_STREAM of AF_UNIX: bytes in order (Linux: unix_stream_sendmsg, unix_stream_read_generic)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EFAULT, EINVAL, EISCONN, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPIPE
from forkernel.abi.poll import POLLPRI
from forkernel.abi.socket import (
    MSG_OOB,
    MSG_PEEK,
    MSG_WAITALL,
    RCV_SHUTDOWN,
    SCM_INQ,
    SEND_SHUTDOWN,
    SO_INQ,
    SO_OOBINLINE,
    SO_RCVLOWAT,
    SOL_SOCKET,
)
from forkernel.errors import SysError
from forkernel.fs.fasync import POLL_PRI, send_sigurg
from forkernel.net.scm import AT_END, Creds, put_cmsg
from forkernel.net.unix.af_unix import CONNECTED, UnixFile
from forkernel.net.unix.skb import STREAM_CHUNK, Skb, truesize
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.net.message import SocketMessage
    from forkernel.net.net_namespace import NetNamespace


SENDING = "sending"
"""Progress of a send that has begun: what ended meanwhile is told as Linux's sleeping sender is told."""


class UnixStream(UnixFile):
    """A stream."""

    __slots__ = ("oob", "tells_inq")

    def __init__(self, task: Any, net: NetNamespace, kind: int) -> None:
        super().__init__(task, net, kind)
        self.oob: Skb | None = None
        """The message in the queue with the urgent byte, until that is read or passed (MSG_OOB)."""
        self.tells_inq = False
        """SO_INQ: receives tell how many bytes are left."""

    # --- sending
    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Queue chunk after chunk at the peer; sleeps with the rest while its own buffer is full."""
        self.read_control(task, msg)
        urgent = bool(msg.flags & MSG_OOB)
        if urgent and not msg.iov.left:
            raise SysError(EOPNOTSUPP)
        if msg.name:
            raise SysError(EISCONN if self.state == CONNECTED else EOPNOTSUPP)
        peer = self.peer
        if peer is None:
            raise SysError(ENOTCONN)
        assert isinstance(peer, UnixStream)
        if self.shut & SEND_SHUTDOWN and msg.progress is None:
            return self.broken(task, msg)
        msg.progress = SENDING
        creds = self.creds_to_send(task, msg, peer)
        while msg.iov.left:
            size = min(msg.iov.left - urgent, (self.sndbuf >> 1) - 64, STREAM_CHUNK)
            last = not size  # the urgent byte, in a message of its own
            try:
                self.wait_for_room(msg)
                data = msg.take(task.mm, size or 1)
                if peer.dead or peer.shut & RCV_SHUTDOWN:
                    return self.broken(task, msg)
                self.check_rights(msg, peer)
            except SysError:
                if msg.done:
                    return msg.done
                raise
            skb = Skb(data, self, creds, (), truesize(len(data), True))
            try:
                self.queue_at(task, peer, skb, msg, urgent=last)
            except SysError:
                if msg.done:
                    return msg.done
                raise
            msg.iov.advance(len(data))
            msg.done += len(data)
        return msg.done

    def wait_for_room(self, msg: SocketMessage) -> None:
        """Room in its own buffer; the pending error, EPIPE without a signal, EAGAIN, Sleep."""
        self.take_error()
        if self.shut & SEND_SHUTDOWN:
            raise SysError(EPIPE)
        if self.wmem >= self.sndbuf:
            self.no_space()
            if msg.nonblock:
                raise SysError(EAGAIN)
            raise Sleep(self.wr_wait)

    def urgent(self, skb: Skb) -> None:
        """An urgent byte came: SIGURG for the owner."""
        self.oob = skb
        if self.f_owner is not None and send_sigurg(self):
            self.news(POLL_PRI)

    def broken(self, task: Any, msg: SocketMessage) -> int:
        """Nobody will read: what was sent before, or EPIPE with SIGPIPE."""
        if msg.done:
            return msg.done
        raise msg.epipe(task)

    # --- receiving
    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """Bytes from the front of the queue, up to a message with other credentials or after one with files."""
        if self.state != CONNECTED:
            raise SysError(EINVAL)
        if msg.flags & MSG_OOB:
            return self.recv_urgent(task, msg)
        reading: Reading = msg.progress or Reading(self, msg)
        msg.progress = reading
        go_on = True
        while go_on:
            skb = self.next_skb(msg, reading)
            if skb is not None:
                go_on = self.read_skb(task, msg, reading, skb)
            elif reading.at_mark or self.nothing_more(msg, reading):
                break
        self.hand_over(task, msg, reading.creds or AT_END, reading.files)
        if self.tells_inq:
            put_cmsg(msg, SOL_SOCKET, SCM_INQ, self.inq().to_bytes(4, "little"))
        return msg.done

    def next_skb(self, msg: SocketMessage, reading: Reading) -> Skb | None:
        """The message to read from: the first one, or for a peek the one at its offset."""
        queue = self.queue
        skb = queue[reading.index] if reading.index < len(queue) else None
        if skb is not None and (skb is self.oob or skb.at == len(skb.data)):
            skb = self.manage_oob(msg, reading, skb)
            if skb is None and msg.done:
                reading.at_mark = True
        while skb is not None and reading.skip and reading.skip >= skb.left:
            reading.skip -= skb.left
            skb = self.pass_over(reading)
        return skb

    def pass_over(self, reading: Reading) -> Skb | None:
        """Of a peek: look at the message after this one."""
        reading.index += 1
        return self.queue[reading.index] if reading.index < len(self.queue) else None

    def drop_first(self) -> Skb | None:
        """Take the first message out of the queue; the one that is first now."""
        self.queue.popleft().drop()
        return self.queue[0] if self.queue else None

    def manage_oob(self, msg: SocketMessage, reading: Reading, skb: Skb) -> Skb | None:
        """The message to read from where the first is the urgent one, or what is left of one that was read: a read
        stops before the mark if it has anything, and else passes the urgent byte over, unless SO_OOBINLINE is set.
        """
        found: Skb | None = skb
        if not skb.left:
            if msg.done and (self.oob is None or skb is self.oob):
                return None
            found = self.pass_over(reading) if reading.peek else self.drop_first()
        if found is None or found is not self.oob:
            return found
        if msg.done:
            return None
        inline = self.options.get(SO_OOBINLINE, 0)
        if reading.peek:
            return found if inline else self.pass_over(reading)
        self.oob = None
        return found if inline else self.drop_first()

    def recv_urgent(self, task: Any, msg: SocketMessage) -> int:
        """MSG_OOB: the urgent byte. EINVAL if there is none, or it is in line (Linux: unix_stream_recv_urg)."""
        skb = self.oob
        if skb is None or self.options.get(SO_OOBINLINE, 0):
            raise SysError(EINVAL)
        data = skb.data[skb.at : skb.at + msg.iov.left]
        if not msg.flags & MSG_PEEK:
            self.oob = None
            before = self.queue[self.queue.index(skb) - 1]
            if before is not skb and not before.left:
                self.queue.remove(before)
                before.drop()
            skb.at = len(skb.data)
        msg.give(task.mm, data)
        msg.out_flags |= MSG_OOB
        return 1

    def set_own_option(self, name: int, number: int) -> None:
        """SO_INQ."""
        if name != SO_INQ:
            raise SysError(ENOPROTOOPT)
        if number not in (0, 1):
            raise SysError(EINVAL)
        self.tells_inq = bool(number)

    def at_mark(self) -> bool:
        """SIOCATMARK: whether the next read begins at or after the urgent byte."""
        if not self.queue:
            return bool(self.backlog)  # of a listener: a connection is an empty message
        first = self.queue[0]
        if first is self.oob:
            return True
        second = self.queue[1] if len(self.queue) > 1 else None
        return not first.left and (self.oob is None or second is self.oob)

    def poll(self, task: Any) -> int:
        """Linux: unix_poll."""
        return super().poll(task) | POLLPRI if self.oob is not None else super().poll(task)

    def nothing_more(self, msg: SocketMessage, reading: Reading) -> bool:
        """The queue is at its end: whether the read is, too; else EAGAIN or Sleep."""
        if msg.done >= reading.target:
            return True
        if self.error:
            error, self.error = self.error, 0
            if not msg.done:
                raise SysError(error)
            return True
        if self.shut & RCV_SHUTDOWN:
            return True
        if not msg.nonblock:
            if reading.peek:
                reading.index, reading.skip = 0, max(self.peek_off, 0)
            raise Sleep(self.rd_wait)
        if not msg.done:
            raise SysError(EAGAIN)
        return True

    def read_skb(self, task: Any, msg: SocketMessage, reading: Reading, skb: Skb) -> bool:
        """Read from one message; whether to go on with the next."""
        if reading.creds is None:
            reading.creds = skb.creds
            self.tell_sender(msg, skb.sender)
        elif self.asks_who and skb.creds != reading.creds:
            return False
        start = skb.at + reading.skip
        part = skb.data[start : start + msg.iov.left]
        copied = msg.iov.copy_in(task.mm, part)
        if copied < len(part):
            if not msg.done:
                raise SysError(EFAULT)
            return False
        msg.done += copied
        reading.skip = 0
        if reading.peek:
            if skb.files:
                reading.files = tuple(file.get() for file in skb.files)
            self.peeked(copied)
            reading.index += 1
            # on to files that follow, even with no room left for bytes
            return not reading.files and reading.index < len(self.queue)
        skb.at += copied
        self.taken(copied)
        reading.files = skb.detach_fds()
        if skb.left:
            return False
        self.queue.popleft()
        skb.consumed()
        return not reading.files and msg.iov.left > 0

    def unread(self, data: bytes) -> None:
        """Put bytes back."""
        if self.peer is not None:
            self.queue.appendleft(Skb(data, self.peer, self.peer_creds, (), 0))


class Reading:
    """How far a read is: what a sleep must keep."""

    __slots__ = ("at_mark", "creds", "files", "index", "peek", "skip", "target")

    def __init__(self, file: UnixStream, msg: SocketMessage) -> None:
        self.peek = bool(msg.flags & MSG_PEEK)
        size = msg.iov.left
        lowest = size if msg.flags & MSG_WAITALL else min(file.options.get(SO_RCVLOWAT, 1), size)
        self.target = lowest or 1
        """Bytes to wait for."""
        self.at_mark = False
        """The read stops before an urgent byte."""
        self.creds: Creds | None = None
        """Of the first message, None before there was one."""
        self.files: tuple[File, ...] = ()
        self.index = 0
        """A peek: number of the message in the queue, and"""
        self.skip = max(file.peek_off, 0) if self.peek else 0
        """bytes to pass over, from its beginning."""

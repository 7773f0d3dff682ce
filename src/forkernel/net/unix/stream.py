"""SOCK_STREAM of AF_UNIX: bytes in order (Linux: unix_stream_sendmsg, unix_stream_read_generic)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EFAULT, EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP
from forkernel.abi.socket import MSG_PEEK, MSG_WAITALL, RCV_SHUTDOWN, SEND_SHUTDOWN, SO_RCVLOWAT
from forkernel.errors import SysError
from forkernel.net.scm import NO_CREDS, Creds
from forkernel.net.unix.af_unix import CONNECTED, UnixFile, no_oob
from forkernel.net.unix.skb import STREAM_CHUNK, Skb, truesize
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.net.message import SocketMessage


class UnixStream(UnixFile):
    """A stream."""

    __slots__ = ()

    # --- sending
    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Queue chunk after chunk at the peer; sleeps with the rest while its own buffer is full."""
        no_oob(msg)
        self.read_control(task, msg)
        if msg.name:
            raise SysError(EISCONN if self.state == CONNECTED else EOPNOTSUPP)
        peer = self.peer
        if peer is None:
            raise SysError(ENOTCONN)
        if self.shut & SEND_SHUTDOWN:
            return self.broken(task, msg)
        creds = self.creds_to_send(task, msg, peer)
        while msg.iov.left:
            if not msg.done:
                self.take_error()
            if self.wmem >= self.sndbuf:
                if not msg.nonblock:
                    raise Sleep(self.wr_wait)
                if msg.done:
                    return msg.done
                raise SysError(EAGAIN)
            size = min(msg.iov.left, (self.sndbuf >> 1) - 64, STREAM_CHUNK)
            try:
                data = msg.take(task.mm, size)
                if peer.dead or peer.shut & RCV_SHUTDOWN:
                    return self.broken(task, msg)
                self.check_rights(msg, peer)
            except SysError:
                if msg.done:
                    return msg.done
                raise
            cost = truesize(size, True)
            self.wmem += cost
            peer.queue.append(Skb(data, self, creds, msg.scm.take_files() if msg.scm is not None else (), cost))
            msg.iov.advance(size)
            msg.done += size
            peer.rd_wait.wake_up()
        return msg.done

    def broken(self, task: Any, msg: SocketMessage) -> int:
        """Nobody will read: what was sent before, or EPIPE with SIGPIPE."""
        if msg.done:
            return msg.done
        raise msg.epipe(task)

    # --- receiving
    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """Bytes from the front of the queue, up to a message with other credentials or after one with files."""
        no_oob(msg)
        if self.state != CONNECTED:
            raise SysError(EINVAL)
        reading: Reading = msg.progress or Reading(self, msg)
        msg.progress = reading
        go_on = True
        while go_on:
            skb = self.next_skb(reading)
            if skb is None:
                if self.nothing_more(msg, reading):
                    break
            else:
                go_on = self.read_skb(task, msg, reading, skb)
        self.hand_over(task, msg, reading.creds or NO_CREDS, reading.files)
        return msg.done

    def next_skb(self, reading: Reading) -> Skb | None:
        """The message to read from: the first one, or for a peek the one at its offset."""
        queue = self.queue
        if not reading.peek:
            return queue[0] if queue else None
        while reading.index < len(queue):
            skb = queue[reading.index]
            if reading.skip < skb.left or (not reading.skip and not skb.left):
                return skb
            reading.skip -= skb.left
            reading.index += 1
        return None

    def nothing_more(self, msg: SocketMessage, reading: Reading) -> bool:
        """The queue is at its end: whether the read is, too; else EAGAIN or Sleep."""
        if msg.done >= reading.target or (msg.done and reading.peek):
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
            return not reading.files and msg.iov.left > 0
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

    __slots__ = ("creds", "files", "index", "peek", "skip", "target")

    def __init__(self, file: UnixStream, msg: SocketMessage) -> None:
        self.peek = bool(msg.flags & MSG_PEEK)
        size = msg.iov.left
        lowest = size if msg.flags & MSG_WAITALL else min(file.options.get(SO_RCVLOWAT, 1), size)
        self.target = lowest or 1
        """Bytes to wait for."""
        self.creds: Creds | None = None
        """Of the first message, None before there was one."""
        self.files: tuple[File, ...] = ()
        self.index = 0
        """A peek: number of the message in the queue, and"""
        self.skip = max(file.peek_off, 0) if self.peek else 0
        """bytes to pass over, from its beginning."""

"""SOCK_DGRAM and SOCK_SEQPACKET of AF_UNIX: messages that keep their bounds (Linux: unix_dgram_sendmsg,
__unix_dgram_recvmsg).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
)
from forkernel.abi.poll import OUT_MASK, POLLWRBAND
from forkernel.abi.socket import AF_UNSPEC, MSG_PEEK, MSG_TRUNC, RCV_SHUTDOWN, SEND_SHUTDOWN
from forkernel.errors import SysError
from forkernel.net.unix import names
from forkernel.net.unix.af_unix import CONNECTED, UNCONNECTED, UnixFile, no_oob
from forkernel.net.unix.skb import Skb, truesize
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.net.message import SocketMessage

UNSPEC = AF_UNSPEC.to_bytes(2, "little")
SENDMSG_OVERHEAD = 32
"""Bytes of the buffer that no datagram may use."""


class UnixDgram(UnixFile):
    """Datagrams: connecting only chooses a default receiver, who then takes them from nobody else if connected too."""

    __slots__ = ()

    # --- connections
    def listen(self, task: Any, backlog: int) -> None:
        """EOPNOTSUPP."""
        raise SysError(EOPNOTSUPP)

    def accept(self, task: Any, nonblock: bool) -> UnixFile:
        """EOPNOTSUPP."""
        raise SysError(EOPNOTSUPP)

    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Choose the default receiver; AF_UNSPEC: none (Linux: unix_dgram_connect)."""
        if len(address) < 2:
            raise SysError(EINVAL)
        other = None
        if address[:2] != UNSPEC:
            name = names.mkname(address)
            self.autobind_for_creds(task)
            other = names.find(task, self.net, name, self.kind)
            if not self.may_send(other):
                raise SysError(EPERM)
            other.state = CONNECTED
        self.set_peer(other)

    def set_peer(self, other: UnixFile | None) -> None:
        """A new default receiver: what the old one sent and was not read is lost, which it is told."""
        old, self.peer = self.peer, other
        self.state = UNCONNECTED if other is None else CONNECTED
        if old is None or old is other:
            return
        old.peer_wait.wake_up()
        self.disconnected(old)
        if old.peer is None:
            old.state = UNCONNECTED

    def disconnected(self, old: UnixFile) -> None:
        """Messages of a default receiver that is one no more are dropped (Linux: unix_dgram_disconnected)."""
        if not self.queue:
            return
        while self.queue:
            self.queue.popleft().drop()
        self.peer_wait.wake_up()
        if not old.dead and old.peer is self:
            old.error = ECONNRESET
            old.wake_all()

    def may_send(self, other: UnixFile) -> bool:
        """Whether a socket takes messages from this one: from anybody unless it is connected."""
        return other.peer is None or other.peer is self

    # --- sending
    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """Queue one message at the named socket or the default receiver."""
        self.read_control(task, msg)
        no_oob(msg)
        name = names.mkname(msg.name) if msg.name else b""
        self.autobind_for_creds(task)
        size = msg.iov.left
        if size > self.sndbuf - SENDMSG_OVERHEAD:
            raise SysError(EMSGSIZE)
        self.wait_for_room(msg)
        data = msg.take(task.mm, size)
        other = names.find(task, self.net, name, self.kind) if name else self.peer
        if other is None:
            raise SysError(ENOTCONN)
        self.check_receiver(msg, other)
        if other is not self and other.peer is not self and len(other.queue) > other.max_backlog:
            if msg.nonblock:
                raise SysError(EAGAIN)
            raise Sleep(other.peer_wait)
        self.check_rights(msg, other)
        cost = truesize(size, False)
        self.queue_at(task, other, Skb(data, self, self.creds_to_send(task, msg, other), (), cost), msg)
        msg.iov.advance(size)
        return size

    def wait_for_room(self, msg: SocketMessage) -> None:
        """Room in its own buffer; the pending error, EPIPE, EAGAIN, Sleep (Linux: sock_alloc_send_pskb)."""
        self.take_error()
        if self.shut & SEND_SHUTDOWN:
            raise SysError(EPIPE)
        if self.wmem >= self.sndbuf:
            self.no_space()
            if msg.nonblock:
                raise SysError(EAGAIN)
            raise Sleep(self.wr_wait)

    def check_receiver(self, msg: SocketMessage, other: UnixFile) -> None:
        """Whether a message may go there: ECONNREFUSED for a closed socket, EPERM, EPIPE."""
        if not self.may_send(other):
            raise SysError(EPERM)
        if other.dead:
            self.receiver_died(other)
        if other.shut & RCV_SHUTDOWN:
            raise SysError(EPIPE)

    def receiver_died(self, other: UnixFile) -> None:
        """ECONNREFUSED, and there is no default receiver any more."""
        self.peer, self.state = None, UNCONNECTED
        self.disconnected(other)
        raise SysError(ECONNREFUSED)

    # --- receiving
    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """The next message, cut to the room there is; the rest is lost. The pending error comes first."""
        no_oob(msg)
        self.take_error()
        peek = bool(msg.flags & MSG_PEEK)
        index, skip = self.peek_at() if peek else (0, 0)
        if index >= len(self.queue):
            return self.nothing(msg)
        skb = self.queue[index]
        if peek:
            files: tuple[File, ...] = tuple(file.get() for file in skb.files)
        else:
            self.queue.popleft()
            self.taken(len(skb.data))
            files = skb.detach_fds()
            skb.consumed()
            self.peer_wait.wake_up()
        return self.deliver(task, msg, skb, files, skip)

    def deliver(self, task: Any, msg: SocketMessage, skb: Skb, files: tuple[File, ...], skip: int) -> int:
        """Hand a message over."""
        size = len(skb.data) - skip
        part = skb.data[skip : skip + msg.iov.left]
        if len(part) < size:
            msg.out_flags |= MSG_TRUNC
        self.tell_sender(msg, skb.sender)
        try:
            msg.give(task.mm, part)
        except SysError:
            for file in files:
                file.put()
            raise
        if msg.flags & MSG_PEEK:
            self.peeked(len(part))
            skb.peeked = not skb.data
        self.hand_over(task, msg, skb.creds, files)
        return size if msg.flags & MSG_TRUNC else len(part)

    def peek_at(self) -> tuple[int, int]:
        """Which message a peek sees, and how much of it is passed over (SO_PEEK_OFF)."""
        if self.peek_off < 0:
            return 0, 0
        skip = self.peek_off
        for index, skb in enumerate(self.queue):
            if skip < len(skb.data) or (not skip and not skb.peeked):
                return index, skip
            skip -= len(skb.data)
        return len(self.queue), 0

    def nothing(self, msg: SocketMessage) -> int:
        """No message is there: the end, EAGAIN or Sleep."""
        if self.shut & RCV_SHUTDOWN and not msg.nonblock:
            return 0
        if msg.nonblock:
            raise SysError(EAGAIN)
        raise Sleep(self.rd_wait)

    # --- as a file
    def poll(self, task: Any) -> int:
        """Linux: unix_dgram_poll. Not writable while the default receiver's queue is full."""
        mask = super().poll(task)
        peer = self.peer
        if peer is not None and peer.peer is not self and len(peer.queue) > peer.max_backlog:
            mask &= ~(OUT_MASK | POLLWRBAND)
        return mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Readers', writers', and the default receiver's."""
        if self.peer is not None:
            return (self.rd_wait, self.wr_wait, self.peer.peer_wait)
        return (self.rd_wait, self.wr_wait)

    def inq(self) -> int:
        """Bytes of the next message."""
        return len(self.queue[0].data) if self.queue else 0


class UnixSeqpacket(UnixDgram):
    """Messages over a connection."""

    __slots__ = ()

    listen = UnixFile.listen
    accept = UnixFile.accept
    connect = UnixFile.connect

    def sendmsg(self, task: Any, msg: SocketMessage) -> int:
        """As a datagram to the peer; a name counts for nothing (Linux: unix_seqpacket_sendmsg)."""
        self.take_error()
        if self.state != CONNECTED:
            raise SysError(ENOTCONN)
        msg.name = None
        return super().sendmsg(task, msg)

    def receiver_died(self, other: UnixFile) -> None:
        """EPIPE."""
        raise SysError(EPIPE)

    def recvmsg(self, task: Any, msg: SocketMessage) -> int:
        """ENOTCONN before there is a connection."""
        if self.state != CONNECTED:
            raise SysError(ENOTCONN)
        return super().recvmsg(task, msg)

    def nothing(self, msg: SocketMessage) -> int:
        """The end is told to who does not want to wait, too."""
        if self.shut & RCV_SHUTDOWN:
            return 0
        return super().nothing(msg)

    def inq(self) -> int:
        """Bytes of all messages."""
        return sum(len(skb.data) for skb in self.queue)

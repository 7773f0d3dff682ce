"""What the three kinds of AF_UNIX sockets share: names, connections, the end (Linux: net/unix/af_unix.c; unix(7)).

Life cycle of a stream: `bind` gives a socket a name (a file or an abstract one), `listen` makes it a listener;
`connect` finds it, makes the other end and puts that on the listener's queue, `accept` takes it off. `join` connects
a pair at once. Then sendmsg queues messages at the peer and recvmsg takes them; `shutdown` and `release` end it, and
the peer is told.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import (
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
)
from forkernel.abi.ioctl import FIONREAD, TIOCOUTQ
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLHUP, POLLRDHUP, POLLWRBAND
from forkernel.abi.socket import (
    AF_UNIX,
    MSG_CTRUNC,
    MSG_OOB,
    RCV_SHUTDOWN,
    SCM_CREDENTIALS,
    SOCK_DGRAM,
    SOL_SOCKET,
    SOMAXCONN,
)
from forkernel.errors import SysError
from forkernel.fs.fasync import POLL_HUP, POLL_IN, POLL_OUT, kill_fasync
from forkernel.net import scm
from forkernel.net.scm import Creds, creds_of
from forkernel.net.socket import (
    RDWR_SHUTDOWN,
    SCM_PASS_CRED,
    SCM_PASS_PIDFD,
    SCM_PASS_RIGHTS,
    SCM_PASS_WHO,
    SocketFile,
)
from forkernel.net.unix import names
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path
    from forkernel.fs.file import File
    from forkernel.net.message import SocketMessage
    from forkernel.net.net_namespace import NetNamespace
    from forkernel.net.unix.skb import Skb

MAX_DGRAM_QLEN = 10
"""net.unix.max_dgram_qlen."""

UNCONNECTED, LISTENING, CONNECTED = range(3)


class UnixFile(SocketFile):
    """Linux: struct unix_sock."""

    __slots__ = (
        "address", "backlog", "bound", "creds", "dead", "embryo", "groups", "max_backlog", "peek_off", "peer",
        "peer_creds", "peer_groups", "peer_wait", "queue", "state", "wmem",
    )  # fmt: skip

    family = AF_UNIX
    may_scm_recv = True

    def __init__(self, task: Any, net: NetNamespace, kind: int) -> None:
        super().__init__(task, net, kind)
        net.sockets[self] = None
        self.state = UNCONNECTED
        self.peer: UnixFile | None = None
        self.queue: deque[Skb] = deque()
        """Received and not yet read."""
        self.backlog: deque[UnixFile] = deque()
        """Of a listener: ends that connect made and accept has not taken."""
        self.max_backlog = MAX_DGRAM_QLEN
        self.address: bytes | None = None
        """sun_path as it was bound: with its first NUL if abstract, else with its last (Linux: unix_address)."""
        self.bound: Path | None = None
        """The socket file of a path name."""
        self.dead = False
        """Released: nobody has it open any more."""
        self.embryo = False
        """It waits to be accepted."""
        self.wmem = 0
        """What its messages in others' queues cost."""
        self.creds: Creds = scm.NO_CREDS
        self.groups: tuple[int, ...] | None = None
        """Of who made the socket listen, for those who connect."""
        self.peer_creds = scm.NO_CREDS
        self.peer_groups = None
        self.peek_off = -1
        """SO_PEEK_OFF."""
        self.peer_wait = WaitQueue()
        """Who waits for room in this socket's queue or backlog."""

    # --- names
    def bind(self, task: Any, address: bytes) -> None:
        """Take a name: a path, abstract if it begins with NUL, or any free one if empty (autobind)."""
        names.bind(task, self, address)

    def getname(self, peer: bool) -> bytes:
        """A struct sockaddr_un; only the family for a socket without a name. ENOTCONN."""
        if not peer:
            return names.sockaddr(self)
        if self.peer is None:
            raise SysError(ENOTCONN)
        return names.sockaddr(self.peer)

    def autobind_for_creds(self, task: Any) -> None:
        """A socket that tells or asks for credentials gets a name by sending or connecting (unix(7), SO_PASSCRED)."""
        if self.scm_flags & SCM_PASS_WHO and self.address is None:
            names.autobind(self)

    # --- connections
    @property
    def listening(self) -> bool:
        """Whether it waits for connections."""
        return self.state == LISTENING

    def listen(self, task: Any, backlog: int) -> None:
        """Wait for connections; EINVAL without a name."""
        if self.address is None or self.state == CONNECTED:
            raise SysError(EINVAL)
        backlog = min(backlog & 0xFFFFFFFF, SOMAXCONN)
        if backlog > self.max_backlog:
            self.peer_wait.wake_up()
        self.max_backlog = backlog
        self.state = LISTENING
        self.creds, self.groups = creds_of(task), task.cred.groups

    def connect(self, task: Any, address: bytes, nonblock: bool) -> None:
        """Connect to the listener of that name. Sleeps while its queue is full (Linux: unix_stream_connect)."""
        name = names.mkname(address)
        self.autobind_for_creds(task)
        other = names.find(task, self.net, name, self.kind)
        if other.state != LISTENING or other.shut & RCV_SHUTDOWN:
            raise SysError(ECONNREFUSED)
        if len(other.backlog) > other.max_backlog:
            if nonblock:
                raise SysError(EAGAIN)
            raise Sleep(other.peer_wait)
        if self.state != UNCONNECTED:
            raise SysError(EISCONN if self.state == CONNECTED else EINVAL)
        end = type(self)(task, self.net, self.kind)
        end.address, end.bound = other.address, other.bound
        end.scm_flags = other.scm_flags
        end.embryo = True
        join(self, end)
        end.peer_creds, end.peer_groups = creds_of(task), task.cred.groups
        self.peer_creds, self.peer_groups = other.creds, other.groups
        other.backlog.append(end)
        other.rd_wait.wake_up()
        other.news(POLL_IN)

    def remember_peer(self, task: Any, other: UnixFile) -> None:
        """Of a pair: its maker is at the other end."""
        self.peer_creds, self.peer_groups = creds_of(task), task.cred.groups

    def accept(self, task: Any, nonblock: bool) -> UnixFile:
        """The oldest connection; EINVAL unless listening."""
        if self.state != LISTENING:
            raise SysError(EINVAL)
        if self.backlog:
            end = self.backlog.popleft()
            self.peer_wait.wake_up()
            end.embryo = False
            end.inode.uid, end.inode.gid = task.cred.fsuid, task.cred.fsgid
            return end
        self.take_error()
        if nonblock:
            raise SysError(EAGAIN)
        if self.shut & RCV_SHUTDOWN:
            raise SysError(EINVAL)
        raise Sleep(self.rd_wait)

    def shutdown(self, how: int) -> None:
        """End a direction, here and, but for datagrams, at the peer."""
        self.shut |= how
        self.wake_all()
        peer = self.peer
        if peer is not None and self.kind != SOCK_DGRAM:
            mode = (how & RCV_SHUTDOWN) << 1 | how >> 1
            peer.shut |= mode
            peer.wake_all()
            if mode & RCV_SHUTDOWN:
                peer.news(POLL_HUP if mode == RDWR_SHUTDOWN else POLL_IN)

    def shown_ino(self) -> int:
        """Its inode's number; 0 for an end that connect made and accept has not taken."""
        number: int = self.inode.ino
        return 0 if self.embryo else number

    # --- credentials
    @property
    def asks_who(self) -> bool:
        """Whether the reader wants to know the sender."""
        return bool(self.scm_flags & SCM_PASS_WHO)

    def creds_to_send(self, task: Any, msg: SocketMessage, to: UnixFile | None) -> Creds:
        """Those the sender claims, or its own if either side wants to know now (Linux: unix_maybe_add_creds)."""
        if msg.scm is not None and msg.scm.creds is not None:
            return msg.scm.creds
        wanted = self.asks_who or to is None or to.asks_who
        return creds_of(task) if wanted else scm.UNKNOWN_CREDS

    def read_control(self, task: Any, msg: SocketMessage) -> None:
        """The control messages of a send, once."""
        if msg.scm is None and msg.control:
            msg.scm = scm.scm_send(task, msg.control)
            if msg.scm.files:
                from forkernel.net.unix.garbage import check_inflight

                check_inflight(task, self)

    def check_rights(self, msg: SocketMessage, other: UnixFile) -> None:
        """EPERM for descriptors to a socket that does not take them (SO_PASSRIGHTS)."""
        if msg.scm is not None and msg.scm.files and not other.scm_flags & SCM_PASS_RIGHTS:
            raise SysError(EPERM)

    def queue_at(self, task: Any, other: UnixFile, skb: Skb, msg: SocketMessage, *, urgent: bool = False) -> None:
        """Put a message, with the files that go along, into the queue of `other`; ENOMEM."""
        self.inode.sb.kmalloc.charge("skbuff", skb.cost)
        self.wmem += skb.cost
        if msg.scm is not None and msg.scm.files:
            from forkernel.net.unix.garbage import attach

            skb.files = msg.scm.take_files()
            attach(task, skb)
        other.queue.append(skb)
        if urgent:
            other.urgent(skb)
        other.rd_wait.wake_up()
        if other.f_owner is not None:
            other.news(POLL_IN)

    def urgent(self, skb: Skb) -> None:
        """An urgent byte came, which only streams have."""

    def news(self, code: int) -> None:
        """SIGIO for the owner; POLL_OUT only if there was no room before."""
        owner = self.f_owner
        if owner is not None and (code != POLL_OUT or owner.nospace):
            owner.nospace = owner.nospace and code != POLL_OUT
            kill_fasync(self, code)

    def no_space(self) -> None:
        """There is no room to send: when there is, that is news."""
        if self.f_owner is not None:
            self.f_owner.nospace = True

    def hand_over(self, task: Any, msg: SocketMessage, creds: Creds, files: tuple[File, ...]) -> None:
        """The control messages of a receive (Linux: scm_recv_unix)."""
        if not msg.control_room:
            if self.scm_flags & SCM_PASS_WHO or files:
                msg.out_flags |= MSG_CTRUNC
            scm.put_all(files)
            return
        if self.scm_flags & SCM_PASS_CRED:
            scm.put_cmsg(msg, SOL_SOCKET, SCM_CREDENTIALS, scm.ucred_for(task, creds))
        if files:
            scm.scm_detach_fds(task, msg, files)
        if self.scm_flags & SCM_PASS_PIDFD and creds[0] is not None:
            scm.scm_pidfd_recv(task, msg, creds[0])

    def tell_sender(self, msg: SocketMessage, sender: UnixFile) -> None:
        """The name a message came from: nothing for a sender without one."""
        if sender.address is not None:
            msg.name = names.sockaddr(sender)

    # --- options
    def set_peek_off(self, offset: int) -> None:
        """SO_PEEK_OFF: where the next MSG_PEEK looks; below zero: always at the front."""
        self.peek_off = offset

    def get_peek_off(self) -> int:
        """SO_PEEK_OFF."""
        return self.peek_off

    def peeked(self, count: int) -> None:
        """A peek saw `count` bytes (Linux: sk_peek_offset_fwd)."""
        if self.peek_off >= 0:
            self.peek_off += count

    def taken(self, count: int) -> None:
        """A receive took `count` bytes (Linux: sk_peek_offset_bwd)."""
        if self.peek_off >= 0:
            self.peek_off = max(self.peek_off - count, 0)

    def memory(self) -> tuple[int, int]:
        """Messages are their sender's."""
        return (0, self.wmem)

    # --- as a file
    def writable_now(self) -> bool:
        """Whether poll says POLLOUT (Linux: unix_writable)."""
        return self.state != LISTENING and self.wmem * 4 <= self.sndbuf

    def poll(self, task: Any) -> int:
        """Linux: unix_poll."""
        mask = POLLERR if self.error else 0
        if self.shut == RDWR_SHUTDOWN:
            mask |= POLLHUP
        if self.shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | IN_MASK
        if self.queue or self.backlog:
            mask |= IN_MASK
        if self.kind != SOCK_DGRAM and self.state == UNCONNECTED:
            mask |= POLLHUP
        if self.writable_now():
            mask |= OUT_MASK | POLLWRBAND
        return mask

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """SIOCINQ: bytes of a stream, or of the next datagram. SIOCOUTQ: what its messages elsewhere count for."""
        if cmd == FIONREAD:
            if self.state == LISTENING:
                raise SysError(EINVAL)
            value = self.inq()
        elif cmd == TIOCOUTQ:
            value = self.wmem
        elif cmd == SIOCATMARK:
            value = int(self.at_mark())
        elif cmd == SIOCUNIXFILE:
            return names.open_file(task, self)
        else:
            return self.sock_ioctl(task, cmd, arg)
        task.mm.write(arg, value.to_bytes(4, "little"))
        return 0

    def at_mark(self) -> bool:
        """SIOCATMARK: EOPNOTSUPP but for streams."""
        raise SysError(EOPNOTSUPP)

    def inq(self) -> int:
        """Bytes that can be read."""
        return sum(skb.left for skb in self.queue)

    def unread_left(self) -> bool:
        """Whether closing it loses what the peer sent; one message that is empty, or was urgent and is read, is
        nothing.
        """
        queue = self.queue
        return bool(queue) and (queue[0].left > 0 or len(queue) > 1)

    def release(self) -> None:
        """The last descriptor is gone (Linux: unix_release_sock)."""
        self.dead = True
        names.forget(self)
        peer, self.peer = self.peer, None
        self.shut = RDWR_SHUTDOWN
        if peer is not None and self.kind != SOCK_DGRAM:
            peer.shut = RDWR_SHUTDOWN
            if self.unread_left():
                peer.error = ECONNRESET
            peer.wake_all()
            if not peer.dead:
                peer.news(POLL_HUP)
        for end in self.backlog:
            if end.peer is not None:
                end.peer.error = ECONNRESET
            end.put()
        self.backlog.clear()
        self.state = UNCONNECTED
        while self.queue:
            self.queue.popleft().drop()
        self.wake_all()
        self.peer_wait.wake_up()
        del self.net.sockets[self]
        inflight = self.inode.sb.inflight
        super().release()
        if inflight is not None and inflight.sockets:
            from forkernel.net.unix.garbage import unix_gc

            unix_gc(inflight)


SIOCATMARK = 0x8905
SIOCUNIXFILE = 0x89E0


def join(one: UnixFile, two: UnixFile) -> None:
    """Make two sockets each other's peer."""
    one.peer, two.peer = two, one
    one.state = two.state = CONNECTED


def no_oob(msg: SocketMessage) -> None:
    """EOPNOTSUPP for urgent data of datagrams."""
    if msg.flags & MSG_OOB:
        raise SysError(EOPNOTSUPP)

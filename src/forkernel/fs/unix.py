"""Sockets between processes of the machine (Linux: net/unix/af_unix.c, unix(7)).

Life cycle of a stream: `unix_create` makes a socket, `bind` gives it a name (a file or an abstract one),
`listen` makes it a listener; `connect` finds it, makes the other end and puts that on the listener's queue,
`accept` takes it off. `unix_socketpair` makes two connected ends at once. Then `send` queues messages at
the peer and `recv` takes them; `shutdown` and `release` end it, and the peer is told.

A message counts against its sender's buffer, with the overhead Linux's buffers have, so as many fit here.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from forkernel.abi.errno import (
    EADDRINUSE,
    EAGAIN,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
    EPROTOTYPE,
    ERESTARTSYS,
    ESPIPE,
)
from forkernel.abi.fcntl import O_NONBLOCK, O_RDWR
from forkernel.abi.ioctl import FIONREAD, TIOCOUTQ
from forkernel.abi.poll import (
    IN_MASK,
    OUT_MASK,
    POLLERR,
    POLLHUP,
    POLLRDHUP,
    POLLWRBAND,
)
from forkernel.abi.socket import (
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOMAXCONN,
)
from forkernel.abi.stat import S_IFMT, S_IFSOCK
from forkernel.errors import SysError
from forkernel.fs.anon import internal_sb
from forkernel.fs.file import File
from forkernel.fs.inode import MAY_WRITE, Inode
from forkernel.fs.net_namespace import NetNamespace
from forkernel.fs.timedread import timed_sleep
from forkernel.wait import Resume, Sleep, WaitQueue

SIGPIPE = 13
PAGE_SIZE = 4096
DEFAULT_BUFFER = 212992
"""net.core.wmem_default."""
MAX_DGRAM_QLEN = 10
SKB_OVERHEAD = 320  # struct skb_shared_info
SKB_STRUCT = 256  # struct sk_buff
SKB_MAX_HEAD = PAGE_SIZE - SKB_OVERHEAD
SKB_MAX_ALLOC = 4 * PAGE_SIZE - SKB_OVERHEAD
STREAM_CHUNK = SKB_MAX_HEAD + 8 * PAGE_SIZE
MAX_PAGED = 17 * PAGE_SIZE

UNCONNECTED, LISTENING, CONNECTED = range(3)
RDWR_SHUTDOWN = RCV_SHUTDOWN | SEND_SHUTDOWN

Creds = tuple[Any, int, int]
"""Pid of the process or None, uid, gid."""
NO_CREDS: Creds = (None, 0xFFFFFFFF, 0xFFFFFFFF)
UNKNOWN_CREDS: Creds = (None, 65534, 65534)
"""On a message sent when neither side wanted credentials."""


def page_align(size: int) -> int:
    """Up to a multiple of the page size."""
    return (size + PAGE_SIZE - 1) & -PAGE_SIZE


def truesize(size: int, stream: bool) -> int:
    """What a message of `size` bytes counts for (Linux: sock_alloc_send_pskb, skb->truesize)."""
    if stream:
        paged = min(size, page_align(max(0, size - SKB_MAX_HEAD)))
        linear = size - paged
    else:
        paged = page_align(min(max(0, size - SKB_MAX_ALLOC), MAX_PAGED))
        linear = max(0, size - paged)
    bucket = 512
    while bucket < linear + SKB_OVERHEAD:
        bucket *= 2
    return SKB_STRUCT + bucket + page_align(paged)


class Message:
    """Bytes on their way (Linux: sk_buff). `files` are descriptors passed along, each with a reference."""

    __slots__ = ("address", "cost", "creds", "data", "files", "sender")

    def __init__(self, data: bytes, sender: UnixFile, creds: Creds, files: tuple[File, ...], cost: int) -> None:
        self.data = data
        self.sender = sender
        self.creds = creds
        self.files = files
        self.cost = cost
        self.address = sender.address
        """Name of the sender, for recvfrom."""

    def consumed(self) -> None:
        """Give the room back to the sender."""
        sender = self.sender
        sender.wmem -= self.cost
        if sender.wmem * 4 <= sender.sndbuf:
            sender.wr_wait.wake_up()

    def drop(self) -> None:
        """Nobody will read it."""
        self.consumed()
        files, self.files = self.files, ()
        for file in files:
            file.put()


class Received(NamedTuple):
    """What a receive gives: `size` is the whole length of a datagram that was cut."""

    data: bytes
    size: int
    files: tuple[File, ...] = ()
    creds: Creds = NO_CREDS
    address: bytes | None = None


class UnixInode(Inode):
    """The inode of a socket without a name in a tree."""

    __slots__ = ()


class UnixFile(File):
    """A socket (Linux: struct socket, sock and unix_sock in one)."""

    __slots__ = (
        "address", "backlog", "bound", "creds", "error", "kind", "max_backlog", "net", "options", "pass_creds",
        "pass_pidfd", "peer", "peer_creds", "queue", "rcv_timeout", "rcvbuf", "rd_wait", "shut", "snd_timeout",
        "sndbuf", "state", "wmem", "wr_wait",
    )  # fmt: skip

    splice_read = splice_write = True

    def __init__(self, inode: Inode, flags: int, path: Any, kind: int, net: NetNamespace) -> None:
        super().__init__(inode, O_RDWR | flags & O_NONBLOCK, path)
        self.net: NetNamespace = net.get()
        """The network namespace it was made in, where abstract names are looked up; held until the socket goes."""
        net.sockets[self] = None
        self.kind = kind
        """SOCK_*."""
        self.state = UNCONNECTED
        self.peer: UnixFile | None = None
        self.queue: deque[Message] = deque()
        """Received and not yet read."""
        self.backlog: deque[UnixFile] = deque()
        """Of a listener: ends that connect made and accept has not taken."""
        self.max_backlog = MAX_DGRAM_QLEN
        self.address: bytes | None = None
        """sun_path as it was bound, with its first NUL if abstract."""
        self.bound: Inode | None = None
        """The socket file of a path name."""
        self.shut = 0
        """RCV_SHUTDOWN, SEND_SHUTDOWN."""
        self.error = 0
        self.wmem = 0
        """What its messages in others' queues cost."""
        self.sndbuf = self.rcvbuf = DEFAULT_BUFFER
        self.creds = NO_CREDS
        """Of who made the socket listen, for those who connect."""
        self.peer_creds = NO_CREDS
        self.pass_creds = self.pass_pidfd = False
        self.rcv_timeout = self.snd_timeout = 0
        """Nanoseconds; 0: no limit."""
        self.options: dict[int, int] = {}
        """Other options that are only remembered."""
        self.rd_wait = WaitQueue()
        self.wr_wait = WaitQueue()

    # --- names
    def bind(self, task: Any, name: bytes) -> None:
        """Take a name: a path, abstract if it begins with NUL, or any free one if empty."""
        if self.address is not None:
            raise SysError(EINVAL)
        names = self.net.abstract
        if not name:
            tries = (b"\0%05x" % number for number in range(1 << 20))
            name = next(free for free in tries if (free, self.kind) not in names)
        if name[0]:
            self.bound = bind_path(task, name)
            self.bound.pipe = self
        elif (name, self.kind) in names:
            raise SysError(EADDRINUSE)
        else:
            names[name, self.kind] = self
        self.address = name

    # --- connections
    def listen(self, task: Any, backlog: int) -> None:
        """Wait for connections; EINVAL without a name, EOPNOTSUPP for datagrams."""
        if self.kind == SOCK_DGRAM:
            raise SysError(EOPNOTSUPP)
        if self.address is None or self.state == CONNECTED:
            raise SysError(EINVAL)
        self.max_backlog = min(backlog & 0xFFFFFFFF, SOMAXCONN)
        self.state = LISTENING
        self.creds = creds_of(task)

    def connect(self, task: Any, name: bytes) -> None:
        """Connect to the socket called `name`; datagrams get a default address. Sleeps while its queue is full."""
        other = find_socket(task, self.net, name, self.kind)
        if self.kind == SOCK_DGRAM:
            if other.peer is not None and other.peer is not self:
                raise SysError(EPERM)
            self.peer, self.state = other, CONNECTED
            return
        if other.state != LISTENING or other.shut & RCV_SHUTDOWN:
            raise SysError(ECONNREFUSED)
        if len(other.backlog) > other.max_backlog:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(other.wr_wait)
        if self.state != UNCONNECTED:
            raise SysError(EISCONN if self.state == CONNECTED else EINVAL)
        end = new_socket(task.system.vfs, self.kind, 0, self.net)
        end.address, end.peer_creds = other.address, creds_of(task)
        join(self, end)
        self.peer_creds = other.creds
        other.backlog.append(end)
        other.rd_wait.wake_up()

    def disconnect(self) -> None:
        """A datagram socket forgets its default address (AF_UNSPEC)."""
        if self.kind == SOCK_DGRAM:
            self.peer, self.state = None, UNCONNECTED

    def accept(self, task: Any) -> UnixFile:
        """The oldest connection; EINVAL unless listening."""
        if self.kind == SOCK_DGRAM:
            raise SysError(EOPNOTSUPP)
        if self.state != LISTENING:
            raise SysError(EINVAL)
        if self.backlog:
            end = self.backlog.popleft()
            self.wr_wait.wake_up()
            return end
        if self.shut & RCV_SHUTDOWN:
            raise SysError(EINVAL)
        if self.flags & O_NONBLOCK:
            raise SysError(EAGAIN)
        raise Sleep(self.rd_wait)

    def shutdown(self, how: int) -> None:
        """End a direction, here and at the peer."""
        self.shut |= how
        peer = self.peer
        if peer is not None and self.kind != SOCK_DGRAM:
            peer.shut |= (how & RCV_SHUTDOWN) << 1 | how >> 1
            peer.wake_all()
        self.wake_all()

    def wake_all(self) -> None:
        """Everybody looks again."""
        self.rd_wait.wake_up()
        self.wr_wait.wake_up()

    # --- sending
    def send(
        self, task: Any, data: bytes, flags_nonblock: bool, to: UnixFile | None, creds: Creds, files: tuple[File, ...]
    ) -> int:
        """Queue `data` at the peer, or at `to`; may sleep. EPIPE (the caller sends SIGPIPE), ENOTCONN, ..."""
        if self.kind == SOCK_STREAM:
            return self.stream_send(data, flags_nonblock, creds, files)
        self.take_error()
        if self.shut & SEND_SHUTDOWN:
            raise SysError(EPIPE)
        other = to if to is not None else self.peer
        if other is None:
            raise SysError(ENOTCONN)
        if len(data) > self.sndbuf - 32:
            raise SysError(EMSGSIZE)
        self.check_dgram_peer(other)
        full = other.peer is not self and len(other.queue) > other.max_backlog
        if full or self.wmem >= self.sndbuf:
            if flags_nonblock:
                raise SysError(EAGAIN)
            raise Sleep(other.wr_wait if full else self.wr_wait)
        self.queue_at(other, data, creds, files)
        return len(data)

    @property
    def asks_who(self) -> bool:
        """Whether the reader wants to know the sender."""
        return self.pass_creds or self.pass_pidfd

    def add_creds(self, task: Any, to: UnixFile | None) -> Creds:
        """The sender's credentials, if either side has SO_PASSCRED or SO_PASSPIDFD on now (unix_maybe_add_creds)."""
        other = to if to is not None else self.peer
        wanted = self.asks_who or other is None or other.asks_who
        return creds_of(task) if wanted else UNKNOWN_CREDS

    def check_dgram_peer(self, other: UnixFile) -> None:
        """Whether a datagram may go there: ECONNREFUSED for a closed socket, EPERM, EPIPE."""
        if other.refs <= 0:
            if self.peer is other and self.kind == SOCK_DGRAM:
                self.disconnect()
            raise SysError(EPIPE if self.kind == SOCK_SEQPACKET else ECONNREFUSED)
        if other.shut & RCV_SHUTDOWN:
            raise SysError(EPIPE)
        if other.peer is not None and other.peer is not self:
            raise SysError(EPERM)

    def queue_at(self, other: UnixFile, data: bytes, creds: Creds, files: tuple[File, ...]) -> None:
        """Put a message into the queue of `other`."""
        cost = truesize(len(data), self.kind == SOCK_STREAM)
        self.wmem += cost
        other.queue.append(Message(data, self, creds, files, cost))
        other.rd_wait.wake_up()

    def stream_send(self, data: bytes, nonblock: bool, creds: Creds, files: tuple[File, ...]) -> int:
        """Queue chunk after chunk (Linux: unix_stream_sendmsg)."""
        sending = StreamSend(self, data, nonblock, creds, files)
        return sending.push()

    def take_error(self) -> None:
        """Raise the pending error, once."""
        if self.error:
            error, self.error = self.error, 0
            raise SysError(error)

    # --- receiving
    def recv(self, task: Any, count: int, nonblock: bool, peek: bool) -> Received:
        """The next datagram, or stream bytes up to the next message with other credentials or files."""
        if self.kind != SOCK_DGRAM and self.state != CONNECTED:
            raise SysError(EINVAL if self.kind == SOCK_STREAM else ENOTCONN)
        if not self.queue:
            self.take_error()
            if self.shut & RCV_SHUTDOWN:
                return Received(b"", 0)
            if nonblock:
                raise SysError(EAGAIN)
            raise Sleep(self.rd_wait)
        if self.kind == SOCK_STREAM:
            return self.stream_recv(count, peek)
        message = self.queue[0]
        if peek:
            files = tuple(file.get() for file in message.files)
        else:
            self.queue.popleft()
            files, message.files = message.files, ()
            message.consumed()
            if not len(self.queue) > self.max_backlog:
                self.wr_wait.wake_up()
        return Received(message.data[:count], len(message.data), files, message.creds, message.address)

    def stream_recv(self, count: int, peek: bool) -> Received:
        """Bytes from the front of the queue (Linux: unix_stream_read_generic)."""
        parts: list[bytes] = []
        first = self.queue[0]
        files: tuple[File, ...] = ()
        for message in list(self.queue):
            if message is not first and (files or (self.asks_who and message.creds != first.creds)):
                break
            if not count:
                break
            part = message.data[:count]
            parts.append(part)
            count -= len(part)
            if message.files:
                files = tuple(file.get() for file in message.files) if peek else message.files
                message.files = message.files if peek else ()
            if not peek:
                message.data = message.data[len(part) :]
                if message.data:
                    break
                self.queue.popleft()
                message.consumed()
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        return Received(data, len(data), files, first.creds, first.address)

    # --- as a file
    def read(self, task: Any, count: int) -> bytes:
        """As recv without flags; descriptors that come along are closed."""
        try:
            got = self.recv(task, count, bool(self.flags & O_NONBLOCK), False)
        except Sleep:
            if self.rcv_timeout:
                raise timed_sleep(task, self, self.rd_wait, self.rcv_timeout, EAGAIN) from None
            raise
        for file in got.files:
            file.put()
        return got.data

    def splice_stream(self, task: Any, count: int, nonblock: bool) -> bytes:
        """As read, but splice may say not to wait."""
        return self.recv(task, count, nonblock, False).data if nonblock else self.read(task, count)

    def unread(self, data: bytes) -> None:
        """Put stream bytes back; a datagram is gone."""
        if self.kind == SOCK_STREAM and self.peer is not None:
            self.queue.appendleft(Message(data, self.peer, self.peer.creds, (), 0))

    def write(self, task: Any, data: bytes) -> int:
        """As send without flags."""
        try:
            return self.send(task, data, bool(self.flags & O_NONBLOCK), None, self.add_creds(task, None), ())
        except SysError as error:
            if error.errno == EPIPE and self.kind != SOCK_DGRAM:
                task.send_signal(SIGPIPE)
            raise

    def seek(self, offset: int, whence: int) -> int:
        """ESPIPE."""
        raise SysError(ESPIPE)

    def writable_now(self) -> bool:
        """Whether poll says POLLOUT (Linux: unix_writable)."""
        return self.state != LISTENING and self.wmem * 4 <= self.sndbuf

    def poll(self, task: Any) -> int:
        """Linux: unix_poll and unix_dgram_poll."""
        mask = POLLERR if self.error else 0
        if self.shut == RDWR_SHUTDOWN:
            mask |= POLLHUP
        if self.shut & RCV_SHUTDOWN:
            mask |= POLLRDHUP | IN_MASK
        if self.queue or self.backlog:
            mask |= IN_MASK
        if self.kind != SOCK_DGRAM and self.state == UNCONNECTED:
            mask |= POLLHUP
        peer = self.peer
        full = (
            self.kind == SOCK_DGRAM
            and peer is not None
            and peer.peer is not self
            and len(peer.queue) > peer.max_backlog
        )
        if self.writable_now() and not full:
            mask |= OUT_MASK | POLLWRBAND
        return mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Readers', writers', and for datagrams the peer's."""
        if self.kind == SOCK_DGRAM and self.peer is not None:
            return (self.rd_wait, self.wr_wait, self.peer.wr_wait)
        return (self.rd_wait, self.wr_wait)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """FIONREAD: bytes of a stream, or of the next datagram. TIOCOUTQ: what is on its way."""
        if cmd == FIONREAD:
            if self.state == LISTENING:
                raise SysError(EINVAL)
            sizes = [len(message.data) for message in self.queue]
            value = sum(sizes) if self.kind != SOCK_DGRAM else sum(sizes[:1])
        elif cmd == TIOCOUTQ:
            value = self.wmem
        else:
            from forkernel.fs.net_namespace import dev_ioctl

            return dev_ioctl(task, self.net, cmd, arg)
        task.mm.write(arg, value.to_bytes(4, "little"))
        return 0

    def release(self) -> None:
        """The last descriptor is gone (Linux: unix_release_sock)."""
        names = self.net.abstract
        if self.address is not None and names.get((self.address, self.kind)) is self:
            del names[self.address, self.kind]
        if self.bound is not None and self.bound.pipe is self:
            self.bound.pipe = None
        peer = self.peer
        if peer is not None and self.kind != SOCK_DGRAM:
            peer.shut = RDWR_SHUTDOWN
            if self.queue:
                peer.error = ECONNRESET
            peer.wake_all()
        while self.queue:
            self.queue.popleft().drop()
        for end in self.backlog:
            if end.peer is not None:
                end.peer.error = ECONNRESET
            end.put()
        self.backlog.clear()
        self.shut = RDWR_SHUTDOWN
        self.wake_all()
        del self.net.sockets[self]
        self.net.put()
        super().release()


class StreamSend(Resume):
    """A stream write under way."""

    __slots__ = ("creds", "data", "done", "file", "files", "nonblock", "signal")

    def __init__(self, file: UnixFile, data: bytes, nonblock: bool, creds: Creds, files: tuple[File, ...]) -> None:
        self.file = file
        self.data = data
        self.nonblock = nonblock
        self.creds = creds
        self.files = files
        self.done = 0
        self.signal = True
        """Whether EPIPE is SIGPIPE too."""

    def push(self) -> int:
        """Send what there is room for; sleeps with the rest."""
        file, size = self.file, len(self.data)
        if file.peer is None:
            raise SysError(ENOTCONN)
        while self.done < size or not size:
            peer = file.peer
            if file.shut & SEND_SHUTDOWN or peer.refs <= 0 or peer.shut & RCV_SHUTDOWN:
                if self.done:
                    return self.done
                raise SysError(EPIPE)
            if not self.done:
                file.take_error()
            if not size and not self.files:
                return 0
            if file.wmem >= file.sndbuf:
                if self.nonblock:
                    if self.done:
                        return self.done
                    raise SysError(EAGAIN)
                raise Sleep(file.wr_wait, resume=self)
            chunk = self.data[self.done : self.done + min((file.sndbuf >> 1) - 64, STREAM_CHUNK)]
            file.queue_at(peer, chunk, self.creds, self.files)
            self.files = ()
            self.done += len(chunk)
        return self.done

    def step(self, task: Any) -> int:
        """Go on; EPIPE with nothing sent is SIGPIPE too."""
        try:
            return self.push()
        except SysError as error:
            for file in self.files:
                file.put()
            if error.errno == EPIPE and self.signal:
                task.send_signal(SIGPIPE)
            raise

    def interrupted(self, task: Any) -> int:
        """What was sent, or a restart."""
        for file in self.files:
            file.put()
        return self.done or -ERESTARTSYS


# --- making and finding sockets


def new_socket(vfs: Any, kind: int, flags: int, net: NetNamespace) -> UnixFile:
    """A socket with an inode of its own in sockfs."""
    sb = internal_sb(vfs, b"sockfs")
    inode = UnixInode(sb, S_IFSOCK | 0o777)
    return UnixFile(inode, flags, vfs.pseudo_path(inode, b"socket:[%d]" % inode.ino), kind, net)


def unix_create(task: Any, kind: int, flags: int) -> UnixFile:
    """A new, unconnected socket."""
    file = new_socket(task.system.vfs, kind, flags, task.nsproxy.net_ns)
    file.inode.uid, file.inode.gid = task.cred.fsuid, task.cred.fsgid
    return file


def unix_socketpair(task: Any, kind: int, flags: int) -> tuple[UnixFile, UnixFile]:
    """Two sockets connected to each other."""
    one = unix_create(task, kind, flags)
    try:
        two = unix_create(task, kind, flags)
    except SysError:
        one.put()
        raise
    join(one, two)
    one.peer_creds = two.peer_creds = creds_of(task)
    return one, two


def join(one: UnixFile, two: UnixFile) -> None:
    """Make two sockets each other's peer."""
    one.peer, two.peer = two, one
    one.state = two.state = CONNECTED


def creds_of(task: Any) -> Creds:
    """Who sends or connects."""
    return (task.group_leader.thread_pid, task.cred.uid, task.cred.gid)


def bind_path(task: Any, name: bytes) -> Inode:
    """Make the socket file of a name; EADDRINUSE when something is there."""
    from forkernel.abi.errno import EEXIST
    from forkernel.fs.dirops import do_mknodat

    try:
        do_mknodat(task, name, S_IFSOCK | 0o777, 0)
    except SysError as error:
        raise SysError(EADDRINUSE if error.errno == EEXIST else error.errno) from None
    inode: Inode = task.system.vfs.resolve(task, name, follow=False).inode
    return inode


def find_socket(task: Any, net: NetNamespace, name: bytes, kind: int) -> UnixFile:
    """The socket called `name`; ECONNREFUSED, EPROTOTYPE, and what the walk says."""
    found: UnixFile | None
    if name[:1] == b"\0":
        found = net.abstract.get((name, kind))
    else:
        inode = task.system.vfs.resolve(task, name).inode
        inode.permission(task.cred, MAY_WRITE)
        if inode.mode & S_IFMT != S_IFSOCK:
            raise SysError(ECONNREFUSED)
        found = inode.pipe
    if found is None or found.refs <= 0:
        raise SysError(ECONNREFUSED)
    if found.kind != kind:
        raise SysError(EPROTOTYPE)
    return found

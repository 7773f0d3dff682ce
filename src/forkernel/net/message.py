"""A message on its way between a call and a socket, and the calls that send and receive (Linux: struct msghdr,
sock_sendmsg, sock_recvmsg).

Life cycle: a call makes a `SocketMessage` of the user's buffers, name and control messages, and steps a `SendCall` or
`RecvCall` with it. That asks the family's sendmsg or recvmsg, again after each sleep; the message keeps what is done.
In the end a receive hands out name, control messages and flags (net/msghdr.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EFAULT, EINTR, EPIPE, ERESTARTSYS
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.socket import MSG_NOSIGNAL, SOCK_CLOEXEC
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from forkernel.mm.iov_iter import IovIter
    from forkernel.net.scm import ScmCookie
    from forkernel.net.socket import SocketFile

SIGPIPE = 13


class KernelIter:
    """A buffer of the kernel in the place of an `IovIter`: for read and write, and transfers between files."""

    __slots__ = ("at", "data", "left", "parts")

    def __init__(self, data: bytes = b"", room: int = 0) -> None:
        self.data = data
        """To be sent."""
        self.at = 0
        self.left = room or len(data)
        self.parts: list[bytes] = []
        """Received."""

    def copy_out(self, mm: Any, count: int) -> bytes:
        """Up to `count` bytes from where it stands."""
        if not self.at and count >= len(self.data):
            return self.data
        return self.data[self.at : self.at + count]

    def copy_in(self, mm: Any, data: bytes) -> int:
        """Take received bytes."""
        self.parts.append(data)
        self.left -= len(data)
        return len(data)

    def advance(self, count: int) -> None:
        """`count` bytes more are sent."""
        self.at += count
        self.left -= count

    def taken(self) -> bytes:
        """All that was received."""
        parts = self.parts
        return parts[0] if len(parts) == 1 else b"".join(parts)


class SocketMessage:
    """Linux: struct msghdr in the kernel. Of a send: what goes out; of a receive: room, and what came."""

    __slots__ = (
        "control", "control_room", "done", "flags", "iov", "name", "nonblock", "out_flags", "progress", "scm",
    )  # fmt: skip

    def __init__(self, iov: IovIter | KernelIter, flags: int, nonblock: bool, name: bytes | None = None) -> None:
        self.iov = iov
        """Where the bytes are; `iov.left` is how many are to go."""
        self.flags = flags
        """MSG_* of the call."""
        self.nonblock = nonblock
        """O_NONBLOCK or MSG_DONTWAIT."""
        self.name = name
        """A send: the sockaddr it goes to, None for none. A receive: the sockaddr it came from, b"" for none."""
        self.done = 0
        """Bytes moved before a sleep."""
        self.scm: ScmCookie | None = None
        """A send: its control messages."""
        self.control = b""
        """A receive: its control messages (`scm.put_cmsg`), and"""
        self.control_room = 0
        """the bytes there is room for."""
        self.out_flags = 0
        """A receive: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, ..."""
        self.progress: Any = None
        """Whatever else a family keeps over a sleep; picklable."""

    def take(self, mm: Any, count: int) -> bytes:
        """The next `count` bytes to send, all of them or EFAULT; does not advance."""
        data = self.iov.copy_out(mm, count)
        if len(data) < count:
            raise SysError(EFAULT)
        return data

    def give(self, mm: Any, data: bytes) -> None:
        """Hand received bytes over; EFAULT if not all fit into memory that is there."""
        if self.iov.copy_in(mm, data) < len(data):
            raise SysError(EFAULT)

    def epipe(self, task: Any) -> SysError:
        """The error of a send to a stream that has nobody to read it: SIGPIPE too, unless MSG_NOSIGNAL."""
        if not self.flags & MSG_NOSIGNAL:
            task.send_signal(SIGPIPE)
        return SysError(EPIPE)


def interrupted_code(limited: bool) -> int:
    """What ends a call that a signal interrupts: EINTR with a time limit, else a restart (signal(7))."""
    return EINTR if limited else ERESTARTSYS


class SocketCall(Resume):
    """A call on a socket that may sleep: it keeps the file from being released, and the time limit."""

    __slots__ = ("deadline", "file", "held", "limited")

    def __init__(self, task: Any, file: SocketFile, timeout: int) -> None:
        self.file = file
        self.deadline: int | None = task.system.clock.monotonic() + timeout if timeout else None
        """CLOCK_MONOTONIC, ns."""
        self.limited = bool(timeout)
        self.held = False
        """Whether this has a reference to the file: from the first sleep on."""

    def attempt(self, task: Any) -> int:
        """The call's result, SysError, or Sleep."""
        raise NotImplementedError

    def late(self) -> int:
        """The result when the time is over, or SysError."""
        raise SysError(EAGAIN)

    def progress(self) -> int:
        """Bytes to tell of when a signal comes; 0: none."""
        return 0

    def end(self) -> None:
        """The call is over, one way or the other."""
        if self.held:
            self.held = False
            self.file.put()

    def step(self, task: Any) -> int:
        """Try; sleep with what the family waits for."""
        try:
            result = self.attempt(task)
        except Sleep as sleep:
            if self.deadline is None or task.system.clock.monotonic() < self.deadline:
                if not self.held:
                    self.held = True
                    self.file.get()
                deadline = self.deadline
                if sleep.deadline is not None and (deadline is None or sleep.deadline < deadline):
                    deadline = sleep.deadline
                raise Sleep(*sleep.queues, resume=self, deadline=deadline) from None
            try:
                result = self.late()
            finally:
                self.end()
            return result
        except SysError:
            self.end()
            raise
        self.end()
        return result

    def interrupted(self, task: Any) -> int:
        """A signal came first."""
        result = self.progress()
        self.end()
        return result or -interrupted_code(self.limited)


class SendCall(SocketCall):
    """A send: sendto, sendmsg, write."""

    __slots__ = ("msg",)

    def __init__(self, task: Any, file: SocketFile, msg: SocketMessage) -> None:
        super().__init__(task, file, file.snd_timeout)
        self.msg = msg

    def attempt(self, task: Any) -> int:
        """Ask the family."""
        return self.file.sendmsg(task, self.msg)

    def late(self) -> int:
        """What was sent, or EAGAIN."""
        if self.msg.done:
            return self.msg.done
        raise SysError(EAGAIN)

    def progress(self) -> int:
        """What was sent."""
        return self.msg.done

    def end(self) -> None:
        """Give back what the control messages hold."""
        if self.msg.scm is not None:
            self.msg.scm.destroy()
        super().end()


class RecvCall(SocketCall):
    """A receive: recvfrom, recvmsg. `finish(task, msg, result)` stores what came along."""

    __slots__ = ("header", "msg", "name", "namelen")

    def __init__(self, task: Any, file: SocketFile, msg: SocketMessage) -> None:
        super().__init__(task, file, file.rcv_timeout)
        self.msg = msg
        self.header = self.name = self.namelen = 0
        """Addresses of a struct msghdr, or of a name and its length; 0 for none."""

    def attempt(self, task: Any) -> int:
        """Ask the family, then store name and control messages."""
        return self.finish(task, self.file.recvmsg(task, self.msg))

    def finish(self, task: Any, result: int) -> int:
        """Store what came along."""
        if self.header or self.name:
            from forkernel.net.msghdr import store_msghdr, store_sockaddr

            if self.header:
                store_msghdr(task.mm, self.header, self.msg)
            else:
                store_sockaddr(task.mm, self.name, self.namelen, self.msg.name or b"")
        return result

    def late(self) -> int:
        """What came, or EAGAIN."""
        if self.msg.done:
            return self.msg.done
        raise SysError(EAGAIN)

    def progress(self) -> int:
        """What came."""
        return self.msg.done


class ConnectCall(SocketCall):
    """A connect, whose time limit is that of sends."""

    __slots__ = ("address",)

    def __init__(self, task: Any, file: SocketFile, address: bytes) -> None:
        super().__init__(task, file, file.snd_timeout)
        self.address = address

    def attempt(self, task: Any) -> int:
        """Ask the family."""
        self.file.connect(task, self.address, bool(self.file.flags & O_NONBLOCK))
        return 0

    def late(self) -> int:
        """The family's own error for that, EAGAIN mostly."""
        raise SysError(self.file.connect_late)


class AcceptCall(SocketCall):
    """An accept; `install(task, socket)` makes the descriptor."""

    __slots__ = ("address", "flags", "length")

    def __init__(self, task: Any, file: SocketFile, flags: int, address: int, length: int) -> None:
        super().__init__(task, file, file.rcv_timeout)
        self.flags = flags
        self.address = address
        self.length = length

    def attempt(self, task: Any) -> int:
        """Take a connection, tell who it is, and give it a descriptor."""
        from forkernel.net.msghdr import store_sockaddr

        end = self.file.accept(task, bool(self.file.flags & O_NONBLOCK))
        end.flags |= self.flags & O_NONBLOCK
        if self.address:
            try:
                store_sockaddr(task.mm, self.address, self.length, end.getname(True))
            except SysError:
                end.put()
                raise
        return fd_install(task, end, bool(self.flags & SOCK_CLOEXEC))

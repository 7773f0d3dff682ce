"""struct msghdr, sockaddrs and msghdr vectors in user memory (Linux: net/socket.c; sendmsg(2), recvmsg(2))."""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EAGAIN, EINTR, EINVAL, EMSGSIZE, ENOBUFS
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.socket import (
    MSG_CMSG_CLOEXEC,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    MSG_WAITFORONE,
    Msghdr,
)
from forkernel.errors import SysError
from forkernel.mm.iov_iter import UIO_MAXIOV, import_iovec
from forkernel.mm.uaccess import UserBuf
from forkernel.net.message import RecvCall, SendCall, SocketMessage
from forkernel.net.socket import SocketFile
from forkernel.wait import Resume, Sleep

SOCKADDR_MAX = 128
"""sizeof(struct sockaddr_storage)."""
INT_MAX = 0x7FFFFFFF
MMSGHDR_SIZE = Msghdr.SIZE + 8
"""struct mmsghdr: a msghdr, then msg_len."""


# --- names


def read_sockaddr(address: UserBuf, length: int) -> bytes:
    """A sockaddr as a family wants it; EINVAL for a length that none has (Linux: move_addr_to_kernel)."""
    if not 0 <= length <= SOCKADDR_MAX:
        raise SysError(EINVAL)
    return address.read(length) if length else b""


def store_sockaddr(mm: Any, where: int, length: int, data: bytes) -> None:
    """Store a sockaddr cut to the room there is, and its whole length (Linux: move_addr_to_user)."""
    room = int.from_bytes(mm.read(length, 4), "little", signed=True)
    if room < 0:
        raise SysError(EINVAL)
    if room and data:
        mm.write(where, data[:room])
    mm.write(length, len(data).to_bytes(4, "little"))


# --- one message


def read_msghdr(message: UserBuf) -> Msghdr:
    """The header, with a name's length within bounds; EINVAL, EMSGSIZE."""
    header = Msghdr.unpack(message.read(Msghdr.SIZE))
    if not header.msg_name:
        header.msg_namelen = 0
    if header.msg_namelen > INT_MAX:
        raise SysError(EINVAL)
    header.msg_namelen = min(header.msg_namelen, SOCKADDR_MAX)
    if header.msg_iovlen > UIO_MAXIOV:
        raise SysError(EMSGSIZE)
    return header


def send_call(task: Any, file: SocketFile, message: UserBuf, flags: int) -> SendCall:
    """The call that sends what a struct msghdr describes."""
    header = read_msghdr(message)
    mm = message.mm
    name = None
    if header.msg_namelen:
        name = read_sockaddr(UserBuf(mm, header.msg_name), header.msg_namelen)
    iov = import_iovec(UserBuf(mm, header.msg_iov), header.msg_iovlen)
    if header.msg_controllen > INT_MAX:
        raise SysError(ENOBUFS)
    msg = SocketMessage(iov, flags, is_nonblock(file, flags), name)
    if header.msg_controllen:
        msg.control = mm.read(header.msg_control, header.msg_controllen)
    return SendCall(task, file, msg)


def recv_call(task: Any, file: SocketFile, message: UserBuf, flags: int) -> RecvCall:
    """The call that receives into what a struct msghdr describes."""
    header = read_msghdr(message)
    iov = import_iovec(UserBuf(message.mm, header.msg_iov), header.msg_iovlen)
    msg = SocketMessage(iov, flags, is_nonblock(file, flags))
    msg.out_flags = flags & MSG_CMSG_CLOEXEC
    msg.control_room = min(header.msg_controllen, INT_MAX) if header.msg_control else 0
    call = RecvCall(task, file, msg)
    call.header = message.addr
    return call


def is_nonblock(file: SocketFile, flags: int) -> bool:
    """Whether a call must not wait."""
    return bool(file.flags & O_NONBLOCK or flags & MSG_DONTWAIT)


def store_msghdr(mm: Any, where: int, msg: SocketMessage) -> None:
    """Store name, control messages, their lengths and the flags of what was received (Linux: ____sys_recvmsg)."""
    header = Msghdr.unpack(mm.read(where, Msghdr.SIZE))
    if header.msg_name:
        name = msg.name or b""
        room = header.msg_namelen
        if room > INT_MAX:
            raise SysError(EINVAL)
        mm.write(header.msg_name, name[:room])
        header.msg_namelen = len(name)
    if msg.control:
        mm.write(header.msg_control, msg.control)
    header.msg_controllen = len(msg.control)
    header.msg_flags = msg.out_flags
    mm.write(where, header.pack())


# --- vectors of messages


class SendVector(Resume):
    """sendmmsg(2): message after message until one cannot be sent whole; an error counts if it is the first one."""

    __slots__ = ("addr", "call", "count", "done", "file", "flags")

    def __init__(self, file: SocketFile, addr: int, count: int, flags: int) -> None:
        self.file = file
        self.addr = addr
        self.count = min(count, UIO_MAXIOV)
        self.flags = flags
        self.done = 0
        self.call: SendCall | None = None
        """The message that sleeps."""

    def step(self, task: Any) -> int:
        """Send on."""
        mm = task.mm
        try:
            while self.done < self.count:
                place = self.addr + self.done * MMSGHDR_SIZE
                call = self.call or send_call(task, self.file, UserBuf(mm, place), self.flags)
                sent = self.sleepily(task, call)
                mm.write(place + Msghdr.SIZE, sent.to_bytes(4, "little"))
                self.done += 1
                if call.msg.iov.left:
                    break
        except SysError:
            if not self.done:
                raise
        return self.done

    def sleepily(self, task: Any, call: SendCall) -> int:
        """A message's step; its sleep is ours."""
        self.call = None
        try:
            return call.step(task)
        except Sleep as sleep:
            self.call, sleep.resume = call, self
            raise

    def interrupted(self, task: Any) -> int:
        """What was sent, or what the message says."""
        result = self.call.interrupted(task) if self.call is not None else -EINTR
        if result > 0 and self.call is not None:
            task.mm.write(self.addr + self.done * MMSGHDR_SIZE + Msghdr.SIZE, result.to_bytes(4, "little"))
            self.done += 1
        return self.done or result


class RecvVector(Resume):
    """recvmmsg(2). The time limit is looked at after each message only, as Linux does (recvmmsg(2), BUGS)."""

    __slots__ = ("addr", "call", "count", "deadline", "done", "file", "flags", "timeout")

    def __init__(self, file: SocketFile, addr: int, count: int, flags: int) -> None:
        self.file = file
        self.addr = addr
        self.count = min(count, UIO_MAXIOV)
        self.flags = flags
        self.done = 0
        self.call: RecvCall | None = None
        self.deadline: int | None = None
        """CLOCK_MONOTONIC, ns."""
        self.timeout = 0
        """Address of the struct timespec that gets the time left."""

    def step(self, task: Any) -> int:
        """Receive on; the pending error comes first. A later error waits for the next call."""
        if not self.done and self.call is None:
            self.file.take_error()
        try:
            while self.done < self.count:
                self.one(task)
                if self.flags & MSG_WAITFORONE:
                    self.flags |= MSG_DONTWAIT
                if self.deadline is not None and task.system.clock.monotonic() >= self.deadline:
                    break
        except SysError as error:
            if not self.done:
                raise
            if error.errno != EAGAIN:
                self.file.error = error.errno
        self.store_time(task)
        return self.done

    def one(self, task: Any) -> None:
        """One message."""
        place = self.addr + self.done * MMSGHDR_SIZE
        flags = self.flags & ~MSG_WAITFORONE
        call = self.call or recv_call(task, self.file, UserBuf(task.mm, place), flags)
        self.call = None
        try:
            got = call.step(task)
        except Sleep as sleep:
            self.call, sleep.resume = call, self
            raise
        task.mm.write(place + Msghdr.SIZE, got.to_bytes(4, "little"))
        self.done += 1
        if call.msg.out_flags & MSG_ERRQUEUE:
            self.count = self.done

    def store_time(self, task: Any) -> None:
        """Tell the time left."""
        if self.deadline is not None:
            seconds, rest = divmod(max(0, self.deadline - task.system.clock.monotonic()), 10**9)
            task.mm.write(self.timeout, seconds.to_bytes(8, "little") + rest.to_bytes(8, "little"))

    def interrupted(self, task: Any) -> int:
        """What was received, or what the message says."""
        result = self.call.interrupted(task) if self.call is not None else -EINTR
        return self.done or result

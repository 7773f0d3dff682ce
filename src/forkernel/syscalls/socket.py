"""Sockets of the AF_UNIX family; there are no others, as in a kernel built without networking (unix(7))."""

from __future__ import annotations

from typing import Any

from forkernel.abi.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from forkernel.abi.errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EFAULT,
    EINTR,
    EINVAL,
    EISCONN,
    ENODATA,
    ENOPROTOOPT,
    ENOTCONN,
    ENOTSOCK,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
    EPROTONOSUPPORT,
    ERESTARTSYS,
    ESOCKTNOSUPPORT,
    ESRCH,
)
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.socket import (
    AF_UNIX,
    AF_UNSPEC,
    MSG_CMSG_CLOEXEC,
    MSG_CTRUNC,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SCM_CREDENTIALS,
    SCM_MAX_FD,
    SCM_PIDFD,
    SCM_RIGHTS,
    SHUT_RDWR,
    SO_ACCEPTCONN,
    SO_BROADCAST,
    SO_DEBUG,
    SO_DOMAIN,
    SO_DONTROUTE,
    SO_ERROR,
    SO_KEEPALIVE,
    SO_LINGER,
    SO_OOBINLINE,
    SO_PASSCRED,
    SO_PASSPIDFD,
    SO_PEERCRED,
    SO_PEERPIDFD,
    SO_PRIORITY,
    SO_PROTOCOL,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_RCVLOWAT,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SO_SNDLOWAT,
    SO_SNDTIMEO,
    SO_TYPE,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_NONBLOCK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOCK_TYPE_MASK,
    SOL_SOCKET,
    SUN_PATH_MAX,
    Cmsghdr,
    Msghdr,
    Ucred,
)
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.fs.unix import (
    CONNECTED,
    LISTENING,
    Creds,
    Received,
    StreamSend,
    UnixFile,
    find_socket,
    unix_create,
    unix_socketpair,
)
from forkernel.kernel.cred import ns_capable, own_capable
from forkernel.kernel.pid import Pid, find_vpid, pid_vnr, task_active_pid_ns, task_tgid_vnr
from forkernel.kernel.pidfd import pidfd_create
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserInOut, UserOut
from forkernel.namespace import INVALID_ID, init_user_ns
from forkernel.syscalls.io import IovIter, import_iovec, single
from forkernel.syscalls.poll import read_time
from forkernel.syscalls.registry import syscall
from forkernel.wait import Resume, Sleep

SIGPIPE = 13
UIO_MAXIOV = 1024
SOCKADDR_MAX = 128
MAX_BUFFER = 4 << 20
"""net.core.wmem_max and rmem_max."""
MIN_SNDBUF = 4608
MIN_RCVBUF = 2304
ONLY_UNIX = "AF_UNIX only: other families are EAFNOSUPPORT"
REMEMBERED = {
    SO_DEBUG: 0, SO_REUSEADDR: 0, SO_DONTROUTE: 0, SO_BROADCAST: 0, SO_KEEPALIVE: 0, SO_OOBINLINE: 0,
    SO_PRIORITY: 0, SO_REUSEPORT: 0, SO_RCVLOWAT: 1, SO_SNDLOWAT: 1,
}  # fmt: skip
"""Options that only keep their value, and their first ones."""


def socket_of(task: Task, fd: int) -> UnixFile:
    """The socket of a descriptor; EBADF, ENOTSOCK."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, UnixFile):
        raise SysError(ENOTSOCK)
    return file


# --- names


def read_sockaddr(address: UserBuf, length: int) -> bytes | None:
    """sun_path of the sockaddr_un at `address` (Linux: unix_mkname), None for AF_UNSPEC; EINVAL."""
    if not 2 <= length <= SOCKADDR_MAX:
        raise SysError(EINVAL)
    data = address.read(length)
    family = int.from_bytes(data[:2], "little")
    if family == AF_UNSPEC:
        return None
    if family != AF_UNIX or length > 2 + SUN_PATH_MAX:
        raise SysError(EINVAL)
    path = data[2:]
    return path if path[:1] == b"\0" else path.split(b"\0", 1)[0]


def sockaddr(name: bytes | None) -> bytes:
    """A struct sockaddr_un for a name; only the family for a socket without one."""
    path = name or b""
    if path and path[0]:
        path += b"\0"
    return AF_UNIX.to_bytes(2, "little") + path


def store_sockaddr(mm: Any, where: UserBuf | None, length: UserInOut[I32] | None, name: bytes | None) -> None:
    """Store an address and its whole length, cut to the room there is."""
    if where is None or length is None:
        return
    room = length.get()
    if room < 0:
        raise SysError(EINVAL)
    data = sockaddr(name)
    mm.write(where.addr, data[:room])
    length.put(len(data))


# --- making and connecting


@syscall("socket", caveat=ONLY_UNIX)
def sys_socket(task: Task, family: I32, kind: I32, protocol: I32) -> int:
    """socket(2)."""
    file = unix_create(task, check_kind(family, kind, protocol), kind & SOCK_NONBLOCK)
    return fd_install(task, file, bool(kind & SOCK_CLOEXEC))


@syscall("socketpair", caveat=ONLY_UNIX)
def sys_socketpair(task: Task, family: I32, kind: I32, protocol: I32, pair: UserOut[I32]) -> int:
    """socketpair(2)."""
    one, two = unix_socketpair(task, check_kind(family, kind, protocol), kind & SOCK_NONBLOCK)
    cloexec = bool(kind & SOCK_CLOEXEC)
    files = task.files
    assert files is not None
    try:
        first = fd_install(task, one, cloexec)
    except SysError:
        two.put()
        raise
    try:
        second = fd_install(task, two, cloexec)
    except SysError:
        files.close(task, first)
        raise
    try:
        pair.put_array((first, second))
    except SysError:
        files.close(task, first)
        files.close(task, second)
        raise
    return 0


def check_kind(family: int, kind: int, protocol: int) -> int:
    """The socket's type; EINVAL, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT."""
    if kind & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK):
        raise SysError(EINVAL)
    if family != AF_UNIX:
        raise SysError(EAFNOSUPPORT)
    if protocol not in (0, AF_UNIX):
        raise SysError(EPROTONOSUPPORT)
    kind &= SOCK_TYPE_MASK
    if kind == SOCK_RAW:
        return SOCK_DGRAM
    if kind not in (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET):
        raise SysError(ESOCKTNOSUPPORT)
    return kind


@syscall("bind")
def sys_bind(task: Task, fd: I32, address: UserBuf, length: I32) -> int:
    """bind(2)."""
    file = socket_of(task, fd)
    name = read_sockaddr(address, length)
    if name is None:
        raise SysError(EINVAL)
    file.bind(task, name)
    return 0


@syscall("listen")
def sys_listen(task: Task, fd: I32, backlog: I32) -> int:
    """listen(2)."""
    socket_of(task, fd).listen(task, backlog)
    return 0


@syscall("connect")
def sys_connect(task: Task, fd: I32, address: UserBuf, length: I32) -> int:
    """connect(2)."""
    file = socket_of(task, fd)
    name = read_sockaddr(address, length)
    if name is None and file.kind == SOCK_DGRAM:
        file.disconnect()
        return 0
    if not name:
        raise SysError(EINVAL)
    file.connect(task, name)
    return 0


@syscall("accept")
def sys_accept(task: Task, fd: I32, address: UserBuf | None, length: UserInOut[I32] | None) -> int:
    """accept(2)."""
    return do_accept4(task, fd, address, length, 0)


@syscall("accept4")
def sys_accept4(task: Task, fd: I32, address: UserBuf | None, length: UserInOut[I32] | None, flags: I32) -> int:
    """accept4(2)."""
    if flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK):
        raise SysError(EINVAL)
    return do_accept4(task, fd, address, length, flags)


def do_accept4(task: Task, fd: int, address: UserBuf | None, length: UserInOut[I32] | None, flags: int) -> int:
    """A descriptor for the oldest connection."""
    end = socket_of(task, fd).accept(task)
    end.flags |= flags & O_NONBLOCK
    try:
        store_sockaddr(task.mm, address, length, end.peer.address if end.peer is not None else None)
    except SysError:
        end.put()
        raise
    return fd_install(task, end, bool(flags & SOCK_CLOEXEC))


@syscall("getsockname")
def sys_getsockname(task: Task, fd: I32, address: UserBuf, length: UserInOut[I32]) -> int:
    """getsockname(2)."""
    store_sockaddr(task.mm, address, length, socket_of(task, fd).address)
    return 0


@syscall("getpeername")
def sys_getpeername(task: Task, fd: I32, address: UserBuf, length: UserInOut[I32]) -> int:
    """getpeername(2)."""
    peer = socket_of(task, fd).peer
    if peer is None:
        raise SysError(ENOTCONN)
    store_sockaddr(task.mm, address, length, peer.address)
    return 0


@syscall("shutdown")
def sys_shutdown(task: Task, fd: I32, how: I32) -> int:
    """shutdown(2)."""
    file = socket_of(task, fd)
    if not 0 <= how <= SHUT_RDWR:
        raise SysError(EINVAL)
    file.shutdown(how + 1)
    return 0


# --- options


@syscall("getsockopt")
def sys_getsockopt(task: Task, fd: I32, level: I32, name: I32, value: UserBuf, length: UserInOut[I32]) -> int:
    """getsockopt(2)."""
    file = socket_of(task, fd)
    room = length.get()
    if room < 0:
        raise SysError(EINVAL)
    if level != SOL_SOCKET:
        raise SysError(EOPNOTSUPP)
    data = option_value(task, file, name)
    value.write(data[:room])
    length.put(min(room, len(data)))
    return 0


def option_value(task: Task, file: UnixFile, name: int) -> bytes:
    """What getsockopt stores; ENOPROTOOPT."""
    if name == SO_PEERCRED:
        return ucred_for(task, file.peer_creds)
    if name == SO_PEERPIDFD:
        return peer_pidfd(task, file).to_bytes(4, "little")
    if name in (SO_RCVTIMEO, SO_SNDTIMEO):
        seconds, rest = divmod(file.rcv_timeout if name == SO_RCVTIMEO else file.snd_timeout, 10**9)
        return seconds.to_bytes(8, "little") + (rest // 1000).to_bytes(8, "little")
    if name == SO_LINGER:
        return file.options.get(SO_LINGER, 0).to_bytes(8, "little")
    if name == SO_ERROR:
        number, file.error = file.error, 0
    else:
        known = {
            SO_TYPE: file.kind,
            SO_SNDBUF: file.sndbuf,
            SO_RCVBUF: file.rcvbuf,
            SO_PASSCRED: int(file.pass_creds),
            SO_PASSPIDFD: int(file.pass_pidfd),
            SO_ACCEPTCONN: int(file.state == LISTENING),
            SO_DOMAIN: AF_UNIX,
            SO_PROTOCOL: 0,
        }
        number = known.get(name, -1)
        if number < 0:
            if name not in REMEMBERED:
                raise SysError(ENOPROTOOPT)
            number = file.options.get(name, REMEMBERED[name])
    return number.to_bytes(4, "little")


@syscall("setsockopt")
def sys_setsockopt(task: Task, fd: I32, level: I32, name: I32, value: UserBuf, length: I32) -> int:
    """setsockopt(2)."""
    file = socket_of(task, fd)
    if level != SOL_SOCKET:
        raise SysError(EOPNOTSUPP)
    if name in (SO_RCVTIMEO, SO_SNDTIMEO):
        if length < 16:
            raise SysError(EINVAL)
        timeout = read_time(value.mm, value.addr, 1000)
        if name == SO_RCVTIMEO:
            file.rcv_timeout = timeout
        else:
            file.snd_timeout = timeout
        return 0
    if length < 4:
        raise SysError(EINVAL)
    set_option(file, name, int.from_bytes(value.read(8 if name == SO_LINGER else 4), "little"))
    return 0


def set_option(file: UnixFile, name: int, number: int) -> None:
    """The options that are numbers; ENOPROTOOPT."""
    if name in (SO_SNDBUF, SO_SNDBUFFORCE):
        file.sndbuf = max(min(number, MAX_BUFFER) * 2, MIN_SNDBUF)
    elif name in (SO_RCVBUF, SO_RCVBUFFORCE):
        file.rcvbuf = max(min(number, MAX_BUFFER) * 2, MIN_RCVBUF)
    elif name == SO_PASSCRED:
        file.pass_creds = bool(number)
    elif name == SO_PASSPIDFD:
        file.pass_pidfd = bool(number)
    elif name in REMEMBERED:
        file.options[name] = int(bool(number)) if name not in (SO_PRIORITY, SO_RCVLOWAT) else number
    elif name == SO_LINGER:
        file.options[name] = number
    else:
        raise SysError(ENOPROTOOPT)


# --- sending


@syscall("sendto")
def sys_sendto(task: Task, fd: I32, buf: UserBuf, size: U64, flags: U32, address: UserBuf | None, length: I32) -> int:
    """sendto(2)."""
    file = socket_of(task, fd)
    name = read_sockaddr(address, length) if address is not None else None
    return do_send(task, file, single(buf.addr, size), flags, name, None, ())


@syscall("sendmsg")
def sys_sendmsg(task: Task, fd: I32, message: UserBuf, flags: U32) -> int:
    """sendmsg(2)."""
    return send_msghdr(task, socket_of(task, fd), message, flags)


@syscall("sendmmsg")
def sys_sendmmsg(task: Task, fd: I32, vector: UserBuf, count: U32, flags: U32) -> int:
    """sendmmsg(2): as many as can be sent without waiting after the first."""
    file = socket_of(task, fd)
    done = 0
    for index in range(min(count, UIO_MAXIOV)):
        place = vector.addr + index * (Msghdr.SIZE + 8)
        try:
            sent = send_msghdr(task, file, UserBuf(vector.mm, place), flags | (MSG_DONTWAIT if done else 0))
        except SysError:
            if not done:
                raise
            break
        vector.mm.write(place + Msghdr.SIZE, sent.to_bytes(4, "little"))
        done += 1
    return done


def send_msghdr(task: Task, file: UnixFile, message: UserBuf, flags: int) -> int:
    """Send what a struct msghdr describes."""
    header = Msghdr.unpack(message.read(Msghdr.SIZE))
    mm = message.mm
    name = None
    if header.msg_name and header.msg_namelen:
        name = read_sockaddr(UserBuf(mm, header.msg_name), header.msg_namelen)
    iov = import_iovec(UserBuf(mm, header.msg_iov), header.msg_iovlen)
    control = mm.read(header.msg_control, header.msg_controllen) if header.msg_controllen else b""
    creds, files = scm_send(task, control)
    return do_send(task, file, iov, flags, name, creds, files)


def scm_send(task: Task, control: bytes) -> tuple[Creds | None, tuple[File, ...]]:
    """Credentials and files of ancillary data, with a reference to each file; EINVAL, EPERM, EBADF."""
    creds: Creds | None = None
    numbers: list[int] = []
    at = 0
    while at + Cmsghdr.SIZE <= len(control):
        header = Cmsghdr.unpack(control[at : at + Cmsghdr.SIZE])
        if header.cmsg_len < Cmsghdr.SIZE or at + header.cmsg_len > len(control):
            raise SysError(EINVAL)
        data = control[at + Cmsghdr.SIZE : at + header.cmsg_len]
        if header.cmsg_level == SOL_SOCKET and header.cmsg_type == SCM_RIGHTS:
            numbers += [int.from_bytes(data[pos : pos + 4], "little") for pos in range(0, len(data) // 4 * 4, 4)]
        elif header.cmsg_level == SOL_SOCKET and header.cmsg_type == SCM_CREDENTIALS and len(data) == Ucred.SIZE:
            creds = check_creds(task, Ucred.unpack(data))
        elif header.cmsg_level == SOL_SOCKET:
            raise SysError(EINVAL)
        at += header.cmsg_len + 7 & ~7
    if len(numbers) > SCM_MAX_FD:
        raise SysError(EINVAL)
    assert task.files is not None
    found = [task.files.get_raw(number) for number in numbers]
    return creds, tuple(file.get() for file in found)


def check_creds(task: Task, wanted: Ucred) -> Creds:
    """Credentials that a task may claim: its own, or any with capabilities (EPERM)."""
    cred = task.cred
    uid, gid = cred.user_ns.make_kuid(wanted.uid), cred.user_ns.make_kgid(wanted.gid)
    if INVALID_ID in (uid, gid):
        raise SysError(EINVAL)
    if (
        (
            wanted.pid != task_tgid_vnr(task)
            and not ns_capable(task, task_active_pid_ns(task).user_ns or init_user_ns, CAP_SYS_ADMIN)
        )
        or (uid not in (cred.uid, cred.euid, cred.suid) and not own_capable(task, CAP_SETUID))
        or (gid not in (cred.gid, cred.egid, cred.sgid) and not own_capable(task, CAP_SETGID))
    ):
        raise SysError(EPERM)
    pid = find_vpid(task, wanted.pid)
    if pid is None:
        raise SysError(ESRCH)
    return (pid, uid, gid)


def ucred_for(task: Task, creds: Creds) -> bytes:
    """A struct ucred with the numbers of the reader's namespaces."""
    pid, uid, gid = creds
    user_ns = task.cred.user_ns
    return Ucred(pid_vnr(pid, task), user_ns.from_kuid_munged(uid), user_ns.from_kgid_munged(gid)).pack()


def do_send(
    task: Task,
    file: UnixFile,
    iov: IovIter,
    flags: int,
    name: bytes | None,
    creds: Creds | None,
    files: tuple[File, ...],
) -> int:
    """Send bytes with what goes along; EPIPE is SIGPIPE too unless MSG_NOSIGNAL."""
    nonblock = bool(file.flags & O_NONBLOCK or flags & MSG_DONTWAIT)
    try:
        target = send_target(task, file, flags, name)
        data = iov.copy_out(task.mm, iov.left)
        if len(data) < iov.left:
            raise SysError(EFAULT)
        if creds is None:
            creds = file.add_creds(task, target)
        return file.send(task, data, nonblock, target, creds, files)
    except Sleep as sleep:
        if isinstance(sleep.resume, StreamSend):
            sleep.resume.signal = not flags & MSG_NOSIGNAL
        else:
            put_all(files)
        raise
    except SysError as error:
        put_all(files)
        if error.errno == EPIPE and file.kind != SOCK_DGRAM and not flags & MSG_NOSIGNAL:
            task.send_signal(SIGPIPE)
        raise


def send_target(task: Task, file: UnixFile, flags: int, name: bytes | None) -> UnixFile | None:
    """Whom a named send goes to; EOPNOTSUPP, EISCONN where no name may be given."""
    if flags & MSG_OOB:
        raise SysError(EOPNOTSUPP)
    if not name:
        return None
    if file.kind == SOCK_STREAM:
        raise SysError(EISCONN if file.state == CONNECTED else EOPNOTSUPP)
    return find_socket(task, file.net, name, file.kind) if file.kind == SOCK_DGRAM else None


def put_all(files: tuple[File, ...]) -> None:
    """Give references back."""
    for file in files:
        file.put()


# --- receiving


@syscall("recvfrom")
def sys_recvfrom(
    task: Task, fd: I32, buf: UserBuf, size: U64, flags: U32, address: UserBuf | None, length: UserInOut[I32] | None
) -> int:
    """recvfrom(2)."""
    call = SocketReceive(task, socket_of(task, fd), single(buf.addr, size), flags)
    if address is not None and length is not None:
        call.name, call.namelen = address.addr, length.addr
    return call.step(task)


@syscall("recvmsg")
def sys_recvmsg(task: Task, fd: I32, message: UserBuf, flags: U32) -> int:
    """recvmsg(2)."""
    return receive_msghdr(task, socket_of(task, fd), message, flags)


@syscall("recvmmsg", caveat="the time limit is not looked at; waits for the first message only")
def sys_recvmmsg(task: Task, fd: I32, vector: UserBuf, count: U32, flags: U32, timeout: UserBuf | None) -> int:
    """recvmmsg(2)."""
    file = socket_of(task, fd)
    done = 0
    for index in range(min(count, UIO_MAXIOV)):
        place = vector.addr + index * (Msghdr.SIZE + 8)
        try:
            got = receive_msghdr(task, file, UserBuf(vector.mm, place), flags | (MSG_DONTWAIT if done else 0))
        except SysError:
            if not done:
                raise
            break
        vector.mm.write(place + Msghdr.SIZE, got.to_bytes(4, "little"))
        done += 1
    return done


def receive_msghdr(task: Task, file: UnixFile, message: UserBuf, flags: int) -> int:
    """Receive into what a struct msghdr describes."""
    header = Msghdr.unpack(message.read(Msghdr.SIZE))
    call = SocketReceive(task, file, import_iovec(UserBuf(message.mm, header.msg_iov), header.msg_iovlen), flags)
    call.message = message.addr
    return call.step(task)


class SocketReceive(Resume):
    """A receive in progress."""

    __slots__ = ("deadline", "done", "file", "flags", "iov", "message", "name", "namelen")

    def __init__(self, task: Task, file: UnixFile, iov: IovIter, flags: int) -> None:
        self.file = file
        self.iov = iov
        self.flags = flags
        self.deadline: int | None = None
        if file.rcv_timeout:
            self.deadline = task.system.clock.monotonic() + file.rcv_timeout
        self.done = 0
        self.message = self.name = self.namelen = 0
        """Addresses of a struct msghdr, or of a name and its length; 0 for none."""

    def step(self, task: Task) -> int:
        """Take a message, or for MSG_WAITALL stream bytes until the buffer is full."""
        file, flags = self.file, self.flags
        nonblock = bool(file.flags & O_NONBLOCK or flags & MSG_DONTWAIT)
        peek = bool(flags & MSG_PEEK)
        fill = flags & MSG_WAITALL and file.kind == SOCK_STREAM and not peek
        while True:
            try:
                got = file.recv(task, self.iov.left, nonblock, peek)
            except SysError:
                if self.done:
                    return self.done
                raise
            except Sleep as sleep:
                if self.deadline is not None and task.system.clock.monotonic() >= self.deadline:
                    if self.done:
                        return self.done
                    raise SysError(EAGAIN) from None
                raise Sleep(*sleep.queues, resume=self, deadline=self.deadline) from None
            if self.iov.copy_in(task.mm, got.data) < len(got.data):
                put_all(got.files)
                raise SysError(EFAULT)
            self.done += len(got.data)
            if not fill or not got.data or not self.iov.left or got.files:
                return self.finish(task, got)

    def finish(self, task: Task, got: Received) -> int:
        """Store the name and the ancillary data."""
        cut = got.size > len(got.data)
        result = got.size if cut and self.flags & MSG_TRUNC and self.file.kind != SOCK_STREAM else self.done
        mm = task.mm
        assert mm is not None
        address = got.address if self.file.kind == SOCK_DGRAM else None
        if not self.message:
            put_all(got.files)
            if self.name:
                data = sockaddr(address) if address is not None else b""
                room = int.from_bytes(mm.read(self.namelen, 4), "little", signed=True)
                mm.write(self.name, data[: max(room, 0)])
                mm.write(self.namelen, len(data).to_bytes(4, "little"))
            return result
        header = Msghdr.unpack(mm.read(self.message, Msghdr.SIZE))
        control, header.msg_flags = scm_recv(task, self.file, got, header.msg_controllen, self.flags)
        if header.msg_control:
            mm.write(header.msg_control, control)
        header.msg_controllen = len(control)
        if header.msg_name:
            data = sockaddr(address) if address is not None else b""
            mm.write(header.msg_name, data[: header.msg_namelen])
            header.msg_namelen = len(data)
        header.msg_flags |= (MSG_TRUNC if cut else 0) | self.flags & MSG_CMSG_CLOEXEC
        mm.write(self.message, header.pack())
        return result

    def interrupted(self, task: Task) -> int:
        """What was received, or a restart (EINTR with a time limit: signal(7))."""
        return self.done or (-ERESTARTSYS if self.deadline is None else -EINTR)


def scm_recv(task: Task, file: UnixFile, got: Received, room: int, flags: int) -> tuple[bytes, int]:
    """Ancillary data for a receiver with `room` bytes for it, and MSG_CTRUNC if that is not enough."""
    control, cut = b"", 0
    if file.pass_creds:
        control, cut = add_cmsg(control, room, SCM_CREDENTIALS, ucred_for(task, got.creds))
    if got.files:
        control, missed = scm_detach_fds(task, got, control, room, flags)
        cut |= missed
    if file.pass_pidfd and got.creds[0] is not None:
        control, missed = scm_pidfd_recv(task, got.creds[0], control, room)
        cut |= missed
    return control, cut


def scm_pidfd_recv(task: Task, pid: Pid, control: bytes, room: int) -> tuple[bytes, int]:
    """SO_PASSPIDFD: a pidfd for the sender, who may be gone; nothing but MSG_CTRUNC if it does not fit whole."""
    if room - len(control) < Cmsghdr.SIZE + 4:
        return control, MSG_CTRUNC
    try:
        fd = fd_install(task, pidfd_create(task.system, pid, 0), True)
    except SysError as error:
        fd = -error.errno
    return add_cmsg(control, room, SCM_PIDFD, fd.to_bytes(4, "little", signed=True))


def peer_pidfd(task: Task, file: UnixFile) -> int:
    """SO_PEERPIDFD: a pidfd for who connected or listens at the other end; ENODATA if nobody does."""
    pid = file.peer_creds[0]
    if pid is None:
        raise SysError(ENODATA)
    return fd_install(task, pidfd_create(task.system, pid, 0), True)


def scm_detach_fds(task: Task, got: Received, control: bytes, room: int, flags: int) -> tuple[bytes, int]:
    """SCM_RIGHTS: descriptors for the files that came, as many as fit; MSG_CTRUNC for the rest."""
    cut = 0
    fit = max(0, (room - len(control) - Cmsghdr.SIZE) // 4)
    numbers: list[int] = []
    for file_passed in got.files[:fit]:
        try:
            numbers.append(fd_install(task, file_passed, bool(flags & MSG_CMSG_CLOEXEC)))
        except SysError:
            break
    put_all(got.files[len(numbers) + (1 if len(numbers) < min(fit, len(got.files)) else 0) :])
    if len(numbers) < len(got.files):
        cut = MSG_CTRUNC
    if numbers:
        control, _ = add_cmsg(control, room, SCM_RIGHTS, b"".join(n.to_bytes(4, "little") for n in numbers))
    return control, cut


def add_cmsg(control: bytes, room: int, kind: int, data: bytes) -> tuple[bytes, int]:
    """`control` with one more message, as far as there is room; MSG_CTRUNC when it was cut."""
    left = room - len(control)
    if left < Cmsghdr.SIZE:
        return control, MSG_CTRUNC
    cut = MSG_CTRUNC if left < Cmsghdr.SIZE + len(data) else 0
    length = min(left, Cmsghdr.SIZE + len(data))
    message = Cmsghdr(length, SOL_SOCKET, kind).pack() + data[: length - Cmsghdr.SIZE]
    padded = message.ljust(min(left, length + 7 & ~7), b"\0")
    return control + padded, cut

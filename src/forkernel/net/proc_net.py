"""/proc/PID/net: the network namespace of a process (Linux: fs/proc/proc_net.c; proc(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ESRCH
from forkernel.errors import SysError
from forkernel.fs.proc.inode import Entry, ProcDir, ProcReg
from forkernel.net.unix.af_unix import CONNECTED, LISTENING

if TYPE_CHECKING:
    from forkernel.fs.inode import Inode
    from forkernel.fs.proc.base import TaskDir
    from forkernel.kernel.task import Task
    from forkernel.net.net_namespace import NetNamespace
    from forkernel.net.unix import UnixFile

SO_ACCEPTCON = 1 << 16
SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED = 1, 2, 3


class NetDir(ProcDir):
    """/proc/PID/net."""

    __slots__ = ("dir",)

    def __init__(self, parent: TaskDir) -> None:
        super().__init__(parent.sb)
        self.dir = parent

    def lookup(self, task: Task, name: bytes) -> Inode | None:
        """A file by name; none of a process that is gone."""
        target = self.dir.task()
        entry = NET_FILES.get(name)
        if target is None or target.nsproxy is None or entry is None:
            return None
        inode = self.children.get(name)
        if inode is None:
            inode = self.children[name] = NetFile(self, entry)
        return inode

    def names(self, task: Task) -> list[bytes]:
        """All files; EINVAL for a process that is in no namespace any more."""
        target = self.dir.task()
        if target is None or target.nsproxy is None:
            raise SysError(EINVAL)
        return list(NET_FILES)


class NetFile(ProcReg):
    """A file of it."""

    __slots__ = ("dir",)

    def __init__(self, directory: NetDir, entry: Entry) -> None:
        super().__init__(directory.sb, entry)
        self.dir = directory

    def net(self) -> NetNamespace:
        """The namespace; ESRCH once the process is gone."""
        target = self.dir.dir.get_task()
        if target.nsproxy is None:
            raise SysError(ESRCH)
        net: NetNamespace = target.nsproxy.net_ns
        return net


def dev(inode: Any, reader: Task) -> bytes:
    """A line of counters for each device; what the loopback device sends it receives."""
    device = inode.net().loopback
    both = (device.bytes, device.packets, 0, device.drops)
    counters = b" %7d %7d %4d %4d %4d %5d %10d %9d %8d %7d %4d %4d %4d %5d %7d %10d" % (
        *both, 0, 0, 0, 0, *both, 0, 0, 0, 0,
    )  # fmt: skip
    return (
        b"Inter-|   Receive                                                |  Transmit\n"
        b" face |bytes    packets errs drop fifo frame compressed multicast"
        b"|bytes    packets errs drop fifo colls carrier compressed\n"
        + b"%6s:%s\n"
        % (inode.net().loopback.name, counters)
    )


def unix(inode: Any, reader: Task) -> bytes:
    """The AF_UNIX sockets (unix(7), "/proc interfaces"); kernel addresses are not told."""
    lines = [b"Num       RefCount Protocol Flags    Type St Inode Path\n"]
    sockets = inode.net().sockets
    held: dict[UnixFile, int] = {}
    for file in sockets:
        if file.peer is not None:
            held[file.peer] = held.get(file.peer, 0) + 1
    lines += [unix_line(file, held.get(file, 0)) for file in sockets]
    return b"".join(lines)


def unix_line(file: UnixFile, held: int) -> bytes:
    """One socket, which is the peer of `held` others."""
    connected = file.state == CONNECTED
    state = (SS_CONNECTING if file.embryo else SS_CONNECTED) if connected else SS_UNCONNECTED
    flags = SO_ACCEPTCON if file.state == LISTENING else 0
    line = b"0000000000000000: %08X %08X %08X %04X %02X %5d" % (
        2 + held, 0, flags, file.kind, state, file.shown_ino(),
    )  # fmt: skip
    if file.address is not None:
        line += b" " + (file.address.replace(b"\0", b"@") if file.address[:1] == b"\0" else file.address[:-1])
    return line + b"\n"


class InetShow:
    """Shows a file of the Internet families (net/inet/proc.py)."""

    __slots__ = ("name",)

    def __init__(self, name: bytes) -> None:
        self.name = name

    def __call__(self, inode: Any, reader: Task) -> bytes:
        """The text."""
        from forkernel.net.inet import proc

        text: bytes = getattr(proc, self.name.decode())(inode.net())
        return text


INET_NAMES = (
    b"arp", b"if_inet6", b"igmp", b"ipv6_route", b"netstat", b"raw", b"raw6", b"route", b"snmp", b"snmp6", b"sockstat",
    b"sockstat6", b"tcp", b"tcp6", b"udp", b"udp6",
)  # fmt: skip
NET_FILES: dict[bytes, Entry] = {
    b"dev": Entry(0o444, dev),
    b"unix": Entry(0o444, unix),
    **{name: Entry(0o444, InetShow(name)) for name in INET_NAMES},
}
"""Files of /proc/net."""

"""Pseudo-terminals: two terminals back to back (Linux: drivers/tty/pty.c; pty(7)).

Life cycle: opening /dev/ptmx makes a pair with the lowest free number of its devpts instance, and the node /dev/pts/N.
The slave is locked until TIOCSPTLCK. What one end writes, the other receives. When the last file of the slave is
closed, the master reads EIO until somebody opens it again; when the master is closed, the node goes and the slave is
hung up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, EIO, ENODEV, ENOTTY
from forkernel.abi.fcntl import O_CLOEXEC
from forkernel.abi.ioctl import (
    TIOCGPKT,
    TIOCGPTLCK,
    TIOCGPTN,
    TIOCGPTPEER,
    TIOCPKT,
    TIOCSIG,
    TIOCSPTLCK,
)
from forkernel.abi.signal import SIGINT, SIGQUIT, SIGTSTP
from forkernel.abi.stat import makedev, minor
from forkernel.abi.termios import (
    B38400,
    CREAD,
    CS8,
    CSIZE,
    EXTPROC,
    HUPCL,
    INIT_C_CC,
    IXON,
    PARENB,
    VSTART,
    VSTOP,
    Termios2,
)
from forkernel.errors import SysError
from forkernel.tty.devpts import PTS_MAJOR, DevptsInode, DevptsSuperblock
from forkernel.tty.tty_io import PORT_LIMIT, TIOCPKT_FLUSHWRITE, TtyFile, TtyStruct, std_termios, tty_reopen

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode

PTM_MAJOR = 128
SIGWINCH = 28
TIOCPKT_NOSTOP, TIOCPKT_DOSTOP, TIOCPKT_IOCTL = 16, 32, 64
FLOW_KEYS = b"\x11\x13"
"""^Q and ^S: the only ones that packet mode takes for flow control."""


class PtyEnd(TtyStruct):
    """What both ends do alike."""

    __slots__ = ()

    is_pty = True

    @property
    def peer(self) -> TtyStruct:
        """The other end."""
        assert self.link is not None
        return self.link

    def write_room(self) -> int:
        """What the other end's buffer holds."""
        return 0 if self.stopped else max(PORT_LIMIT - len(self.peer.port), 0)

    def driver_write(self, data: bytes) -> int:
        """The other end receives it."""
        room = self.write_room()
        if room < len(data):
            data = data[:room]
        if data:
            self.peer.insert_flip(data)
        return len(data)

    def room_again(self) -> None:
        """The other end can write again."""
        self.peer.wakeup()

    def flush_output(self) -> None:
        """What the other end's line discipline has not taken yet."""
        self.peer.port.clear()
        self.packet_status(TIOCPKT_FLUSHWRITE)

    def resize(self, winsize: bytes) -> None:
        """Both ends have the same size; both foreground groups are told."""
        if winsize == self.winsize:
            return
        self.winsize = self.peer.winsize = winsize
        self.signal_pgrp(SIGWINCH)
        if self.peer.pgrp is not self.pgrp:
            self.peer.signal_pgrp(SIGWINCH)


class PtySlave(PtyEnd):
    """/dev/pts/N."""

    __slots__ = ("inode", "locked")

    name = b"pts"

    def __init__(self, system: Any, rdev: int) -> None:
        super().__init__(system, rdev)
        self.locked = True
        """Until TIOCSPTLCK."""
        self.inode: DevptsInode | None = None
        """Its node, while the master is open."""

    def new_termios(self) -> Termios2:
        """As any terminal's, but there is no line to hang up."""
        termios = std_termios()
        termios.c_cflag &= ~HUPCL
        return termios

    def check_open(self, task: Any) -> None:
        """Not without its master, nor while it is locked."""
        if self.other_closed or self.locked:
            raise SysError(EIO)

    def opened(self) -> None:
        """The master can read again."""
        self.io_error = False
        self.peer.other_closed = False

    def closed(self) -> None:
        """With the last file the master sees the end."""
        if not self.count:
            self.io_error = True
            self.peer.other_closed = True
            self.peer.ldisc.read_wait.wake_up()
            self.peer.write_wait.wake_up()

    def termios_changed(self, old: Termios2) -> None:
        """A pseudo-terminal has eight bits and no parity; packet mode tells of flow control and EXTPROC."""
        termios = self.termios
        termios.c_cflag = termios.c_cflag & ~(CSIZE | PARENB) | CS8 | CREAD
        if self.peer.packet:
            extproc = (old.c_lflag | termios.c_lflag) & EXTPROC
            before, now = _flow_keys(old), _flow_keys(termios)
            if before != now:
                self.pktstatus &= ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP)
                self.pktstatus |= TIOCPKT_DOSTOP if now else TIOCPKT_NOSTOP
            if extproc:
                self.pktstatus |= TIOCPKT_IOCTL
            if extproc or before != now:
                self.peer.ldisc.read_wait.wake_up()


def _flow_keys(termios: Termios2) -> bool:
    """Whether ^S and ^Q do what they always do."""
    return bool(termios.c_iflag & IXON) and bytes((termios.c_cc[VSTART], termios.c_cc[VSTOP])) == FLOW_KEYS


class PtyMaster(PtyEnd):
    """What /dev/ptmx gives."""

    __slots__ = ()

    name = b"ptm"

    def new_termios(self) -> Termios2:
        """Raw, for ever: requests about modes go to the slave."""
        return Termios2(c_cflag=B38400 | CS8 | CREAD, c_cc=INIT_C_CC, c_ispeed=38400, c_ospeed=38400)

    def check_open(self, task: Any) -> None:
        """/dev/tty never leads here."""
        raise SysError(EIO)

    def closed(self) -> None:
        """The pair ends: the node goes, the slave is hung up."""
        if self.count:
            return
        slave = self.peer
        assert isinstance(slave, PtySlave)
        self.io_error = self.other_closed = slave.other_closed = True
        self.packet = False
        inode, slave.inode = slave.inode, None
        if inode is not None:
            inode.sb.pty_kill(inode)
        slave.hangup()

    def ioctl(self, task: Any, file: TtyFile, cmd: int, arg: int) -> int:
        """Number, lock, packet mode, signals, and opening the slave without its name."""
        slave = self.peer
        assert isinstance(slave, PtySlave)
        if cmd == TIOCSPTLCK:
            slave.locked = task.mm.read(arg, 4) != bytes(4)
        elif cmd == TIOCPKT:
            on = task.mm.read(arg, 4) != bytes(4)
            if on and not self.packet:
                slave.pktstatus = 0
            self.packet = on
        elif cmd in (TIOCGPTLCK, TIOCGPKT, TIOCGPTN):
            values = {TIOCGPTLCK: slave.locked, TIOCGPKT: self.packet, TIOCGPTN: minor(self.rdev)}
            task.mm.write(arg, int(values[cmd]).to_bytes(4, "little"))
        elif cmd == TIOCSIG:
            if arg & 0xFFFFFFFF not in (SIGINT, SIGQUIT, SIGTSTP):
                raise SysError(EINVAL)
            slave.signal_pgrp(arg & 0xFFFFFFFF)
        elif cmd == TIOCGPTPEER:
            return ptm_open_peer(task, slave, arg & 0xFFFFFFFF)
        else:
            raise SysError(ENOTTY)
        return 0


def ptm_open_peer(task: Any, slave: PtySlave, flags: int) -> int:
    """TIOCGPTPEER: the slave's descriptor, whatever the caller sees at /dev/pts."""
    from forkernel.fs.fdtable import RLIMIT_NOFILE

    if slave.inode is None:
        raise SysError(EIO)
    limit = task.signal.rlim[RLIMIT_NOFILE][0]
    task.files.get_unused(0, limit)
    file = tty_reopen(task, slave.inode, flags, slave)
    file.path = slave.inode.sb.path_of(slave.inode)
    file.hold_cred(task)
    fd: int = task.files.install(file, bool(flags & O_CLOEXEC), 0, limit)
    return fd


def ptmx_open(task: Any, inode: Inode, flags: int) -> File:
    """Open /dev/ptmx: a new pair. ENODEV where no devpts is mounted beside it, ENOSPC when all numbers are taken."""
    sb = inode.sb
    if not isinstance(sb, DevptsSuperblock):
        try:
            sb = task.system.vfs.resolve(task, b"/dev/pts").inode.sb
        except SysError:
            raise SysError(ENODEV) from None
        if not isinstance(sb, DevptsSuperblock):
            raise SysError(ENODEV)
    index = sb.new_index()
    master = PtyMaster(task.system, makedev(PTM_MAJOR, index))
    slave = PtySlave(task.system, makedev(PTS_MAJOR, index))
    master.link, slave.link = slave, master
    slave.io_error = True
    file = TtyFile(inode, flags, master)
    slave.inode = sb.pty_new(task, index, slave)
    return file

"""Terminals as devices: struct tty, its open files, opening, closing and hanging up (Linux: drivers/tty/tty_io.c).

Life cycle: a driver (pty.py, console.py) makes a `TtyStruct`; each open gives a `TtyFile`, which reads and writes
through the line discipline `ldisc`. What the driver receives it gives to `insert_flip`, and it puts out what
`driver_write` passes on. `hangup` takes the terminal away from all its files and its session; `release` of the last
file ends it, where the driver says so. Who belongs to the terminal, and signals, are in kernel/tty_jobctrl.py, which is
reached as `system.tty_jobctrl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EBUSY, EIO, ENODEV, ENOTTY, ENXIO, ERESTARTSYS, ESPIPE
from forkernel.abi.fcntl import O_NOCTTY, O_NONBLOCK
from forkernel.abi.ioctl import TIOCGPTPEER, TIOCSPGRP
from forkernel.abi.poll import IN_MASK, OUT_MASK, POLLERR, POLLHUP, POLLPRI
from forkernel.abi.signal import SIGTTOU
from forkernel.abi.stat import major, minor
from forkernel.abi.termios import (
    B38400,
    CREAD,
    CS8,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    HUPCL,
    ICANON,
    ICRNL,
    IEXTEN,
    INIT_C_CC,
    ISIG,
    IXON,
    NCCS,
    ONLCR,
    OPOST,
    TOSTOP,
    Termios,
    Termios2,
)
from forkernel.errors import SysError
from forkernel.fs.devices import TTY_MAJOR, TTYAUX_MAJOR, CharFile
from forkernel.fs.inode import global_caps
from forkernel.tty.devpts import PTS_MAJOR
from forkernel.tty.n_tty import NTty
from forkernel.tty.n_tty_read import TtyRead, input_available
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode
    from forkernel.kernel.pid import Pid

TIOCPKT_FLUSHREAD, TIOCPKT_FLUSHWRITE, TIOCPKT_STOP, TIOCPKT_START = 1, 2, 4, 8
"""What packet mode tells (tty_ioctl(4))."""
CAP_SYS_ADMIN = 1 << 21
WRITE_CHUNK = 2048
"""A write is done in pieces of so many bytes (Linux: file_tty_write)."""
TTYS_MINOR = 64
"""Of /dev/ttyS0."""
PORT_LIMIT = 16384
"""Bytes that wait behind a full line discipline."""


def std_termios() -> Termios2:
    """The modes of a new terminal (Linux: tty_std_termios)."""
    return Termios2(
        c_iflag=ICRNL | IXON,
        c_oflag=OPOST | ONLCR,
        c_cflag=B38400 | CS8 | CREAD | HUPCL,
        c_lflag=ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        c_line=0,
        c_cc=INIT_C_CC,
        c_ispeed=38400,
        c_ospeed=38400,
    )


class TtyStruct:
    """A terminal, or one end of a pseudo-terminal (Linux: tty_struct)."""

    __slots__ = (
        "count", "exclusive", "files", "io_error", "ldisc", "link", "locked_termios", "other_closed", "packet", "pgrp",
        "pktstatus", "port", "rdev", "session", "stopped", "system", "tco_stopped", "termios", "winsize", "write_wait",
    )  # fmt: skip

    name = b"tty"
    is_pty = False
    """A pseudo-terminal: its modes are new after a hang-up, and a leader's exit does not hang it up."""

    def __init__(self, system: Any, rdev: int) -> None:
        self.system = system
        self.rdev = rdev
        """Device number."""
        self.termios = self.new_termios()
        self.locked_termios = Termios(c_cc=bytes(NCCS))
        """Bits that TCSETS cannot change (TIOCSLCKTRMIOS)."""
        self.winsize = bytes(8)
        self.session: Pid | None = None
        """The session whose controlling terminal it is, and"""
        self.pgrp: Pid | None = None
        """the group in its foreground; both held."""
        self.link: TtyStruct | None = None
        """The other end of a pseudo-terminal."""
        self.stopped = False
        """Output is held, by ^S or"""
        self.tco_stopped = False
        """by TCOOFF."""
        self.packet = False
        """A master in packet mode."""
        self.pktstatus = 0
        """What the other end shall be told in packet mode."""
        self.other_closed = False
        """The other end is closed."""
        self.io_error = False
        """This end is closed (Linux: TTY_IO_ERROR)."""
        self.exclusive = False
        self.files: dict[TtyFile, None] = {}
        self.count = 0
        """Open files."""
        self.port = bytearray()
        """Received, but the line discipline had no room (Linux: tty_port's buffer)."""
        self.write_wait = WaitQueue()
        self.ldisc = NTty(self)

    # --- what a driver says

    def new_termios(self) -> Termios2:
        """The modes at its first opening."""
        return std_termios()

    def write_room(self) -> int:
        """Bytes that `driver_write` takes now."""
        raise NotImplementedError

    def driver_write(self, data: bytes) -> int:
        """Put bytes out as they are; how many were taken."""
        raise NotImplementedError

    def flush_output(self) -> None:
        """Forget output that is under way."""

    def check_open(self, task: Any) -> None:
        """Whether it can be opened; EIO."""

    def opened(self) -> None:
        """A file was opened."""

    def closed(self) -> None:
        """A file was closed."""

    def termios_changed(self, old: Termios2) -> None:
        """The modes changed; the driver takes back what it cannot do."""

    def resize(self, winsize: bytes) -> None:
        """TIOCSWINSZ: a change is told to the foreground group."""
        if winsize != self.winsize:
            self.winsize = winsize
            self.signal_pgrp(28)

    # --- who belongs to it

    def set_session(self, session: Pid | None) -> None:
        """Belong to another session, or to none; the old one's Pid is let go."""
        self.session = _exchange(self.session, session)

    def set_pgrp(self, pgrp: Pid | None) -> None:
        """Put another group in the foreground, or none."""
        self.pgrp = _exchange(self.pgrp, pgrp)

    def signal_pgrp(self, sig: int) -> None:
        """Send the foreground group a signal."""
        if self.pgrp is not None:
            self.system.tty_jobctrl.kill_pgrp(self.pgrp, sig)

    # --- flow

    def insert_flip(self, data: bytes) -> None:
        """The driver received something."""
        if self.port:
            self.port += data
        else:
            taken = self.ldisc.receive_buf(data)
            if taken < len(data):
                self.port += data[taken:]

    def kick(self) -> None:
        """The line discipline may have room again."""
        if self.port:
            taken = self.ldisc.receive_buf(bytes(self.port))
            if taken:
                del self.port[:taken]
                self.room_again()

    def room_again(self) -> None:
        """Whoever feeds it can go on."""

    def stop_tty(self) -> None:
        """^S or TCOOFF."""
        if not self.stopped:
            self.stopped = True
            if self.link is not None and self.link.packet:
                self.pktstatus = self.pktstatus & ~TIOCPKT_START | TIOCPKT_STOP
                self.link.ldisc.read_wait.wake_up()

    def start_tty(self) -> None:
        """^Q or TCOON."""
        if self.stopped and not self.tco_stopped:
            self.stopped = False
            if self.link is not None and self.link.packet:
                self.pktstatus = self.pktstatus & ~TIOCPKT_STOP | TIOCPKT_START
                self.link.ldisc.read_wait.wake_up()
            self.write_wait.wake_up()

    def packet_status(self, bit: int) -> None:
        """Tell a master in packet mode."""
        if self.link is not None and self.link.packet:
            self.pktstatus |= bit
            self.link.ldisc.read_wait.wake_up()

    def wakeup(self) -> None:
        """Output has room again: echoes first, then writers."""
        self.ldisc.process_echoes()
        self.write_wait.wake_up()

    # --- the end

    def hangup(self, *, exit_session: bool = False) -> None:
        """Take it away from its files and its session (Linux: __tty_hangup)."""
        for file in list(self.files):
            if not file.console:
                file.hung = True
                del self.files[file]
        self.system.tty_jobctrl.tty_signal_session_leader(self, exit_session)
        self.pktstatus = 0
        self.packet = self.stopped = self.tco_stopped = False
        if self.is_pty:
            self.termios = self.new_termios()
        self.port.clear()
        self.ldisc.reset_buffer_flags()
        self.ldisc.echoes.clear()
        self.ldisc.committed = 0
        self.ldisc.set_termios(None)

    def ioctl(self, task: Any, file: TtyFile, cmd: int, arg: int) -> int:
        """Requests of the driver's own."""
        raise SysError(EIO if cmd == TIOCGPTPEER else ENOTTY)


def _exchange(old: Pid | None, new: Pid | None) -> Pid | None:
    """Let go of one Pid and hold on to another (Linux: put_pid, get_pid)."""
    if new is not None:
        new.get()
    if old is not None:
        old.put()
    return new


class TtyWrite(Resume):
    """A write to a terminal that has no room: what is left, and the bytes already taken."""

    __slots__ = ("data", "done", "file")

    def __init__(self, file: TtyFile, data: bytes) -> None:
        self.file = file
        self.data = data
        self.done = 0

    def step(self, task: Any) -> int:
        """Put out what there is room for; SysError(EAGAIN), or Sleep for the rest."""
        file, tty = self.file, self.file.tty
        while self.data:
            if file.hung:
                if self.done:
                    return self.done
                raise SysError(EIO)
            taken = tty.ldisc.write_block(self.data[:WRITE_CHUNK])
            self.data = self.data[taken:]
            self.done += taken
            if taken:
                continue
            if file.flags & O_NONBLOCK:
                if self.done:
                    return self.done
                raise SysError(EAGAIN)
            raise Sleep(tty.write_wait, resume=self)
        return self.done

    def interrupted(self, task: Any) -> int:
        """A signal came: a short write, or a restart when nothing was written."""
        return self.done or -ERESTARTSYS


class TtyFile(CharFile):
    """An open terminal."""

    __slots__ = ("console", "hung", "tty")

    can_async = True
    splice_read = splice_write = True

    def __init__(self, inode: Inode, flags: int, tty: TtyStruct, *, console: bool = False) -> None:
        super().__init__(inode, flags)
        self.tty = tty
        self.hung = False
        """The terminal was taken away."""
        self.console = console
        """Opened as /dev/console: it is never hung up, and no background process is stopped for it."""
        tty.files[self] = None
        tty.count += 1
        tty.opened()

    def read(self, task: Any, count: int) -> bytes:
        """A line, or what is there in raw mode. A background process gets SIGTTIN."""
        self.check_read()
        if self.hung:
            return b""
        if self.tty.io_error:
            raise SysError(EIO)
        task.system.tty_jobctrl.job_control(task, self)
        return TtyRead(self, count).start(task)

    def write(self, task: Any, data: bytes) -> int:
        """To the driver, by way of OPOST. With TOSTOP a background process gets SIGTTOU."""
        self.check_write()
        if self.hung:
            raise SysError(EIO)
        tty = self.tty
        if tty.io_error:
            raise SysError(EIO)
        if self.console and tty.system.console_redirect is not None:
            done: int = tty.system.console_redirect.write(task, data)
            return done
        if tty.termios.c_lflag & TOSTOP and not self.console:
            task.system.tty_jobctrl.tty_check_change(task, tty, SIGTTOU)
        return TtyWrite(self, data).step(task)

    def pread(self, task: Any, offset: int, count: int) -> bytes:
        """A terminal has no positions."""
        raise SysError(ESPIPE)

    def pwrite(self, task: Any, offset: int, data: bytes) -> int:
        """A terminal has no positions."""
        raise SysError(ESPIPE)

    def poll(self, task: Any) -> int:
        """Linux: n_tty_poll."""
        tty = self.tty
        if self.hung:
            return IN_MASK | OUT_MASK | POLLERR | POLLHUP
        mask = IN_MASK if input_available(tty.ldisc, True) else 0
        if tty.packet and tty.link is not None and tty.link.pktstatus:
            mask |= POLLPRI | IN_MASK
        if tty.other_closed:
            mask |= POLLHUP
        if tty.write_room() > 0:
            mask |= OUT_MASK
        return mask

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Input and output."""
        return (self.tty.ldisc.read_wait, self.tty.write_wait)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """tty_ioctl(4), in tty_ioctl.py."""
        if self.hung:
            raise SysError(ENOTTY if cmd == TIOCSPGRP else EIO)
        from forkernel.tty.tty_ioctl import tty_ioctl

        return tty_ioctl(task, self, cmd, arg)

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where it waits for input, or for room."""
        if writing:
            return ("wait_woken", "n_tty_write", "file_tty_write")
        return ("wait_woken", "n_tty_read", "tty_read")

    def fdinfo(self) -> bytes:
        """The number of a master's terminal."""
        return b"tty-index:\t%d\n" % minor(self.tty.rdev) if self.tty.name == b"ptm" and not self.hung else b""

    def release(self) -> None:
        """The last descriptor is gone (Linux: tty_release)."""
        tty = self.tty
        if tty.system.console_redirect is self:
            tty.system.console_redirect = None
        tty.files.pop(self, None)
        tty.count -= 1
        tty.closed()


def tty_reopen(task: Any, inode: Inode, flags: int, tty: TtyStruct, *, console: bool = False) -> TtyFile:
    """Open a terminal that there is. EBUSY for an exclusive one, EIO as the driver says. A session leader without a
    terminal gets it as controlling terminal, unless O_NOCTTY is given.
    """
    tty.check_open(task)
    if tty.exclusive and not global_caps(task.cred) & CAP_SYS_ADMIN:
        raise SysError(EBUSY)
    file = TtyFile(inode, flags, tty, console=console)
    leader = task.signal
    free = leader.leader and leader.tty is None and tty.session is None
    if free and file.readable and not flags & O_NOCTTY and not console:
        task.system.tty_jobctrl.proc_set_tty(task, tty)
    return file


def tty_open(task: Any, inode: Inode, flags: int) -> File:
    """Open a device of major 4 or 5: /dev/tty (ENXIO without a controlling terminal), /dev/console and /dev/ttyS0
    (ENODEV and EIO without a console), /dev/ptmx; EIO for a slave's number outside devpts, ENXIO for others.
    """
    number = major(inode.rdev), minor(inode.rdev)
    if number == (TTYAUX_MAJOR, 0):
        if task.signal.tty is None:
            raise SysError(ENXIO)
        return tty_reopen(task, inode, flags | O_NOCTTY, task.signal.tty)
    if number == (TTYAUX_MAJOR, 2):
        from forkernel.tty.pty import ptmx_open

        return ptmx_open(task, inode, flags)
    if number not in ((TTYAUX_MAJOR, 1), (TTY_MAJOR, TTYS_MINOR)):
        raise SysError(EIO if number[0] == PTS_MAJOR else ENXIO)
    tty: TtyStruct | None = task.system.console
    if tty is None:
        raise SysError(ENODEV if number[0] == TTYAUX_MAJOR else EIO)
    return tty_reopen(task, inode, flags, tty, console=number[0] == TTYAUX_MAJOR)

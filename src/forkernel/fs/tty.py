"""The terminal: the host's own, as the guest's controlling terminal and console (Linux: drivers/tty).

The host's line discipline does the editing, echo and flow control; what is here is what the guest's
kernel must know: the session and the foreground group (job control), sizes, and the modes set through us.
`console_file` opens it for a standard descriptor, `tty_open` for /dev/tty and /dev/console, and
`Tty.restore` puts the host's terminal back as it was when the run began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EBADF, EINVAL, EIO, ENOTTY, ENXIO
from forkernel.abi.fcntl import O_LARGEFILE, O_NOCTTY, O_NONBLOCK, O_RDWR
from forkernel.abi.ioctl import (
    FIONREAD,
    ICANON,
    TCFLSH,
    TCGETS,
    TCSBRK,
    TCSBRKP,
    TCSETS,
    TCSETSF,
    TCSETSW,
    TCXONC,
    TIOCGWINSZ,
    TIOCOUTQ,
    TIOCSWINSZ,
    TOSTOP,
    Termios,
    Winsize,
)
from forkernel.abi.poll import IN_MASK, OUT_MASK
from forkernel.abi.stat import minor
from forkernel.errors import SysError
from forkernel.fs.file import File
from forkernel.fs.inode import Inode
from forkernel.fs.stdio import HostInput, host_input, host_read, host_write
from forkernel.fs.timedread import timed_sleep
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid

SIGTTIN, SIGTTOU, SIGWINCH = 21, 22, 28
VTIME, VMIN = 5, 6
"""Places in c_cc."""
DECISECOND = 10**8


def _exchange(old: Pid | None, new: Pid | None) -> Pid | None:
    """Let go of one Pid and hold on to another (Linux: put_pid, get_pid)."""
    if new is not None:
        new.get()
    if old is not None:
        old.put()
    return new


class Tty:
    """A terminal (Linux: tty_struct): `session` it belongs to and `pgrp` in its foreground, None for none."""

    __slots__ = ("host_fd", "input", "out_fd", "pgrp", "saved", "session", "winsize")

    def __init__(self, host_fd: int, source: HostInput) -> None:
        self.host_fd = host_fd
        """Host descriptor for modes and reading."""
        self.out_fd = host_fd
        """Host descriptor for writing."""
        self.input = source
        self.session: Pid | None = None
        self.pgrp: Pid | None = None
        """The foreground process group."""
        self.saved: bytes | None = None
        """The host terminal's modes from before our first change."""
        self.winsize: bytes | None = None
        """A size set by the guest; None: the host's."""

    def set_session(self, session: Pid | None) -> None:
        """Belong to another session, or to none; the old one's Pid is let go."""
        self.session = _exchange(self.session, session)

    def set_pgrp(self, pgrp: Pid | None) -> None:
        """Put another group in the foreground, or none."""
        self.pgrp = _exchange(self.pgrp, pgrp)

    def host_ioctl(self, cmd: int, data: bytes) -> bytes:
        """An ioctl on the host's terminal; its errors are the guest's."""
        import fcntl

        try:
            return fcntl.ioctl(self.host_fd, cmd, data)
        except OSError as error:
            raise SysError(error.errno or EINVAL) from None

    def termios(self) -> Termios:
        """The modes now."""
        return Termios.unpack(self.host_ioctl(TCGETS, bytes(Termios.SIZE)))

    def set_termios(self, cmd: int, data: bytes) -> None:
        """TCSETS, TCSETSW or TCSETSF on the host's terminal; the first one notes how it was."""
        if self.saved is None:
            self.saved = self.host_ioctl(TCGETS, bytes(Termios.SIZE))
        self.host_ioctl(cmd, data)

    def restore(self) -> None:
        """End of the run: put the host's terminal back. Quiet if it is gone."""
        if self.saved is not None:
            try:
                self.host_ioctl(TCSETSW, self.saved)
            except SysError:
                return
            self.saved = None


class TtyFile(File):
    """An open terminal."""

    __slots__ = ("tty",)

    splice_read = splice_write = True

    def __init__(self, inode: Inode, flags: int, tty: Tty, path: Any = None) -> None:
        super().__init__(inode, flags, path)
        self.tty = tty

    def read(self, task: Any, count: int) -> bytes:
        """A line, or what is there in raw mode. A background process gets SIGTTIN."""
        if not self.readable:
            raise SysError(EBADF)
        tty = self.tty
        task.tty_check_change(tty, SIGTTIN)
        if not count:
            return b""
        if tty.input.ready():
            return host_read(tty.host_fd, count)
        modes = tty.termios()
        if not modes.c_lflag & ICANON and not modes.c_cc[VMIN]:
            if not modes.c_cc[VTIME]:
                return b""
            if not self.flags & O_NONBLOCK:
                raise timed_sleep(task, self, tty.input.wait, modes.c_cc[VTIME] * DECISECOND, 0)
        if self.flags & O_NONBLOCK:
            raise SysError(EAGAIN)
        raise Sleep(tty.input.wait)

    def unread(self, data: bytes) -> None:
        """What did not reach the reader is lost, as on Linux."""

    def write(self, task: Any, data: bytes) -> int:
        """To the host. With TOSTOP a background process gets SIGTTOU."""
        if not self.writable:
            raise SysError(EBADF)
        tty = self.tty
        if tty.pgrp is not None and tty.pgrp is not task.signal.pgrp and tty.termios().c_lflag & TOSTOP:
            task.tty_check_change(tty, SIGTTOU)
        return host_write(task, tty.out_fd, data)

    def poll(self, task: Any) -> int:
        """Readable when the host says so; always writable."""
        return IN_MASK | OUT_MASK if self.tty.input.ready() else OUT_MASK

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """The input's."""
        return (self.tty.input.wait,)

    def ioctl(self, task: Any, cmd: int, arg: int) -> int:
        """Modes and size. Job control's requests are served by kernel/tty_jobctrl.py."""
        tty = self.tty
        if cmd == TCGETS:
            task.mm.write(arg, tty.host_ioctl(TCGETS, bytes(Termios.SIZE)))
        elif cmd in (TCSETS, TCSETSW, TCSETSF):
            data = task.mm.read(arg, Termios.SIZE)
            task.tty_check_change(tty, SIGTTOU)
            tty.set_termios(cmd, data)
        elif cmd == TIOCGWINSZ:
            task.mm.write(arg, tty.winsize or tty.host_ioctl(TIOCGWINSZ, bytes(Winsize.SIZE)))
        elif cmd == TIOCSWINSZ:
            self._set_winsize(task, task.mm.read(arg, Winsize.SIZE))
        elif cmd in (FIONREAD, TIOCOUTQ):
            task.mm.write(arg, tty.host_ioctl(cmd, bytes(4)))
        elif cmd in (TCSBRK, TCSBRKP, TCXONC, TCFLSH):
            task.tty_check_change(tty, SIGTTOU)
            host_control(tty, cmd, arg)
        else:
            raise SysError(ENOTTY)
        return 0

    def _set_winsize(self, task: Any, size: bytes) -> None:
        """TIOCSWINSZ: for the guest only; a change is told to the foreground group."""
        tty = self.tty
        if size != (tty.winsize or tty.host_ioctl(TIOCGWINSZ, bytes(Winsize.SIZE))):
            tty.winsize = size
            if tty.pgrp is not None:
                for leader in list(tty.pgrp.pgrp or ()):
                    leader.send_signal(SIGWINCH)


def host_control(tty: Tty, cmd: int, arg: int) -> None:
    """TCSBRK, TCXONC and TCFLSH on the host's terminal."""
    import fcntl

    try:
        fcntl.ioctl(tty.host_fd, cmd, arg & 0x7FFFFFFF)
    except OSError as error:
        raise SysError(error.errno or EINVAL) from None


def console_tty(system: Any, host_fd: int) -> Tty:
    """The machine's terminal, made at the first descriptor that is one."""
    tty: Tty | None = system.console
    if tty is None:
        tty = system.console = Tty(host_fd, host_input(system, host_fd))
    return tty


def console_file(system: Any, host_fd: int) -> TtyFile:
    """The terminal for a standard descriptor: /dev/console of the guest, if it has one."""
    tty = console_tty(system, host_fd)
    vfs = system.vfs
    path = vfs.resolve(vfs.boot_task(), b"/dev/console")
    return TtyFile(path.inode, O_RDWR | O_LARGEFILE, tty, path)


def tty_open(task: Any, inode: Inode, flags: int) -> File:
    """Open /dev/tty (ENXIO without a controlling terminal) or /dev/console (EIO without a terminal).

    A session leader without one gets it as controlling terminal, unless O_NOCTTY is given.
    """
    if minor(inode.rdev) == 0:
        if task.signal.tty is None:
            raise SysError(ENXIO)
        return TtyFile(inode, flags, task.signal.tty)
    tty: Tty | None = task.system.console if minor(inode.rdev) == 1 else None
    if tty is None:
        raise SysError(EIO if minor(inode.rdev) == 1 else ENXIO)
    leader = task.signal
    if not flags & O_NOCTTY and leader.leader and leader.tty is None and tty.session is None:
        leader.tty = tty
        tty.set_session(leader.session)
        tty.set_pgrp(leader.pgrp)
    return TtyFile(inode, flags, tty)

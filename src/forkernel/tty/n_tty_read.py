"""Reading a terminal: lines in canonical mode, VMIN and VTIME in raw mode (Linux: n_tty_read; termios(3)).

`n_tty_read` gives what there is or sleeps as a `TtyRead`, which keeps what VMIN has gathered so far; `input_available`
is also what poll asks, and `inq` is FIONREAD's answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EIO, ERESTARTSYS
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.termios import EXTPROC, ICANON, VEOF, VMIN, VTIME
from forkernel.errors import SysError
from forkernel.fs.timedread import TimedRead
from forkernel.tty.n_tty import DISABLED_CHAR, N_TTY_BUF_SIZE
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.tty.n_tty import NTty
    from forkernel.tty.tty_io import TtyFile

DECISECOND = 10**8
TIOCPKT_DATA = 0
FOREVER, NO_WAIT = 1 << 62, -1
KERNEL_BUF = 64
"""A read is done in pieces of so many bytes; the first decides whether VMIN is reached (Linux: iterate_tty_read)."""


def by_lines(ldisc: NTty) -> bool:
    """Whether lines are read."""
    return ldisc.icanon and not ldisc.tty.termios.c_lflag & EXTPROC


def input_available(ldisc: NTty, poll: bool) -> bool:
    """Whether a read finds something; for poll VMIN counts, unless there is a VTIME."""
    if by_lines(ldisc):
        return ldisc.canon_head != ldisc.tail
    keys = ldisc.tty.termios.c_cc
    amount = keys[VMIN] if poll and not keys[VTIME] and keys[VMIN] else 1
    return ldisc.commit_head - ldisc.tail >= amount


def inq(ldisc: NTty) -> int:
    """Bytes that can be read: in canonical mode those of whole lines, without EOFs."""
    if not by_lines(ldisc):
        return len(ldisc.buf)
    count = ldisc.canon_head - ldisc.tail
    if count == N_TTY_BUF_SIZE:  # Linux does not see the EOF of a line that fills the buffer (inq_canon)
        return count
    return count - sum(ldisc.buf[at - ldisc.tail] == DISABLED_CHAR for at in ldisc.lines)


def take(ldisc: NTty, count: int) -> bytes:
    """Remove the first `count` bytes."""
    data = bytes(ldisc.buf[:count])
    del ldisc.buf[:count]
    ldisc.tail += count
    return data


def canon_copy(ldisc: NTty, count: int) -> bytes:
    """A line, or its first `count` bytes; the EOF that ends one is not handed out."""
    end = next(iter(ldisc.lines), None)
    length = (ldisc.canon_head if end is None else end + 1) - ldisc.tail
    if length <= count:
        if end is None:
            return take(ldisc, length)
        del ldisc.lines[end]
        data = take(ldisc, length)
        return data[:-1] if data[-1] == DISABLED_CHAR else data
    data = take(ldisc, count)
    if end == ldisc.tail and ldisc.buf[0] == DISABLED_CHAR:  # an EOF after exactly what was asked for belongs to it
        del ldisc.lines[end]
        take(ldisc, 1)
    return data


def raw_copy(ldisc: NTty, count: int) -> bytes:
    """Up to `count` bytes. With EXTPROC and ICANON an EOF alone is the end of file."""
    data = take(ldisc, min(count, ldisc.commit_head - ldisc.tail))
    termios = ldisc.tty.termios
    if termios.c_lflag & EXTPROC and ldisc.icanon and data == termios.c_cc[VEOF : VEOF + 1] and not ldisc.buf:
        return b""
    return data


class TtyRead(TimedRead):
    """A read of a terminal under way: `data` is what came so far, `deadline` when VTIME ends it (ns; NO_WAIT: now)."""

    __slots__ = ("data", "minimum", "time")

    file: TtyFile

    def __init__(self, file: TtyFile, count: int) -> None:
        super().__init__(file, FOREVER, 0)
        termios = file.tty.termios
        self.count = count
        self.data = b""
        self.minimum = 0
        self.time = 0
        """Nanoseconds between two bytes, 0 for no limit."""
        if not termios.c_lflag & ICANON:
            self.minimum = termios.c_cc[VMIN]
            pause = termios.c_cc[VTIME] * DECISECOND
            if self.minimum:
                self.time = pause
            else:
                self.minimum = 1
                self.deadline = pause or NO_WAIT

    def start(self, task: Any) -> bytes:
        """The first try, from the call itself; bytes, SysError or Sleep."""
        if 0 < self.deadline < FOREVER:
            self.deadline += task.system.clock.monotonic()
        if not self.gather(task):
            raise self.sleep()
        return self.data

    def sleep(self) -> Sleep:
        """Wait for more."""
        return Sleep(
            self.file.tty.ldisc.read_wait, resume=self, deadline=None if self.deadline == FOREVER else self.deadline
        )

    def gather(self, task: Any) -> bool:
        """Take what is there; True when the read is over."""
        file = self.file
        tty = file.tty
        ldisc = tty.ldisc
        packet = tty.packet
        while len(self.data) < self.count:
            if packet and tty.link is not None and tty.link.pktstatus:
                if not self.data:
                    self.data = bytes((tty.link.pktstatus,))
                    tty.link.pktstatus = 0
                return True
            if not input_available(ldisc, False):
                tty.kick()
            if not input_available(ldisc, False):
                return self._nothing(task)
            room = self.count - len(self.data)
            if by_lines(ldisc):
                self.data += canon_copy(ldisc, room)
            else:
                if packet and not self.data:
                    self.data = bytes((TIOCPKT_DATA,))
                    room -= 1
                first = min(room, KERNEL_BUF - len(self.data)) if self.minimum > KERNEL_BUF else room
                self.data += raw_copy(ldisc, first)
                if len(self.data) >= KERNEL_BUF:
                    self.minimum = 0
            tty.kick()
            if len(self.data) >= self.minimum:
                return True
            if self.time:
                self.deadline = task.system.clock.monotonic() + self.time
        return True

    def _nothing(self, task: Any) -> bool:
        """No input: whether that ends the read."""
        file, tty = self.file, self.file.tty
        if tty.other_closed:
            if self.data:
                return True
            raise SysError(EIO)
        if file.hung or self.deadline == NO_WAIT:
            return True
        if task.system.clock.monotonic() >= self.deadline:
            return True
        if file.flags & O_NONBLOCK:
            if self.data:
                return True
            raise SysError(EAGAIN)
        return False

    def step(self, task: Any) -> int:
        """Go on after a wake-up."""
        if not self.gather(task):
            raise self.sleep()
        if self.data:
            task.mm.write(self.addr, self.data)
        return len(self.data)

    def interrupted(self, task: Any) -> int:
        """A signal came: what is there already, or a restart."""
        if not self.data:
            return -ERESTARTSYS
        task.mm.write(self.addr, self.data)
        return len(self.data)

"""The user's own terminal while a guest has it: raw mode, size, suspending, and putting it back whatever happens.

Life cycle: `HostTerminal` is made before the machine, while this process is still small, and starts a watcher: a
process of a few lines that does nothing but wait for the end of this one, and restores the terminal if this one could
not (SIGKILL, a crash of the interpreter). `with terminal.of(kernel)` puts it into raw mode, so that the guest's line
discipline does everything, and restores it on the way out.
"""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.api import Kernel
    from forkernel.tty.console import Console

IFLAG, OFLAG, CFLAG, LFLAG, CC = 0, 1, 2, 3, 6
"""Places in what tcgetattr gives."""
IUTF8 = 0o40000
INPUT_CHANGES = (
    termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR | termios.IGNCR | termios.ICRNL
    | termios.IXON
)  # fmt: skip
WATCHED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU)


class HostTerminal:
    """The terminal at descriptor `fd` of this process. `cook_output`: leave line ends to the host, for what this
    process itself writes to the terminal meanwhile (traces).
    """

    def __init__(self, fd: int, *, cook_output: bool = False) -> None:
        self.fd = fd
        self.saved: list[Any] = termios.tcgetattr(fd)
        self.raw = self._raw_modes(cook_output)
        self.console: Console | None = None
        """The guest's terminal that it is for."""
        self.active = False
        """In raw mode, because of us."""
        self.keyboard = False
        """The guest gets what is typed."""
        self.pipe = -1
        """Closed by our end, which the watcher sees."""
        self.watcher = 0

    def _raw_modes(self, cook_output: bool) -> list[Any]:
        modes = list(self.saved)
        modes[CC] = list(self.saved[CC])
        modes[IFLAG] &= ~INPUT_CHANGES
        modes[LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        modes[CFLAG] = modes[CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        modes[CC][termios.VMIN], modes[CC][termios.VTIME] = 1, 0
        if not cook_output:
            modes[OFLAG] &= ~termios.OPOST
        return modes

    @contextmanager
    def of(self, kernel: Kernel, *, keyboard: bool) -> Iterator[HostTerminal]:
        """While it is the terminal of `kernel`; with `keyboard` the guest gets what is typed."""
        self.console = console = kernel.terminal
        self.keyboard = keyboard
        if self.saved[IFLAG] & IUTF8:
            console.assume_utf8()
        console.detach()
        console.may_suspend = keyboard
        self.resized()
        try:
            self.take()
            yield self
        finally:
            self.give_back()
            self.dismiss_watcher()

    def take(self) -> None:
        """Raw mode, unless this process is in the background: then the terminal is left alone until it is not."""
        if self.console is None or not self.foreground():
            return
        with suppress(termios.error):
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.raw)
            self.active = True
        if self.keyboard and self.console.source is None:
            self.console.attach(self.fd)

    def give_back(self) -> None:
        """As it was before. Quiet if it is gone."""
        if self.console is not None:
            self.console.detach()
        if self.active:
            self.active = False
            with suppress(termios.error):
                termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)

    def foreground(self) -> bool:
        """Whether this process may use it."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:  # not our controlling terminal: nobody's job control is in the way
            return True

    def resized(self) -> None:
        """Tell the guest the size."""
        if self.console is not None:
            with suppress(OSError):
                size = os.get_terminal_size(self.fd)
                self.console.set_size(size.lines, size.columns)

    def suspend(self) -> None:
        """^Z where nobody in the guest would continue what it stops: this whole job stops, as any program would."""
        self.give_back()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        self.resized()
        self.take()

    # --- the watcher

    def start_watcher(self) -> None:
        """Before there are threads and much memory."""
        reading, self.pipe = os.pipe()
        self.watcher = os.fork()
        if self.watcher:
            os.close(reading)
            return
        try:
            os.close(self.pipe)
            for number in WATCHED:
                signal.signal(number, signal.SIG_IGN)
            if not os.read(reading, 1):
                termios.tcsetattr(self.fd, termios.TCSANOW, self.saved)
        finally:
            os._exit(0)

    def dismiss_watcher(self) -> None:
        """All is well."""
        if self.watcher:
            with suppress(OSError):
                os.write(self.pipe, b".")
            os.close(self.pipe)
            with suppress(ChildProcessError):
                os.waitpid(self.watcher, 0)
            self.watcher = 0


def terminal_kind(*, tty: bool) -> Any:
    """What `Kernel(terminal=...)` is to be: with -t the terminal everywhere; without, where a user sits before standard
    input and output, in the place of those descriptors that are terminals.
    """
    if tty:
        return True
    return "host" if os.isatty(0) and os.isatty(1) else False


def host_terminal(*, watched: bool, cook_output: bool) -> HostTerminal | None:
    """The terminal at standard input, if that is one."""
    if not os.isatty(0):
        return None
    try:
        terminal = HostTerminal(0, cook_output=cook_output)
    except termios.error:
        return None
    if watched:
        terminal.start_watcher()
    return terminal

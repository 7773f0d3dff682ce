"""The machine's console, /dev/ttyS0 and /dev/console: a terminal whose other end is outside (Linux: a serial driver).

Life cycle: who builds the machine (api.py) makes the `Console` when the run is to have a terminal. What programs put
out goes to a descriptor of the host, or is kept in `output`. What the user types comes through a `ConsoleInput`, which
stands among `system.host_inputs`: the idle loop, and busy tasks at the end of their slices, look there for keys. The
host's own line discipline is out of the way: the command puts the user's terminal into raw mode (cli/terminal.py).
"""

from __future__ import annotations

import os
import select
import time
from typing import Any

from forkernel.abi.signal import SIGTSTP
from forkernel.abi.stat import makedev
from forkernel.abi.termios import IUTF8, VEOF, Winsize
from forkernel.fs.devices import TTY_MAJOR
from forkernel.tty.tty_io import TTYS_MINOR, TtyStruct

ROOM = 1 << 16
"""What the outside always takes."""
TYPED_MAX = 4096
"""Bytes taken from the host at once."""
ESCAPE_KEY, ESCAPE_PRESSES, ESCAPE_SECONDS = 0x1D, 3, 1.0
"""^] so many times within so long ends the run."""
ESCAPED, SUSPENDED = "escape", "suspend"
"""What `Kernel.run` returns then, and after ^Z (Console.may_suspend)."""


class Console(TtyStruct):
    """The terminal. `out_fd` None: what is put out is kept in `output`."""

    __slots__ = ("may_suspend", "out_fd", "output", "source")

    name = b"ttyS"

    def __init__(self, system: Any, out_fd: int | None) -> None:
        super().__init__(system, makedev(TTY_MAJOR, TTYS_MINOR))
        self.out_fd = out_fd
        self.output = bytearray()
        self.may_suspend = False
        """^Z ends `Kernel.run` with SUSPENDED where nobody in the guest would continue what it stops."""
        self.source: ConsoleInput | None = None
        """The keyboard; None where only `type` types."""

    def write_room(self) -> int:
        """Any amount, unless ^S holds it."""
        return 0 if self.stopped else ROOM

    def driver_write(self, data: bytes) -> int:
        """To the host. When nobody is there any more, writers get EIO."""
        if self.stopped:
            return 0
        if self.out_fd is None:
            self.output += data
        elif not self.io_error:
            self.io_error = not host_write_all(self.out_fd, data)
        return len(data)

    def write_console(self, text: bytes) -> None:
        """The kernel speaks, whatever the modes are, and ^S."""
        data = text.replace(b"\n", b"\r\n")
        if self.out_fd is None:
            self.output += data
        elif not self.io_error:
            self.io_error = not host_write_all(self.out_fd, data)

    def signal_pgrp(self, sig: int) -> None:
        """The foreground group gets the signal; or the user's shell gets its terminal back."""
        if sig == SIGTSTP and self.may_suspend and self.system.tty_jobctrl.nobody_to_continue(self.system):
            self.system.entry.stop(SUSPENDED)
        else:
            super().signal_pgrp(sig)

    def closed(self) -> None:
        """The last file is closed: it is nobody's terminal then."""
        if not self.count:
            self.system.tty_jobctrl.session_clear_tty(self)

    def type(self, keys: bytes) -> None:
        """The user types."""
        self.insert_flip(keys)

    def end_input(self) -> None:
        """Nobody will type any more: as if the user had typed the end-of-file key."""
        self.type(self.termios.c_cc[VEOF : VEOF + 1])

    def set_size(self, rows: int, columns: int) -> None:
        """The user's terminal has this size now."""
        self.resize(Winsize(rows, columns, 0, 0).pack())

    def assume_utf8(self) -> None:
        """The user's terminal erases whole characters."""
        self.termios.c_iflag |= IUTF8

    def attach(self, host_fd: int) -> None:
        """Take keys from a descriptor of the host."""
        self.source = self.system.host_inputs[host_fd] = ConsoleInput(self, host_fd)

    def detach(self) -> None:
        """No more keys."""
        if self.source is not None:
            self.system.host_inputs.pop(self.source.host_fd, None)
            self.source = None


class ConsoleInput:
    """The keyboard: a descriptor of the host (see fs/stdio.py, HostInput)."""

    __slots__ = ("console", "host_fd", "pressed")

    def __init__(self, console: Console, host_fd: int) -> None:
        self.console = console
        self.host_fd = host_fd
        self.pressed: list[float] = []
        """When the escape key was last pressed, in host seconds."""

    def wanted(self) -> bool:
        """Always, while there is room: ^C has to get through though nobody reads."""
        return not self.console.port

    def wake_up(self) -> None:
        """The user typed, or is gone: a terminal that is gone is hung up, other input just ends."""
        try:
            keys = os.read(self.host_fd, TYPED_MAX)
        except BlockingIOError:
            return
        except OSError:
            keys = b""
        console = self.console
        if keys:
            self._look_for_escape(keys)
            console.type(keys)
            return
        terminal = os.isatty(self.host_fd)
        console.detach()
        if terminal:
            console.hangup()
        else:
            console.end_input()

    def _look_for_escape(self, keys: bytes) -> None:
        """Three times the escape key, and nothing else between: end the run."""
        now = time.monotonic()
        for key in keys:
            if key != ESCAPE_KEY:
                self.pressed.clear()
                continue
            self.pressed = [when for when in self.pressed if now - when < ESCAPE_SECONDS] + [now]
            if len(self.pressed) >= ESCAPE_PRESSES:
                self.console.system.entry.stop(ESCAPED)


def host_write_all(host_fd: int, data: bytes) -> bool:
    """Write all of it to the host, waiting if need be; False if nobody is there to take it."""
    done = 0
    while done < len(data):
        try:
            done += os.write(host_fd, data[done:])
        except BlockingIOError:
            select.select([], [host_fd], [])
        except OSError:
            return False
    return True

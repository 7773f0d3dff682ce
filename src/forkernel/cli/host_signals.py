"""Signals sent to forkernel itself: SIGINT and its like go to the guest, SIGTERM and SIGHUP end the run.

The handler only notes the signal and asks the machine to stop at the next trap; `deliver` acts on it while the
machine stands still. The host's wake-up descriptor ends a wait for input meanwhile. Repeated SIGINTs end the
run, for guests that take no notice.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from forkernel.kernel.hrtimer import KTIME_MAX

if TYPE_CHECKING:
    from forkernel.api import Kernel
    from forkernel.cli.terminal import HostTerminal
    from forkernel.kernel.system import System

FORWARDED = (signal.SIGINT, signal.SIGQUIT)
TERMINAL = (signal.SIGTSTP, signal.SIGWINCH, signal.SIGCONT)
"""What concerns the user's terminal, where the guest has it."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
PATIENCE = 3
PATIENCE_SECONDS = 1.0
"""So many SIGINTs, each so soon after the one before, end the run."""


class WakeUp:
    """Stands among the machine's inputs, so that its idle loop notices a signal of the host."""

    def __init__(self, host_fd: int, system: System, signals: HostSignals) -> None:
        self.host_fd = host_fd
        self.system = system
        self.signals = signals

    def wanted(self) -> bool:
        """Only beside a timer or another input: it must not keep a machine waiting that nothing else can wake."""
        system = self.system
        return system.timers.next_expiry < KTIME_MAX or any(
            source is not self and source.wanted() for source in system.host_inputs.values()
        )

    def wake_up(self) -> None:
        """Signals came: forget how many. One that came before the machine ran stops it now."""
        with suppress(BlockingIOError):
            os.read(self.host_fd, 4096)
        if self.signals.pending:
            self.signals.kernel.stop()


class HostSignals:
    """While entered, signals of the host go to `kernel`."""

    def __init__(self, kernel: Kernel, terminal: HostTerminal | None = None) -> None:
        self.kernel = kernel
        self.terminal = terminal
        self.before: dict[int, Any] = {}
        self.pending: list[int] = []
        self.interrupts = 0
        self.last_interrupt = 0.0
        self.ending = 0
        """The signal that ends the run, 0 for none."""
        self.pipe = (-1, -1)

    def __enter__(self) -> Self:
        self.pipe = os.pipe()
        for fd in self.pipe:
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self.pipe[1], warn_on_full_buffer=False)
        system = self.kernel.system
        system.host_inputs[self.pipe[0]] = WakeUp(self.pipe[0], system, self)
        terminal = TERMINAL if self.terminal is not None else ()
        for number in (*FORWARDED, *terminal, *ENDING):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self.before[number] = signal.signal(number, self.handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, action in self.before.items():
            signal.signal(number, action)
        signal.set_wakeup_fd(-1)
        self.kernel.system.host_inputs.pop(self.pipe[0], None)
        for fd in self.pipe:
            os.close(fd)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The host sent a signal: stop soon."""
        self.pending.append(number)
        self.kernel.stop()

    def deliver(self) -> None:
        """Pass on what came, or note that the run is to end."""
        pending, self.pending = self.pending, []
        for number in pending:
            if number == signal.SIGINT:
                now = time.monotonic()
                self.interrupts = self.interrupts + 1 if now - self.last_interrupt < PATIENCE_SECONDS else 1
                self.last_interrupt = now
            if number in ENDING or self.interrupts >= PATIENCE:
                self.ending = number
            elif number in TERMINAL and self.terminal is not None:
                self.terminal_signal(number, self.terminal)
            else:
                self.kernel.interrupt(number)

    def terminal_signal(self, number: int, terminal: HostTerminal) -> None:
        """The user's terminal changed its size, or this process is stopped or goes on."""
        if number == signal.SIGWINCH:
            terminal.resized()
        elif number == signal.SIGTSTP:
            terminal.suspend()
        else:
            terminal.resized()
            terminal.take()

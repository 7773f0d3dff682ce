"""Signals sent to forkernel itself: SIGINT goes to the guest's foreground group, SIGTERM and SIGHUP end the run.

A second SIGINT while the first had no effect ends the run too. The handlers only note what happened and stop
the CPU; the kernel acts between traps.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from forkernel.api import Kernel

ENDING = (signal.SIGTERM, signal.SIGHUP)
PATIENCE = 3
"""So many SIGINTs in one run end it."""


class HostSignals:
    """While entered, the host's signals go to `kernel`."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.before: dict[int, Any] = {}
        self.interrupts = 0

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, *ENDING):
            self.before[number] = signal.signal(number, self.handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, action in self.before.items():
            signal.signal(number, action)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The host sent a signal."""
        if number == signal.SIGINT:
            self.interrupts += 1
            if self.interrupts < PATIENCE:
                self.kernel.interrupt()
                return
        self.kernel.stop(number)

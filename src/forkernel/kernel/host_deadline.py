"""The host's end of a run: `--timeout` holds whatever the guest does.

The kernel looks at the host's clock when it hands out a slice. A guest can put that off: by calls that are short for it
and long for the host, and by one call that is long by itself. So a thread waits for the deadline. When it comes, every
trap ends with that look. If none ends within `GRACE`, `Overrun` is raised in the middle of what the kernel does: the
run is over as by any timeout, but the machine is left half changed (`System.torn`), and can only be looked at.
"""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.kernel.entry import Entry

GRACE = 3.0
"""Host seconds."""
PERIOD = 0.05


class Overrun(BaseException):
    """One trap has taken too long."""


class HostDeadline:
    """Watches one run of `entry`; a context manager."""

    def __init__(self, entry: Entry, deadline: float) -> None:
        """`deadline` is in seconds of the host's monotonic clock."""
        self._entry = entry
        self._deadline = deadline
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._runner = threading.get_ident()
        self._raised = False

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over.set()
        if self._raised:
            time.sleep(PERIOD)  # it is under way, and comes here and nowhere else

    def _watch(self) -> None:
        if self._over.wait(max(self._deadline - time.monotonic(), 0)):
            return
        while not self._over.wait(PERIOD):
            self._entry.late()
            if time.monotonic() > self._deadline + GRACE:
                with self._lock:
                    if not self._over.is_set():
                        self._raised = True
                        raise_in(self._runner)
                return


def raise_in(thread: int) -> None:
    """Raise Overrun in another thread, at its next step in Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Overrun))

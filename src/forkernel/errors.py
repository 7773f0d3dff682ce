"""The three kinds of failure, kept apart: the guest's, the user's and our own.

* `SysError` carries an errno to the guest. Handlers raise it; dispatch alone catches it.
* `UserError` is a mistake of the person at the keyboard: one clear line, no traceback.
* `KernelBug` is a broken promise of this kernel; no guest input may ever cause one.
"""

from __future__ import annotations


class SysError(Exception):
    """A system call fails with this errno (a positive number, see `forkernel.abi.errno`)."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = int(errno)


class UserError(Exception):
    """The user asked for something that cannot be done; `str(error)` is the line to show."""


class KernelBug(Exception):
    """An invariant of the kernel does not hold: a defect in Forkernel, never the guest's doing."""

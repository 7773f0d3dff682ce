"""wait4 and waitid: option flags and the encoding of a wait status. See wait(2)."""

from __future__ import annotations

from typing import NamedTuple

WNOHANG = 0x00000001
WUNTRACED = 0x00000002
WSTOPPED = WUNTRACED
WEXITED = 0x00000004
WCONTINUED = 0x00000008
WNOWAIT = 0x01000000
__WNOTHREAD = 0x20000000
__WALL = 0x40000000
__WCLONE = 0x80000000
# The double underscore would be mangled inside a class body; these are the same flags.
W_NOTHREAD = __WNOTHREAD
W_ALL = __WALL
W_CLONE = __WCLONE

WAIT4_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | W_NOTHREAD | W_ALL | W_CLONE
WAITID_OPTIONS = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | W_NOTHREAD | W_ALL | W_CLONE

P_ALL = 0
P_PID = 1
P_PGID = 2
P_PIDFD = 3

CONTINUED_STATUS = 0xFFFF
CORE_FLAG = 0x80


class Decoded(NamedTuple):
    """What a wait status says; exactly one of the first four is not None or True.

    (None is for words that no kernel makes: 0xff in the low byte.)
    """

    exit_code: int | None
    term_signal: int | None
    stop_signal: int | None
    continued: bool
    core_dumped: bool


def exit_status(code: int) -> int:
    """Status of a process that called exit(code): only the low 8 bits survive."""
    return (code & 0xFF) << 8


def signal_status(signo: int, core_dumped: bool = False) -> int:
    """Status of a process ended by a signal."""
    return signo | (CORE_FLAG if core_dumped else 0)


def stop_status(signo: int) -> int:
    """Status of a process stopped by a signal (or by ptrace, with the event in the bits above)."""
    return signo << 8 | 0x7F


def decode_status(status: int) -> Decoded:
    """The inverse of the above, by the rules of the W* macros."""
    if status == CONTINUED_STATUS:
        return Decoded(None, None, None, True, False)
    low = status & 0x7F
    if low == 0:
        return Decoded(status >> 8 & 0xFF, None, None, False, False)
    if low == 0x7F:
        stopped = None if status & CORE_FLAG else status >> 8
        return Decoded(None, None, stopped, False, False)
    return Decoded(None, low, None, False, bool(status & CORE_FLAG))

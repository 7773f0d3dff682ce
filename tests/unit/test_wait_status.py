"""Wait statuses against the C library's macros."""

from __future__ import annotations

import os

from hypothesis import example, given
from hypothesis import strategies as st

from forkernel import Status
from forkernel.abi.wait import (
    CONTINUED_STATUS,
    decode_status,
    exit_status,
    signal_status,
    stop_status,
)


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_an_exit_keeps_the_low_byte(code: int) -> None:
    status = exit_status(code)
    assert os.WIFEXITED(status)
    assert os.WEXITSTATUS(status) == code & 0xFF == decode_status(status).exit_code


@given(st.integers(1, 64), st.booleans())
def test_a_death_by_signal(signo: int, core: bool) -> None:
    status = signal_status(signo, core)
    decoded = decode_status(status)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signo == decoded.term_signal
    assert os.WCOREDUMP(status) == core == decoded.core_dumped


@given(st.integers(1, 64))
def test_a_stop(signo: int) -> None:
    status = stop_status(signo)
    assert os.WIFSTOPPED(status)
    assert os.WSTOPSIG(status) == signo == decode_status(status).stop_signal


def test_continued() -> None:
    assert os.WIFCONTINUED(CONTINUED_STATUS)
    assert decode_status(CONTINUED_STATUS).continued


@given(st.integers(0, 0xFFFF))
@example(0xFF)
@example(0x7F)
@example(0xFFFF)
def test_every_status_is_what_the_macros_say(status: int) -> None:
    decoded = decode_status(status)
    facts = [decoded.exit_code, decoded.term_signal, decoded.stop_signal, decoded.continued or None]
    assert sum(fact is not None for fact in facts) == (status == CONTINUED_STATUS or status & 0xFF != 0xFF)
    assert os.WIFEXITED(status) == (decoded.exit_code is not None)
    assert os.WIFSIGNALED(status) == (decoded.term_signal is not None)
    assert os.WIFSTOPPED(status) == (decoded.stop_signal is not None)


@given(st.integers(0, 0xFF), st.integers(1, 64), st.booleans())
def test_the_api_says_the_same(code: int, signo: int, core: bool) -> None:
    ended, killed = Status(exit_status(code)), Status(signal_status(signo, core))
    assert (ended.exit_code, ended.signal, ended.shell_code) == (code, None, code)
    assert (killed.exit_code, killed.signal, killed.shell_code) == (None, signo, 128 + signo)
    assert os.waitstatus_to_exitcode(ended.wait_status) == code
    assert os.waitstatus_to_exitcode(killed.wait_status) == -signo

"""Wait statuses against the C library's macros."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

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
def test_every_status_is_exactly_one_thing(status: int) -> None:
    decoded = decode_status(status)
    facts = [decoded.exit_code, decoded.term_signal, decoded.stop_signal, decoded.continued or None]
    assert sum(fact is not None for fact in facts) == 1
    assert os.WIFEXITED(status) == (decoded.exit_code is not None)
    assert os.WIFSIGNALED(status) == (decoded.term_signal is not None)
    assert os.WIFSTOPPED(status) == (decoded.stop_signal is not None)

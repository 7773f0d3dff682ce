"""The first line of a script, as Linux 6.18 reads it (each answer checked on a real one)."""

from __future__ import annotations

import pytest

from forkernel.abi.errno import ENOEXEC
from forkernel.errors import SysError
from forkernel.kernel.binfmt_script import load_script


@pytest.mark.parametrize(
    ("line", "interpreter", "argument"),
    [
        (b"#!/bin/echo\n", b"/bin/echo", None),
        (b"#!/bin/echo hi  there  \n", b"/bin/echo", b"hi  there"),
        (b"#!/bin/echo\thi\t there\t\n", b"/bin/echo", b"hi\t there"),
        (b"#! \t /bin/echo a b\0c d\n", b"/bin/echo", b"a b"),
        (b"#!/bin/echo", b"/bin/echo", None),
        (b"#!/bin/echo a", b"/bin/echo", b"a"),
        (b"#!/bin/echo \r\n", b"/bin/echo", b"\r"),
        (b"#!", b"", None),
        (b"#!x\0y z\n", b"x", None),
    ],
)
def test_the_rest_of_the_line_is_one_argument(line: bytes, interpreter: bytes, argument: bytes | None) -> None:
    assert load_script(line) == (interpreter, argument)


@pytest.mark.parametrize("line", [b"#!\n", b"#!  \t \n", b"#!" + b" " * 300])
def test_no_interpreter_is_enoexec(line: bytes) -> None:
    with pytest.raises(SysError) as error:
        load_script(line)
    assert error.value.errno == ENOEXEC


def test_a_name_of_252_bytes_fits_and_a_longer_one_may_be_cut_off() -> None:
    assert load_script(b"#!/" + b"a" * 252 + b"\n")[0] == b"/" + b"a" * 252
    with pytest.raises(SysError):
        load_script(b"#!/" + b"a" * 253 + b"\n")


def test_a_long_argument_is_cut_off_in_silence() -> None:
    name, argument = load_script(b"#!/bin/echo " + b"a" * 300 + b"\n")
    assert (name, argument) == (b"/bin/echo", b"a" * 243)

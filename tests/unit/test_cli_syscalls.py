"""The coverage of system calls: the page in the docs is what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

import forkernel.syscalls
from forkernel.arch.x86_64.syscall_table import GONE, NOT_BUILT_IN
from forkernel.cli import main
from forkernel.syscalls.coverage import coverage, coverage_page, index_source

INDEX = Path(forkernel.syscalls.__file__).with_name("index.py")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "syscalls.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == coverage_page(), "run: ./forkernel syscalls --markdown > docs/syscalls.md"


@pytest.mark.record
def test_record_the_index() -> None:
    INDEX.write_text(index_source())


def test_the_index_is_current() -> None:
    assert INDEX.read_text() == index_source(), "run: pytest tests/unit/test_cli_syscalls.py --record"


def test_every_handler_is_in_the_table_of_numbers() -> None:
    from forkernel.syscalls.registry import REGISTRY

    names = {entry.name for entry in coverage()}
    assert set(REGISTRY.calls) <= names


def test_partial_calls_say_what_is_missing() -> None:
    for entry in coverage():
        assert bool(entry.caveat) == (entry.support == "partial" or entry.name in NOT_BUILT_IN or entry.name in GONE)
        assert "|" not in entry.caveat
        assert "\n" not in entry.caveat


def test_the_command_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["syscalls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["0", "read", "done"]
    assert len(lines) == len(coverage()) + 1

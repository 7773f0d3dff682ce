"""The command line: every option, every mistake one line, the program left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkernel.cli import main
from forkernel.cli.options import COMMANDS, UsageError, bind, memory_size, parse


def values_of(*words: str, command: str = "run") -> dict[str, object]:
    return parse(command, COMMANDS[command].options, list(words))[0]


def program_of(*words: str) -> list[str]:
    return parse("run", COMMANDS["run"].options, list(words))[1]


def test_the_program_begins_after_two_dashes_or_at_the_first_other_word() -> None:
    assert program_of("--seed", "3", "--", "ls", "--strict") == ["ls", "--strict"]
    assert program_of("--strict", "sh", "-c", "exit 3", "--", "x") == ["sh", "-c", "exit 3", "--", "x"]
    assert program_of("--strict") == []
    assert program_of("--", "--seed") == ["--seed"]


def test_options_with_a_value_take_it_from_the_same_word_or_the_next() -> None:
    assert values_of("--seed=7")["seed"] == 7
    assert values_of("--seed", "7")["seed"] == 7
    assert values_of("--env", "A=b=c", "--env=D=")["env"] == [("A", "b=c"), ("D", "")]


def test_defaults() -> None:
    values = values_of()
    assert values["root"] == "/"
    assert values["memory"] == 512 << 20
    assert values["seed"] == 0
    assert values["clock"] is None
    assert values["strict"] is False


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512M", 512 << 20),
        ("4G", 4 << 30),
        ("65536K", 64 << 20),
        ("1g", 1 << 30),
        ("33554432", 32 << 20),
        ("64MiB", 64 << 20),
    ],
)
def test_sizes_of_memory(text: str, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize(
    "words",
    [
        ["--foo"],
        ["--seed"],
        ["--seed", "x"],
        ["--seed", "-1"],
        ["--strict=yes"],
        ["--memory", "12"],
        ["--memory", "M"],
        ["--memory", "999G"],
        ["--cpus", "65"],
        ["--pids", "0"],
        ["--env", "A"],
        ["--env", "=b"],
        ["--bind", "/tmp"],
        ["--bind", "/tmp:relative"],
        ["--bind", "/nope/nope:/x"],
        ["--root", "/nope/nope"],
        ["--root", "/etc/passwd"],
        ["--clock", "wrong"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--timeout", "soon"],
    ],
)
def test_mistakes(words: list[str]) -> None:
    with pytest.raises(UsageError, match="see forkernel run --help"):
        values_of(*words)


@pytest.mark.parametrize(
    "words",
    [["run", "--foo"], ["run"], ["run", "--"], ["run", "--", ""], ["zap"], ["trace", "--events", "x", "--", "ls"],
     ["trace", "--output", "/nope/nope/nope", "--", "ls"], ["syscalls", "x"], ["run", "--help-me"]],
)  # fmt: skip
def test_a_mistake_is_one_line_on_stderr_and_status_125(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 125
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("forkernel: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help", "trace"], ["run", "--help"], ["trace", "-h"]])
def test_help_names_every_option(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: forkernel")
    for name in ("run", "trace"):
        if name in words:
            assert all(option.name in text for option in COMMANDS[name].options)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("forkernel")


def test_a_bind_keeps_its_colons(tmp_path: Path) -> None:
    assert bind(f"{tmp_path}:/work:rw") == f"{tmp_path}:/work:rw"

"""Each guest program prints and ends on Forkernel as it does on Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import ON_LINUX, Program, Result, compile_program, has_compiler, programs, run_forkernel, run_native

every_program = pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)


def binary_of(program: Program) -> Path:
    """The compiled program; skips what this host cannot build."""
    if program.dynamic and not has_compiler():
        pytest.skip("no gcc")
    return compile_program(program.source, dynamic=program.dynamic)


def native(program: Program, cwd: Path) -> Result:
    """What Linux does with the program, in an empty directory of its own: Forkernel must not see its files."""
    directory = cwd / "native"
    directory.mkdir()
    command = [str(binary_of(program)), *program.args]
    return run_native(command, directory, program.stdin, program.timeout)


def recorded(program: Program) -> str:
    """The recorded expectation; skips where there is none (programs of the host's glibc)."""
    if not program.expected.exists():
        pytest.skip("no recorded expectation; ./test --record on Linux makes it")
    return program.expected.read_text()


@every_program
def test_same_as_linux(program: Program, tmp_path: Path) -> None:
    use_record = not ON_LINUX or bool(program.unmet_need())
    if use_record and "root" in program.unmet_need():
        pytest.skip("needs root")
    expected = recorded(program) if use_record else native(program, tmp_path).render()
    command = [str(binary_of(program)), *program.args]
    directory = tmp_path / "here"
    directory.mkdir()
    got = run_forkernel(command, directory, program.stdin, program.timeout + 40)
    assert got.render() == expected, got.stderr.decode(errors="replace")


@pytest.mark.skipif(not ON_LINUX, reason="the expectations are checked on Linux")
@every_program
def test_expectation_is_linux(program: Program, tmp_path: Path) -> None:
    if need := program.unmet_need():
        pytest.skip(need)
    assert native(program, tmp_path).render() == recorded(program)


@pytest.mark.record
@pytest.mark.skipif(not ON_LINUX, reason="only Linux can say what Linux does")
@every_program
def test_record(program: Program, tmp_path: Path) -> None:
    if need := program.unmet_need():
        pytest.skip(need)
    result = native(program, tmp_path)
    assert result.status != -1, "timed out"
    program.expected.parent.mkdir(parents=True, exist_ok=True)
    program.expected.write_text(result.render())

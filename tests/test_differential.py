"""Each guest program prints and ends on Forkernel as it does on Linux, and the machine is sound after every trap."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, ON_LINUX, Program, Result, compile_program, has_compiler, programs, run_native
from invariants import check, check_frame_totals, checked

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


def on_forkernel(program: Program, cwd: Path) -> Result:
    """What Forkernel does with it."""
    command = [str(binary_of(program)), *program.args]
    with checked(Kernel(memory=128 << 20, cwd=str(cwd), env=ENVIRONMENT)) as kernel:
        process = kernel.spawn(command, stdin=program.stdin)
        ended = kernel.run(timeout=program.timeout + 40)
        check(kernel.system)
        check_frame_totals(kernel.system)
        note = "".join(f"\nnot implemented: {call.name}" for call in kernel.unimplemented)
        if process.status is None:
            return Result(process.stdout, -1, f"{ended}\n{kernel.tree()}{note}".encode())
        return Result(process.stdout, process.status.shell_code, process.stderr + note.encode())


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
    directory = tmp_path / "here"  # one that the native run has left nothing in
    directory.mkdir()
    got = on_forkernel(program, directory)
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

"""Programs that mean no good: the machine stays sound, ends when told to, and gives everything back."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.kernel import invariants
from harness import ENVIRONMENT, compile_program

PROGRAMS = Path(__file__).parent / "adversary"
SIGSEGV, SIGKILL = 11, 9


def machine(**options: int) -> Kernel:
    return Kernel(env=ENVIRONMENT, cwd="/", memory=options.get("memory", 64 << 20), pids=options.get("pids", 200))


def run(*command: str, timeout: float = 30) -> tuple[int | None, int | None, bytes]:
    """Exit code, signal and output; the machine must be sound and empty afterwards."""
    with machine() as kernel:
        process = kernel.spawn([str(compile_program(PROGRAMS / f"{command[0]}.c")), *command[1:]])
        assert kernel.run(timeout=timeout) == "idle"
        invariants.check(kernel.system)
        assert not kernel.leftover()
        assert process.status is not None
        return process.status.exit_code, process.status.signal, process.stdout


@pytest.mark.parametrize("seed", [1, 3, 12])
def test_random_calls_break_nothing(seed: int) -> None:
    assert run("calls", str(seed), "20", "200") == (0, None, b"done\n")


def test_random_calls_leave_the_machine_sound_at_every_call() -> None:
    with machine(memory=16 << 20) as kernel:
        kernel.system.trace.attach(invariants.InvariantSink(kernel.system, 20))
        kernel.spawn([str(compile_program(PROGRAMS / "calls.c")), "5", "5", "200"])
        assert kernel.run(timeout=30) == "idle"


@pytest.mark.parametrize("what", ["memory", "shared memory"])
def test_a_program_that_takes_all_memory_is_killed(what: str) -> None:
    assert run("hostile", what) == (None, SIGKILL, b"")


@pytest.mark.parametrize("what", ["stack", "address space"])
def test_a_program_without_a_stack_gets_sigsegv(what: str) -> None:
    assert run("hostile", what) == (None, SIGSEGV, b"")


@pytest.mark.parametrize(("what", "errno"), [("files", b"ENOSPC"), ("memfd", b"ENOSPC"), ("descriptors", b"EMFILE")])
def test_what_is_used_up_is_an_error(what: str, errno: bytes) -> None:
    assert run("hostile", what) == (0, None, errno + b"\n")


def test_a_fork_bomb_ends_with_the_time_it_was_given() -> None:
    with machine() as kernel:
        kernel.spawn([str(compile_program(PROGRAMS / "hostile.c")), "forks"])
        assert kernel.run(timeout=2) == "timeout"
        invariants.check(kernel.system)

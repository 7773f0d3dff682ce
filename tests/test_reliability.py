"""Bad guests: the guest gets Linux's errors, the host stays within the limits given, the machine is good afterwards.

A short slice of `./fuzz` (tests/reliability/run.py); docs/reliability.md tells of the whole.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.kernel import invariants
from harness import ENVIRONMENT, ON_LINUX, compile_program

HERE = Path(__file__).parent / "reliability"
sys.path.insert(0, str(HERE))

import scripted  # noqa: E402
from guests import HOGS, Outcome, calls, hog, measure, run_guest, wild  # noqa: E402

import forkernel.syscalls.all  # noqa: E402, F401  # registers the calls

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="needs the root of a Linux host")

SIGSEGV, SIGKILL = 11, 9
MEMORY, OVERHEAD = 64, 120
"""MiB of RAM of a hog's machine, and what the host may give beyond that: docs/reliability.md."""
SLOW = ("forks", "exec_forks", "vfork_chain", "zombies", "stops", "tracers", "descriptors", "messages", "locks", "deaf",
        "watches", "fast_timers", "mounts_doubled", "sockets", "timer_files", "heaps", "arguments", "areas", "yields",
        "execs", "epolls", "signal_storm", "terminals", "unlinked", "lookups", "names", "threads", "namespaces",
        "signals", "mounts", "timers", "stack", "empty_pipes", "deep", "internet", "page_tables",
        "segments")  # fmt: skip
"""Seconds each: only some of them here, all in ./fuzz."""
IN_TESTS = ("forks", "internet", "sockets", "mounts_doubled")
CORPUS = [
    line.partition("  # ")
    for line in (HERE / "corpus.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


def holds(outcome: Outcome) -> None:
    """Nothing is wrong."""
    assert not outcome.wrong, (outcome.name, outcome.wrong, outcome.output)


@pytest.mark.parametrize("name", [name for name in HOGS if name not in SLOW])
def test_after_a_hog_the_machine_is_usable_and_nothing_is_lost(name: str) -> None:
    holds(hog(name))


@pytest.mark.parametrize("name", IN_TESTS)
def test_a_hog_takes_no_more_of_the_host_than_it_was_given(name: str) -> None:
    outcome = measure("hog", name, timeout=120)
    holds(outcome)
    assert outcome.peak < MEMORY + OVERHEAD


@pytest.mark.parametrize("bash_bomb", [":(){ :|:& };:"])
def test_a_fork_bomb_of_a_shell(bash_bomb: str) -> None:
    holds(run_guest("bomb", ["c:keeper", "30", "/bin/bash", "-c", bash_bomb], timeout=120))


@pytest.mark.parametrize("seed", range(1, 7))
def test_random_calls_are_no_more_than_errors_to_the_guest(seed: int) -> None:
    outcome = calls(seed, children=5, length=300)
    holds(outcome)
    assert outcome.why == "idle"


@pytest.mark.parametrize("seed", range(1, 5))
def test_what_is_no_program(seed: int) -> None:
    outcome = wild(seed, children=8)
    holds(outcome)
    assert outcome.why == "idle"


@pytest.mark.parametrize("seed", range(3))
def test_random_calls_on_ipc_objects_and_control_groups(seed: int) -> None:
    holds(run_guest(f"ipc {seed}", ["c:ipc", str(seed + 1), "2000"], seed=seed, timeout=100))


def test_the_machine_is_sound_at_every_call() -> None:
    program = compile_program(HERE / "fuzz.c")
    with Kernel(env={**ENVIRONMENT, "FORKERNEL_GUEST": "1"}, cwd="/", memory=16 << 20, pids=60) as kernel:
        kernel.system.trace.attach(invariants.InvariantSink(kernel.system, 25))
        kernel.spawn([str(program), "4", "3", "150"])
        assert kernel.run(timeout=100) == "idle"


@pytest.mark.parametrize("seed", range(10))
def test_random_calls_on_the_scripted_cpu(seed: int) -> None:
    for number in range(seed * 10, seed * 10 + 10):
        line = scripted.make_line(number, 100)
        assert scripted.run_line(line) == "", line


@pytest.mark.parametrize(("line", "found"), [(line, found) for line, _, found in CORPUS])
def test_what_was_found_once(line: str, found: str) -> None:
    assert scripted.run_line(line.strip()) == "", found


def test_a_finding_is_minimised() -> None:
    line = "getpid(); +0x900=0x1; eventfd2(1, 0); getppid(); close(0); sched_yield()"

    def fails(text: str) -> str:
        return "it" if "eventfd2" in text and "close" in text else ""

    assert scripted.minimise(line, fails) == "eventfd2(1, 0); close(0)"


def test_one_long_call_does_not_outlast_the_timeout() -> None:
    before = time.monotonic()
    outcome = hog("populate", timeout=1)
    assert outcome.why == "timeout"
    holds(outcome)
    assert time.monotonic() - before < 60


def hostile(what: str) -> tuple[int | None, int | None, bytes]:
    """Exit code, signal and output of hostile.c; the machine must be sound and empty afterwards."""
    with Kernel(env=ENVIRONMENT, cwd="/", memory=64 << 20, pids=200) as kernel:
        process = kernel.spawn([str(compile_program(HERE / "hostile.c")), what])
        assert kernel.run(timeout=30) == "idle"
        invariants.check(kernel.system)
        assert not kernel.leftover()
        assert process.status is not None
        return process.status.exit_code, process.status.signal, process.stdout


@pytest.mark.parametrize("what", ["memory", "shared memory"])
def test_a_program_that_takes_all_memory_is_killed(what: str) -> None:
    assert hostile(what) == (None, SIGKILL, b"")


@pytest.mark.parametrize("what", ["stack", "address space"])
def test_a_program_without_a_stack_gets_sigsegv(what: str) -> None:
    assert hostile(what) == (None, SIGSEGV, b"")


@pytest.mark.parametrize(("what", "errno"), [("files", b"ENOSPC"), ("memfd", b"ENOSPC"), ("descriptors", b"EMFILE")])
def test_what_is_used_up_is_an_error(what: str, errno: bytes) -> None:
    assert hostile(what) == (0, None, errno + b"\n")


def test_a_fork_bomb_ends_with_the_time_it_was_given() -> None:
    with Kernel(env=ENVIRONMENT, cwd="/", memory=64 << 20, pids=200) as kernel:
        kernel.spawn([str(compile_program(HERE / "hostile.c")), "forks"])
        assert kernel.run(timeout=2) == "timeout"
        invariants.check(kernel.system)

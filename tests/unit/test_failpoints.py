"""`--fail STEP:N`: each step of fork and exec fails once, the program is told, and nothing is leaked."""

from __future__ import annotations

import sys
from functools import cache

import pytest

from forkernel import Kernel
from forkernel.abi.errno import EAGAIN
from forkernel.errors import UserError
from forkernel.kernel.failpoints import EXEC_FAILURES, FAILURES, FORK_FAILURES, parse_failpoint
from forkernel.kernel.fork import COPY_STEPS
from forkernel.kernel.invariants import InvariantSink, check
from harness import GUEST, compile_program
from invariants import assert_everything_is_back

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's programs")

AFTER_NO_RETURN = {"unshare_files", "unshare_sighand", "exec_mmap", "load_elf_binary"}
SIGSEGV = 11


@cache
def program():
    return str(compile_program(GUEST / "fork" / "every_way.c"))


def run(*fail):
    """What the program prints; checked on the way, and nothing may be left at the end."""
    with Kernel(root="/", seed=1, memory=16 << 20, fail=fail) as kernel:
        kernel.system.trace.attach(InvariantSink(kernel.system, 20))
        process = kernel.spawn([program()])
        assert kernel.run(timeout=60) == "idle"
        check(kernel.system)
        assert process.status.exit_code == 0
        assert_everything_is_back(kernel)
        failed = kernel.system.failpoints.failed if kernel.system.failpoints else []
        return process.stdout.decode().splitlines(), failed


@cache
def undisturbed():
    return tuple(run()[0])


def reached(step):
    """How often the program comes to a step."""
    with Kernel(root="/", seed=1, memory=16 << 20, fail=[f"{step}:1000"]) as kernel:
        kernel.spawn([program()])
        kernel.run(timeout=60)
        return kernel.system.failpoints.reached[step]


def test_every_step_can_fail():
    assert {name for name, _ in COPY_STEPS} <= set(FORK_FAILURES)


@pytest.mark.parametrize("step", FAILURES)
def test_each_step_fails_once(step):
    """At its first, a middle and its last time; where the program never comes to it, nothing happens."""
    times = reached(step)
    assert times or step not in dict(COPY_STEPS)
    for nth in sorted({1, (times + 1) // 2, times}) if times else ():
        lines, failed = run(f"{step}:{nth}")
        assert [point.nth for point, _ in failed] == [nth]
        assert_told(step, lines)


def assert_told(step, lines):
    """One call has another outcome than it would have had: the step's error, or in execve the end of the process."""
    different = [(was, now) for was, now in zip(undisturbed(), lines, strict=True) if was != now]
    told = [now for was, now in different if not was.startswith("shared word")]
    assert len(told) == 1
    outcome = told[0].partition(": ")[2]
    if step in AFTER_NO_RETURN:
        assert outcome == f"killed by {SIGSEGV}"
    elif step in EXEC_FAILURES:
        assert outcome == f"exit {100 + FAILURES[step]}"
    else:  # pthread_create(3) knows one error for want of anything
        assert outcome == f"error {EAGAIN if told[0].startswith('thread') else FAILURES[step]}"


def test_another_error():
    lines, _ = run("copy_mm:2:EAGAIN")
    assert lines[1] == "fork: error 11"


def test_two_failures():
    lines, failed = run("copy_files:1", "alloc_pid:2")
    assert lines[:3] == ["fork: error 12", "fork: exit 2", "fork: error 12"]
    assert len(failed) == 2


def test_a_failure_that_does_not_come():
    with Kernel(fail=["copy_mm:50"]) as kernel:
        kernel.spawn([program()])
        kernel.run(timeout=60)
        assert [(point.step, point.nth) for point in kernel.unreached_failures()] == [("copy_mm", 50)]


@pytest.mark.parametrize(
    "text", ["", "bogus", "copy_mm:0", "copy_mm:x", "copy_mm:1:EWHAT", "copy_mm:1:EAGAIN:2", "copy_mm:"]
)
def test_mistakes(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_failpoint(text)
    with pytest.raises(UserError, match="--fail"):
        Kernel(fail=[text])

"""Machines of several CPUs with real programs: the same output, less time on the clock, and every run the same."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from forkernel import Kernel
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.trace.jsonl import JsonSink
from forkernel.trace.output import Memory
from forkernel.trace.sink import GROUPS, CallTable
from forkernel.trace.strace import StraceSink
from harness import ENVIRONMENT, ROOT, Program, compile_program, has_compiler, programs
from invariants import assert_everything_is_back, check, check_frame_totals, checked

linux = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's programs")

FAMILIES = ("clone", "cow", "exec", "exit", "fork", "futex", "orphan", "pipe", "sched", "signal", "thread", "vfork",
            "wait")  # fmt: skip


def sample() -> list[Program]:
    """Every fifth program of the families in which processes and threads meet, and all about scheduling."""
    found = [program for program in programs() if program.family in FAMILIES and not program.needs]
    return [program for at, program in enumerate(found) if at % 5 == 0 or program.family == "sched"]


@pytest.mark.parametrize("program", sample(), ids=lambda program: program.name)
def test_a_program_does_the_same_on_four_cpus(program: Program, tmp_path: Path) -> None:
    """As on one (and as on Linux), with the machine sound after every trap."""
    with checked(Kernel(memory=128 << 20, cwd=str(tmp_path), env=ENVIRONMENT, cpus=4)) as kernel:
        process = kernel.spawn([str(compile_program(program.source)), *program.args], stdin=program.stdin)
        kernel.run(timeout=program.timeout + 40)
        check(kernel.system)
        check_frame_totals(kernel.system)
        assert process.status is not None, kernel.tree()
        got = process.stdout.decode(errors="backslashreplace") + f"[status {process.status.shell_code}]\n"
    assert got == program.expected.read_text()


@pytest.mark.parametrize("cpus", [1, 2, 5])
def test_the_c_library_knows_its_cpu(cpus: int) -> None:
    if not has_compiler():
        pytest.skip("no gcc")
    binary = compile_program(ROOT / "tests" / "guest" / "glibc" / "rseq_cpu.c", dynamic=True)
    assert run([str(binary)], cpus) == b"wrong: 0\n"


# --- time


@cache
def parallel() -> str:
    """tests/smp/parallel.c, compiled."""
    return str(compile_program(ROOT / "tests" / "smp" / "parallel.c"))


def run(argv: list[str], cpus: int, **options: Any) -> bytes:
    """Output of a program, which ends well."""
    with Kernel(cpus=cpus, env=ENVIRONMENT, memory=64 << 20, **options) as kernel:
        process = kernel.spawn(argv)
        assert kernel.run(until=process, timeout=60) == "exited"
        assert process.status is not None
        assert process.status.exit_code == 0, process.stderr
        return process.stdout


def figures(cpus: int, *words: object) -> list[int]:
    """What a part of the program measured."""
    return [int(word) for word in run([parallel(), *map(str, words)], cpus).split()]


@pytest.mark.parametrize(("threads", "cpus"), [(2, 1), (2, 2), (4, 2), (4, 4), (3, 8)])
def test_threads_take_their_share_of_the_time(threads: int, cpus: int) -> None:
    wall, cpu, usage = figures(cpus, "threads", threads, 100_000 * 12 // threads)
    assert wall * min(threads, cpus) == pytest.approx(cpu, rel=0.03)
    assert usage == pytest.approx(cpu, rel=0.1)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_timer_on_cpu_time_counts_all_threads(threads: int) -> None:
    (wall,) = figures(4, "itimer", threads)
    assert wall == pytest.approx(20_000 / threads, rel=0.03)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_spin_locks_make_progress(cpus: int) -> None:
    count, wall = figures(cpus, "spinlock", 4, 3000)
    assert count == 12_000
    assert wall < 100_000


def test_spinning_for_each_other_takes_turns() -> None:
    (wall,) = figures(2, "handshake", 2, 200)
    assert wall < 200 * 150  # on one CPU each turn takes a whole slice


def test_futexes_wake_across_cpus() -> None:
    (wall,) = figures(2, "pingpong")
    assert 600 < wall < 600 * 10


@pytest.mark.parametrize("cpus", [2, 5])
def test_the_clock_never_goes_back(cpus: int) -> None:
    assert figures(cpus, "clocks", 4) == [0]


LOOP = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); done"
JOBS = f"for n in 1 2 3 4; do ({LOOP}; echo $n) & done; wait"


@linux
def test_jobs_of_a_shell_run_side_by_side() -> None:
    times = {}
    for cpus in (1, 4):
        with Kernel(cpus=cpus) as kernel:
            process = kernel.spawn(["/bin/sh", "-c", JOBS])
            begun = kernel.system.clock.now
            kernel.run(until=process)
            assert sorted(process.stdout.split()) == [b"1", b"2", b"3", b"4"]
            times[cpus] = kernel.system.clock.now - begun
    assert times[1] / times[4] > 3


@linux
@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_uses_the_cpus(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(
        f"all: 1 2 3 4 5 6 7 8\n%:\n\t@sh -c '{LOOP.replace('$', '$$')}'; echo made $@\n.PHONY: all Makefile\n"
    )
    times = {}
    for cpus in (1, 4):
        with Kernel(cpus=cpus, cwd=str(tmp_path)) as kernel:
            process = kernel.spawn(["make", "-rR", "-j4"])
            begun = kernel.system.clock.now
            kernel.run(until=process)
            assert process.stdout.count(b"made") == 8, process.stderr
            times[cpus] = kernel.system.clock.now - begun
    assert times[1] / times[4] > 2.5


# --- what can be seen


@linux
def test_programs_see_the_cpus() -> None:
    script = (
        "nproc; grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online; grep -c '^cpu[0-9]' /proc/stat"
    )
    for cpus in (1, 3, 64):
        online = f"0-{cpus - 1}" if cpus > 1 else "0"
        assert run(["/bin/sh", "-c", script], cpus).decode().split() == [str(cpus), str(cpus), online, str(cpus)]


@linux
def test_idle_time_is_each_cpus_own() -> None:
    script = f"taskset -cp 1 $$ >/dev/null; {JOBS}; sleep 0.5; cat /proc/stat"
    lines = [line.split() for line in run(["/bin/sh", "-c", script], 3).decode().splitlines() if line[:3] == "cpu"]
    times = {name: [int(word) for word in words] for name, *words in lines}
    for kind in range(4):
        assert abs(times["cpu"][kind] - sum(times[f"cpu{n}"][kind] for n in range(3))) <= 3  # ticks, rounded down
    assert times["cpu1"][0] > 5 * max(times["cpu0"][0], times["cpu2"][0], 1)
    assert min(times[f"cpu{n}"][3] for n in range(3)) >= 49  # half a second
    assert times["cpu0"][3] > times["cpu1"][3]


@linux
def test_migrations_are_counted_and_shown() -> None:
    script = "for n in 0 1 0 1 0; do taskset -cp $n $$ >/dev/null; done; cat /proc/$$/sched"
    lines = run(["/bin/sh", "-c", script], 2).decode().splitlines()
    (migrations,) = [int(line.split(":")[1]) for line in lines if line.startswith("se.nr_migrations")]
    assert migrations >= 4


# --- the same every time

SCRIPT = """
for i in 1 2 3; do (sleep 0.00$i; echo $i; kill -USR1 $$) & done
trap 'echo usr1' USR1
x=0; while [ $x -lt 50 ]; do x=$((x+1)); done
wait; wait; wait; wait
echo x | sort | cat; date +%N
"""


def record(cpus: int, seed: int = 1) -> tuple[str, bytes]:
    """The whole trace and the output of a run."""
    out = Memory()
    sink = JsonSink(out, CallTable(SYSCALLS, {}), tuple(GROUPS))
    with Kernel(seed=seed, cpus=cpus, trace=sink) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", SCRIPT])
        assert kernel.run(timeout=60) == "idle"
        assert_everything_is_back(kernel)
        if not kernel.repeatable:
            pytest.skip("no C compiler for the block counter")
    return out.text(), process.stdout


@linux
@pytest.mark.parametrize("cpus", [2, 4])
def test_two_runs_are_the_same(cpus: int) -> None:
    assert record(cpus) == record(cpus)


@linux
def test_a_trace_tells_the_cpu() -> None:
    out = Memory()
    with Kernel(cpus=2, trace=StraceSink(out, CallTable(SYSCALLS, {}))) as kernel:
        kernel.run(until=kernel.spawn(["/bin/sh", "-c", "/bin/true & /bin/true"]))
    lines = out.text().split("\n\nprocess tree")[0].splitlines()
    assert {line.split()[1] for line in lines} == {"[cpu0]", "[cpu1]"}
    assert '"cpu": 1' in record(2)[0]
    assert '"cpu"' not in record(1)[0]

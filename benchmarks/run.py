"""Measures the table `How fast`: the same static binaries natively, under qemu-user and on Forkernel.

Each round runs every system once, in turn, so that a slow moment of the machine hits all alike; the table
shows medians over the rounds and the spread (half the range between quartiles, in per cent). A benchmark
program measures itself (bench.h) and prints nanoseconds; Forkernel runs with `--clock real` so that its clock
is the host's. Start-up, the shell loop and memory are measured from outside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from userland import Userland, can_put_below

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "benchmarks"
SYSTEMS = ("native", "qemu", "forkernel")
SHELL_LOOP = "i=0; while [ $i -lt {count} ]; do $RUN /bin/true; i=$((i+1)); done"


@dataclass(frozen=True)
class Bound:
    """Forkernel's figure is to be at most `factor` times that of `system` (or `factor` itself)."""

    factor: float
    system: str = ""

    def limit(self, medians: dict[str, float]) -> float | None:
        """The bound in the workload's unit; None if the system it refers to was not measured."""
        if not self.system:
            return self.factor
        return medians[self.system] * self.factor if self.system in medians else None


@dataclass(frozen=True)
class Workload:
    """A row of the table. `sample(system)` gives one figure, nanoseconds unless `unit` says otherwise."""

    name: str
    sample: Callable[[str], float]
    least: Bound | None = None
    aim: Bound | None = None
    systems: tuple[str, ...] = SYSTEMS
    unit: str = "ns"


@dataclass
class Bench:
    """What the measurements need to know."""

    forkernel: list[str]
    milliseconds: int
    quick: bool
    qemu: str | None = field(default_factory=lambda: shutil.which("qemu-x86_64"))

    def prefix(self, system: str, *options: str) -> list[str]:
        """The words before the program."""
        if system == "qemu":
            return [str(self.qemu)]
        if system == "forkernel":
            return [*self.forkernel, "run", "--clock=real", *options, "--"]
        return []

    def own(self, program: str, *arguments: str, options: tuple[str, ...] = ()) -> Callable[[str], float]:
        """A benchmark program that prints its own figure."""

        def sample(system: str) -> float:
            extra = [word.replace("RUNNER", str(self.qemu) if system == "qemu" else "") for word in arguments]
            words = [word for word in extra if word]
            command = [*self.prefix(system, *options), str(BUILD / program), str(self.milliseconds), *words]
            return float(checked(command))

        return sample

    def shell_loop(self, system: str) -> float:
        """Seconds for 200 times /bin/true, as nanoseconds for one."""
        count = 50 if self.quick else 200
        env = {**os.environ, "RUN": str(self.qemu) if system == "qemu" else ""}
        script = SHELL_LOOP.format(count=count)
        return wall([*self.prefix(system), "/bin/sh", "-c", script], env) / count

    def start(self, system: str) -> float:
        """From start to end of the least program."""
        command = {
            "native": ["/bin/true"],
            "qemu": [str(self.qemu), "/bin/true"],
            "python": [sys.executable, "-c", "pass"],
            "forkernel": [*self.forkernel, "run", "--", "/bin/true"],
        }[system]
        return wall(command)

    def memory(self, _system: str) -> float:
        """KiB of host memory for each of many live processes."""
        few, many = (100, 1100) if self.quick else (1000, 10000)
        options = ("--memory=2G", "--pids=20000")
        first = self.resident(few, options)
        return (self.resident(many, options) - first) / (many - few)

    def resident(self, count: int, options: tuple[str, ...]) -> float:
        """KiB resident in the Forkernel process with that many guest processes."""
        command = [*self.prefix("forkernel", *options), str(BUILD / "live_processes"), str(count)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin
        assert process.stdout
        if process.stdout.readline() != b"ready\n":
            raise SystemExit("bench: live_processes did not get ready")
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        process.communicate(b"end\n")
        return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def checked(command: list[str], env: dict[str, str] | None = None) -> str:
    """Output of a command that must work."""
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def wall(command: list[str], env: dict[str, str] | None = None) -> float:
    """Nanoseconds a command takes, start to end."""
    before = time.perf_counter_ns()
    checked(command, env)
    return time.perf_counter_ns() - before


def build() -> None:
    """Compile the programs, statically, where they are older than their sources."""
    BUILD.mkdir(parents=True, exist_ok=True)
    header = HERE / "programs" / "bench.h"
    for source in sorted((HERE / "programs").glob("*.c")):
        target = BUILD / source.stem
        newest = max(source.stat().st_mtime, header.stat().st_mtime)
        if not target.exists() or target.stat().st_mtime < newest:
            flags = ["-target", "x86_64-linux-musl", "-static", "-O2", "-s", "-fno-sanitize=undefined", "-pthread"]
            checked([sys.executable, "-m", "ziglang", "cc", *flags, str(source), "-o", str(target)])


def workloads(bench: Bench) -> list[Workload]:
    """The rows, with the bounds they are held to."""
    qemu, native = "qemu", "native"
    half, nine_tenths = Bound(2, qemu), Bound(1 / 0.9, qemu)
    size = "128" if bench.quick else "1024"
    return [
        Workload("fork+_exit+waitpid, small parent", bench.own("fork_small"), Bound(1 / 4, qemu), Bound(2, native)),
        Workload(
            f"fork+_exit+waitpid, {size} MiB touched",
            bench.own("fork_large", size, options=("--memory=2G",)),
            Bound(1 / 5, native),
            Bound(1 / 50, native),
        ),
        Workload(
            "vfork+execve(static true)+waitpid",
            bench.own("vfork_exec", "RUNNER", str(BUILD / "true")),
            Bound(1, qemu),
            Bound(1 / 4, qemu),
        ),
        Workload("sh loop, each /bin/true", bench.shell_loop, Bound(1, qemu), Bound(1 / 3, qemu)),
        Workload("pthread_create+join", bench.own("pthread_join"), Bound(5, qemu), Bound(1, qemu)),
        Workload("getppid", bench.own("getppid"), Bound(20, qemu), Bound(8, qemu)),
        Workload("pipe ping-pong, round trip", bench.own("ping_pong"), Bound(8, qemu), Bound(4, qemu)),
        Workload("integer loop, a step", bench.own("integer_loop"), half, nine_tenths),
        Workload("memory loop, a step", bench.own("memory_loop"), half, nine_tenths),
        Workload("memory loop, another page each step", bench.own("memory_loop", "pages")),
        Workload("calls, a step", bench.own("calls"), half, nine_tenths),
        Workload("memcpy of 64 KiB", bench.own("memcpy"), half, nine_tenths),
        Workload(
            "run /bin/true, start to end",
            bench.start,
            Bound(25, "python"),
            Bound(10, "python"),
            ("native", "qemu", "python", "forkernel"),
        ),
        Workload("host memory a live process", bench.memory, Bound(40), Bound(20), ("forkernel",), unit="KiB"),
        *userland_workloads(bench),
    ]


def userland_workloads(bench: Bench) -> list[Workload]:
    """Everyday programs; those that are not installed here are left out."""
    userland = Userland(bench.forkernel, bench.qemu, BUILD / "userland")
    userland.prepare()
    below = bench.qemu is not None and can_put_below(userland.build)
    systems = SYSTEMS if below else ("native", "forkernel")
    once = Bound(1, "qemu")
    rows = (
        ("bash", "bash -c :", userland.bash),
        ("bash", "bash -lc :", userland.login_bash),
        ("git", "git log, 300 commits", userland.git_log),
        ("git", "git log -p, 300 commits", userland.git_log_patches),
        ("make", "make -j8, 51 C files", userland.make),
        ("bash", "while read, 1,000 lines", userland.read_lines),
        ("bash", "while read, 1,000 lines, /bin/echo", userland.read_lines_external),
        ("gunicorn", "a request to gunicorn, 4 workers", userland.request),
    )
    return [Workload(name, sample, once, once, systems) for need, name, sample in rows if shutil.which(need)]


def run_workload(workload: Workload, rounds: int, have_qemu: bool) -> dict[str, list[float]]:
    """All samples by system, taken in turn."""
    systems = [system for system in workload.systems if system != "qemu" or have_qemu]
    samples: dict[str, list[float]] = {system: [] for system in systems}
    for _ in range(1 if workload.unit == "KiB" else rounds):
        for system in systems:
            samples[system].append(workload.sample(system))
    return samples


def text_of(value: float, unit: str) -> str:
    """A figure with a unit that suits it."""
    if unit != "ns":
        return f"{value:.1f} {unit}"
    for limit, divisor, name in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if value < limit:
            return f"{value / divisor:.3g} {name}"
    return f"{value / 1e9:.3g} s"


def spread(values: list[float]) -> float:
    """Half the range between the quartiles, as a part of the median."""
    if len(values) < 3:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / statistics.median(values)


def verdict(workload: Workload, medians: dict[str, float]) -> str:
    """How Forkernel's figure stands to the bounds."""
    mine = medians["forkernel"]
    for name, bound in (("aim", workload.aim), ("least", workload.least)):
        if bound is None:
            return "-"
        limit = bound.limit(medians)
        if limit is None:
            return "?"
        if mine <= limit:
            return name
    return "missed"


def report(results: list[dict[str, object]]) -> Table:
    """The table of medians, ratios and verdicts."""
    table = Table(title="Forkernel beside native and qemu-user (medians ± spread)")
    for heading in ("workload", "native", "qemu-user", "forkernel", "vs native", "vs qemu", "bound met"):
        table.add_column(heading, justify="left" if heading == "workload" else "right")
    for result in results:
        medians, spreads, unit = result["medians"], result["spreads"], str(result["unit"])
        assert isinstance(medians, dict)
        assert isinstance(spreads, dict)

        def cell(system: str) -> str:
            if system not in medians:  # noqa: B023  # called at once
                return "-"
            return f"{text_of(medians[system], unit)} ±{spreads[system]:.0%}"  # noqa: B023  # called at once

        def ratio(system: str) -> str:
            return f"{medians['forkernel'] / medians[system]:.3g}×" if system in medians else "-"  # noqa: B023

        table.add_row(
            str(result["name"]),
            cell("native"),
            cell("qemu"),
            cell("forkernel"),
            ratio("native"),
            ratio("qemu"),
            str(result["verdict"]) + (f" ({ratio('python')} python)" if "python" in medians else ""),
        )
    return table


def main() -> int:
    """Command line of ./bench."""
    parser = argparse.ArgumentParser(prog="./bench", description="How fast Forkernel is, beside Linux and qemu-user.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, smaller workloads")
    parser.add_argument("--rounds", type=int, help="rounds of each workload (default 7, quick 3)")
    parser.add_argument("--only", metavar="TEXT", help="only workloads whose name contains TEXT")
    parser.add_argument("--output", type=Path, default=HERE / "results.json", help="where the JSON goes")
    parser.add_argument("--forkernel", default=str(ROOT / "forkernel"), help="the command to measure")
    options = parser.parse_args()
    bench = Bench(options.forkernel.split(), 100 if options.quick else 500, options.quick)
    build()
    checked([*bench.forkernel, "run", "--", "/bin/true"])
    console = Console(width=max(120, Console().width))
    results: list[dict[str, object]] = []
    for workload in workloads(bench):
        if options.only and options.only not in workload.name:
            continue
        rounds = options.rounds or (3 if options.quick else 7)
        with console.status(workload.name):
            samples = run_workload(workload, rounds, bench.qemu is not None)
        medians = {system: statistics.median(values) for system, values in samples.items()}
        results.append(
            {
                "name": workload.name,
                "unit": workload.unit,
                "medians": medians,
                "spreads": {system: spread(values) for system, values in samples.items()},
                "verdict": verdict(workload, medians),
                "samples": samples,
            }
        )
    console.print(report(results))
    if not bench.qemu:
        console.print("qemu-x86_64 is not installed (Debian: apt install qemu-user): no comparison with it")
    host = {"machine": platform.machine(), "kernel": platform.release(), "cpus": os.cpu_count(), "python": sys.version}
    options.output.write_text(json.dumps({"host": host, "quick": options.quick, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

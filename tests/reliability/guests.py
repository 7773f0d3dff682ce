"""Bad guests: what is run, under which limits, and what must hold afterwards.

`HOGS` are programs of hogs.c that take all there is of one thing; keeper.c starts each, kills everything after so many
milliseconds of the guest's time and then does ordinary work. `run_guest` runs any of the programs here on a machine of
its own, in this process; `measure` does it in a process of its own and tells the host's memory it took at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
MIB = 1 << 20

FULL_TIME = [
    "forks",
    "exec_forks",
    "threads",
    "vfork_chain",
    "clone_flags",
    "zombies",
    "pids",
    "stops",
    "tracers",
    "heap",
    "heaps",
    "stack",
    "file",
    "memfd",
    "tmpfs",
    "shared_memory",
    "locked",
    "page_tables",
    "arguments",
    "areas",
    "sparse",
    "pipes",
    "socket_buffers",
    "messages",
    "signals",
    "descriptors",
    "empty_pipes",
    "sockets",
    "timer_files",
    "watches",
    "names",
    "links",
    "deep",
    "unlinked",
    "attributes",
    "locks",
    "semaphores",
    "segments",
    "mounts_doubled",
    "namespaces",
    "lookups",
    "tight_loop",
    "long_instruction",
    "long_move",
    "ignored_timers",
    "real_time",
    "deaf",
]
HOGS = dict.fromkeys(FULL_TIME, 100) | {
    "execs": 30, "mounts": 20, "epolls": 30, "signal_storm": 20, "yields": 30, "timers": 5, "fast_timers": 20,
    "in_flight": 2, "internet": 5, "terminals": 2, "groups": 5,
}  # fmt: skip
"""Milliseconds of the guest's time until it is killed."""
ENDLESS = ("populate", "big_calls", "big_random")
"""One call of theirs takes longer than any timeout: here the run must end by it."""


@dataclass
class Outcome:
    """What came of a run."""

    name: str
    why: str = ""
    """What Kernel.run returned, or the exception."""
    status: int | None = None
    output: str = ""
    wrong: list[str] = field(default_factory=list)
    """What does not hold."""
    seconds: float = 0.0
    peak: int = 0
    """MiB of the host's memory, at most (only by `measure`)."""
    base: int = 0
    """MiB before the machine was made."""


def run_guest(
    name: str,
    command: list[str],
    *,
    memory: int = 64,
    pids: int | None = None,
    cpus: int = 1,
    seed: int = 0,
    root: bool = True,
    timeout: float = 60,
) -> Outcome:
    """Run one of the C programs here (its source's name and its arguments) and look at the machine afterwards."""
    from forkernel import Kernel
    from forkernel.kernel import invariants
    from forkernel.kernel.leaks import leaks
    from harness import ENVIRONMENT, compile_program

    program = [str(compile_program(HERE / f"{word[2:]}.c")) if word.startswith("c:") else word for word in command]
    before = time.monotonic()
    outcome = Outcome(name)
    options = {"memory": memory * MIB, "pids": pids, "cpus": cpus, "seed": seed}
    user = (0, 0, ()) if root else (1000, 1000, (5,))
    descriptors = len(os.listdir("/proc/self/fd"))
    with Kernel(env={**ENVIRONMENT, "FORKERNEL_GUEST": "1"}, cwd="/", user=user, **options) as kernel:
        process = kernel.spawn(program)
        try:
            outcome.why = kernel.run(timeout=timeout)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            outcome.why = f"{type(error).__name__}: {error}"
            outcome.wrong.append(outcome.why)
        outcome.output = (process.stdout + process.stderr).decode(errors="replace")[-2000:]
        outcome.status = process.status.shell_code if process.status is not None else None
        if not outcome.wrong and not kernel.system.torn:
            try:
                invariants.check(kernel.system)
            except Exception as error:  # noqa: BLE001
                outcome.wrong.append(f"{type(error).__name__}: {error}")
            if not outcome.wrong and outcome.why == "idle" and not kernel.leftover():
                outcome.wrong += leaks(kernel.system)
    outcome.seconds = round(time.monotonic() - before, 1)
    if len(os.listdir("/proc/self/fd")) > descriptors + 40:
        outcome.wrong.append("descriptors of the host are left")
    return outcome


def hog(name: str, *, memory: int = 64, timeout: float = 60) -> Outcome:
    """A hog under its keeper: the machine must be usable afterwards, and nothing lost."""
    command = ["c:keeper", str(HOGS.get(name, 1000)), "c:hogs", name]
    outcome = run_guest(name, command, memory=memory, timeout=timeout)
    usable = outcome.why == "idle" and outcome.output.rstrip().endswith("usable") and outcome.status == 0
    if outcome.output.startswith("exited 127"):
        outcome.wrong.append("the hog did not run")
    if not usable and name not in ENDLESS:
        outcome.wrong.append(f"{outcome.why}, status {outcome.status}: {outcome.output[-200:]!r}")
    return outcome


def calls(seed: int, *, children: int = 10, length: int = 600, timeout: float = 120) -> Outcome:
    """The fuzzer of calls: odd seeds without privileges, every fifth on three CPUs."""
    return run_guest(
        f"calls {seed}", ["c:fuzz", str(seed), str(children), str(length)], pids=200, seed=seed, root=not seed % 2,
        cpus=1 if seed % 5 else 3, timeout=timeout,
    )  # fmt: skip


def wild(seed: int, *, children: int = 12, timeout: float = 60) -> Outcome:
    """Programs that are none."""
    return run_guest(
        f"wild {seed}", ["c:wild", str(seed), str(children)], seed=seed, root=not seed % 2, timeout=timeout
    )


KINDS = {"hog": hog, "calls": calls, "wild": wild}


def measure(kind: str, argument: str, **options: float) -> Outcome:
    """The same in a process of its own: `peak` and `base` are filled in. No process may be left."""
    command = [sys.executable, str(Path(__file__)), kind, argument, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        return Outcome(f"{kind} {argument}", f"host: {done.returncode}", wrong=[done.stderr[-500:]])
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def peak_rss() -> int:
    """MiB that this program has had in memory at most (getrusage would tell of its parent too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def main() -> None:
    """One run, for `measure`: its outcome as a line of JSON."""
    sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "src")]
    import forkernel  # noqa: F401  # what every run has

    base = peak_rss()
    kind, argument, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    outcome = KINDS[kind](argument if kind == "hog" else int(argument), **options)
    outcome.peak, outcome.base = peak_rss(), base
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()

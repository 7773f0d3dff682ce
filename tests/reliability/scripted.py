"""Random system calls on the scripted CPU: no emulator, so many machines a second, and a finding is a line of text.

A *line* is a program: `name(argument, ...)` for a call and `+OFFSET=VALUE` for a word of its memory, separated by `; `.
Arguments are numbers, and `@OFFSET` for an address in that memory, which begins with `CONTENTS`. `make_line` draws one
from a seed, by the types of the calls' own declarations; `run_line` runs it, lets the machine settle, kills everything
and says what is wrong; `minimise` makes a line shorter as long as the same goes wrong. Lines that found something are
kept in corpus.txt, and run by the tests.
"""

from __future__ import annotations

import re
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, get_origin

from forkernel.abi.signal import SIGKILL
from forkernel.hw.scripted import Script, Step, Store
from forkernel.kernel import invariants
from forkernel.kernel.leaks import leaks, leftover_tasks
from forkernel.kernel.signal import send_signal
from forkernel.mm.uaccess import UserBuf, UserPtr, UserStr
from forkernel.syscalls.registry import REGISTRY, Parameter, Syscall
from scripted_machine import DATA, DATA_SIZE, Machine, call, exit_, script

LEFT_OUT = frozenset({"exit", "exit_group", "reboot", "rt_sigreturn", "vfork"})
"""They end the program, the machine, or (on a CPU without a stack) make no sense."""
RARE = frozenset({"fork", "clone", "clone3", "execve", "execveat", "munmap", "brk", "close_range", "pause", "seccomp",
                  "wait4", "waitid", "rt_sigsuspend", "chroot", "umount2", "mremap"})  # fmt: skip
PATHS = [
    *[
        "/",
        ".",
        "..",
        "main",
        "a",
        "b",
        "d",
        "d/e",
        "d/e/f",
        "l",
        "/proc",
        "/proc/self",
        "/proc/self/fd/3",
        "/proc/self/maps",
        "/proc/self/mem",
        "/proc/self/ns/user",
        "/proc/self/ns/mnt",
        "/proc/self/ns/pid",
        "/proc/self/cwd",
        "/proc/self/exe",
        "/proc/sys/kernel/hostname",
        "/proc/self/uid_map",
        "/proc/self/setgroups",
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/ptmx",
        "/dev/pts/0",
        "/dev/tty",
        "/dev/shm",
        "tmpfs",
        "proc",
        "cgroup2",
        "mqueue",
        "devpts",
        "user.x",
        "/q",
    ],
    "",
]
PATH_ROOM, WORDS_AT, WORDS = 32, 0x800, 64
VIRTUAL_NS = 30_000_000


def contents() -> bytes:
    """What a program's memory holds at first: paths, then areas of words that look like structures."""
    paths = b"".join(path.encode().ljust(PATH_ROOM, b"\0") for path in PATHS)
    found = bytearray(paths.ljust(WORDS_AT, b"\0"))
    for area in range(WORDS):
        random = Random(area)
        for _ in range(16):
            found += word(random).to_bytes(8, "little")
    return bytes(found)


def word(random: Random) -> int:
    """A word of a structure: mostly small, sometimes an address or anything."""
    kind = random.randrange(10)
    if kind < 5:
        return random.choice((0, 0, 1, 2, 3, 8, 64, 4096, 1000000))
    if kind < 7:
        return DATA + WORDS_AT + 128 * random.randrange(WORDS)
    if kind == 7:
        return 1 << random.randrange(64)
    if kind == 8:
        return random.randrange(8) | random.randrange(8) << 32
    return wild(random)


def wild(random: Random) -> int:
    """A value that nothing expects."""
    return random.choice((
        0, (1 << 64) - 1, (1 << 63) - 1, 1 << 63, (1 << 31) - 1, 1 << 31, 0xFFFF_8000_0000_0000, 0x7FFF_FFFF_FFFF,
        0x8000_0000_0000, DATA + DATA_SIZE - 3, DATA + DATA_SIZE, 0x400000, 0x1000, random.getrandbits(64),
        (1 << 64) - random.randrange(4096), 1 << random.randrange(64),
    ))  # fmt: skip


# --- making lines


def make_line(seed: int, length: int, names: tuple[str, ...] = ()) -> str:
    """A line of so many calls, of those named or of all."""
    random = Random(seed)
    calls = [REGISTRY.calls[name] for name in (names or sorted(REGISTRY.calls)) if name not in LEFT_OUT]
    items: list[str] = ["mkdir(@0xc0, 511)", "socketpair(1, 1, 0, @0x3000)", "pipe2(@0x3008, 2048)", "eventfd2(1, 0)"]
    while len(items) < length:
        chosen = random.choice(calls)
        if chosen.name in RARE and random.randrange(8):
            continue
        if random.randrange(3) == 0:
            at = WORDS_AT + 8 * random.randrange(WORDS * 16)
            items.append(f"+{at:#x}={word(random):#x}")
        items.append(one_call(random, chosen))
    return "; ".join(items)


def one_call(random: Random, chosen: Syscall) -> str:
    """A call with arguments of its parameters' kinds."""
    return f"{chosen.name}({', '.join(argument(random, parameter) for parameter in chosen.parameters)})"


def argument(random: Random, parameter: Parameter) -> str:
    """One argument."""
    if random.randrange(12) == 0:
        return f"{wild(random):#x}"
    origin: Any = get_origin(parameter.hint) or parameter.hint
    if isinstance(origin, type) and issubclass(origin, UserPtr):
        if parameter.nullable and random.randrange(3) == 0:
            return "0"
        if origin is UserStr:
            return f"@{PATH_ROOM * random.randrange(len(PATHS)):#x}"
        at = WORDS_AT + 128 * random.randrange(WORDS)
        return f"@{at + (random.randrange(3) if origin is UserBuf and random.randrange(4) == 0 else 0):#x}"
    name = parameter.name
    if "fd" in name:
        return str(random.choice((-100, -1, 0, 3, 4, 5, 6, 7, 8, 9, 10)))
    if "pid" in name:
        return str(random.choice((0, 0, 3, 3, 1, 2, 4, -1, -3)))
    if "flag" in name or name in ("prot", "mode", "options", "how"):
        return f"{random.choice((0, 0, 1, 2, 3, 0x12, 0x22, 1 << random.randrange(32), random.getrandbits(20))):#x}"
    if name in ("addr", "start", "address"):
        return f"{random.choice((0, 0, DATA, DATA + 0x8000, 0x10000000, 0x20000000)):#x}"
    if name in ("sigsetsize", "size") and random.randrange(2):
        return "8"
    return str(random.choice((0, 1, 2, 3, 4, 5, 8, 16, 64, 100, 4096, 8192, 65536, 1 << random.randrange(40), -1)))


# --- running them

ITEM = re.compile(r"(\w+)\((.*)\)|\+(\w+)=(\w+)")


def parse(line: str) -> list[Step]:
    """The steps of a line; ValueError."""
    steps: list[Step] = []
    for item in line.split("; "):
        found = ITEM.fullmatch(item.strip())
        if found is None:
            raise ValueError(item)
        if found[3]:
            steps.append(Store(DATA + int(found[3], 0), int(found[4], 0) & (1 << 64) - 1))
        else:
            values = [part.strip() for part in found[2].split(",") if part.strip()]
            steps.append(call(found[1], *(DATA + int(v[1:], 0) if v[0] == "@" else int(v, 0) for v in values)))
    return steps


def run_line(line: str, *, memory: int = 8 << 20, cpus: int = 1) -> str:
    """Run a line on a machine of its own; what went wrong, "" for nothing."""
    program: Script = script(*parse(line), exit_(0))
    with tempfile.TemporaryDirectory() as root:
        Path(root, "a").write_bytes(b"x" * 5000)
        Path(root, "l").symlink_to("a")
        machine = Machine(Path(root), {"main": program}, memory, cpus=cpus, contents=contents())
        try:
            machine.start("main")
            machine.run(VIRTUAL_NS)
            system = machine.system
            if system.child_reaper.exit_state or system.stopping not in ("time", "idle"):
                return ""  # the machine is over: its first process has gone
            invariants.check(system)
            for task in leftover_tasks(system):
                if task.is_leader:
                    send_signal(SIGKILL, None, task, group=True, force=True)
            machine.run()
            invariants.check(system)
            lost = leaks(system)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            return describe(error)
        return f"leak: {lost[0]}" if lost else ""


def describe(error: BaseException) -> str:
    """The kind of a failure, the same for the same defect: exception, file, function."""
    cause = error.__cause__ or error
    frame = traceback.extract_tb(cause.__traceback__)[-1]
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", str(cause))[:80]
    return f"{type(cause).__name__} in {Path(frame.filename).name}:{frame.name}: {text}"


def minimise(line: str, fails: Callable[[str], str] = run_line) -> str:
    """The line without all that is not needed for the same failure."""
    wrong, items = fails(line), line.split("; ")
    size = len(items) // 2
    while size:
        at = 0
        while at < len(items):
            fewer = items[:at] + items[at + size :]
            if fewer and fails("; ".join(fewer)) == wrong:
                items = fewer
            else:
                at += size
        size //= 2
    return "; ".join(items)

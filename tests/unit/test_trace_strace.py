"""The same programs under the host's strace and under `forkernel trace`: the same lines, but for what differs from
run to run (addresses, process IDs, times, sizes of buffers that hold them)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli_run import SOURCE, forkernel

STRACE = shutil.which("strace")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"}


def host_can_trace() -> bool:
    if STRACE is None:
        return False
    return subprocess.run([STRACE, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not host_can_trace(), reason="strace is not there or may not trace")

MANY = "wait4|clone|fork|vfork|clone3|getpid|gettid|getppid|set_tid_address|getpgrp|rt_sigreturn"
PATTERNS = (
    (re.compile(r"0x[0-9a-f]{5,}"), "ADDRESS"),
    (re.compile(r"\\x[0-9a-f]{2}"), "X"),
    (re.compile(r" +="), " ="),
    (re.compile(r"(si_pid|parent_tid)=\[?\d+\]?"), r"\1=PID"),
    (re.compile(r"\b(wait4|kill|tgkill|waitid)\(\S+,"), r"\1(PID,"),
    (re.compile(rf"^((?:{MANY})\b.*) = \d+$"), r"\1 = PID"),
    (re.compile(r"si_[us]time=\d+"), "TIME"),
    (re.compile(r"st_size=\d+"), "SIZE"),
    (re.compile(r"/\* \d+ vars \*/"), "ENVIRONMENT"),
    (re.compile(r"rlim_(cur|max)=[^,}]+"), r"rlim_\1"),
)  # fmt: skip


def by_process(text: str) -> list[list[str]]:
    """Lines of each process in the order of their first lines, calls that were cut in two put together."""
    found: dict[str, list[str]] = {}
    begun: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if not pid.isdigit() or rest.startswith("==="):
            continue
        if rest.endswith(" <unfinished ...>"):
            begun[pid] = rest.removesuffix(" <unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>", rest)
        if resumed:
            rest = begun.pop(pid) + rest[resumed.end() :]
        for pattern, replacement in PATTERNS:
            rest = pattern.sub(replacement, rest)
        found.setdefault(pid, []).append(rest)
    return list(found.values())


def native(program: list[str]) -> str:
    assert STRACE is not None
    command = [STRACE, "-f", "-o", "|cat >&2", *program]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env=ENVIRONMENT, cwd="/") as process:  # fmt: skip
        _, text = process.communicate(timeout=60)
    return text.decode()


def ours(program: list[str], target: Path) -> str:
    options = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    forkernel(
        "trace", "--clear-env", *options, "--events", "calls,signals,exits", "--output", str(target), "--", *program
    )
    return target.read_text().split("\nprocess tree:")[0]


def comparable(lines: list[str]) -> Iterator[str]:
    """Without the first execve, strace's own doing, and without memory that the loader takes for its own (how much
    depends on the CPU)."""
    for at, line in enumerate(lines):
        own = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)" in line
        if not own and (at or not line.startswith("execve(")):
            yield line


@pytest.mark.parametrize(
    "program",
    [
        ["/bin/true"],
        ["/bin/sh", "-c", "exit 3"],
        ["/bin/sh", "-c", "/bin/true; kill -TERM $$"],
        ["/bin/sh", "-c", "kill -KILL $$"],
    ],
    ids=lambda program: " ".join(program),
)
def test_lines_are_strace_s(program: list[str], tmp_path: Path) -> None:
    assert SOURCE.exists()
    theirs = by_process(native(program))
    mine = by_process(ours(program, tmp_path / "trace"))
    assert [list(comparable(lines)) for lines in mine] == [list(comparable(lines)) for lines in theirs]

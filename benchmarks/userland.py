"""Everyday work: bash's start, `git log`, a parallel build, lines through `while read`, requests to gunicorn.

Each but the last runs below one bash that tells the time before and after, so a system's own start is not counted.
qemu-user runs one process; that what it executes runs under it too, a user namespace of ours tells the kernel to
(binfmt_misc, Linux 6.7): the handler fits all x86-64 programs but the copy of qemu itself, which has a byte of padding
set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

QEMU_BELOW = r"""
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
printf %s ":q:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00:\
\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff:$0:PF" \
    > /proc/sys/fs/binfmt_misc/register &&
exec "$@"
"""
PADDING = 15
"""The byte of e_ident that is set in the copy of qemu; Linux does not look at it."""
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_PAGER": "cat",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
TIMED = "before=${EPOCHREALTIME/./}; { SCRIPT; } > /dev/null || exit 1; echo $((${EPOCHREALTIME/./} - before))"
COMMITS = 300
REQUESTS = 300
SCRIPT = Path(__file__).resolve().with_name("requests.sh")
SOURCES = 50
MAKEFILE = "OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))\nprogram: $(OBJECTS)\n\tgcc -o $@ $^\n"
MAKEFILE += "%.o: %.c\n\tgcc -O0 -c -o $@ $<\n"
LINES = "seq 1000 | while read -r n; do WORK; done"


@dataclass
class Userland:
    """Runs scripts on each system; `build` is a directory for what they work on."""

    forkernel: list[str]
    qemu: str | None
    build: Path

    def prepare(self) -> None:
        """Make the repository, the project and the copy of qemu."""
        self.build.mkdir(parents=True, exist_ok=True)
        if not (self.build / "repository").exists() and shutil.which("git"):
            make_repository(self.build / "repository")
        write_project(self.build / "project")
        if self.qemu:
            copy = bytearray(Path(self.qemu).resolve().read_bytes())
            copy[PADDING] = 1
            (self.build / "qemu").write_bytes(copy)
            (self.build / "qemu").chmod(0o755)

    def prefix(self, system: str, directory: Path) -> list[str]:
        """The words before the program."""
        if system == "qemu":
            return ["unshare", "-Urm", "sh", "-c", QEMU_BELOW, str(self.build / "qemu")]
        if system == "forkernel":
            env = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
            return [*self.forkernel, "run", "--clock=real", "--memory=1G", f"--cwd={directory}", *env, "--"]
        return []

    def time(self, system: str, script: str, place: str = "", repeat: int = 1) -> float:
        """Nanoseconds for one of `repeat` runs of a bash script in a fresh copy of the place."""
        if repeat > 1:
            script = f"for ((run = 0; run < {repeat}; run++)); do {script}; done"
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(scratch) / "work"
            shutil.copytree(self.build / place, directory) if place else directory.mkdir()
            done = self.run(system, directory, ["bash", "-c", TIMED.replace("SCRIPT", script)])
        return float(done.stdout) * 1000 / repeat

    def bash(self, system: str) -> float:
        """`bash -c :`, among others of its kind."""
        return self.time(system, "bash -c :", repeat=20)

    def login_bash(self, system: str) -> float:
        """`bash -lc :`, which reads /etc/profile."""
        return self.time(system, "bash -lc :", repeat=20)

    def git_log(self, system: str) -> float:
        """`git log` of 300 commits."""
        return self.time(system, "git log", "repository", repeat=5)

    def git_log_patches(self, system: str) -> float:
        """`git log -p` of 300 commits."""
        return self.time(system, "git log -p", "repository")

    def make(self, system: str) -> float:
        """A C program of 50 files and a main."""
        return self.time(system, "make -s -j8 && ./program", "project")

    def read_lines(self, system: str) -> float:
        """1,000 lines through a loop of bash itself."""
        return self.time(system, LINES.replace("WORK", "echo $((n + 1))"))

    def read_lines_external(self, system: str) -> float:
        """1,000 lines through a loop that runs a program for each."""
        return self.time(system, LINES.replace("WORK", "/bin/echo $n"))

    def request(self, system: str) -> float:
        """One of REQUESTS HTTP requests to gunicorn with four workers, as a client beside it measures them."""
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(scratch)
            shutil.copy(SCRIPT, directory)
            command = ["bash", SCRIPT.name, str(REQUESTS)]
            done = self.run(system, directory, command)
        return float(done.stdout)

    def run(self, system: str, directory: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in a directory; SystemExit if it fails."""
        done = subprocess.run(
            [*self.prefix(system, directory), *command], cwd=directory, env={**os.environ, **ENVIRONMENT},
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"bench: {command[-1]!r} failed on {system}: {done.stderr.strip()}")
        return done


def make_repository(directory: Path) -> None:
    """A repository of COMMITS small commits to one of ten files."""
    stream = []
    for number in range(1, COMMITS + 1):
        message, text = f"Change {number}\n", "".join(f"line {i} of {number - number % 7}\n" for i in range(40))
        stream.append(f"commit refs/heads/main\ncommitter A <a@b> {1600000000 + number} +0000\ndata {len(message)}\n")
        stream.append(f"{message}M 644 inline file{number % 10}\ndata {len(text)}\n{text}\n")
    subprocess.run(["git", "init", "-q", "-b", "main", directory], check=True)
    subprocess.run(
        ["git", "-C", directory, "fast-import", "--quiet"], input="".join(stream), text=True, check=True
    )  # fmt: skip
    subprocess.run(["git", "-C", directory, "reset", "-q", "--hard"], check=True)


def write_project(directory: Path) -> None:
    """A C program of SOURCES files and a main, with its makefile."""
    directory.mkdir(exist_ok=True)
    (directory / "Makefile").write_text(MAKEFILE)
    numbers = range(1, SOURCES + 1)
    for number in numbers:
        (directory / f"part{number}.c").write_text(f"int part{number}(int x) {{ return x * {number} + 1; }}\n")
    declarations = "".join(f"int part{number}(int);\n" for number in numbers)
    calls = "".join(f"    sum += part{number}(sum & 7);\n" for number in numbers)
    main = f"int main(void)\n{{\n    int sum = 0;\n{calls}    return sum == 0;\n}}\n"
    (directory / "main.c").write_text(declarations + main)


def can_put_below(build: Path) -> bool:
    """Whether this kernel lets us have everything executed run under qemu."""
    command = ["unshare", "-Urm", "sh", "-c", QEMU_BELOW, str(build / "qemu"), "true"]
    return subprocess.run(command, capture_output=True).returncode == 0

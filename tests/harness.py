"""Runs a program natively and on Forkernel, and compares what it printed and how it ended.

The oracle is Linux itself. A guest program is a C file under tests/guest/<family>; comment lines at its top may
carry options:

    // args: a "b c"       arguments
    // stdin: text\\n       standard input (default: empty)
    // timeout: 20         host seconds before a run counts as hanging (default 20)
    // needs: root         run only by root, or
    // needs: no-ia32-emulation   a kernel without `int $0x80`
    // needs: host-log   natively only if FORKERNEL_HOST_LOG is set: it writes to the log of the host's kernel
    // needs: linux-6.12   the least kernel that behaves so; older hosts use the recorded expectation

Compiled programs are cached in build/guest by the hash of all that went into them.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUEST = ROOT / "tests" / "guest"
EXPECTED = ROOT / "tests" / "expected"
BUILD = ROOT / "build" / "guest"
IA32_EMULATION = Path("/proc/sys/abi/vsyscall32")
"""A knob of kernels that run 32-bit programs too."""
ON_LINUX = sys.platform == "linux" and platform.machine() == "x86_64"

ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl", "-static")
FLAGS = ("-O1", "-g0", "-s", "-std=gnu11", "-Wall", "-Wno-unused-function", "-fno-sanitize=undefined", "-pthread")
GLIBC_FLAGS = ("-O1", "-g0", "-std=gnu11", "-Wall", "-Wno-unused-function", "-pthread")


@dataclass(frozen=True)
class Result:
    """What a run printed and its exit status as a shell sees it: 128+N for a death by signal N."""

    stdout: bytes
    status: int
    stderr: bytes = field(default=b"", compare=False)

    def render(self) -> str:
        """The text of an expectation file."""
        return self.stdout.decode(errors="backslashreplace") + f"[status {self.status}]\n"


@dataclass(frozen=True)
class Program:
    """One guest program and the options of its first lines."""

    source: Path
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    timeout: float = 20.0
    needs: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The directory below tests/guest."""
        return self.source.parent.name

    @property
    def name(self) -> str:
        """family/name, as in pytest's IDs and in tests/expected."""
        return f"{self.family}/{self.source.stem}"

    @property
    def expected(self) -> Path:
        """Where the recorded expectation is."""
        return EXPECTED / self.family / f"{self.source.stem}.txt"

    @property
    def dynamic(self) -> bool:
        """Whether it is built by the host's compiler against its glibc."""
        return self.family == "glibc"

    def unmet_need(self) -> str:
        """Why the program cannot run natively here, or nothing."""
        for need in self.needs:
            if need == "no-ia32-emulation" and IA32_EMULATION.exists():
                return "needs a kernel that runs no 32-bit programs"
            if need == "host-log" and not os.environ.get("FORKERNEL_HOST_LOG"):
                return "writes to the log of the host's kernel"
            if need == "root" and os.geteuid() != 0:
                return "needs root"
            if need.startswith("linux-") and kernel_version() < version_of(need.removeprefix("linux-")):
                return f"needs {need}"
        return ""


def version_of(text: str) -> tuple[int, ...]:
    """`6.12.3-amd64` as (6, 12)."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def kernel_version() -> tuple[int, ...]:
    """The host kernel's version, (0,) where the host is not Linux."""
    return version_of(platform.release()) if sys.platform == "linux" else (0,)


def load(source: Path) -> Program:
    """A program with the options in the comment lines at its top."""
    options: dict[str, str] = {}
    for line in source.read_text().splitlines():
        if not line.startswith("//"):
            break
        if found := re.match(r"//\s*(args|stdin|timeout|needs):\s*(.*)", line):
            options[found[1]] = found[2]
    return Program(
        source,
        args=tuple(shlex.split(options.get("args", ""))),
        stdin=ast.literal_eval(f'b"{options.get("stdin", "")}"'),
        timeout=float(options.get("timeout", "20")),
        needs=tuple(options.get("needs", "").split()),
    )


@cache
def programs() -> tuple[Program, ...]:
    """All guest programs, by name."""
    return tuple(load(source) for source in sorted(GUEST.glob("*/*.c")))


def compile_program(source: Path, *, dynamic: bool = False, flags: tuple[str, ...] = ()) -> Path:
    """The program's executable, compiled unless the cache has it. RuntimeError with the compiler's words."""
    command = ("gcc", *GLIBC_FLAGS, *flags) if dynamic else (*ZIG, *FLAGS, *flags)
    parts = [source.read_bytes(), *(header.read_bytes() for header in sorted(source.parent.parent.glob("*.h")))]
    key = hashlib.sha256(b"\0".join([*parts, repr(command[1:]).encode()])).hexdigest()[:16]
    target = BUILD / key / source.stem
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(f".{os.getpid()}")
        include = f"-I{source.parent.parent}"
        done = subprocess.run([*command, include, str(source), "-o", str(scratch)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{source.name} does not compile:\n{done.stderr}")
        scratch.replace(target)
    return target


def has_compiler() -> bool:
    """Whether programs that need glibc can be built."""
    return shutil.which("gcc") is not None


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": "/",
    "LANG": "C",
    "LC_ALL": "C",
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def _run(command: list[str], cwd: Path, stdin: bytes, timeout: float, env: dict[str, str]) -> Result:
    """Run a command in a session of its own; whatever is left of it at the end is killed."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return Result(stdout, -1, stderr + b"\n(timed out)")
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return Result(stdout, 128 - code if code < 0 else code, stderr)


def run_native(command: list[str], cwd: Path, stdin: bytes = b"", timeout: float = 20.0) -> Result:
    """Run on the host's kernel."""
    return _run(command, cwd, stdin, timeout, ENVIRONMENT)


def run_forkernel(
    command: list[str], cwd: Path, stdin: bytes = b"", timeout: float = 60.0, options: tuple[str, ...] = ()
) -> Result:
    """Run on Forkernel, through its command line, in the same directory and environment."""
    guest_env = [f"--env={name}={value}" for name, value in ENVIRONMENT.items()]
    start = [sys.executable, "-m", "forkernel", "run", "--clock=virtual", f"--cwd={cwd}", *guest_env, *options, "--"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return _run([*start, *command], cwd, stdin, timeout, env)

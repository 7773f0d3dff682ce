"""strace and gdb, unmodified, as programs of the guest: what they show is what they show natively."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ON_LINUX, ZIG

pytestmark = [pytest.mark.real, pytest.mark.skipif(not ON_LINUX, reason="runs the host's own programs")]

PROGRAM = """
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int twice(int x)
{
    return x * 2;
}
int main(void)
{
    int sum = 0, status = 0;
    for (int i = 0; i < 3; i++)
        sum += twice(i);
    int pid = fork();
    if (pid == 0)
        _exit(twice(4));
    wait(&status);
    printf("sum %d status %d\\n", sum, WEXITSTATUS(status));
    return 0;
}
"""
GDB = ("break twice", "run", "backtrace", "print x", "continue", "print x", "delete", "finish", "next", "stepi",
       "print sum", "set var sum = 40", "catch fork", "continue", "continue")  # fmt: skip
STRACE = ("strace", "-e")
TRACES = {
    "one": (*STRACE, "trace=write,exit_group", "sh", "-c", "echo hello; exit 3"),
    "signals": (*STRACE, "trace=kill", "sh", "-c", "trap 'echo caught' USR1; kill -USR1 $$; kill -TERM $$"),
    "processes": (*STRACE, "trace=execve,exit_group", "-f", "sh", "-c", "(exit 4); /bin/true; /bin/false; exit 5"),
    "vfork": (*STRACE, "trace=vfork,exit_group", "-f", "{python}", "-c",
              "import subprocess; subprocess.run(['/bin/true'])"),
    "count": (*STRACE, "trace=execve", "-f", "-c", "-S", "name", "-U", "name,calls", "sh", "-c", "true; /bin/true"),
    "inject": (*STRACE, "trace=write", "-e", "inject=write:error=ENOSPC:when=1", "sh", "-c", "echo a; echo $? b"),
}  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("debugged")
    (folder / "family.c").write_text(PROGRAM)
    subprocess.run([*ZIG, "-O0", "-g", "-fno-omit-frame-pointer", "-o", "family", "family.c"], cwd=folder, check=True)
    return str(folder / "family")


ENV = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"}


def native(argv: tuple[str, ...]) -> tuple[str, str, int]:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=ENV, check=False)
    status = 128 - done.returncode if done.returncode < 0 else done.returncode
    return done.stdout.decode(), done.stderr.decode(), status


def here(argv: tuple[str, ...]) -> tuple[str, str, int]:
    with Kernel(seed=1, env=ENV) as kernel:
        process = kernel.spawn(argv)
        kernel.run(timeout=100)
        assert kernel.unimplemented == []
        return process.stdout.decode(), process.stderr.decode(), process.status.shell_code


def alike(text: str) -> str:
    """Without addresses and process IDs."""
    text = re.sub(r" += ", " = ", text)
    text = re.sub(r"0x[0-9a-f]+", "ADDR", text)
    text = re.sub(r"\[pid +\d+\] ", "", text)
    text = re.sub(r"Process \d+", "Process N", text)
    text = re.sub(r"(si_pid=|kill\(|= |child process |LWP |process )\d\d*", r"\1N", text)
    return re.sub(r"si_[us]time=\d+", "si_time", text)


def lines(text: str, *, ordered: bool) -> list[str]:
    """The lines; those of several processes, whose order is nobody's, sorted and whole."""
    kept = [line for line in alike(text).splitlines() if "resumed" not in line and "unfinished" not in line]
    return kept if ordered else sorted(kept)


@pytest.mark.parametrize("name", TRACES)
def test_strace(name: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("no strace")
    argv = tuple(word.replace("{python}", sys.executable) for word in TRACES[name])
    (out, err, status), (our_out, our_err, our_status) = native(argv), here(argv)
    assert (our_out, our_status) == (out, status)
    ordered = "-f" not in argv
    assert lines(our_err, ordered=ordered) == lines(err, ordered=ordered)


def test_gdb(program: str) -> None:
    """Breakpoints, stepping, values changed, a fork caught; the program then says what the debugger made of it."""
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    commands = [word for command in ("set debuginfod enabled off", *GDB) for word in ("-ex", command)]
    argv = ("gdb", "-q", "-nx", "-batch", *commands, program)
    (out, _, status), (our_out, _, our_status) = native(argv), here(argv)
    assert our_status == status
    assert told(our_out) == told(out)


def told(text: str) -> list[str]:
    """What gdb says of the program; not how it looks for the threads library."""
    return [line for line in alike(text).splitlines() if "hread" not in line and "warning: " not in line and line]


def test_gdb_attaches_to_a_process_that_runs(program: str) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("no gdb")
    script = "sleep 1000 & gdb -q -nx -batch -ex 'info inferiors' -ex 'kill' -p $!; wait $!; echo status $?"
    text, _, status = here(("/bin/sh", "-c", script))
    assert "status 137" in text
    assert status == 0
    assert Path(program).exists()

"""Builds, version control and installation: make with gcc, git, venv and pip, as they come from Debian.

Each script of tests/userland/programs prints the same natively and in the guest, in an empty directory.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ENVIRONMENT, ON_LINUX, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]

PROGRAMS = Path(__file__).parent / "programs"
FILES = 50
MAKEFILE = """
OBJECTS := main.o $(patsubst %.c,%.o,$(wildcard part*.c))
program: $(OBJECTS)
\t@gcc -o $@ $(OBJECTS)
%.o: %.c
\t@gcc -O0 -c -o $@ $<
"""


def compare(script: str, tmp_path: Path, *needs: str, args: tuple[str, ...] = ()) -> None:
    """A script of PROGRAMS, for bash, prints and ends alike on both kernels."""
    for program in ("bash", *needs):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"no {program}")
    command = ["/bin/bash", str(PROGRAMS / script), *args]
    (tmp_path / "native").mkdir()
    (tmp_path / "guest").mkdir()
    native = run_native(command, tmp_path / "native", timeout=200)
    got = run_forkernel(command, tmp_path / "guest", timeout=250)
    assert (got.stdout.decode(), got.status) == (native.stdout.decode(), native.status), got.stderr.decode()
    assert native.status == 0, native.stdout.decode()


def write_project(directory: Path) -> None:
    """A C program of FILES files that prints one number, and its makefile."""
    numbers = range(1, FILES)
    for i in numbers:
        (directory / f"part{i}.c").write_text(f"int part{i}(int x) {{ return x * {i} + 1; }}\n")
    declarations = "".join(f"int part{i}(int);\n" for i in numbers)
    calls = "".join(f"    sum += part{i}(sum & 7);\n" for i in numbers)
    body = f'int main(void)\n{{\n    int sum = 0;\n{calls}    printf("%d\\n", sum);\n    return sum & 63;\n}}\n'
    (directory / "main.c").write_text(f"int printf(const char *, ...);\n{declarations}{body}")
    (directory / "Makefile").write_text(MAKEFILE)


@pytest.mark.skipif(shutil.which("gcc") is None or shutil.which("make") is None, reason="no gcc or make")
def test_fifty_files_on_a_jobserver(tmp_path: Path) -> None:
    for name in ("native", "guest"):
        (tmp_path / name).mkdir()
        write_project(tmp_path / name)
    command = ["/bin/sh", "-c", "make -j8 && ls | sort && ./program"]
    native = run_native(command, tmp_path / "native", timeout=200)
    got = run_forkernel(command, tmp_path / "guest", timeout=280)
    assert got.render() == native.render(), got.stderr.decode()
    assert len(list((tmp_path / "guest").iterdir())) == FILES + 1


def test_make(tmp_path: Path) -> None:
    compare("make.bash", tmp_path, "make")


def test_jobserver_styles(tmp_path: Path) -> None:
    compare("jobserver.bash", tmp_path, "make")


def test_git(tmp_path: Path) -> None:
    compare("git.bash", tmp_path, "git")


@pytest.mark.skipif(not list(Path("/usr/share/python-wheels").glob("pip-*.whl")), reason="no python3-venv")
def test_wheel_in_a_virtual_environment(tmp_path: Path) -> None:
    wheel = next(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    site = tmp_path / "site"
    subprocess.run(["/usr/bin/python3", "-m", "zipfile", "-e", wheel, site], check=True)
    subprocess.run(["/usr/bin/python3", "-m", "compileall", "-q", site / "pip"], check=True)
    compare("wheel.bash", tmp_path, "/usr/bin/python3", args=(str(site),))

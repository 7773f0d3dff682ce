"""The README tells the truth: its commands and its Python, run as a reader would, print what it shows.

A `console` block is one session: its `$` lines run in one shell, and what they print together is the rest of the
block. A `text` block after a `python` block is what that program prints. Numbers that depend on the machine
(addresses, users) are made alike on both sides.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from harness import ON_LINUX, ROOT, ZIG

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
CONSOLE = [text for kind, text in BLOCKS if kind == "console"]
PYTHON = [(text, shown) for (kind, text), (after, shown) in pairwise(BLOCKS) if (kind, after) == ("python", "text")]
TIMEOUT = 120
DASH = Path("/bin/sh").resolve().name == "dash"

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="runs the host's own programs")


def environment() -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHON": sys.executable,
    }


def alike(text: str) -> str:
    """Without what differs from host to host."""
    text = re.sub(r"\b1\.\d{9}\b", "TIME", re.sub(r"0x[0-9a-f]{5,}", "0xADDR", text))
    return re.sub(r"si_uid=\d+", "si_uid=N", text)


def run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT,
        check=False,
    )
    return done.stdout.decode()


def compile_c_example(folder: Path) -> None:
    """The README's C program as ./family."""
    (source,) = [text for kind, text in BLOCKS if kind == "c"]
    (folder / "family.c").write_text(source)
    subprocess.run([*ZIG, "-O1", "-s", "-o", "family", "family.c"], cwd=folder, timeout=TIMEOUT, check=True)


def session_names() -> list[str]:
    return [re.sub(r"\W+", "-", text.splitlines()[0][2:])[:40] for text in CONSOLE]


@pytest.mark.real
@pytest.mark.parametrize("session", CONSOLE, ids=session_names())
def test_readme_session(session: str, tmp_path: Path) -> None:
    if " sh -c " in session and not DASH:
        pytest.skip("the README shows what dash does")
    if "bash" in session and shutil.which("bash") is None:
        pytest.skip("no bash")
    if "./family" in session:
        compile_c_example(tmp_path)
    lines = session.splitlines(keepends=True)
    commands = "".join(line[2:] for line in lines if line.startswith("$ "))
    shown = "".join(line for line in lines if not line.startswith("$ "))
    script = commands.replace("./forkernel", '"$PYTHON" -m forkernel')
    assert alike(run(["/bin/sh", "-c", script], tmp_path)) == alike(shown)


@pytest.mark.real
@pytest.mark.parametrize(("program", "shown"), PYTHON)
def test_readme_python(program: str, shown: str, tmp_path: Path) -> None:
    assert run([sys.executable, "-c", program], tmp_path) == shown


def test_readme_has_its_examples() -> None:
    assert len(CONSOLE) == 6
    assert len(PYTHON) == 3
    assert all(kind in ("console", "python", "text", "c", "sh") for kind, _ in BLOCKS)


def test_first_command_is_the_first_session() -> None:
    (commands,) = [text for kind, text in BLOCKS if kind == "sh"]
    assert commands.splitlines()[0] in [line.removeprefix("$ ") for line in CONSOLE[0].splitlines()]


def test_readme_names_every_option() -> None:
    from forkernel.cli.options import EXPLAIN_OPTIONS, TRACE_OPTIONS

    for option in (*TRACE_OPTIONS, *EXPLAIN_OPTIONS):
        assert option.name in README, f"{option.name} is not in the README"


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    places = [(ROOT / page).parent / link for link in links if not link.endswith("performance.md")]
    names = re.findall(r"`((?:kernel|mm|fs|hw|arch|init|syscalls|cli|abi|trace)/[\w/.]*)`", text)
    places += [ROOT / "src" / "forkernel" / name for name in names]
    for place in places:
        assert place.exists(), f"{page} names {place}, which is not there"


def test_functions_that_the_architecture_page_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    source = "\n".join(path.read_text() for path in sorted((ROOT / "src" / "forkernel").rglob("*.py")))
    for name in sorted(set(re.findall(r"`(?:\w+\.)*(\w+)\(\)`", text))):
        assert re.search(rf"\bdef {name}\(|\bclass {name}\b", source), f"{name}() is not in the source"

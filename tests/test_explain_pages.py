"""The pages of docs/explain tell the truth: their programs are compiled, their commands run, the output compared.

A `c` block is a file, named by its first line, and compiled to the name without `.c`. A `console` block is one
session: its `$` lines run in one shell, what they print together is the rest. A `text` block after a `python` block is
what that prints. `pytest tests/test_explain_pages.py --record` writes the outputs anew.

Runs see the folder of their programs as /work, and have no environment, so that no page depends on where it was made.
Times, addresses and frames are made alike all the same: they change with much that is none of a page's business.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ON_LINUX, ROOT, ZIG

PAGES = sorted((ROOT / "docs" / "explain").glob("*.md"))
WANTED = (
    "clone-and-threads", "copy-on-write", "exec", "exit-and-zombies", "fork", "kernel-threads", "orphans", "pids",
    "processes-0-1-2", "system-call-entry", "vfork",
)  # fmt: skip
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = [page.stem for page in PAGES]
START = '"$PYTHON" -m forkernel {} --clear-env --bind "$PWD:/work" --cwd /work'
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "PYTHONPATH": str(ROOT / "src"), "PYTHON": sys.executable}


def alike(text: str) -> str:
    """Without what is not the page's business, line breaks included: they move with the width of a number."""
    text = re.sub(r"0x[0-9a-f]{5,}", "0xADDR", text)
    text = re.sub(r"\b([Uu]ser) \d+(, group) \d+|\b(user) \d+", r"\1\3 N\2", text)
    text = re.sub(r"\b\d+\.\d{9}\b", "TIME", text)
    text = re.sub(r"\b[\d.]+ (?:ns|µs|ms|s)\b", "TIME", text)
    text = " ".join(text.split())
    return re.sub(r"\bframe \d+( is copied to \d+)?", "frame N", text)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout.decode()


def compile_c(text: str, folder: Path) -> None:
    """A C block as an executable file."""
    name = re.match(r"// (\w+)\.c\n", text)
    assert name, "a C block begins with its file's name"
    (folder / f"{name[1]}.c").write_text(text)
    flags = ["-O1", "-s", "-Wall", "-fno-sanitize=undefined", "-pthread"]
    subprocess.run([*ZIG, *flags, "-o", name[1], f"{name[1]}.c"], cwd=folder, timeout=120, check=True)


def session(text: str, folder: Path) -> str:
    """A console block as it should be."""
    lines = [line for line in text.splitlines(keepends=True) if line.startswith("$ ")]
    script = "".join(line[2:] for line in lines)
    script = re.sub(r"\./forkernel (\w+)", lambda found: START.format(found[1]), script)
    return "".join(lines) + run(["/bin/sh", "-c", script], folder)


def regenerate(page: str, folder: Path) -> str:
    """The page with every output as a run gives it now."""
    program = ""

    def renew(found: re.Match[str]) -> str:
        nonlocal program
        kind, text = found[1], found[2]
        if kind == "c":
            compile_c(text, folder)
        elif kind == "console":
            text = session(text, folder)
        elif kind == "text" and program:
            text, program = run([sys.executable, "-c", program], folder), ""
        program = text if kind == "python" else program
        return f"```{kind}\n{text}```"

    return BLOCK.sub(renew, page)


@pytest.mark.real
@pytest.mark.skipif(not ON_LINUX, reason="runs programs")
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    if page.stem == "pids" and os.geteuid() != 0:
        pytest.skip("it changes pid_max, which root alone may")
    text = page.read_text()
    assert alike(regenerate(text, tmp_path)) == alike(text)


@pytest.mark.record
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_record_page(page: Path, tmp_path: Path) -> None:
    page.write_text(regenerate(page.read_text(), tmp_path))


def test_every_subject_has_its_page_and_the_index_names_it() -> None:
    assert sorted(set(NAMES) - {"README"}) == list(WANTED)
    index = (ROOT / "docs" / "explain" / "README.md").read_text()
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", index)) == list(WANTED)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_functions_that_a_page_names_are_in_the_file(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`([\w/]+\.py)`(?:: `(\w+)`)?", text)
    assert named or page.stem == "README"
    for file, function in named:
        source = (ROOT / "src" / "forkernel" / file).read_text()
        if function:
            assert re.search(rf"\b(def|class) {function}\b", source), f"{file} has no {function}"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "README"], ids=WANTED)
def test_a_page_has_a_run_and_linux_beside_us(page: Path) -> None:
    text = page.read_text()
    kinds = [kind for kind, _ in BLOCK.findall(text)]
    assert "console" in kinds
    assert set(kinds) <= {"c", "console", "python", "text"}
    assert re.search(r"^\| .* \| Linux \| here \|$", text, re.MULTILINE), "no table of Linux's functions and our files"
    assert all(os.fsencode(line).isascii() or "│" in line or "─" in line or "µ" in line for line in text.splitlines())

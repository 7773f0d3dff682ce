"""`forkernel explain` on real programs: what it tells of them is true, and telling changes nothing."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forkernel import Kernel
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.trace.explain.catalogue import Catalogue
from forkernel.trace.explain.collect import Collector
from forkernel.trace.explain.console import ConsoleTeller
from forkernel.trace.explain.markdown import MarkdownTeller
from forkernel.trace.explain.stories import CloneStory, CowStory, ExecStory, ExitStory, Story, WaitStory
from forkernel.trace.output import Memory
from harness import ON_LINUX, ROOT, compile_program

FAMILY = ROOT / "tests" / "guest" / "explain" / "family.c"

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="runs the host's own programs")


class Keeper:
    """A teller that keeps the stories."""

    def __init__(self) -> None:
        self.stories: list[Story] = []

    def tell(self, story: Story) -> None:
        self.stories.append(story)

    def close(self, tree: Any) -> None: ...


def command(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`forkernel explain` as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "forkernel", "explain", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(env or {})},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def run(argv: list[str], sink: Any) -> tuple[bytes, int | None, int]:
    """Output, wait status and the virtual time at the end."""
    with Kernel(seed=5, trace=sink) as kernel:
        process = kernel.spawn(argv)
        assert kernel.run(until=process) == "exited"
        status = process.status.wait_status if process.status is not None else None
        return process.stdout, status, kernel.system.clock.now


def explained(argv: list[str], language: str = "en", **options: Any) -> tuple[list[Story], str, str]:
    """Stories, text and page of a run."""
    keeper, text, page = Keeper(), Memory(), Memory()
    catalogue = Catalogue(language)
    tellers = [keeper, ConsoleTeller(text, catalogue, steps=True), MarkdownTeller(page, catalogue, " ".join(argv))]
    run(argv, Collector(tellers, SYSCALLS, **options))
    return keeper.stories, text.text(), page.text()


def test_a_run_explained_is_the_run_unexplained() -> None:
    program = [str(compile_program(FAMILY))]
    shell = ["/bin/sh", "-c", "echo a | tr a b; (exit 3); sleep 1 & wait; /nonexistent; echo $?"]
    for argv in (program, shell):
        sink = Collector([ConsoleTeller(Memory(), Catalogue(), steps=True)], SYSCALLS)
        assert run(argv, None) == run(argv, sink)


def test_a_machine_restored_from_a_snapshot_goes_on_telling() -> None:
    script = ["/bin/sh", "-c", "sleep 1; (exit 3); echo $?"]

    def told(kernel: Kernel) -> str:
        (sink,) = kernel.system.trace.sinks
        kernel.run(until=kernel.processes[0])
        kernel.close()
        text: str = sink.tellers[0].out.text()
        return text

    with Kernel(seed=5, trace=Collector([ConsoleTeller(Memory(), Catalogue("zh"))], SYSCALLS)) as kernel:
        kernel.spawn(script)
        kernel.run_for(500_000_000)
        restored = pickle.loads(pickle.dumps(kernel))
        text = told(kernel)
        assert "sleep 1" in text
        assert told(restored) == text


def test_a_program_that_does_everything() -> None:
    stories, text, _ = explained([str(compile_program(FAMILY))])
    kinds = [story.kind for story in stories]
    assert {"fork", "vfork", "thread", "exec", "exit", "wait", "cow"} <= set(kinds)
    forks = [story for story in stories if isinstance(story, CloneStory) and story.kind == "fork"]
    first, orphaned = forks[0], forks[1]
    assert first.child is not None
    # The child's write to `written` was copied for it, for the parent has the page too.
    copied = [
        fault
        for story in stories
        if isinstance(story, CowStory) and story.who.pid == first.child.pid
        for fault in story.faults
        if fault.how == "copied"
    ]
    assert any(first.who.pid in fault.others for fault in copied)
    vforks = [story for story in stories if story.kind == "vfork"]
    assert len(vforks) == 2
    between = stories[stories.index(vforks[0]) : stories.index(vforks[1])]
    assert any(isinstance(story, ExecStory) and story.filename == "/bin/true" for story in between)
    threads = [story for story in stories if isinstance(story, CloneStory) and story.kind == "thread"]
    assert [story.find("copy_mm").variant for story in threads if story.find("copy_mm")] == ["shared"]  # type: ignore[union-attr]
    ends = {story.who.pid: story for story in stories if isinstance(story, ExitStory)}
    assert orphaned.child is not None
    assert ends[first.child.pid].orphans[0][0] == orphaned.child.pid
    assert ends[first.child.pid].orphans[0][1].pid == 1
    reaped = {story.found.pid: story.who.pid for story in stories if isinstance(story, WaitStory) and story.found}
    assert reaped[first.child.pid] == first.who.pid
    assert reaped[orphaned.child.pid] == 1
    killed = [story for story in ends.values() if story.code & 0x7F == 9]
    assert len(killed) == 1
    assert "cannot run /nonexistent" in text
    for story in stories:
        assert story.began <= story.ended


def test_every_story_of_a_pipeline_is_whole_and_in_order() -> None:
    stories, _, _ = explained(["/bin/sh", "-c", "echo hello | tr a-z A-Z | cat; exit 3"])
    made = [story.child.pid for story in stories if isinstance(story, CloneStory) and story.child]
    assert len(made) == len(set(made)) == 4
    for pid in made:
        own = [story for story in stories if story.who.pid == pid and story.kind in ("exec", "exit")]
        assert own, f"nothing is told of {pid}"
        assert own[-1].kind == "exit"
    assert [story.ended for story in stories] == sorted(story.ended for story in stories)


def test_both_languages_tell_the_same() -> None:
    argv = [str(compile_program(FAMILY))]
    english, chinese = explained(argv)[1], explained(argv, "zh")[1]
    assert re.findall(r"^\d\.\d{9}", english, re.MULTILINE) == re.findall(r"^\d\.\d{9}", chinese, re.MULTILINE)
    assert "{" not in re.sub(r"\{\w+\}(?=  )", "", chinese)
    assert not re.search(r"\b(the|is|are|of|its)\b", chinese)


def test_the_page_has_its_headings_tables_and_tree() -> None:
    stories, _, page = explained([str(compile_program(FAMILY))])
    headings = re.findall(r"^## (\d+)\. ", page, re.MULTILINE)
    assert headings == [str(number + 1) for number in range(len(stories))]
    assert page.startswith("# What happens in: ")
    assert "| part | how | what |\n|---|---|---|\n" in page
    assert re.search(
        r"^\| A task\\_struct at .* \| `dup_task_struct`, kernel/fork.c \| `kernel/fork.py` \|$", page, re.MULTILINE
    )
    assert re.search(r"```text\n3 .*\n├─ 4 ", page)
    for line in page.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4, line


def test_the_boot_is_told_when_asked_for() -> None:
    stories, _, _ = explained(["/bin/true"], from_boot=True)
    made = [(story.who.pid, story.child.pid) for story in stories if isinstance(story, CloneStory) and story.child]
    assert made[:3] == [(0, 1), (0, 2), (1, 3)]


def test_the_command_leaves_standard_output_to_the_program() -> None:
    done = command("--only", "exec", "--", "sh", "-c", "echo hello; exit 3")
    assert (done.stdout, done.returncode) == ("hello\n", 3)
    assert re.match(r"1\.\d{9}  exec: process 3 \(sh\) becomes /\S*sh\n", done.stderr)
    assert "\x1b" not in done.stderr


def test_files_are_written_and_mistakes_are_one_line(tmp_path: Path) -> None:
    text, page = tmp_path / "text", tmp_path / "page.md"
    done = command("--output", str(text), "--markdown", str(page), "--lang", "zh", "--pid", "3", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert "进程树：" in text.read_text()
    assert page.read_text().startswith("# 运行过程：true\n")
    for words, message in (
        (["--lang", "fr"], "--lang fr: must be en or zh"),
        (["--only", "fork,nothing"], "--only fork,nothing: nothing is none of fork, vfork, "),
        (["--only", ","], "--only ,: name some of fork, "),
        (["--pid", "3,x"], "--pid 3,x: not a whole number"),
        (["--output", "/nonexistent/file"], "--output /nonexistent/file: No such file or directory"),
        (["--markdown", "/nonexistent/file"], "--markdown /nonexistent/file: No such file or directory"),
    ):
        done = command(*words, "--", "true")
        assert done.returncode == 125
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(f"forkernel: {message}")


def test_colours_at_a_terminal_only_and_not_with_no_color() -> None:
    import pty

    def at_a_terminal(**env: str) -> str:
        master, slave = pty.openpty()
        words = [sys.executable, "-m", "forkernel", "explain", "--only", "exit", "--", "/bin/true"]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color", **env}
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=slave, env=environment)
        os.close(slave)
        text = b""
        try:
            while part := os.read(master, 65536):
                text += part
        except OSError:  # the terminal is gone with its last user
            pass
        os.close(master)
        assert process.wait(60) == 0
        return text.decode()

    assert "\x1b[1;31mexit\x1b[0m" in at_a_terminal()
    plain = at_a_terminal(NO_COLOR="1")
    assert "exit" in plain
    assert not re.search(r"\x1b\[[\d;]*3[1-7]", plain)

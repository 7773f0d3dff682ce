"""Each kind of story from events fired by hand: what is collected, and how it reads in both languages."""

from __future__ import annotations

import pickle
import re
from types import SimpleNamespace
from typing import Any

import pytest
from explain_fakes import FakeMm, Machine

from forkernel.trace.explain.catalogue import Catalogue
from forkernel.trace.explain.console import ConsoleTeller, PlainScreen, RichScreen
from forkernel.trace.explain.stories import (
    CloneStory,
    CowStory,
    ExecStory,
    ExitStory,
    VforkReturnStory,
    WaitStory,
)
from forkernel.trace.explain.wrap import width
from forkernel.trace.output import Memory

VM, FS, FILES, SIGHAND, VFORK, THREAD = 0x100, 0x200, 0x400, 0x800, 0x4000, 0x10000
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def forked(language: str = "en", **options: Any) -> tuple[Machine, Any, Any]:
    machine = Machine(language, **options)
    parent = machine.task(3)
    machine.call(parent, "fork")
    child = machine.task(4, parent=parent)
    machine.copy(parent, child, 0)
    machine.fire("put_pid", parent, child)
    return machine, parent, child


def flat(text: str) -> str:
    """Without line breaks."""
    return " ".join(text.split())


def check_language(text: str, language: str) -> None:
    """Nothing is left unfilled, and the Chinese text has no English sentence."""
    assert "{" not in re.sub(r"\{(sh|t)\}", "", text)
    if language == "zh":
        assert not re.search(r"[a-z]+ (the|is|are|of|its|for) [a-z]+", text), text


@LANGUAGES
def test_fork(language: str) -> None:
    machine, _, _ = forked(language)
    (story,) = machine.stories
    assert isinstance(story, CloneStory)
    assert (story.kind, story.who.pid, story.child and story.child.pid, story.parent) == ("fork", 3, 4, 3)
    memory = story.find("copy_mm")
    assert memory is not None
    assert (memory.variant, memory.values["areas"], memory.values["pages"], memory.values["tables"]) == (
        "copied",
        5,
        12,
        6,
    )
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "1.000003000  fork: process 3 (sh) makes process 4  until 1.000021000\n" in text
        assert "  Process 3 calls fork(). The child is to be a copy of it.\n" in text
        assert "descriptors  copied    3 descriptors; the open files behind them are the same for both\n" in text
        assert "memory       on write  5 areas, 12 pages in RAM: none is copied yet, and the 6 page tables\n" in text
        assert "  It gets PID 4; its parent is 3, its group 3, its session 3. Task 4 is ready to run." in text
        assert "3 goes on at once: its call returns 4." in flat(text)
        assert 5 <= len(text.split("\n\n")[0].splitlines()) <= 12
    else:
        assert "fork：进程 3（sh）创建进程 4" in text
        assert "内存      写时复制  5 个内存区，内存中有 12 个页面" in text
        assert "它的 PID 是 4，父进程是 3" in text


def test_numbers_are_those_of_the_moment() -> None:
    machine, parent, child = forked()
    parent.files.fds[3] = 1
    child.mm.pt.pages = 999
    parent.comm = b"changed"
    text = machine.text()
    assert "3 descriptors" in text
    assert "12 pages" in text
    assert "changed" not in text


@LANGUAGES
def test_a_thread_shares_everything(language: str) -> None:
    machine = Machine(language)
    parent = machine.task(3)
    machine.call(parent, "clone")
    child = machine.task(5, parent=parent, leader=parent)
    machine.share(child, parent, "mm", "files", "fs", "sighand", "signal")
    child.regs.rsp = 0x1000
    machine.copy(parent, child, VM | FS | FILES | SIGHAND | THREAD)
    machine.fire("parent_settid", parent, child, 0x5000)
    machine.fire("put_pid", parent, child)
    assert machine.stories[0].kind == "thread"
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "process 3 (sh) makes thread 5" in text
        assert "clone(CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD)" in text
        assert "5 areas, 12 pages in RAM, now used by 2 tasks" in text
        assert "The number is written to the caller's memory at 0x5000." in flat(text)
        assert (
            len(re.findall(r"^    (?:memory|descriptors|directory|handlers|process) +shared", text, re.MULTILINE)) == 5
        )
    else:
        assert "创建线程 5" in text
        assert "现由 2 个任务使用" in text


def test_a_kernel_thread_has_no_memory() -> None:
    machine = Machine(from_boot=True)
    swapper = machine.task(0, "swapper/0", mm=None, kthread=1)
    child = machine.task(2, "kthreadd", parent=swapper, mm=None, files=None, kthread=1)
    machine.copy(swapper, child, VM)
    machine.fire("put_pid", swapper, child)
    assert machine.stories[0].kind == "kthread"
    text = machine.text()
    assert "kernel thread: process 0 (swapper/0) makes kernel thread 2 (kthreadd)" in text
    assert "memory       none    a kernel thread needs none" in text
    assert "registers" not in text


@LANGUAGES
def test_vfork_is_told_when_the_parent_falls_asleep_and_when_it_goes_on(language: str) -> None:
    machine = Machine(language)
    parent = machine.task(3)
    machine.call(parent, "vfork")
    child = machine.task(4, parent=parent)
    machine.share(child, parent, "mm")
    machine.copy(parent, child, VM | VFORK)
    machine.fire("vfork_begin", parent, child)
    machine.fire("wait_for_vfork_done", parent, child)
    machine.call(child, "exit_group", 0)
    machine.fire("do_group_exit", child, 0)
    machine.fire("do_exit", child, 0)
    machine.fire("complete_vfork_done", child)
    machine.fire("sched_wakeup", parent)
    machine.fire("exit_notify", child, False)
    machine.time += 5_000_000
    machine.fire("vfork_return", parent, 4)
    machine.fire("put_pid", parent, child)
    making, ending, returning = machine.stories
    assert [story.kind for story in machine.stories] == ["vfork", "exit", "vfork"]
    assert isinstance(making, CloneStory)
    assert making.sleeps
    assert isinstance(returning, VforkReturnStory)
    assert (returning.reason, returning.child) == ("exit", 4)
    assert [woken.who.pid for woken in ending.woken] == [3]
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "Process 3 sleeps until it calls execve or ends." in flat(text)
        assert "That wakes process 3 (sh), asleep in vfork." in text
        assert "Process 4 has ended. So 3, which slept for 5.008 ms, has its memory for itself again" in text
    else:
        assert "睡眠了 5.008 ms 的 3 重新独占自己的内存" in text


def test_a_fork_that_fails_says_how_far_it_came() -> None:
    machine = Machine()
    parent = machine.task(3)
    machine.call(parent, "fork")
    child = machine.task(0, parent=parent)
    machine.fire("clone_check", parent, SimpleNamespace(flags=0, exit_signal=17, kthread=None, stack=0))
    machine.fire("dup_task_struct", parent, child, 0)
    machine.fire("fork_failed", parent, child, 11)
    machine.call(parent, "clone", 0x10000)
    machine.fire("fork_failed", parent, None, 22)
    text = machine.text()
    assert "came as far as dup_task_struct, and then failed with EAGAIN (Resource temporarily" in text
    assert "The call is refused with EINVAL (Invalid argument); nothing was made." in text


def bprm(**fields: Any) -> Any:
    cred = SimpleNamespace(uid=1000, euid=0)
    plain = {"filename": b"/bin/tr", "argv": [b"tr", b"a"], "envp": [b"A=1"], "cred": cred, "secureexec": False}
    return SimpleNamespace(**{**plain, **fields})


def exec_events(machine: Machine, task: Any, program: Any, *, closed: list[int], others: int = 0) -> None:
    machine.fire("alloc_bprm", task, program)
    machine.fire("copy_strings", task, program)
    machine.fire("search_binary_handler", task, program, "elf")
    machine.fire("bprm_creds", task, program)
    machine.fire("point_of_no_return", task, program)
    machine.fire("de_thread", task, others)
    machine.fire("close_on_exec", task, closed)
    machine.fire("task_rename", task, b"tr")
    machine.fire("flush_signal_handlers", task, [10, 15])
    old, task.mm = task.mm, FakeMm(areas=9, pages=3)
    machine.fire("exec_mmap", task, old, task.mm)
    machine.fire("load_elf_binary", task, program, 0x401000, 0x7FFF0000)
    machine.fire("start_thread", task, 0x401000, 0x7FFF0000)
    task.comm = b"tr"
    machine.fire("sched_process_exec", task, program.filename, task.pid)


@LANGUAGES
def test_exec(language: str) -> None:
    machine = Machine(language, steps=True)
    task = machine.task(4)
    machine.call(task, "execve")
    exec_events(machine, task, bprm(), closed=[5, 6], others=2)
    (story,) = machine.stories
    assert isinstance(story, ExecStory)
    assert (story.old and story.old.pages, story.new and story.new.areas, story.comm) == (12, 9, "tr")
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "process 4 (sh) becomes /bin/tr" in text
        assert "Task 4 calls execve for /bin/tr, with 2 arguments and 1 environment variable." in text
        assert "A program begins with one thread: 2 other threads must end first." in text
        assert "Its old address space (5 areas, 12 pages) is freed, and a new one takes its place: 9 areas" in text
        assert "Marked close-on-exec and so closed: descriptors 5, 6. Still open: 3 descriptors." in text
        assert "SIGUSR1, SIGTERM" in text
        assert "It keeps its PID 4, is called tr now, and starts at 0x401000." in text
        assert re.search(r"^ +begin_new_exec +From here on there is no way back", text, re.MULTILINE)
    else:
        assert "进程 4（sh）改为运行 /bin/tr" in text


def test_exec_of_a_script_and_exec_that_fails() -> None:
    machine = Machine()
    task = machine.task(4)
    machine.call(task, "execve")
    program = bprm(filename=b"./run.sh")
    machine.fire("alloc_bprm", task, program)
    machine.fire("copy_strings", task, program)
    machine.fire("load_script", task, program, b"/bin/sh", None)
    machine.fire("exec_failed", task, b"./run.sh", 8)
    machine.fire("exec_failed", task, b"/nowhere", 2)
    text = machine.text()
    script, missing = machine.stories
    assert isinstance(script, ExecStory)
    assert isinstance(missing, ExecStory)
    assert (script.errno, script.fatal, missing.errno, missing.filename) == (8, False, 2, "/nowhere")
    assert "its first line names /bin/sh, which is run with the script as its" in text
    assert "process 4 (sh) cannot run /nowhere" in text
    assert "It fails with ENOENT (No such file or directory); the old program goes on." in text


def test_a_first_program_that_cannot_be_run() -> None:
    machine = Machine()
    task = machine.task(4)
    task.mm = None
    machine.fire("exec_failed", task, b"/nowhere", 2)
    assert "It fails with ENOENT (No such file or directory); there is no program to go on with." in flat(
        machine.text()
    )


def test_a_program_looked_for_along_path_is_one_story() -> None:
    machine = Machine()
    task = machine.task(4)
    for name in (b"/usr/local/bin/tr", b"/usr/bin/tr"):
        machine.call(task, "execve")
        machine.fire("exec_failed", task, name, 2)
    machine.call(task, "execve")
    exec_events(machine, task, bprm(), closed=[])
    for name in (b"/usr/bin/x", b"/bin/x"):
        machine.fire("exec_failed", task, name, 2)
    machine.exit(task, 0)
    found, lost, _ = machine.stories
    assert isinstance(found, ExecStory)
    assert isinstance(lost, ExecStory)
    assert (found.done, found.missed) == (True, ["/usr/local/bin/tr", "/usr/bin/tr"])
    assert (lost.errno, lost.filename, lost.missed) == (2, "/bin/x", ["/usr/bin/x"])
    text = machine.text()
    assert "Tried before, and not there: /usr/local/bin/tr, /usr/bin/tr." in text
    assert "process 4 (tr) cannot run /bin/x" in text


def test_exec_that_fails_too_late_kills() -> None:
    machine = Machine()
    task = machine.task(4)
    machine.fire("alloc_bprm", task, bprm())
    machine.fire("point_of_no_return", task, bprm())
    machine.fire("exec_failed", task, b"/bin/tr", 12)
    assert "the process is killed" in flat(machine.text())


@LANGUAGES
def test_exit_to_a_zombie_and_the_wait_that_slept_for_it(language: str) -> None:
    machine, parent, child = forked(language)
    machine.call(parent, "wait4", 0xFFFFFFFF)
    machine.fire("sched_process_wait", parent, -1)
    machine.fire("wait_consider_task", parent, child, "alive")
    machine.fire("wait_sleep", parent)
    machine.call(child, "exit_group", 3)
    machine.exit(child, 3 << 8)
    machine.cpu_curr = parent
    machine.fire("sched_process_wait", parent, -1)
    machine.fire("wait_consider_task", parent, child, "zombie")
    machine.fire("wait_task_zombie", parent, child, 3 << 8, True)
    machine.fire("release_task", child)
    machine.fire("sys_exit", parent, 4)
    _, ending, waiting = machine.stories
    assert isinstance(ending, ExitStory)
    assert (ending.zombie, ending.code, ending.signal, ending.signal_ignored) == (True, 0x300, 17, True)
    assert isinstance(waiting, WaitStory)
    assert (waiting.found and waiting.found.pid, waiting.reaped, waiting.status) == (4, True, 0x300)
    assert len(waiting.sleeps) == 1
    assert waiting.began < ending.began < ending.ended < waiting.ended
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "process 4 (sh) ends with status 3" in text
        assert "Process 4 calls exit_group(3)." in text
        assert "Its memory (5 areas, 12 pages) is given back. Its descriptors are closed." in text
        assert "It is a zombie now: no memory, no files, only its PID and its status" in text
        assert "No child had news, so it slept once on wait_chldexit, for" in text
        assert "Child 4 (sh) is a zombie: it ended with status 3." in text
    else:
        assert "它现在是僵尸进程" in text
        assert "进程 3（sh）回收进程 4" in text


def test_exit_by_a_signal_with_children_and_without_a_zombie() -> None:
    machine = Machine()
    init, parent = machine.task(1, "init"), machine.task(3)
    task = machine.task(4, parent=parent)
    orphan = machine.task(5, parent=task)
    machine.cpu_curr = task
    machine.fire("do_group_exit", task, 11)
    machine.fire("do_exit", task, 11)
    machine.fire("find_new_reaper", task, init)
    machine.fire("reparent", orphan, task, init)
    machine.fire("exit_notify", task, True)
    machine.fire("release_task", task)
    (story,) = machine.stories
    assert isinstance(story, ExitStory)
    assert [(child, who.pid) for child, who in story.orphans] == [(5, 1)]
    assert story.released == [4]
    text = machine.text()
    assert "process 4 (sh) is killed by SIGSEGV" in text
    assert "It leaves children behind: 5. Their parent is process 1 (init) from now on." in text
    assert "there is no zombie, PID 4 is free at once" in text


def test_a_thread_ends_and_the_process_lives() -> None:
    machine = Machine()
    leader = machine.task(3)
    thread = machine.task(5, parent=leader, leader=leader)
    machine.share(thread, leader, "mm", "files", "signal")
    thread.signal.threads[thread] = None
    machine.call(thread, "exit", 0)
    machine.fire("do_exit", thread, 0)
    thread.mm.users -= 1
    machine.fire("clear_child_tid", thread, 0x5008)
    leader.syscall_nr = 202
    machine.fire("sched_wakeup", leader)
    machine.fire("exit_mm", thread, thread.mm)
    machine.fire("exit_notify", thread, True)
    machine.fire("release_task", thread)
    text = machine.text()
    assert "thread 5 of process 3 ends" in text
    assert "Its memory stays: still used by 1 task." in text
    assert "The word at 0x5008 becomes 0, which pthread_join waits for." in text
    assert "asleep in futex." in text
    assert "number 5 is free again" in text


def test_waits_that_find_nothing() -> None:
    machine, parent, child = forked()
    machine.call(parent, "wait4", 0xFFFFFFFF, 0, 1)
    machine.fire("sched_process_wait", parent, -1)
    machine.fire("wait_consider_task", parent, child, "alive")
    machine.fire("sys_exit", parent, 0)
    machine.call(parent, "wait4", 9)
    machine.fire("sched_process_wait", parent, 9)
    machine.fire("sys_exit", parent, -10)
    machine.call(parent, "waitid", 1, 4)
    machine.fire("sched_process_wait", parent, 4)
    machine.fire("wait_sleep", parent)
    machine.fire("sys_exit", parent, -512)
    text = machine.text()
    assert "It will not sleep (WNOHANG)." in text
    assert "Still alive: 4. The call returns 0." in text
    assert "Process 3 calls wait4 for its child 9.\n  There is no such child: ECHILD." in text
    assert "Process 3 calls waitid for its child 4." in text
    assert "A signal interrupts the call." in text


@LANGUAGES
def test_waits_that_hear_of_a_living_child_or_never_come_back(language: str) -> None:
    machine, parent, child = forked(language)
    for call, result in (("wait4", 4), ("waitid", 0)):
        machine.call(parent, call, 0 if call == "waitid" else 4)
        machine.fire("sched_process_wait", parent, 4)
        machine.fire("wait_consider_task", parent, child, "stopped")
        machine.fire("sys_exit", parent, result)
    machine.call(parent, "wait4", 4)
    machine.fire("sched_process_wait", parent, 4)
    machine.fire("wait_sleep", parent)
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert text.count("process 3 (sh) hears of process 4") == 2
        assert text.count("Child 4 was stopped or continued; it lives.") == 2
        assert "process 3 (sh) does not come back from a wait" in text
    else:
        assert "没有从等待中返回" in text


@LANGUAGES
def test_copy_on_write_is_told_before_the_next_thing_the_process_does(language: str) -> None:
    machine, parent, child = forked(language)
    parent.mm.frames_at = child.mm.frames_at = {0x7FFF1000: 50}
    machine.cpu_curr = parent
    for level in (3, 2, 1):
        machine.fire("table_unshare", parent.mm.pt, 0x7FFF1008, level, 60 + level, 70 + level)
    machine.fire("do_wp_page", parent.mm, 0x7FFF1008, 50, 51)
    machine.fire("do_wp_page", parent.mm, 0x6010, 53, 53)
    machine.fire("do_wp_page", parent.mm, 0x2010, 77, 54)
    machine.fire("do_wp_page", parent.mm, 0x9010, 1, 55)
    assert len(machine.stories) == 1
    machine.call(parent, "exit_group", 0)
    machine.exit(parent, 0)
    _, story, _ = machine.stories
    assert isinstance(story, CowStory)
    assert [(fault.how, fault.area) for fault in story.faults] == [
        ("copied", "[stack]"), ("reused", "[heap]"), ("file", "libc.so"), ("zero", ""),
    ]  # fmt: skip
    assert story.faults[0].others == (4,)
    assert [table.level for table in story.tables] == [3, 2, 1]
    text = machine.text()
    check_language(text, language)
    if language == "en":
        assert "copy-on-write: process 3 (sh) writes to shared pages: 4 faults" in text
        assert "1 of level 3, 1 of level 2, 1 of level 1" in flat(text)
        assert "Copied, for process 4 still uses the old frames: 1 page ([stack] 0x7fff1000)." in text
        assert "Used alone by now, so made writable without a copy: 1 page ([heap] 0x6000)." in text
    else:
        assert "因进程 4 仍在使用原页框而复制：1 个页面" in text


def test_faults_of_a_child_that_is_being_made_are_its_own() -> None:
    machine = Machine()
    parent = machine.task(3)
    machine.call(parent, "clone")
    child = machine.task(4, parent=parent)
    args = SimpleNamespace(flags=0x1000000, exit_signal=17, kthread=None, stack=0)
    machine.fire("clone_check", parent, args)
    machine.fire("dup_task_struct", parent, child, 0)
    machine.fire("do_wp_page", child.mm, 0x6010, 50, 51)
    machine.text()
    assert [(story.kind, story.who.pid) for story in machine.stories] == [("cow", 4)]


def test_stories_are_chosen_by_kind_and_pid() -> None:
    machine, parent, child = forked(only=("exit",), pids=(4,))
    machine.call(child, "exit_group", 3)
    machine.exit(child, 0)
    machine.call(parent, "exit_group", 3)
    machine.exit(parent, 0)
    assert [(story.kind, story.who.pid) for story in machine.stories] == [("exit", 4)]


def test_process_1_waits_without_a_word_until_it_finds_a_zombie() -> None:
    machine = Machine()
    init = machine.task(1, "init", mm=None, kthread=1)
    child = machine.task(3, parent=init)
    machine.cpu_curr = init
    for _ in range(2):
        machine.fire("sched_process_wait", init, 0)
        machine.fire("wait_sleep", init)
    machine.fire("sched_process_wait", init, 0)
    machine.fire("wait_task_zombie", init, child, 0, True)
    machine.fire("release_task", child)
    machine.fire("sched_process_wait", init, 0)
    machine.fire("wait_sleep", init)
    text = machine.text()
    (story,) = machine.stories
    assert isinstance(story, WaitStory)
    assert (story.found and story.found.pid, story.reaped) == (3, True)
    assert "process 1 (init) reaps process 3" in text


def test_interleaved_stories_stay_apart() -> None:
    machine = Machine()
    one, other = machine.task(3, "one"), machine.task(6, "other")
    machine.call(one, "wait4", 0xFFFFFFFF)
    machine.fire("sched_process_wait", one, -1)
    machine.call(other, "wait4", 0xFFFFFFFF)
    machine.fire("sched_process_wait", other, -1)
    machine.fire("wait_sleep", one)
    machine.fire("sys_exit", other, -10)
    machine.fire("sys_exit", one, -10)
    assert [(story.who.comm, len(story.steps)) for story in machine.stories] == [("other", 1), ("one", 2)]


def test_a_collector_with_open_stories_can_be_pickled() -> None:
    from forkernel.trace.explain.collect import Collector
    from forkernel.trace.explain.markdown import MarkdownTeller
    from forkernel.trace.output import Output

    tellers = [ConsoleTeller(Output(), Catalogue("zh")), MarkdownTeller(Output(), Catalogue(), "sh")]
    collector = pickle.loads(pickle.dumps(Collector(tellers, {61: "wait4"})))
    assert collector.tellers[0].narrator.say("shared") == "共享"


@LANGUAGES
def test_a_terminal_shows_what_a_file_shows_with_colours(language: str) -> None:
    machine, parent, child = forked(language, steps=True)
    machine.call(parent, "exit_group", 3)
    machine.exit(parent, 0)
    plain, colours = Memory(), Memory()
    for out, screen in ((plain, PlainScreen(plain, 70)), (colours, RichScreen(colours, 70))):
        teller = ConsoleTeller(out, Catalogue(language), steps=True)
        teller._screen = screen
        for story in machine.stories:
            teller.tell(story)
        teller.close(machine.collector.tree)
    assert child.comm.decode() in plain.text()
    assert "\x1b[" in colours.text()
    shown = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", colours.text()).splitlines()]
    assert shown == plain.text().splitlines()
    assert all(width(line) <= 70 for line in shown if line.startswith("  "))

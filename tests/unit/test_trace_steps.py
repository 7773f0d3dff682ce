"""Step events: all of them come with data, in Linux's order, and listening to them changes nothing."""

from __future__ import annotations

import io
import json
import sys
from functools import cache

import pytest

from forkernel import Kernel
from forkernel.kernel.fork import CLONE_THREAD
from forkernel.trace.jsonl import JsonSink
from forkernel.trace.sink import CallTable
from forkernel.trace.steps import DATA, as_text, describe
from forkernel.trace.tracepoints import STEPS, Trace
from harness import GUEST, compile_program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's programs")

FORK = [
    "ptrace_event_chosen", "clone_check", "dup_task_struct", "fork_limits", "copy_creds", "sched_fork", "copy_semundo",
    "copy_files", "copy_fs", "copy_sighand", "copy_signal", "copy_mm", "copy_namespaces", "copy_io", "copy_thread",
    "alloc_pid", "pidfd_prepare", "cgroup_can_fork", "child_settid", "add_entropy", "parent_settid", "vfork_begin",
    "wait_for_vfork_done", "vfork_return", "put_pid",
]  # fmt: skip
EXEC = ["alloc_bprm", "copy_strings", "search_binary_handler", "bprm_creds", "de_thread", "point_of_no_return",
        "close_on_exec", "flush_signal_handlers", "exec_mmap", "load_elf_binary", "start_thread"]  # fmt: skip
EXIT = ["do_group_exit", "do_exit", "exit_signals", "exit_mm", "exit_files", "exit_fs", "exit_notify"]
OPTIONAL = {"copy_semundo", "copy_namespaces", "copy_io", "pidfd_prepare", "cgroup_can_fork", "child_settid",
            "parent_settid", "vfork_begin", "wait_for_vfork_done", "vfork_return"}  # fmt: skip


class Steps:
    """Keeps all step events with their data."""

    def __init__(self):
        self.seen = []

    def hook(self, name):
        return (lambda *arguments: self.seen.append((name, *describe(name, arguments)))) if name in STEPS else None


def run(argv, sink=None):
    with Kernel(root="/", seed=1, memory=24 << 20, trace=sink) as kernel:
        process = kernel.spawn(argv)
        kernel.run(timeout=60)
        return process.stdout, kernel.system.clock.now


@cache
def every_way():
    sink = Steps()
    run([str(compile_program(GUEST / "fork" / "every_way.c"))], sink)
    return [(name, task.pid, fields) for name, task, fields in sink.seen]


def story(pid, first, names):
    """The steps of `names` by one task, from its first `first` to the next."""
    found, begun = [], False
    for name, who, _ in every_way():
        if who == pid and name == first:
            if begun:
                break
            begun = True
        if begun and (who == pid or name == "child_settid") and name in names:
            found.append(name)
    return found


def test_every_step_has_its_data_described():
    assert set(DATA) == set(STEPS)
    assert len(set(STEPS)) == len(STEPS)
    assert all(hasattr(Trace, name) for name in STEPS)


def test_the_order_of_a_fork():
    seen = story(3, "ptrace_event_chosen", FORK)
    assert seen == [name for name in FORK if name in seen]
    assert set(FORK) - set(seen) <= OPTIONAL


def test_the_order_of_a_vfork():
    events = every_way()
    begin = next(at for at, event in enumerate(events) if event[0] == "vfork_begin")
    child = events[begin][2]["child"]
    names = [name for name, _, _ in events[begin:]]
    order = ["wait_for_vfork_done", "alloc_bprm", "point_of_no_return", "complete_vfork_done", "exec_mmap",
             "start_thread", "vfork_return", "put_pid"]  # fmt: skip
    at = [names.index(name) for name in order]
    assert at == sorted(at)
    assert events[begin + at[3]][1] == child


def test_the_order_of_an_exec():
    first = next(who for name, who, _ in every_way() if name == "alloc_bprm" and who != 3)
    seen = story(first, "alloc_bprm", EXEC)
    assert seen == EXEC


def test_the_order_of_an_exit():
    seen = story(4, "do_group_exit", EXIT)
    assert seen == EXIT
    names = [(name, who) for name, who, _ in every_way()]
    assert names.index(("exit_notify", 4)) < names.index(("wait_task_zombie", 3)) < names.index(("release_task", 4))


def test_what_a_fork_tells():
    data = {name: fields for name, who, fields in reversed(every_way()) if who == 3}
    assert data["copy_mm"]["shared"] is False
    assert data["copy_mm"]["areas"] > 3
    assert data["copy_mm"]["tables"] >= 3
    assert data["copy_files"] == {"shared": False, "descriptors": 3, "users": 1}
    assert data["copy_thread"]["result"] == 0


def test_what_a_thread_shares():
    events = every_way()
    at = next(at for at, event in enumerate(events) if event[0] == "clone_check" and event[2]["flags"] & CLONE_THREAD)
    parts = {name: fields.get("shared") for name, _, fields in events[at : at + 16]}
    assert parts["copy_mm"] is parts["copy_files"] is parts["copy_sighand"] is parts["copy_signal"] is True


def test_text_of_a_step():
    assert as_text({"child": 5, "shared": True, "flags": 17, "argv": ["a", "b"], "argument": None}) == (
        "child=5 shared=yes flags=0x11 argv=[a, b] argument=none"
    )


def test_listening_changes_nothing():
    program = [str(compile_program(GUEST / "fork" / "every_way.c"))]
    assert run(program) == run(program, Steps())


def test_json():
    out = io.StringIO()
    out.close = lambda: None
    run(["/bin/sh", "-c", "(exit 3); exit 4"], JsonSink(out, CallTable({}, {}), ("steps",)))
    steps = [event for event in map(json.loads, out.getvalue().splitlines()) if event["event"] == "step"]
    assert {"step": "wait_task_zombie", "data": {"child": 4, "status": 0x300, "reaped": True}}.items() <= next(
        event for event in steps if event["step"] == "wait_task_zombie" and event["pid"] == 3
    ).items()

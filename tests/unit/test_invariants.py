"""The kernel's own checks while programs run, and that they see what is wrong; all frames and PIDs back at the end."""

from __future__ import annotations

import sys

import pytest

from forkernel import Kernel
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_NX, PTE_P, PTE_U, PTE_W
from forkernel.errors import KernelBug
from forkernel.hw.scripted import Jump, Store
from forkernel.kernel.invariants import InvariantSink, check, check_frames, check_tasks
from harness import GUEST, compile_program
from invariants import assert_everything_is_back
from scripted_machine import DATA, Machine, call, fork, script

linux = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

SCRIPTS = {
    "fork": "(echo a); (echo b; (echo c)) & wait",
    "pipe": "for i in 1 2 3; do echo $i; done | while read n; do echo $n; done",
    "orphan": "(sh -c 'sleep 0.01; echo late' &) ; echo early",
    "killed": "sh -c 'kill -9 $$'; sh -c 'kill -STOP $$' & sleep 0.01; kill -CONT $!; wait",
    "exec": "exec sh -c 'exec sh -c \"exit 5\"'",
    "background": "for i in 1 2 3 4 5; do sleep 0.01 & done; wait",
}
PROGRAMS = ("cow/three_generations", "fork/memory_is_copied", "thread/create_and_join", "exec/other_threads_die",
            "vfork/killed_before_exec", "mmap/fork_shared_and_private", "exit/leader_before_threads",
            "mmap/code_by_another_mapping")  # fmt: skip


def run_checked(argv, every):
    """Run with checks on the way, and all of them at the end."""
    with Kernel(root="/", seed=1, memory=16 << 20) as kernel:
        system = kernel.system
        sink = InvariantSink(system, every)
        system.trace.attach(sink)
        process = kernel.spawn(argv)
        assert kernel.run(timeout=60) == "idle"
        check(system)
        assert process.status is not None
        assert sink.count > 10
        assert_everything_is_back(kernel)
        return process


@linux
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_shell_script(name):
    run_checked(["/bin/sh", "-c", SCRIPTS[name]], every=25)


@linux
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_guest_program(name):
    run_checked([str(compile_program(GUEST / f"{name}.c"))], every=5)


def test_after_every_trap_of_a_script(tmp_path):
    """Three generations that write to one page, checked after each single call and fault."""
    machine = Machine(tmp_path, {"main": script(
        Store(DATA, 1), fork(), Store(DATA, 2), fork(), Store(DATA, 3), call("munmap", DATA + 0x1000, 0x1000),
        call("mprotect", DATA, 0x1000, 1), call("wait4", -1, 0, 0, 0), call("wait4", -1, 0, 0, 0),
    )})  # fmt: skip
    sink = InvariantSink(machine.system)
    machine.system.trace.attach(sink)
    machine.start("main")
    assert machine.run() == "idle"
    assert sink.count > 30
    check(machine.system)


# --- the checks see what is wrong


@pytest.fixture
def busy(tmp_path):
    """A machine with a parent that waits for a child that sleeps."""
    machine = Machine(tmp_path, {"main": script(
        fork(), Jump("child", "rax", 0), Store(DATA, 1), call("wait4", -1, 0, 0, 0), "child", call("pause"),
    )})  # fmt: skip
    task = machine.start("main")
    machine.run()
    check(machine.system)
    return machine.system, task


def test_a_frame_with_one_user_too_many(busy):
    system, _ = busy
    system.frames.get(system.frames.zero_frame)
    with pytest.raises(KernelBug, match="has count"):
        check_frames(system)


def test_a_frame_that_leaked(busy):
    system, _ = busy
    system.frames.alloc()
    with pytest.raises(KernelBug, match="0 users"):
        check_frames(system)


def test_a_shared_page_that_can_be_written(busy):
    """The same page in two processes, with the write bit of every level set in one of them."""
    system, task = busy
    (child,) = task.children
    frame = task.mm.pt.lookup(DATA) >> 12 & FRAME_MASK
    table, index = child.mm.pt.make_path(DATA)
    child.mm.pt.set_leaf(table, index, system.frames.get(frame) << 12 | PTE_P | PTE_W | PTE_U | PTE_NX)
    with pytest.raises(KernelBug, match="writable and shared"):
        check_frames(system)


def test_a_task_nobody_reaches(busy):
    system, task = busy
    (child,) = task.children
    task.children.clear()
    with pytest.raises(KernelBug, match="cannot be reached"):
        check_tasks(system)
    task.children[child] = None
    check_tasks(system)


def test_a_sleeper_on_the_run_queue(busy):
    system, task = busy
    task.se.on_rq = True
    with pytest.raises(KernelBug, match="run queue"):
        check_tasks(system)


def test_a_task_that_is_not_found_by_its_pid(busy):
    system, task = busy
    system.pids.numbers[task.pid].task = None
    with pytest.raises(KernelBug, match="not found by its PID"):
        check_tasks(system)


def test_an_address_space_with_a_wrong_count(busy):
    system, task = busy
    task.mm.users += 1
    with pytest.raises(KernelBug, match="users"):
        check_frames(system)

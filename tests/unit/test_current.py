"""Kernel stacks with pt_regs, thread_info, and both ways to the current task."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest

from forkernel import Kernel
from forkernel.arch.x86_64.ptrace import PT_REGS_NAMES, PT_REGS_SIZE, unpack_pt_regs
from forkernel.errors import KernelBug, UserError
from forkernel.kernel.current import INIT_TASK, STACK_END_MAGIC, TIF_SIGPENDING
from forkernel.kernel.entry import Entry
from forkernel.kernel.hrtimer import Timer
from forkernel.kernel.invariants import check_current
from forkernel.kernel.kstack import THREAD_SIZE, pt_regs_address
from forkernel.mm.slab import PAGE_OFFSET, virt_to_pfn
from invariants import assert_everything_is_back, checked

linux = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")
WAYS = ("percpu", "stack")
BUSY = """
for i in 1 2 3; do echo $i | cat; done
(sleep 0.01; kill -USR1 $$) & trap : USR1; wait; wait
exec sh -c 'sleep 0'
"""
ENOSYS = 38


class AskingEntry(Entry):
    """A trap handler that asks for the current task in each trap, both ways."""

    asked = 0

    def _ask(self) -> None:
        system = self.system
        if not system.stopping:
            self.asked += 1
            assert system.current is self.sched.current
            check_current(system)

    def syscall(self) -> None:
        self._ask()
        super().syscall()
        self._ask()

    def fault(self, vector: int, error: int, address: int) -> None:
        self._ask()
        super().fault(vector, error, address)
        self._ask()

    def quantum(self) -> None:
        self._ask()
        super().quantum()
        self._ask()


@linux
@pytest.mark.parametrize("way", WAYS)
def test_both_ways_agree_at_every_trap(way):
    with Kernel(current=way, seed=1) as kernel:
        kernel.system.entry.__class__ = AskingEntry
        process = kernel.spawn(["/bin/sh", "-c", BUSY])
        assert kernel.run(timeout=60) == "idle"
        assert process.status is not None
        assert process.status.exit_code == 0
        assert process.stdout == b"1\n2\n3\n"
        asked: Any = kernel.system.entry
        assert asked.asked > 1000


@linux
@pytest.mark.parametrize("cpus", [1, 3])
def test_by_stack_on_every_cpu(cpus):
    with Kernel(current="stack", cpus=cpus, seed=1) as kernel:
        if cpus == 1:
            checked(kernel)
        process = kernel.spawn(["/bin/sh", "-c", BUSY])
        assert kernel.run(timeout=60) == "idle"
        assert process.stdout == b"1\n2\n3\n"
        check_current(kernel.system)
        if cpus == 1:
            assert_everything_is_back(kernel)


@linux
def test_a_run_is_the_same_either_way():
    times = []
    for way in WAYS:
        with Kernel(current=way, seed=1) as kernel:
            process = kernel.spawn(["/bin/sh", "-c", BUSY])
            kernel.run()
            times.append((process.stdout, kernel.system.clock.now, kernel.system.pids.last))
    assert times[0] == times[1]


def test_a_third_way_is_refused():
    with pytest.raises(UserError, match="--current"):
        Kernel(current="register")


# --- outside process context


class AskingTimer(Timer):
    """Asks for the current task when it fires."""

    __slots__ = ("answer", "system")

    def __init__(self, system: Any) -> None:
        super().__init__(system.clock.now + 1_000_000)
        self.system = system
        self.answer: Any = None

    def fire(self) -> None:
        try:
            self.answer = self.system.current
        except KernelBug as bug:
            self.answer = str(bug)


@linux
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("script", ["sleep 1", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done"])
def test_no_current_in_a_timer_interrupt(way, script):
    with Kernel(current=way, seed=1) as kernel:
        timer = AskingTimer(kernel.system)
        kernel.system.timers.start(timer)
        kernel.spawn(["/bin/sh", "-c", script])
        assert kernel.run() == "idle"
        assert timer.answer == "current is asked for in a timer interrupt, outside process context"


@pytest.mark.parametrize("way", WAYS)
def test_no_current_while_the_machine_stands(way):
    with Kernel(current=way) as kernel:
        with pytest.raises(KernelBug, match="stands still"):
            _ = kernel.system.current
        assert kernel.system.cpu_curr is kernel.system.init_task
        kernel.run()
        with pytest.raises(KernelBug, match="stands still"):
            _ = kernel.system.current


def test_a_stack_pointer_on_no_stack():
    with Kernel(current="stack") as kernel:
        by_stack = kernel.system.by_stack
        assert by_stack is not None
        kernel.system.stacks.shrink()
        free = PAGE_OFFSET + (kernel.system.frames.alloc_pages(2) << 12)
        with pytest.raises(KernelBug, match="on no task's stack"):
            by_stack.current(free + 100)


# --- what is on a stack


@pytest.fixture(params=WAYS)
def sleeping(request):
    """A machine in which a shell waits for a sleeper, with the registers of both known."""
    with Kernel(current=request.param, seed=1) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", "sleep 1000; exit 4"])
        kernel.run_for(200_000_000)
        shell = kernel.system.pids.find(process.pid)
        yield kernel, shell, next(iter(shell.children))


@linux
def test_stacks_are_apart_and_aligned(sleeping):
    kernel, _, _ = sleeping
    stacks = [task.stack for task in kernel.tasks()]
    assert len(set(stacks)) == len(stacks) == 5
    assert all(stack % THREAD_SIZE == 0 for stack in stacks)


@linux
def test_pt_regs_are_the_registers_and_in_ram(sleeping):
    kernel, shell, sleeper = sleeping
    for task, number in ((shell, 61), (sleeper, 230)):
        data = task.pt_regs
        assert len(data) == PT_REGS_SIZE == 168
        words = unpack_pt_regs(data)
        names = [name for name in PT_REGS_NAMES if hasattr(task.regs, name)]
        assert [name for name in names if words[name] != getattr(task.regs, name)] == ["rax"]
        assert words["orig_rax"] == task.syscall_nr == number
        assert words["rax"] == -ENOSYS & (1 << 64) - 1
        assert (words["cs"], words["ss"]) == (0x33, 0x2B)
        assert task.mm.read(words["rip"] - 2, 2) == b"\x0f\x05"
        address = pt_regs_address(task)
        assert address + PT_REGS_SIZE == task.stack + THREAD_SIZE
        assert kernel.system.frames.read(virt_to_pfn(address), address % 4096, 168) == data


@linux
def test_pt_regs_follow_the_registers(sleeping):
    _, shell, _ = sleeping
    before = shell.pt_regs
    shell.regs.r12 ^= 0xFF
    changed = unpack_pt_regs(shell.pt_regs)["r12"]
    assert changed == unpack_pt_regs(before)["r12"] ^ 0xFF


class Looker:
    """A trace sink that looks at the parent's pt_regs in the middle of its call."""

    def __init__(self) -> None:
        self.seen: list[dict[str, int]] = []

    def sched_process_fork(self, task: Any, child: Any) -> None:
        if task.mm is not None:
            self.seen.append(unpack_pt_regs(task.pt_regs))


@linux
def test_pt_regs_in_the_middle_of_a_call():
    looker = Looker()
    with Kernel(seed=1, trace=looker) as kernel:
        kernel.spawn(["/bin/sh", "-c", "(true); (true)"])
        kernel.run()
    assert [words["orig_rax"] in (56, 57, 435) for words in looker.seen] == [True, True]
    assert {words["rax"] for words in looker.seen} == {-ENOSYS & (1 << 64) - 1}


@linux
def test_a_kernel_thread_has_no_user_registers(sleeping):
    kernel, _, _ = sleeping
    assert kernel.system.pids.find(2).pt_regs == bytes(168)


@linux
def test_kernel_stack_shows_itself(sleeping):
    kernel, shell, _ = sleeping
    stack = kernel.kernel_stack(shell.pid)
    assert stack is not None
    assert stack.pt_regs["rip"] == shell.regs.rip
    assert f"{shell.regs.rsp:#018x}" in repr(stack)
    assert (stack.thread_info is None) == (kernel.system.by_stack is None)
    with pytest.raises(KeyError):
        kernel.kernel_stack(4000)


@linux
def test_thread_info_at_the_low_end():
    with Kernel(current="stack", seed=1) as kernel:
        process = kernel.spawn(["/bin/sleep", "1000"])
        kernel.run_for(100_000_000)
        system = kernel.system
        task = system.pids.find(process.pid)
        by_stack = system.by_stack
        assert task is not None
        assert by_stack is not None
        info = by_stack.thread_info(task)
        assert (info.task, info.flags, info.cpu, info.magic) == (task.slab, 0, 0, STACK_END_MAGIC)
        assert by_stack.thread_info(system.init_task).task == INIT_TASK
        for offset in (0, 1, THREAD_SIZE // 2, THREAD_SIZE - 168, THREAD_SIZE - 1):
            assert by_stack.current(task.stack + offset) is task
        kernel.interrupt(15)
        assert by_stack.thread_info(task).flags == TIF_SIGPENDING


@linux
@pytest.mark.parametrize("way", WAYS)
def test_a_zombie_keeps_its_stack_only_with_thread_info_on_it(way):
    with Kernel(current=way, seed=1) as kernel:
        kernel.spawn(["/bin/sh", "-c", "(exit 3) & exec sleep 1000"])
        kernel.run_for(300_000_000)
        zombie = next(task for task in kernel.tasks() if task.exit_state)
        assert bool(zombie.stack) == (way == "stack")
        stack = kernel.kernel_stack(zombie.pid)
        if way == "stack":
            assert stack is not None
            assert stack.pt_regs["orig_rax"] == 231  # exit_group
            assert stack.pt_regs["rdi"] == 3
        else:
            assert stack is None
            assert zombie.pt_regs == b""


@linux
@pytest.mark.parametrize("way", WAYS)
def test_stat_shows_the_user_stack_of_the_dying_alone(way):
    script = "sh -c '(exit 3) & exec sleep 1000' & sleep 0.1; cat /proc/[0-9]*/stat; kill $!"
    with Kernel(current=way, seed=1) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run()
        lines = [line.rpartition(b")")[2].split() for line in process.stdout.splitlines()]
        shown = [line[26:28] != [b"0", b"0"] for line in lines]
        assert shown == [line[0] == b"Z" and way == "stack" for line in lines]
        assert [line[0] for line in lines].count(b"Z") == 1


@linux
@pytest.mark.parametrize("way", WAYS)
def test_a_restored_machine_has_its_stacks_and_lists(way):
    with Kernel(current=way, seed=1) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", "sleep 1; echo done"])
        kernel.run_for(200_000_000)
        shell = kernel.system.pids.find(process.pid)
        assert shell is not None
        registers = shell.pt_regs
        with pickle.loads(pickle.dumps(kernel)) as again:
            copy = again.system.pids.find(process.pid)
            assert copy.pt_regs == registers
            assert copy.slab == shell.slab
            assert [task.pid for task in again.tasks()] == [task.pid for task in kernel.tasks()]
            check_current(again.system)
            assert again.run() == "idle"
            assert again.processes[0].stdout == b"done\n"
            assert_everything_is_back(again)

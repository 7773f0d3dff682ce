"""What must hold between any two traps, checked from outside on a whole machine.

`checked(kernel)` makes a kernel check itself after every trap; AssertionError names what is broken.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from typing import Any

from forkernel.api import Kernel
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_W
from forkernel.fs.pagecache import RegInode
from forkernel.hw.frames import RESERVED_FRAMES
from forkernel.kernel.entry import Entry
from forkernel.kernel.invariants import check_current, check_slabs, check_task_list
from forkernel.kernel.leaks import leaks
from forkernel.kernel.pid import PIDTYPE_PGID, PIDTYPE_SID
from forkernel.kernel.smp_entry import SmpEntry
from forkernel.kernel.task import EXIT_DEAD, EXIT_ZOMBIE, TASK_RUNNING, Task
from forkernel.mm.pagetable import each_bit
from forkernel.mm.vma import VM_SHARED, VM_WRITE


class Checks:
    """What makes a trap handler check the machine before it goes back to user mode."""

    system: Any

    traps = 0
    next_check = 1
    spent = 0.0
    budget = 2.0
    """Host seconds for checks after every trap; then they get rarer, each as costly as all traps before it."""

    def _checked(self) -> None:
        self.traps += 1
        if self.traps < self.next_check or self.system.stopping:
            return
        before = time.perf_counter()
        check(self.system)
        self.spent += time.perf_counter() - before
        self.next_check = self.traps + 1 if self.spent < self.budget else self.traps * 2

    def syscall(self: Any) -> None:
        super().syscall()
        self._checked()

    def fault(self: Any, vector: int, error: int, address: int) -> None:
        super().fault(vector, error, address)
        self._checked()

    def quantum(self: Any) -> None:
        super().quantum()
        self._checked()


class CheckedEntry(Checks, Entry):
    """The trap handler of one CPU."""


class CheckedSmpEntry(Checks, SmpEntry):
    """That of several."""


def checked(kernel: Kernel) -> Kernel:
    """The same kernel, checking itself from now on."""
    kernel.system.entry.__class__ = CheckedEntry if kernel.system.smp is None else CheckedSmpEntry
    return kernel


def check(system: Any) -> None:
    """All invariants of a machine between traps."""
    check_tasks(system)
    check_pids(system)
    check_scheduler(system)
    check_pages(system)
    check_task_list(system)
    check_slabs(system)
    check_current(system)


def check_tasks(system: Any) -> None:
    """Every task is where its relatives say it is; every zombie has somebody who can wait for it."""
    for task in [system.init_task, *system.all_tasks()]:
        assert task.exit_state != EXIT_DEAD, f"{task} is released and still listed"
        assert task in task.signal.threads, f"{task} is no thread of its own process"
        assert task.group_leader.tgid == task.tgid, f"{task}: its leader is of another process"
        for child in task.children:
            assert child.real_parent is task, f"{child} has another parent than {task}, whose child it is"
        if task.pid == 0:
            continue
        assert system.pids.find(task.pid) is task, f"{task} is not found by its PID"
        parent = task.real_parent
        assert parent.pid == 0 or parent in system.pids.tasks, f"{task}: its parent {parent} is gone"
        if task.group_leader is task:
            assert task in parent.children, f"{task} is not among the children of {parent}"
            assert task in task.signal.pgrp.users(PIDTYPE_PGID), f"{task} is not in its group"
            assert task in task.signal.session.users(PIDTYPE_SID), f"{task} is not in its session"
            assert task.thread_pid.leader is task, f"{task} leads no process"
        if task.exit_state == EXIT_ZOMBIE:
            assert task.mm is None, f"{task}, a zombie, has memory"
            assert task.files is None, f"{task}, a zombie, has files"


def check_pids(system: Any) -> None:
    """A number is taken exactly as long as somebody uses its Pid, and every task has one at each level."""
    for task in system.all_tasks():
        assert task.thread_pid.task is task, f"{task} does not own its Pid"
        assert task.pid == task.thread_pid.numbers[0], f"{task} has another number than its Pid"
    for number, pid in system.pids.numbers.items():
        assert pid.numbers[0] == number, f"{pid} is filed under {number}"
        assert pid.in_use(), f"nobody uses {pid}"
        assert pid.count >= 1, f"{pid} is in use and has no reference"
        for nr, ns in pid.upids():
            assert ns.numbers.get(nr) is pid, f"{pid} is not found at level {ns.level}"
        for one in (pid.task, pid.leader, *pid.users(PIDTYPE_PGID), *pid.users(PIDTYPE_SID)):
            assert one is None or one in system.pids.tasks, f"{pid} is used by {one}, which is gone"


def check_scheduler(system: Any) -> None:
    """A task is queued exactly when it can run and is not running, on the CPU that it says, and may run there."""
    current = {rq.current for rq in system.run_queues}
    queued = [0] * len(system.run_queues)
    for task in system.all_tasks():
        expected = task.state == TASK_RUNNING and task not in current and not task.exit_state
        assert task.se.on_rq == expected, f"{task}: state {task.state:#x}, on the queue {task.se.on_rq}"
        queued[task.se.cpu] += task.se.on_rq
        assert not task.se.on_rq or task.se.cpus_mask >> task.se.cpu & 1, f"{task} is queued where it may not run"
    for rq, count in zip(system.run_queues, queued, strict=True):
        assert count == rq.nr_running, f"{count} tasks queued, {rq.nr_running} counted"
    for cpu, rq in enumerate(system.run_queues):
        assert rq.current.se.cpu == cpu, f"{rq.current} is on CPU {cpu}, but says {rq.current.se.cpu}"


def address_spaces(system: Any) -> list[Any]:
    """Every address space that a task has, once, with its users counted."""
    spaces: dict[int, Any] = {}
    users: Counter[int] = Counter()
    tasks: list[Task] = [system.init_task, *system.all_tasks()]
    for task in tasks:
        if task.mm is not None:
            spaces[id(task.mm)] = task.mm
            users[id(task.mm)] += 1
    for image in system.exec_images.images.values():  # address spaces of programs, kept to start from
        spaces[id(image.mm)] = image.mm
        users[id(image.mm)] += 1
    for key, mm in spaces.items():
        assert mm.users >= users[key], f"an address space has {users[key]} tasks and counts {mm.users} users"
        mm.vmas.check_invariants()
    return list(spaces.values())


def check_pages(system: Any) -> None:
    """Counts of table pages and of frames equal their users; a page that can be written has one user or is shared."""
    words, refs = system.frames.ram.words, system.frames.refs
    pointers: Counter[int] = Counter()
    leaves: Counter[int] = Counter()
    level_of: dict[int, int] = {}
    spaces = address_spaces(system)
    todo: list[tuple[int, int]] = []
    for mm in spaces:
        assert refs[mm.pt.pgd] == 1, "a top table has more than one user"
        todo.append((mm.pt.pgd, 4))
    while todo:
        table, level = todo.pop()
        if level == 4:
            bits = sum(1 << slot for slot in next(mm.pt.slots for mm in spaces if mm.pt.pgd == table))
        else:
            bits = system.tables.live[table]
        for index in each_bit(bits):
            entry = words[table * 512 + index]
            assert entry & 1, f"table {table} of level {level}: entry {index} counts as in use and is empty"
            below = entry >> 12 & FRAME_MASK
            if level == 1:
                leaves[below] += 1
                continue
            pointers[below] += 1
            if below not in level_of:
                level_of[below] = level - 1
                todo.append((below, level - 1))
            if entry & PTE_W:
                assert refs[below] == 1, f"table {below} can be written and has {refs[below]} users"
    for table, count in pointers.items():
        assert refs[table] == count, f"table {table}: {count} entries point at it, {refs[table]} counted"
    for frame, count in leaves.items():
        assert refs[frame] >= count, f"frame {frame}: mapped {count} times, {refs[frame]} counted"
    for mm in spaces:
        check_space(system, mm)


def check_space(system: Any, mm: Any) -> None:
    """Pages lie in areas that allow them; what is private and writable is this process's alone."""
    areas = list(mm.vmas)
    number, resident = 0, 0
    for address, _ in mm.pt.entries():
        resident += 1
        while number < len(areas) and areas[number].end <= address:
            number += 1
        assert number < len(areas) and areas[number].start <= address, f"a page at {address:#x} in no area"  # noqa: PT018
        area, entry = areas[number], mm.pt.lookup(address)
        if entry & PTE_W:
            assert area.flags & VM_WRITE, f"{address:#x} can be written, its area cannot"
            users = system.frames.refs[entry >> 12 & FRAME_MASK]
            assert users == 1 or area.flags & VM_SHARED, f"{address:#x} can be written and has {users} users"
    assert resident == mm.pt.pages, f"{resident} pages, {mm.pt.pages} counted"


def cached_frames() -> Counter[int]:
    """References that the page caches of all files hold. Slow: it looks at every object."""
    held: Counter[int] = Counter()
    for thing in gc.get_objects():
        if isinstance(thing, RegInode):
            held.update(thing.pages.values())
    return held


def check_frame_totals(system: Any) -> None:
    """Frames with users and free frames make up all of RAM."""
    used = sum(1 for frame in range(RESERVED_FRAMES, system.frames.total) if system.frames.refs[frame])
    assert used == system.frames.used_count(), f"{used} frames with users, {system.frames.used_count()} counted"


def assert_everything_is_back(kernel):
    """After the last process only the page cache has frames, and nobody but the kernel's own tasks has a PID."""
    system = kernel.system
    assert [task.pid for task in system.all_tasks()] == [1, 2]
    assert kernel.leftover() == []
    cached = system.vfs.cached_frames()
    assert len(set(cached)) == len(cached)
    assert leaks(system) == []

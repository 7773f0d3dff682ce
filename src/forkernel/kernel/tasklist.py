"""The list of all processes, and of the threads of each: circular, doubly linked (Linux: task_struct.tasks).

The leaders of all thread groups hang in a ring that begins and ends at process 0: `next_task` and `prev_task` of a
task are its neighbours. The threads of a process hang in a ring of their own, by `next_thread` and `prev_thread`.
A clone links the new task at the end (`link_task`), `release_task` takes it out (`unlink_task`); when a thread takes
over its process by execve, it takes the leader's place (`replace_leader`).

Between traps the ring holds process 0 and every process that has a PID, zombies included, each once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


class ListHead(NamedTuple):
    """Both neighbours of a task in a ring (Linux: struct list_head)."""

    next: Task
    prev: Task


def init_list(init_task: Task) -> None:
    """Process 0 alone: a ring of one."""
    init_task.next_task = init_task.prev_task = init_task
    init_task.next_thread = init_task.prev_thread = init_task


def link_task(task: Task) -> None:
    """Put a new process at the end of the list, or a new thread at the end of its process's."""
    leader = task.group_leader
    if leader is not task:
        last = leader.prev_thread
        task.prev_thread, task.next_thread = last, leader
        last.next_thread = leader.prev_thread = task
        return
    first = task.system.init_task
    last = first.prev_task
    task.prev_task, task.next_task = last, first
    last.next_task = first.prev_task = task
    task.next_thread = task.prev_thread = task


def unlink_task(task: Task) -> None:
    """Take a task that is released out of the lists."""
    behind, before = task.next_thread, task.prev_thread
    before.next_thread, behind.prev_thread = behind, before
    del task.next_thread, task.prev_thread
    if task.group_leader is task:
        behind, before = task.next_task, task.prev_task
        before.next_task, behind.prev_task = behind, before
        del task.next_task, task.prev_task


def replace_leader(old: Task, new: Task) -> None:
    """Thread `new` takes the place of its leader in the list of processes (execve; Linux: de_thread)."""
    behind, before = old.next_task, old.prev_task
    new.next_task, new.prev_task = behind, before
    before.next_task = behind.prev_task = new
    del old.next_task, old.prev_task


def for_each_process(system: System) -> Iterator[Task]:
    """Every process but process 0, by its leader, in the order of the list."""
    task = system.init_task.next_task
    while task is not system.init_task:
        following = task.next_task
        yield task
        task = following


def for_each_thread(leader: Task) -> Iterator[Task]:
    """Every thread of a process, the leader first."""
    task = leader
    while True:
        following = task.next_thread
        yield task
        if following is leader:
            return
        task = following


def relink(init_task: Task, leaders: list[Task]) -> None:
    """Make the lists anew, of a machine that was pickled: process 0, then `leaders`."""
    init_list(init_task)
    for leader in leaders:
        link_task(leader)
        for thread in leader.signal.threads:
            if thread is not leader:
                link_task(thread)

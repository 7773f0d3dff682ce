"""What is not given back though every process is gone: `leaks` looks at a machine after a run (`run --check`).

Frames, objects of the slab caches, PIDs, page tables, timers and queued signals are counted; what may stay is the page
cache, what files in memory hold, and what the kernel's own tasks have. Call it when only PID 1 and kernel threads are
left: `leftover_tasks` says whether that is so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.kernel import invariants
from forkernel.kernel.kstack import THREAD_SIZE_ORDER
from forkernel.kernel.shm import all_segments

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

PF_KTHREAD = 0x00200000
OF_FILES = ("shmem_inode_cache", "mnt_cache", "sem_array", "msg_msg", "cgroup")
"""Kernel memory that stays with what has a name or a number."""


def leftover_tasks(system: System) -> list[Task]:
    """Tasks of user processes, zombies too."""
    return [task for task in system.pids.tasks if not task.flags & PF_KTHREAD]


def leaks(system: System) -> list[str]:
    """A line for each kind of thing that is not back, none where all is well. Gives caches back in order to count."""
    collect_in_flight(system)
    system.exec_images.clear()
    system.slabs.shrink()
    system.stacks.shrink()
    found = [f"task {task!r} is left" for task in leftover_tasks(system)]
    kernel_pids = {0, *(task.pid for task in system.pids.tasks if task.flags & PF_KTHREAD)}
    found += [f"PID {number} is taken by nobody" for number in system.pids.numbers if number not in kernel_pids]
    found += _objects(system) + _frames(system)
    if system.tables.live:
        found.append(f"{len(system.tables.live)} page tables are left")
    if len(system.timers):
        found.append(f"{len(system.timers)} timers are armed")
    for user, count in system.sigpending_users.items():
        if count:
            found.append(f"{count} signals of user {user} are counted as queued")
    return found


def collect_in_flight(system: System) -> None:
    """Sockets that only messages hold are gone as well: the collector does not run at each occasion."""
    sockets: Any = system.vfs.internal.get(b"sockfs")
    if sockets is not None and sockets.inflight is not None:
        from forkernel.net.unix.garbage import collect

        collect(sockets.inflight)


def _objects(system: System) -> list[str]:
    """Open files, and whatever the invariants find without an owner."""
    files = system.slabs.filp.active_objects
    reachable = sum(1 for file in [*invariants.reachable_files(system), *system.bacct.values()] if file.slab)
    found = [f"{files - reachable} open files are held by nobody"] if files > reachable else []
    held = {kind: size for kind, size in system.slabs.kmalloc.kinds.items() if size and kind not in OF_FILES}
    return found + [f"{size} bytes of kernel memory are left: {kind}" for kind, size in held.items()]


def _frames(system: System) -> list[str]:
    """Frames in use beyond those of the page cache, shared memory, slabs, kernel stacks and the page of zeros."""
    cached = system.vfs.cached_frames()
    segments = sum(len(segment.mapping.pages) for segment in all_segments(system))
    stacks = system.stacks.in_use << THREAD_SIZE_ORDER
    known = len(cached) + segments + 1 + system.slabs.pages() + stacks
    lost = system.frames.used_count() - known
    return [f"{lost} frames of memory are lost"] if lost else []

"""What holds between traps: checks that tests run after every one (`InvariantSink`), and at shutdown.

Each check raises KernelBug with what it found. They look at the whole machine, so they are slow.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_NX, PTE_W
from forkernel.errors import KernelBug
from forkernel.hw.frames import CODE, RESERVED_FRAMES
from forkernel.kernel.kstack import THREAD_SIZE, stack_frames
from forkernel.kernel.shm import all_segments
from forkernel.kernel.task import EXIT_ZOMBIE, TASK_DEAD, TASK_RUNNING
from forkernel.kernel.tasklist import for_each_process, for_each_thread
from forkernel.mm.pagetable import each_bit
from forkernel.mm.shmem import ShmemMapping
from forkernel.mm.vma import VM_SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forkernel.kernel.smp import Smp
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct
    from forkernel.mm.pagetable import PageTable
    from forkernel.mm.slab import KmemCache


def check(system: System) -> None:
    """All of them."""
    check_tasks(system)
    check_task_list(system)
    check_frames(system)
    check_slabs(system)
    check_current(system)


# --- tasks


def check_tasks(system: System) -> None:
    """Every task is reachable from process 0, counted where it belongs, queued exactly when it may run."""
    seen = set(_descendants(system.init_task))
    for task in system.pids.tasks:
        if task not in seen:
            raise KernelBug(f"{task!r} cannot be reached from process 0")
        if system.pids.find(task.pid) is not task:
            raise KernelBug(f"{task!r} is not found by its PID")
        _check_task(system, task)
    for cpu, rq in enumerate(system.run_queues):
        if rq.nr_running != sum(task.se.on_rq and task.se.cpu == cpu for task in system.pids.tasks):
            raise KernelBug(f"the count of CPU {cpu}'s run queue is wrong")
    if system.smp is not None:
        _check_cpus(system, system.smp)


def _check_cpus(system: System, smp: Smp) -> None:
    """Each CPU is idle, or runs a task that is its own and may run there; who is queued somewhere may run there."""
    for rq in smp.rqs:
        if rq.current is not rq.idle and rq.current.se.cpu != rq.cpu:
            raise KernelBug(f"{rq.current!r} is current on CPU {rq.cpu}, but says {rq.current.se.cpu}")
        for task in rq.queued():
            if task.se.cpu != rq.cpu or not task.se.on_rq or not task.se.cpus_mask >> rq.cpu & 1:
                raise KernelBug(f"{task!r} is on the queue of CPU {rq.cpu}, but may not be")
        if len(rq.queued()) != rq.nr_running:
            raise KernelBug(f"CPU {rq.cpu}: {len(rq.queued())} tasks queued, {rq.nr_running} counted")
    if system.sched not in smp.rqs:
        raise KernelBug("the emulator plays no CPU")


def _check_task(system: System, task: Task) -> None:
    runnable = task.state == TASK_RUNNING and not task.exit_state and not system.sched.is_running(task)
    if task.se.on_rq != runnable:
        raise KernelBug(f"{task!r}: state {task.state:#x}, on the run queue: {task.se.on_rq}")
    if task.exit_state == EXIT_ZOMBIE:
        if task.is_leader and task not in task.real_parent.children:
            raise KernelBug(f"zombie {task!r} has no parent")
        if task.mm is not None:
            raise KernelBug(f"zombie {task!r} has memory")
    elif task.state & TASK_DEAD:
        raise KernelBug(f"{task!r} is dead but no zombie")


def _descendants(task: Task) -> list[Task]:
    found, todo = [], [task]
    while todo:
        one = todo.pop()
        for thread in one.signal.threads:
            found.append(thread)
            todo.extend(thread.children)
    return found


def check_task_list(system: System) -> None:
    """The rings of the task list hold each process once, in both directions, and each of its threads once."""
    leaders = list(for_each_process(system))
    if len(leaders) != len(set(leaders)) or set(leaders) != {task for task in system.pids.tasks if task.is_leader}:
        raise KernelBug("the task list and the PID table hold different processes")
    _check_ring([system.init_task, *leaders], "next_task", "prev_task")
    for leader in leaders:
        threads = list(for_each_thread(leader))
        if len(threads) != len(set(threads)) or set(threads) != set(leader.signal.threads):
            raise KernelBug(f"the thread list of {leader!r} is not its threads")
        _check_ring(threads, "next_thread", "prev_thread")


def _check_ring(tasks: list[Task], forward: str, backward: str) -> None:
    for left, right in zip(tasks, [*tasks[1:], tasks[0]], strict=True):
        if getattr(left, forward) is not right or getattr(right, backward) is not left:
            raise KernelBug(f"{left!r} and {right!r} are neighbours, and do not both know it")


def check_current(system: System) -> None:
    """Both ways to the current task agree on every CPU: the variable, and the masked stack pointer."""
    for rq in system.run_queues:
        task = rq.current
        if rq.top_of_stack != task.stack + THREAD_SIZE and task.stack:
            raise KernelBug(f"{task!r} is current, and the stack pointer is not on its stack")
        if system.by_stack is not None and system.by_stack.current(rq.top_of_stack - 1) is not task:
            raise KernelBug(f"{task!r} is current, but not by the stack pointer")


# --- slabs and stacks


def check_slabs(system: System) -> None:
    """Every slab object in use is one kernel object's, and every kernel object has one; stacks likewise."""
    slabs = system.slabs
    for cache in slabs.caches.values():
        cache.check_invariants()
    tasks = _every_task(system)
    owners: dict[KmemCache, list[int]] = {
        slabs.task_struct: [task.slab for task in tasks],
        slabs.files_cache: _places(task.files for task in tasks),
        slabs.fs_cache: _places(task.fs for task in tasks),
        slabs.sighand_cache: _places(task.sighand for task in tasks),
        slabs.signal_cache: _places(task.signal for task in tasks),
    }
    spaces = _address_spaces(system)
    owners[slabs.mm_struct] = _places(spaces)
    owners[slabs.vm_area_struct] = [place for mm in spaces for place in (*mm.vmas.slabs, *mm.vmas.spare)]
    for mm in spaces:
        if len(mm.vmas.slabs) != len(mm.vmas.areas):
            raise KernelBug(f"an address space has {len(mm.vmas.areas)} areas in {len(mm.vmas.slabs)} slab objects")
    for cache, places in owners.items():
        used = [place for place in places if place]
        if len(used) != len(set(used)) or set(used) != cache.in_use():
            raise KernelBug(f"{cache!r}: {len(used)} objects have an owner, {len(cache.in_use())} are in use")
    _check_creds(system, tasks)
    pids = [pid.slab for pid in dict.fromkeys(system.pids.numbers.values()) if pid.slab]
    if len(pids) != len(set(pids)) or not set(pids) <= _pid_objects(system):
        raise KernelBug("a struct pid lies in none of the objects of its cache, or two lie in one")
    files = _places(reachable_files(system))
    if len(files) != len(set(files)) or not set(files) <= slabs.filp.in_use():
        raise KernelBug(f"{slabs.filp!r}: an open file lies in none of its objects, or two lie in one")
    stacks = [task.stack for task in tasks if task.stack]
    if len(stacks) != system.stacks.in_use or len({*stacks, *system.stacks.cached}) != len(stacks) + len(
        system.stacks.cached
    ):
        raise KernelBug(f"{len(stacks)} tasks have a kernel stack, {system.stacks.in_use} are in use")


def _check_creds(system: System, tasks: list[Task]) -> None:
    """Every struct cred that a task or a reachable file holds is in use, and counts as many holders or more."""
    jar = system.slabs.cred_jar
    holders = Counter(task.cred_slab for task in tasks if task.cred_slab)
    holders.update(file.cred_slab for file in reachable_files(system) if getattr(file, "cred_slab", 0))
    if not set(holders) <= jar.in_use():
        raise KernelBug("a task or a file holds a struct cred that is free")
    for address, count in holders.items():
        if jar.users.get(address, 1) < count:
            raise KernelBug(f"the struct cred at {address:#x} has {count} holders and counts fewer")


def _pid_objects(system: System) -> set[int]:
    caches = [cache for name, cache in system.slabs.caches.items() if name == "pid" or name.startswith("pid_")]
    return {address for cache in caches for address in cache.in_use()}


def _every_task(system: System) -> list[Task]:
    """All that have a task_struct: those with a PID, idle tasks, and those that are just leaving a CPU."""
    tasks = dict.fromkeys((system.init_task, *system.pids.tasks))
    tasks.update(dict.fromkeys(rq.current for rq in system.run_queues))
    if system.smp is not None:
        tasks.update(dict.fromkeys(rq.idle for rq in system.smp.rqs))
    return list(tasks)


def _places(things: Iterable[Any]) -> list[int]:
    """Slab addresses of distinct objects, None left out."""
    return [thing.slab for thing in dict.fromkeys(things) if thing is not None and thing.slab]


def reachable_files(system: System) -> list[Any]:
    """Open files that descriptors, areas and programs hold; there may be others, on their way or held by files."""
    files: dict[Any, None] = {}
    for task in system.pids.tasks:
        if task.files is not None:
            files.update(dict.fromkeys(task.files.fds.values()))
    for mm in _address_spaces(system):
        files.update(dict.fromkeys(vma.file for vma in mm.vmas if vma.file is not None))
        if mm.exe_file is not None:
            files[mm.exe_file] = None
    return list(files)


# --- memory


def check_frames(system: System) -> None:
    """The count of every frame is the number of its users, and no page that is shared may be written."""
    counts: Counter[int] = Counter()
    spaces = _address_spaces(system)
    tables: set[int] = set()
    for pt in dict.fromkeys([mm.pt for mm in spaces] + ([system.flat.pt] if system.flat is not None else [])):
        counts[pt.pgd] += 1
        _count_tables(system, pt, counts, tables)
    counts[system.frames.zero_frame] += 1
    for frame in system.vfs.cached_frames():
        counts[frame] += 1
    counts.update(_shmem_frames(system, spaces))
    counts.update(system.slabs.frames_in_use())
    stacks = [task.stack for task in _every_task(system) if task.stack] + system.stacks.cached
    counts.update(frame for stack in stacks for frame in stack_frames(stack))
    refs = system.frames.refs
    for frame in range(RESERVED_FRAMES, system.frames.total):
        if refs[frame] != counts[frame]:
            raise KernelBug(f"frame {frame} has count {refs[frame]}, but {counts[frame]} users")
    for mm in spaces if system.flat is None else ():
        _check_write_bits(system, mm)


def _address_spaces(system: System) -> list[MmStruct]:
    users: Counter[MmStruct] = Counter(task.mm for task in system.pids.tasks if task.mm is not None)
    for mm, count in users.items():
        if mm.users != count:
            raise KernelBug(f"an address space says {mm.users} users, it has {count}")
    return [*users, *(image.mm for image in system.exec_images.images.values())]


def _count_tables(system: System, pt: PageTable, counts: Counter[int], done: set[int]) -> None:
    """Count each pointer once for each table that holds it."""
    words, live = system.frames.ram.words, system.tables.live
    todo = [(words[pt.pgd * 512 + slot] >> 12 & FRAME_MASK, 3) for slot in pt.slots]
    counts.update(table for table, _ in todo)
    while todo:
        table, level = todo.pop()
        if table in done:
            continue
        done.add(table)
        for index in each_bit(live[table]):
            below = words[table * 512 + index] >> 12 & FRAME_MASK
            counts[below] += 1
            if level > 1:
                todo.append((below, level - 1))


def _shmem_frames(system: System, spaces: list[MmStruct]) -> list[int]:
    """Frames that shared memory holds, each once: anonymous memory, and System V segments, attached or not."""
    mappings: dict[ShmemMapping, None] = {segment.mapping: None for segment in all_segments(system)}
    for mm in spaces:
        for vma in mm.vmas:
            if isinstance(vma.mapping, ShmemMapping):
                mappings[vma.mapping] = None
    return [frame for mapping in mappings for frame in mapping.pages.values()]


def _check_write_bits(system: System, mm: MmStruct) -> None:
    """A page that the CPU may write is this process's alone, or its area is shared; if it is code, the CPU knows."""
    for va, entry in mm.pt.entries():
        if entry & PTE_W and entry & PTE_NX and system.frames.flags[entry >> 12 & FRAME_MASK] & CODE:
            raise KernelBug(f"page {va:#x} is code elsewhere and may be written")
        if entry & PTE_W and system.frames.refs[entry >> 12 & FRAME_MASK] > 1:
            vma = mm.vmas.lookup(va)
            if vma is None or not vma.flags & VM_SHARED:
                raise KernelBug(f"page {va:#x} is writable and shared")


class InvariantSink:
    """A trace sink that checks the machine at every call and page fault."""

    def __init__(self, system: System, every: int = 1) -> None:
        self.system = system
        self.every = every
        self.count = 0

    def sys_enter(self, task: Task) -> None:
        """Before each call."""
        self._look()

    def page_fault(self, task: Task, address: int, error_code: int, rip: int) -> None:
        """Before each page fault."""
        self._look()

    def _look(self) -> None:
        self.count += 1
        if self.count % self.every == 0:
            check(self.system)


__all__ = [
    "InvariantSink", "check", "check_current", "check_frames", "check_slabs", "check_task_list", "check_tasks",
    "reachable_files",
]  # fmt: skip
